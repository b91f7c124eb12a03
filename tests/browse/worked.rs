//! Pages with a service worker: what went over the wire is the worker's, and the page's own requests are no
//! second word on it.

use rustix::process::Signal;
use serde_json::json;

use super::browsing::Browsing;
use super::site::Site;
use super::{is_told, is_wanted, said};

async fn is_said_once(browser: &str, missing: &str) {
    if !is_wanted(browser) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let site = Site::start(dir.path()).await;
    let mut browsing = Browsing::of_page(&site, &site.page_of_the_worker(), browser);
    for end in ["/bare", "/bare?mended", "/bare?stale"] {
        let bare = browsing.until("GET", end, is_told);
        let expected = (&json!("blocked"), &json!(true), &json!(missing));
        assert_eq!(said(&bare), expected, "{end}");
    }
    let preflight = browsing.until("OPTIONS", "/preflight", |record| {
        record["verdict"]["outcome"] == "blocked"
    });
    assert_eq!(preflight["verdict"]["cause"], "header-not-allowed");
    let open = browsing.until("GET", "/open", is_told);
    assert_eq!(said(&open).0, "allowed");
    browsing.until("GET", "/done", |_| true);
    let (code, told) = browsing.end(Signal::INT);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("and otherwise of 0"), "{told}");
    browsing.has_none("never-sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_service_worker_asks_for_is_said_once_in_chromium() {
    is_said_once("chromium", "MissingAllowOriginHeader").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_service_worker_asks_for_is_said_once_in_firefox() {
    is_said_once("firefox", "CORSMissingAllowOrigin").await;
}
