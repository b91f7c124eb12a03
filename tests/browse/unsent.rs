//! Failures that never reach the wire, and handshakes of `WebSocket`s: each is an exchange of its own, with
//! the browser's word.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::browsing::{Browsing, corstap};
use crate::site::{API, SECRET, Site};
use crate::{is_told, is_wanted, place, said};

fn is_unsent(record: &Value) -> bool {
    record["ending"] == "never-sent" && is_told(record)
}

/// Whose rule, and what it is taken for, with the browser's own name for it.
fn rule(record: &Value) -> [&Value; 3] {
    let verdict = &record["verdict"];
    [
        &verdict["by"],
        &verdict["not_cors"][0]["code"],
        &verdict["confirmed"]["code"],
    ]
}

/// What both browsers tell: the second preflight was not sent, because the first one still held; and what
/// became of the `WebSocket`s.
fn is_the_same_in_both(browsing: &mut Browsing) {
    let is_cached = |record: &Value| record["links"]["preflight_because"] == "cached";
    let held = browsing.until("PUT", "/held", |record| {
        is_cached(record) && is_told(record)
    });
    assert_eq!(said(&held), (&json!("allowed"), &json!(true), &json!(null)));
    let opened = browsing.until("GET", "/socket?opens", is_told);
    assert_eq!(opened["kind"], "websocket");
    assert_eq!(
        said(&opened),
        (&json!("exempt"), &json!(true), &json!(null))
    );
    let refused = browsing.until("GET", "/socket?refused", is_told);
    assert_eq!(
        (&refused["kind"], &refused["verdict"]["confirmed"]["agrees"]),
        (&json!("websocket"), &json!(true))
    );
}

/// The record of a request for a URL that begins so, which never left the browser.
fn elsewhere(browsing: &mut Browsing, method: &str, start: &str) -> Value {
    browsing.until(method, "", |record| {
        let url = record["request"]["url"].as_str().expect("text");
        url.starts_with(start) && is_unsent(record)
    })
}

/// Schemes that are never sent, where the browser tells of them.
fn schemes_are_told(browsing: &mut Browsing) {
    let refused = (
        &json!("blocked"),
        &json!(true),
        &json!("CorsDisabledScheme"),
    );
    for (start, line) in [
        ("myapp://login/callback?token={withheld:16:", 17),
        (&*format!("ftp://{API}"), 18),
    ] {
        let record = elsewhere(browsing, "-", start);
        assert_eq!(said(&record), refused, "{start}");
        let verdict = &record["verdict"];
        assert_eq!(verdict["cause"], "scheme-not-cors", "{start}");
        assert_eq!(verdict["engines"]["firefox"]["outcome"], "blocked");
        assert_eq!(record["kind"], "cross-origin");
        assert_eq!(place(&record), ("/unsent.js".to_owned(), json!(line)));
    }
    let file = elsewhere(browsing, "GET", "file:///etc/hosts");
    assert_eq!(file["verdict"]["cause"], "scheme-not-cors");
}

/// What tells of a capture tells of them too, and nothing of it tells what their URLs hold.
fn schemes_are_told_everywhere(browsing: &Browsing) {
    let mut records = browsing.records.iter();
    let is_it = |record: &Value| {
        let url = record["request"]["url"].as_str().expect("text");
        url.starts_with("myapp:")
    };
    let (id, _) = records.find(|(_, record)| is_it(record)).expect("one");
    let id = id.to_string();
    for arguments in [
        &["log"][..],
        &["log", "--json"],
        &["show", &id],
        &["show", "--json", &id],
        &["report", "--format", "markdown"],
        &["report", "--format", "html"],
        &["report", "--format", "har"],
        &["report", "--format", "json"],
        &["report", "--format", "curl"],
    ] {
        let output = corstap(browsing.home.path()).args(arguments).output();
        let told = output.expect("run").stdout;
        let told = String::from_utf8(told).expect("text");
        assert!(
            told.contains("login/callback") && told.contains("scheme-not-cors"),
            "{arguments:?}: {told}"
        );
        assert!(!told.contains(SECRET), "{arguments:?}: {told}");
    }
    let rows = browsing.rows();
    let mut rows = rows.iter();
    let row = rows.find(|(url, _)| url.starts_with("myapp://login/callback?token={withheld:"));
    let (_, row) = row.expect("a row");
    assert_eq!(
        (&row["outcome"], &row["cause"]),
        (&json!("blocked"), &json!("scheme-not-cors"))
    );
    for file in browsing.captures() {
        let octets = std::fs::read(&file).unwrap();
        let mut parts = octets.windows(SECRET.len());
        assert!(
            !parts.any(|part| part == SECRET.as_bytes()),
            "{}",
            file.display()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_chromium_keeps_to_itself_is_told_with_the_rule_and_the_line() {
    if !is_wanted("chromium") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let site = Site::start(dir.path()).await;
    let mut browsing = Browsing::of_page(&site, &site.page_of_the_unsent(), "chromium");
    let mixed = browsing.until("GET", "/mixed", is_unsent);
    assert_eq!(
        rule(&mixed),
        ["mixed-content", "mixed-content-blocked", "mixed-content"]
    );
    assert_eq!(place(&mixed), ("/unsent.js".to_owned(), json!(1)));
    let nearer = browsing.until("GET", "/nearer", is_unsent);
    assert_eq!(nearer["verdict"]["by"], "local-network-access");
    assert_eq!(
        nearer["verdict"]["confirmed"]["code"],
        "InvalidLocalNetworkAccess"
    );
    let port = browsing.until("GET", ":6000/port", is_unsent);
    assert_eq!(
        said(&port),
        (
            &json!("failed"),
            &json!(true),
            &json!("net::ERR_UNSAFE_PORT")
        )
    );
    is_the_same_in_both(&mut browsing);
    let refused = browsing.until("GET", "/socket?refused", is_told);
    let code = "Error during WebSocket handshake: Unexpected response code: 403";
    assert_eq!(refused["verdict"]["confirmed"]["code"], code);
    assert_eq!(place(&refused), ("/unsent.js".to_owned(), json!(3)));
    schemes_are_told(&mut browsing);
    let (_, told) = browsing.end(Signal::INT);
    assert!(told.contains("and otherwise of 0"), "{told}");
    schemes_are_told_everywhere(&browsing);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_firefox_keeps_to_itself_is_told_with_the_rule() {
    if !is_wanted("firefox") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let site = Site::start(dir.path()).await;
    let mut browsing = Browsing::of_page(&site, &site.page_of_the_unsent(), "firefox");
    let mixed = browsing.until("-", "/mixed", is_unsent);
    assert_eq!(
        rule(&mixed)[..2],
        ["mixed-content", "mixed-content-blocked"]
    );
    is_the_same_in_both(&mut browsing);
    let refused = browsing.until("GET", "/socket?refused", is_told);
    assert_eq!(refused["verdict"]["confirmed"]["code"], "Web Socket");
    for start in ["myapp://login/callback?token={withheld:16:", "ftp://"] {
        let record = elsewhere(&mut browsing, "-", start);
        assert_eq!(
            said(&record),
            (
                &json!("blocked"),
                &json!(true),
                &json!("CORSRequestNotHttp")
            )
        );
        assert_eq!(record["verdict"]["cause"], "scheme-not-cors");
    }
    let file = elsewhere(&mut browsing, "-", "file:///etc/hosts");
    assert_eq!(file["verdict"]["cause"], "scheme-not-cors");
    let (_, told) = browsing.end(Signal::INT);
    assert!(told.contains("and otherwise of 0"), "{told}");
}
