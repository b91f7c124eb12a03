//! What connections do not give away where a page does several things at once, or not the usual ones.

use corstap::cors::{CredentialsMode, Outcome, credentials::Because};

use super::evidence::{
    ALLOWS_PUT, API, APP, CHROMIUM, FIREFOX, INCLUDED, Lines, OMITTED, Tale, fetch_lines,
    preflight, put,
};

/// What is known of the mode of each exchange.
fn modes(tale: &Tale) -> Vec<Option<CredentialsMode>> {
    let judgements = tale.judgements().into_iter();
    judgements
        .map(|judgement| judgement.verdict.credentials.mode)
        .collect()
}

/// The last exchange begins so many milliseconds after that second.
fn at(tale: Tale, second: u32, millis: u32) -> Tale {
    tale.with(
        "startedDateTime",
        format!("2026-11-22T00:00:{second:02}.{millis:03}Z"),
    )
}

/// What no script asks for and no element with `crossorigin`.
fn load(tale: Tale, connection: u32, method: &str, destination: &str) -> Tale {
    let asks = [
        ("Referer", "https://app.example.test/"),
        ("Sec-Fetch-Mode", "no-cors"),
        ("Sec-Fetch-Dest", destination),
        ("Sec-Fetch-Site", "same-site"),
    ];
    let url = format!("{API}/{destination}");
    tale.exchange(connection, method, &url, &asks, 204, &[])
}

/// A page, and the policy it is embedded by.
fn embedded(agent: &'static str, policy: &str) -> Tale {
    let asks = [
        ("Sec-Fetch-Mode", "navigate"),
        ("Sec-Fetch-Dest", "document"),
        ("Sec-Fetch-Site", "none"),
    ];
    let answer = [("Cross-Origin-Embedder-Policy", policy)];
    Tale::of(agent).exchange(1, "GET", &format!("{APP}/"), &asks, 200, &answer)
}

#[test]
fn a_report_has_no_credentials_and_a_picture_has() {
    for agent in [CHROMIUM, FIREFOX] {
        let page = || Tale::of(agent).document(1);
        let reported = load(page(), 2, "POST", "report").fetch(2, "/a");
        let same = Some(Because::SameConnection);
        assert_eq!(reported.last(), (OMITTED, same, Outcome::Allowed));
        let shown = load(page(), 2, "GET", "image").fetch(2, "/a");
        assert_eq!(shown.last(), (INCLUDED, same, Outcome::Blocked));
    }
}

#[test]
fn pictures_of_a_page_embedded_without_credentials_tell_nothing() {
    for agent in [CHROMIUM, FIREFOX] {
        for (policy, mode) in [("credentialless", None), ("unsafe-none", INCLUDED)] {
            let tale = load(embedded(agent, policy), 2, "GET", "image").fetch(2, "/a");
            assert_eq!(tale.last().0, mode, "{policy}");
        }
    }
}

#[test]
fn a_connection_on_which_something_was_sent_at_the_same_time_was_not_idle() {
    let new = || {
        let page = Tale::of(FIREFOX).document(1);
        at(
            page.asks(2, "/a", &[("Cookie", "a=1")]).fetch(3, "/b"),
            4,
            0,
        )
    };
    assert_eq!(modes(&new())[2], OMITTED);
    assert_eq!(modes(&at(new().fetch(2, "/c"), 4, 15))[2], None);
    assert_eq!(modes(&at(new().fetch(2, "/c"), 4, 25))[2], OMITTED);
}

#[test]
fn chromium_does_not_wait_for_the_content_of_a_preflight() {
    let content = [ALLOWS_PUT, &[("Content-Length", "5")]].concat();
    let none = [ALLOWS_PUT, &[("Content-Length", "0")]].concat();
    let answered = |agent, answer: Lines<'_>| {
        let asks = [
            &fetch_lines()[..],
            &[("Access-Control-Request-Method", "PUT")],
        ]
        .concat();
        let page = Tale::of(agent).document(1);
        let tale = page.exchange(2, "OPTIONS", &format!("{API}/a"), &asks, 200, answer);
        let (mode, because, _) = at(put(tale, 3, "/a"), 1, 11).last();
        assert_eq!(mode, INCLUDED);
        because
    };
    // That its TLS session was not continued tells all the same.
    assert_eq!(
        answered(CHROMIUM, &content),
        Some(Because::SessionNotResumed)
    );
    assert_eq!(answered(CHROMIUM, &none), Some(Because::OtherConnection));
    assert_eq!(answered(FIREFOX, &content), Some(Because::OtherConnection));
}

#[test]
fn a_tls_session_may_be_that_of_any_connection_before() {
    let tale = Tale::of(CHROMIUM)
        .document(1)
        .asks(2, "/a", &[("Cookie", "a=1")])
        .with("_connectionEnd", "closed-by-server")
        .fetch(3, "/b")
        .with("_connectionEnd", "closed-by-server")
        .fetch(4, "/c")
        .with("_tlsResumed", true);
    assert_eq!(modes(&tale)[2..], [OMITTED, None]);
}

#[test]
fn firefox_has_both_modes_share_a_connection_over_http_2() {
    let over_http_2 = |tale: Tale| tale.over("HTTP/2");
    for (agent, third) in [(CHROMIUM, OMITTED), (FIREFOX, None)] {
        let page = Tale::of(agent).document(1);
        let tale = over_http_2(preflight(page, 2, "/a", ALLOWS_PUT));
        let tale = over_http_2(tale.fetch(2, "/b"));
        let tale = over_http_2(tale.fetch(2, "/c"));
        assert_eq!(modes(&tale)[2..], [OMITTED, third], "{agent}");
    }
}

#[test]
fn a_body_that_is_streamed_is_not_sent_over_http_1_whatever_its_preflight_says() {
    let asked = |method| {
        let asks = [
            &fetch_lines()[..],
            &[("Access-Control-Request-Method", method)],
        ]
        .concat();
        let answer = [
            ("Access-Control-Allow-Origin", "*"),
            ("Access-Control-Allow-Methods", "PUT"),
        ];
        let page = Tale::of(CHROMIUM).document(1);
        let tale = page.exchange(2, "OPTIONS", &format!("{API}/a"), &asks, 204, &answer);
        tale.last()
    };
    let blocked = Some(Because::NotFollowed);
    assert_eq!(asked("PUT"), (INCLUDED, blocked, Outcome::Blocked));
    assert_eq!(asked("POST"), (None, None, Outcome::Undecided));
}

#[test]
fn firefox_comes_late_to_cancelling_while_its_page_is_busy() {
    for (agent, millis, mode) in [
        (FIREFOX, 5, None),
        (FIREFOX, 100, OMITTED),
        (CHROMIUM, 5, OMITTED),
    ] {
        let page = Tale::of(agent).document(1);
        let page = at(page.fetch(2, "/a"), 3, 0);
        let held = at(page.fetch(3, "/b"), 3, millis).with("_cancelled", false);
        assert_eq!(held.last().0, mode, "{agent}, {millis} ms");
    }
}
