//! Failures that never reach the wire, and handshakes of `WebSocket`s: each is an exchange of its own, with
//! the browser's word.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::browsing::Browsing;
use crate::site::Site;
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
    let (_, told) = browsing.end(Signal::INT);
    assert!(told.contains("and otherwise of 0"), "{told}");
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
    let (_, told) = browsing.end(Signal::INT);
    assert!(told.contains("and otherwise of 0"), "{told}");
}
