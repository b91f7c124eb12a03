//! `corstap browse` with real browsers, headless: they start, they trust, they say themselves what
//! they make of everything, and nothing of them is left.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics has failed"
)]
#![allow(unreachable_pub, reason = "the pieces of one test")]

mod attach;
mod browsing;
#[path = "../support/chromium.rs"]
mod chromium;
mod site;
mod unsent;
mod worked;

use browsing::{Browsing, corstap};
use rustix::process::Signal;
use serde_json::{Value, json};
use site::Site;

/// Whether the browser is to be tested with; browser tests can be switched off in so many words.
fn is_wanted(browser: &str) -> bool {
    let is_off = std::env::var_os("CORSTAP_NO_BROWSER").is_some();
    if is_off {
        eprintln!("SKIPPED {browser}: browser tests were switched off (CORSTAP_NO_BROWSER)");
    }
    !is_off
}

/// Whether the browser itself has said something of an exchange.
fn is_told(record: &Value) -> bool {
    let by = &record["verdict"]["confirmed"]["by"];
    by == "devtools" || by == "bidi"
}

fn said(record: &Value) -> (&Value, &Value, &Value) {
    let verdict = &record["verdict"];
    (
        &verdict["outcome"],
        &verdict["confirmed"]["agrees"],
        &verdict["confirmed"]["code"],
    )
}

/// What is the same in both browsers: each exchange is confirmed, with the browser's code.
fn each_is_confirmed(browsing: &mut Browsing, codes: [&str; 3]) {
    let [missing, wildcard, header] = codes;
    let (yes, blocked) = (json!(true), json!("blocked"));
    for (method, end, code) in [
        ("GET", "/bare", missing),
        ("GET", "/star", wildcard),
        ("OPTIONS", "/preflight?refused", header),
        ("GET", "/bare?worker", missing),
    ] {
        let record = browsing.until(method, end, is_told);
        assert_eq!(said(&record), (&blocked, &yes, &json!(code)), "{end}");
    }
    for (method, end) in [
        ("GET", "/open"),
        ("OPTIONS", "/preflight?fine"),
        ("PUT", "/preflight?fine"),
        ("GET", "/redirect"),
        ("GET", "/done"),
    ] {
        let record = browsing.until(method, end, is_told);
        assert_eq!(
            said(&record),
            (&json!("allowed"), &yes, &json!(null)),
            "{end}"
        );
    }
    let kept = browsing.until("-", "//forbidden.test/a", is_told);
    assert_eq!(
        (&kept["ending"], &kept["verdict"]["by"]),
        (&json!("never-sent"), &json!("csp"))
    );
    assert_eq!(kept["verdict"]["not_cors"][0]["code"], "csp-blocked");
    assert_eq!(place(&kept), ("/app.js".to_owned(), json!(17)));
    // What depends on the credentials mode alone, within a site, where the wire tells nothing.
    let star = browsing.until("GET", "/star", is_told);
    assert_eq!(star["verdict"]["credentials"]["mode"], "include");
    let open = browsing.until("GET", "/open", is_told);
    assert_eq!(open["verdict"]["credentials"]["mode"], "omit");
}

/// Where in the page's files an exchange was asked for.
fn place(record: &Value) -> (String, Value) {
    let initiator = &record["initiator"];
    let url = initiator["url"].as_str().unwrap_or_default();
    let path = url.rfind('/').map(|start| url[start..].to_owned());
    (path.unwrap_or_default(), initiator["line"].clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chromium_says_itself_what_it_makes_of_each_exchange() {
    if !is_wanted("chromium") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let site = Site::start(dir.path()).await;
    let mut browsing = Browsing::start(&site, "chromium");
    each_is_confirmed(
        &mut browsing,
        [
            "MissingAllowOriginHeader",
            "WildcardOriginNotAllowed",
            "HeaderDisallowedByPreflightResponse",
        ],
    );
    let bare = browsing.until("GET", "/bare", is_told);
    assert_eq!(place(&bare), ("/app.js".to_owned(), json!(2)));
    assert_eq!(bare["initiator"]["function"], "go");
    let refused = browsing.until("OPTIONS", "/preflight?refused", is_told);
    assert_eq!(refused["verdict"]["confirmed"]["parameter"], "x-custom");
    // The answer that a picture has put into the cache, which nothing on the wire shows.
    let cached = |record: &Value| record["ending"] == "never-sent";
    let cached = browsing.until("GET", "/cached", cached);
    assert_eq!(
        said(&cached),
        (
            &json!("blocked"),
            &json!(true),
            &json!("MissingAllowOriginHeader")
        )
    );
    assert_eq!(cached["verdict"]["not_cors"][0]["code"], "cached-answer");
    let (code, said) = browsing.end(Signal::INT);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("and otherwise of 0"), "{said}");
    // It asked for nothing but what the page did.
    assert!(!said.contains("not read"), "{said}");
    browsing.is_gone();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn firefox_says_itself_what_it_makes_of_each_exchange() {
    if !is_wanted("firefox") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let site = Site::start(dir.path()).await;
    let mut browsing = Browsing::start(&site, "firefox");
    each_is_confirmed(
        &mut browsing,
        [
            "CORSMissingAllowOrigin",
            "CORSNotSupportingCredentials",
            "CORSMissingAllowHeaderFromPreflight",
        ],
    );
    let (code, said) = browsing.end(Signal::TERM);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("and otherwise of 0"), "{said}");
    assert!(!said.contains("not read"), "{said}");
    browsing.is_gone();
}

async fn nothing_is_left_of(browser: &str) {
    if !is_wanted(browser) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let site = Site::start(dir.path()).await;
    let mut browsing = Browsing::start(&site, browser);
    browsing.until("GET", "/done", |_| true);
    assert!(!browsing.processes().is_empty() && !browsing.files().is_empty());
    browsing.end(Signal::KILL);
    browsing.is_gone();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_of_chromium_when_corstap_is_killed() {
    nothing_is_left_of("chromium").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_of_firefox_when_corstap_is_killed() {
    nothing_is_left_of("firefox").await;
}

/// Corstap and the guard are both killed, the guard first, so that nobody is left to end the browser.
async fn nothing_runs_on_of(browser: &str) {
    if !is_wanted(browser) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let site = Site::start(dir.path()).await;
    let mut browsing = Browsing::start(&site, browser);
    browsing.until("GET", "/done", |_| true);
    let guard = browsing.guard();
    rustix::process::kill_process(guard, Signal::KILL).unwrap();
    browsing.end(Signal::KILL);
    browsing.has_no_processes();
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_chromium_runs_on_when_corstap_and_its_guard_are_killed() {
    nothing_runs_on_of("chromium").await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_firefox_runs_on_when_corstap_and_its_guard_are_killed() {
    nothing_runs_on_of("firefox").await;
}

/// The error, and the exit code, of a command that cannot run.
fn refused(arguments: &[&str]) -> (Option<i32>, String) {
    let home = tempfile::tempdir().unwrap();
    let output = corstap(home.path()).args(arguments).output().unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn without_a_screen_it_says_what_to_do() {
    if !is_wanted("chromium") {
        return;
    }
    let (code, said) = refused(&["browse", "localhost:1"]);
    assert_eq!(code, Some(2));
    assert!(
        said.contains("there is no screen") && said.contains("corstap browse --headless"),
        "{said}"
    );
}

#[test]
fn a_browser_that_is_missing_is_named_with_what_to_do() {
    let (code, said) = refused(&["browse", "--headless", "--browser", "vivaldi"]);
    assert_eq!(code, Some(2));
    assert!(
        said.contains("no vivaldi found where it usually is"),
        "{said}"
    );
}

#[test]
fn a_port_where_nothing_speaks_the_protocol_is_named_with_what_to_do() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    drop(listener);
    let (code, said) = refused(&["browse", "--listen", "127.0.0.1:0", "--attach", &port]);
    assert_eq!(code, Some(2));
    let remedy = format!("start it with --remote-debugging-port={port}");
    assert!(said.contains(&remedy), "{said}");
}
