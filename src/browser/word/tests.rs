use serde_json::json;

use super::*;
use crate::exchange::word::Bar;

const API: &str = "https://api.test/a";

fn told(events: &[(&str, Value)]) -> Vec<Word> {
    let mut loads = Loads::default();
    for (method, params) in events {
        loads.note("tab", method, params, Moment::from_micros(0));
    }
    loads.time_passes(Moment::from_micros(1_000_000));
    loads.take().into_iter().map(Arc::unwrap_or_clone).collect()
}

fn begins(id: &str, method: &str, initiator: &Value) -> (&'static str, Value) {
    let params = json!({
        "requestId": id, "documentURL": "https://app.test/page", "type": "Fetch",
        "request": {"url": API, "method": method, "headers": {"User-Agent": "Chrome/156.0.0.0"}},
        "timestamp": 5.0, "wallTime": 1000.0, "initiator": initiator,
    });
    ("Network.requestWillBeSent", params)
}

fn sent(id: &str) -> (&'static str, Value) {
    let params = json!({
        "requestId": id, "headers": {"Origin": "https://app.test"},
        "connectTiming": {"requestTime": 5.25},
    });
    ("Network.requestWillBeSentExtraInfo", params)
}

fn refused(id: &str, code: &str, parameter: &str) -> (&'static str, Value) {
    let status = json!({"corsError": code, "failedParameter": parameter});
    let params = json!({"requestId": id, "errorText": "net::ERR_FAILED", "canceled": false, "corsErrorStatus": status});
    ("Network.loadingFailed", params)
}

fn script() -> Value {
    json!({"type": "script", "stack": {
        "callFrames": [{"functionName": "", "url": "", "lineNumber": 0, "columnNumber": 0}],
        "parent": {"callFrames": [
            {"functionName": "go", "url": "https://app.test/app.js", "lineNumber": 1, "columnNumber": 25}
        ]},
    }})
}

#[test]
fn a_refusal_is_told_with_its_code_its_time_and_the_line_that_asked() {
    // What was sent may be told before there is a request.
    let words = told(&[
        sent("1"),
        begins("1", "GET", &script()),
        refused("1", "MissingAllowOriginHeader", ""),
    ]);
    let [word] = &words[..] else {
        panic!("{words:?}")
    };
    assert_eq!(
        word.said,
        Said::Refused {
            by: Bar::Cors,
            code: "MissingAllowOriginHeader".to_owned(),
            parameter: None
        }
    );
    assert_eq!(
        (word.way, word.started.micros()),
        (Way::Sent, 1_000_250_000)
    );
    let origin = word.request.headers.first("origin");
    assert_eq!(origin, Some(b"https://app.test".as_slice()));
    let initiator = word.initiator.as_ref().expect("told");
    let place = (initiator.url.as_deref(), initiator.line, initiator.column);
    assert_eq!(place, (Some("https://app.test/app.js"), Some(2), Some(26)));
    assert_eq!(initiator.function.as_deref(), Some("go"));
}

#[test]
fn what_a_load_fails_for_before_it_is_sent_is_said_of_its_preflight() {
    let preflight = json!({"type": "preflight", "requestId": "1"});
    let words = told(&[
        begins("P", "OPTIONS", &preflight),
        begins("1", "PUT", &script()),
        sent("P"),
        ("Network.loadingFinished", json!({"requestId": "P"})),
        refused("1", "HeaderDisallowedByPreflightResponse", "x-a"),
    ]);
    let [word] = &words[..] else {
        panic!("{words:?}")
    };
    assert_eq!((&*word.request.method, word.way), ("OPTIONS", Way::Sent));
    assert!(
        matches!(&word.said, Said::Refused { parameter: Some(named), .. } if named == "x-a"),
        "{word:?}"
    );
}

#[test]
fn a_preflight_that_passed_is_told_with_its_request() {
    let preflight = json!({"type": "preflight", "requestId": "1"});
    let words = told(&[
        begins("1", "PUT", &script()),
        begins("P", "OPTIONS", &preflight),
        sent("P"),
        sent("1"),
        ("Network.loadingFinished", json!({"requestId": "P"})),
        ("Network.loadingFinished", json!({"requestId": "1"})),
    ]);
    let said: Vec<_> = words
        .iter()
        .map(|word| (&*word.request.method, &word.said))
        .collect();
    assert_eq!(said, [("OPTIONS", &Said::Passed), ("PUT", &Said::Passed)]);
}

#[test]
fn each_hop_has_what_was_sent_for_it() {
    let (_, mut again) = begins("1", "GET", &json!({"type": "other"}));
    again["redirectResponse"] = json!({"status": 302});
    again["redirectHasExtraInfo"] = json!(true);
    again["request"]["url"] = json!("https://api.test/b");
    let words = told(&[
        begins("1", "GET", &script()),
        sent("1"),
        sent("1"),
        ("Network.requestWillBeSent", again),
        refused("1", "AllowOriginMismatch", ""),
    ]);
    let hops: Vec<_> = words
        .iter()
        .map(|word| {
            (
                word.request.url.to_string(),
                word.way,
                word.said == Said::Passed,
            )
        })
        .collect();
    assert_eq!(
        hops,
        [
            (API.to_owned(), Way::Sent, true),
            ("https://api.test/b".to_owned(), Way::Sent, false)
        ]
    );
    assert!(words.iter().all(|word| {
        word.initiator
            .as_ref()
            .is_some_and(|one| one.line == Some(2))
    }));
}

#[test]
fn what_never_left_the_browser_is_told_as_such_and_once() {
    let csp = json!({"issue": {"code": "ContentSecurityPolicyIssue", "details": {
        "contentSecurityPolicyIssueDetails": {
            "blockedURL": API, "violatedDirective": "connect-src", "isReportOnly": false,
            "sourceCodeLocation": {"url": "https://app.test/app.js", "lineNumber": 1, "columnNumber": 25},
    }}}});
    let attached = json!({"sessionId": "tab", "targetInfo": {"url": "https://app.test/page"}});
    let words = told(&[
        ("Target.attachedToTarget", attached),
        ("Audits.issueAdded", csp.clone()),
        ("Audits.issueAdded", csp),
    ]);
    let [word] = &words[..] else {
        panic!("{words:?}")
    };
    assert_eq!((word.way, word.is_unsent()), (Way::Kept, true));
    assert_eq!(
        word.request.headers.first("origin"),
        Some(b"https://app.test".as_slice())
    );

    // The answer of the browser's own cache: nothing was sent, and something is refused.
    let cached = told(&[
        begins("1", "GET", &script()),
        refused("1", "MissingAllowOriginHeader", ""),
    ]);
    assert_eq!((cached[0].way, cached[0].is_unsent()), (Way::Untold, true));
}

fn of_scheme(url: &str, scheme: &str) -> (&'static str, Value) {
    let issue = json!({"issue": {"code": "CorsIssue", "details": {"corsIssueDetails": {
        "corsErrorStatus": {"corsError": "CorsDisabledScheme", "failedParameter": scheme},
        "isWarning": false, "request": {"requestId": "9", "url": url},
        "location": {"url": "https://app.test/app.js", "lineNumber": 4, "columnNumber": 2},
    }}}});
    ("Audits.issueAdded", issue)
}

#[test]
fn what_is_asked_for_by_a_scheme_that_is_never_sent_is_told_by_its_issue_alone() {
    let attached = json!({"sessionId": "tab", "targetInfo": {"url": "https://app.test/page"}});
    let words = told(&[
        ("Target.attachedToTarget", attached),
        of_scheme("myapp://u:p@x/a?token=secret#b", "myapp"),
        // The load tells the rest.
        of_scheme(API, ""),
    ]);
    let [word] = &words[..] else {
        panic!("{words:?}")
    };
    assert_eq!(word.request.url.to_string(), "myapp://x/a?token=secret");
    assert_eq!((word.way, word.is_unsent()), (Way::Kept, true));
    let origin = word.request.headers.first("origin");
    assert_eq!(origin, Some(b"https://app.test".as_slice()));
    assert_eq!(
        word.said,
        Said::Refused {
            by: Bar::Cors,
            code: "CorsDisabledScheme".to_owned(),
            parameter: Some("myapp".to_owned()),
        }
    );
    assert_eq!(word.initiator.as_ref().and_then(|one| one.line), Some(5));
}

#[test]
fn of_what_is_asked_for_elsewhere_failures_alone_are_told() {
    let load = |id: &str, url: &str| {
        let (name, mut params) = begins(id, "GET", &script());
        params["request"]["url"] = json!(url);
        (name, params)
    };
    let (_, mut redirected) = load("4", "myapp://login");
    redirected["redirectResponse"] = json!({"status": 302});
    let other = json!({"requestId": "3", "errorText": "", "blockedReason": "other"});
    let gone = json!({"requestId": "2", "errorText": "net::ERR_FILE_NOT_FOUND"});
    let words = told(&[
        load("1", "data:text/plain,secret"),
        ("Network.loadingFinished", json!({"requestId": "1"})),
        load("2", "blob:https://app.test/1"),
        ("Network.loadingFailed", gone),
        load("3", "file:///etc/hosts"),
        ("Network.loadingFailed", other),
        begins("4", "GET", &script()),
        sent("4"),
        ("Network.requestWillBeSent", redirected),
        refused("4", "CorsDisabledScheme", ""),
    ]);
    let told: Vec<_> = words
        .iter()
        .map(|word| (word.request.url.to_string(), word.is_unsent()))
        .collect();
    assert_eq!(
        told,
        [
            (API.to_owned(), false),
            ("file:///etc/hosts".to_owned(), true)
        ]
    );
}

#[test]
fn what_a_service_worker_answers_is_not_told_of() {
    let answered = |by_worker: bool| {
        let response = json!({"url": API, "status": 200, "fromServiceWorker": by_worker});
        let params = json!({"requestId": "1", "type": "Fetch", "response": response});
        let finished = ("Network.loadingFinished", json!({"requestId": "1"}));
        let begins = begins("1", "GET", &script());
        told(&[begins, ("Network.responseReceived", params), finished])
    };
    assert!(answered(true).is_empty());
    assert_eq!(answered(false).len(), 1);
}

#[test]
fn what_a_page_gave_up_says_nothing() {
    let aborted = json!({"requestId": "1", "errorText": "net::ERR_ABORTED", "canceled": true});
    let words = told(&[
        begins("1", "GET", &script()),
        sent("1"),
        ("Network.loadingFailed", aborted),
    ]);
    assert_eq!(words[0].said, Said::Nothing);
}

/// The events of a WebSocket's handshake, up to what came of it.
fn socket(outcome: (&'static str, Value)) -> Vec<Word> {
    let url = "wss://api.test/socket";
    let fields = json!({"Origin": "https://app.test", "Upgrade": "websocket"});
    told(&[
        (
            "Network.webSocketCreated",
            json!({"requestId": "1", "url": url, "initiator": script()}),
        ),
        (
            "Network.webSocketWillSendHandshakeRequest",
            json!({"requestId": "1", "wallTime": 1000.5, "request": {"headers": fields}}),
        ),
        outcome,
        (
            "Network.webSocketFrameError",
            json!({"requestId": "1", "errorMessage": "later"}),
        ),
        ("Network.webSocketClosed", json!({"requestId": "1"})),
    ])
}

#[test]
fn the_handshake_of_a_websocket_is_told_once() {
    let answered = json!({"requestId": "1", "response": {"status": 101}});
    let passed = socket(("Network.webSocketHandshakeResponseReceived", answered));
    let error = json!({"requestId": "1", "errorMessage": "Unexpected response code: 403"});
    let failed = socket(("Network.webSocketFrameError", error));
    let said = |words: &[Word]| {
        words
            .iter()
            .map(|word| word.said.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(said(&passed), [Said::Passed]);
    let code = "Unexpected response code: 403".to_owned();
    assert_eq!(said(&failed), [Said::Failed { code }]);
    let word = &passed[0];
    assert_eq!(word.request.url.to_string(), "https://api.test/socket");
    assert_eq!(
        (word.way, word.started.micros()),
        (Way::Sent, 1_000_500_000)
    );
    let origin = word.request.headers.first("origin");
    assert_eq!(origin, Some(b"https://app.test".as_slice()));
    assert_eq!(word.initiator.as_ref().and_then(|one| one.line), Some(2));
}
