//! What gives the credentials mode away, told as short stories.

use corstap::cors::{CredentialsMode, Judgement, Outcome, credentials::Because};
use corstap::exchange::secret::{Redactor, Values};
use corstap::report::{har, offline};
use serde_json::{Value, json};

pub(super) const CHROMIUM: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";
pub(super) const FIREFOX: &str =
    "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0";
const WEBKIT: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15";

pub(super) const APP: &str = "https://app.example.test";
pub(super) const API: &str = "https://api.example.test";

/// What happens, in order: a second lies between one exchange and the next.
pub(super) struct Tale {
    agent: &'static str,
    entries: Vec<Value>,
}

/// The head of a request, but for what the browser adds by itself.
pub(super) type Lines<'a> = &'a [(&'a str, &'a str)];

impl Tale {
    pub(super) fn of(agent: &'static str) -> Self {
        Self {
            agent,
            entries: Vec::new(),
        }
    }

    pub(super) fn exchange(
        mut self,
        connection: u32,
        method: &str,
        url: &str,
        request: Lines<'_>,
        status: u16,
        response: Lines<'_>,
    ) -> Self {
        let lines = |lines: Lines<'_>| -> Vec<Value> {
            let line = |(name, value): &(&str, &str)| json!({"name": name, "value": value});
            lines.iter().map(line).collect()
        };
        let mut request = lines(request);
        request.push(json!({"name": "User-Agent", "value": self.agent}));
        let second = self.entries.len();
        self.entries.push(json!({
            "startedDateTime": format!("2026-11-22T00:00:{second:02}Z"), "time": 10,
            "connection": connection.to_string(), "_connectionEnd": "open", "_tlsResumed": false,
            "request": {"method": method, "url": url, "httpVersion": "HTTP/1.1", "headers": request},
            "response": {"status": status, "headers": lines(response)},
        }));
        self
    }

    /// The last exchange has this field of ours too.
    pub(super) fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.entries.last_mut().expect("an exchange")[field] = value.into();
        self
    }

    /// The last exchange came by this protocol.
    pub(super) fn over(mut self, protocol: &str) -> Self {
        self.entries.last_mut().expect("an exchange")["request"]["httpVersion"] = protocol.into();
        self
    }

    pub(super) fn document(self, connection: u32) -> Self {
        let asks = [
            ("Sec-Fetch-Mode", "navigate"),
            ("Sec-Fetch-Dest", "document"),
            ("Sec-Fetch-Site", "none"),
        ];
        self.exchange(connection, "GET", &format!("{APP}/"), &asks, 200, &[])
    }

    /// The page asks for what every origin may have, but not with credentials.
    pub(super) fn fetch(self, connection: u32, path: &str) -> Self {
        self.asks(connection, path, &[])
    }

    pub(super) fn asks(self, connection: u32, path: &str, more: Lines<'_>) -> Self {
        let request = [&fetch_lines()[..], more].concat();
        let answer = [
            ("Access-Control-Allow-Origin", "*"),
            ("Content-Length", "2"),
        ];
        self.exchange(
            connection,
            "GET",
            &format!("{API}{path}"),
            &request,
            200,
            &answer,
        )
    }

    pub(super) fn judgements(&self) -> Vec<Judgement> {
        let har = json!({"log": {"entries": self.entries}}).to_string();
        let redactor = Redactor::new(&[7; 32], Values::All);
        let events = har::parse(har.as_bytes()).expect("a HAR file").events;
        let told = offline::tell(&events, &redactor);
        told.into_iter().map(|told| told.judgement).collect()
    }

    /// What is known of the last exchange's mode, and what comes of it.
    pub(super) fn last(&self) -> (Option<CredentialsMode>, Option<Because>, Outcome) {
        let judgement = self.judgements().pop().expect("an exchange");
        let credentials = judgement.verdict.credentials;
        (
            credentials.mode,
            credentials.because,
            judgement.verdict.answer.outcome,
        )
    }
}

pub(super) fn fetch_lines() -> [(&'static str, &'static str); 5] {
    [
        ("Origin", APP),
        ("Referer", "https://app.example.test/"),
        ("Sec-Fetch-Mode", "cors"),
        ("Sec-Fetch-Site", "same-site"),
        ("Sec-Fetch-Dest", "empty"),
    ]
}

pub(super) const INCLUDED: Option<CredentialsMode> = Some(CredentialsMode::Include);
pub(super) const OMITTED: Option<CredentialsMode> = Some(CredentialsMode::Omit);

#[test]
fn by_itself_a_request_does_not_tell() {
    for agent in [CHROMIUM, FIREFOX] {
        let tale = Tale::of(agent).document(1).fetch(2, "/a");
        assert_eq!(tale.last(), (None, None, Outcome::Undecided));
    }
}

#[test]
fn a_cookie_tells_and_so_does_the_connection_that_carried_one() {
    let tale = Tale::of(CHROMIUM)
        .document(1)
        .asks(2, "/a", &[("Cookie", "a=1")])
        .fetch(2, "/b");
    assert_eq!(
        tale.last(),
        (INCLUDED, Some(Because::SameConnection), Outcome::Blocked)
    );
}

#[test]
fn what_comes_later_on_a_connection_tells_of_what_came_before() {
    let tale = Tale::of(FIREFOX)
        .document(1)
        .fetch(2, "/a")
        .asks(2, "/b", &[("Cookie", "a=1")]);
    let first = &tale.judgements()[1].verdict;
    assert_eq!(first.credentials.mode, INCLUDED);
    assert_eq!(first.answer.outcome, Outcome::Blocked);
}

#[test]
fn a_new_connection_beside_an_idle_one_has_the_other_mode() {
    for agent in [CHROMIUM, FIREFOX] {
        let tale = Tale::of(agent)
            .document(1)
            .asks(2, "/a", &[("Cookie", "a=1")])
            .fetch(3, "/b");
        let (mode, _, outcome) = tale.last();
        assert_eq!((mode, outcome), (OMITTED, Outcome::Allowed), "{agent}");
    }
}

#[test]
fn a_tie_waits_for_what_tells_of_either() {
    let tale = Tale::of(FIREFOX)
        .document(1)
        .fetch(2, "/a")
        .fetch(3, "/b")
        .asks(3, "/c", &[("Cookie", "a=1")]);
    let modes: Vec<_> = tale
        .judgements()
        .iter()
        .map(|judgement| judgement.verdict.credentials.mode)
        .collect();
    assert_eq!(modes[1..], [OMITTED, INCLUDED, INCLUDED]);
}

#[test]
fn a_connection_that_was_closed_tells_nothing_of_a_new_one() {
    let tale = Tale::of(FIREFOX)
        .document(1)
        .asks(2, "/a", &[("Cookie", "a=1")])
        .with("_connectionEnd", "closed-by-server")
        .fetch(3, "/b");
    assert_eq!(tale.last(), (None, None, Outcome::Undecided));
}

#[test]
fn the_connections_of_another_profile_tell_nothing() {
    let profile = |tale: Tale, connection| {
        tale.document(connection)
            .asks(connection + 1, "/a", &[("Cookie", "a=1")])
    };
    let tale = profile(Tale::of(FIREFOX), 1);
    // Another profile opens a connection for its document although one is idle.
    let tale = tale.document(3).fetch(4, "/b");
    assert_eq!(tale.last(), (None, None, Outcome::Undecided));
}

#[test]
fn in_a_frame_of_another_site_a_page_has_connections_of_its_own() {
    let frame = [
        ("Sec-Fetch-Mode", "navigate"),
        ("Sec-Fetch-Dest", "iframe"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Referer", "https://other.test/"),
    ];
    let tale = Tale::of(FIREFOX)
        .document(1)
        .asks(2, "/a", &[("Cookie", "a=1")])
        .exchange(3, "GET", &format!("{APP}/"), &frame, 200, &[])
        .fetch(4, "/b");
    assert_eq!(tale.last(), (None, None, Outcome::Undecided));
}

#[test]
fn a_cookie_that_is_there_and_not_sent_tells_too() {
    let tale = |set: &str| {
        let request = [&fetch_lines()[..], &[("Cookie", "a=1")]].concat();
        let answer = [
            ("Access-Control-Allow-Origin", APP),
            ("Access-Control-Allow-Credentials", "true"),
            ("Set-Cookie", set),
        ];
        Tale::of(FIREFOX)
            .document(1)
            .exchange(2, "GET", &format!("{API}/set"), &request, 200, &answer)
            .asks(2, "/a", &[("Cookie", "a=1")])
            .with("_connectionEnd", "closed-by-server")
            .fetch(3, "/b")
            .last()
    };
    assert_eq!(
        tale("a=1; Path=/; HttpOnly"),
        (OMITTED, Some(Because::CookieNotSent), Outcome::Allowed)
    );
    assert_eq!(tale("a=; Path=/; Max-Age=0").0, None);
}

#[test]
fn webkit_keeps_no_pools_apart() {
    let tale = Tale::of(WEBKIT)
        .document(1)
        .asks(2, "/a", &[("Cookie", "a=1")])
        .fetch(2, "/b")
        .with("_connectionEnd", "closed-by-server");
    assert_eq!(tale.last().0, None);
}

#[test]
fn webkit_closes_the_connection_of_what_it_blocks_and_keeps_that_of_what_it_takes() {
    let blocked = Tale::of(WEBKIT)
        .document(1)
        .fetch(2, "/a")
        .with("_connectionEnd", "closed-by-client");
    assert_eq!(
        blocked.last(),
        (INCLUDED, Some(Because::Closed), Outcome::Blocked)
    );
    let taken = Tale::of(WEBKIT).document(1).fetch(2, "/a");
    assert_eq!(
        taken.last(),
        (OMITTED, Some(Because::Kept), Outcome::Allowed)
    );
}

#[test]
fn chromium_closes_connections_for_other_reasons_too() {
    let tale = Tale::of(CHROMIUM)
        .document(1)
        .fetch(2, "/a")
        .with("_connectionEnd", "closed-by-client");
    assert_eq!(tale.last().0, None);
}

#[test]
fn an_answer_whose_end_was_held_back_is_cancelled_when_it_is_blocked() {
    for (cancelled, mode, outcome) in [
        (true, INCLUDED, Outcome::Blocked),
        (false, OMITTED, Outcome::Allowed),
    ] {
        let tale = Tale::of(CHROMIUM)
            .document(1)
            .fetch(2, "/a")
            .with("_cancelled", cancelled);
        let verdict = tale.judgements().pop().expect("an exchange").verdict;
        assert_eq!(
            (verdict.credentials.mode, verdict.answer.outcome),
            (mode, outcome)
        );
        assert!(verdict.confirmed.expect("confirmed").agrees);
    }
}

#[test]
fn a_frame_follows_twenty_redirects_and_in_chromium_one_less() {
    let outcome = |agent, hops: usize| {
        let asks = [
            ("Sec-Fetch-Mode", "navigate"),
            ("Sec-Fetch-Dest", "iframe"),
            ("Sec-Fetch-Site", "same-site"),
        ];
        let tale = (0..hops).fold(Tale::of(agent).document(1), |tale, hop| {
            let next = format!("{API}/{}", hop + 1);
            let answer = [("Location", &*next)];
            tale.exchange(2, "GET", &format!("{API}/{hop}"), &asks, 302, &answer)
        });
        tale.last().2
    };
    assert_eq!(outcome(CHROMIUM, 19), Outcome::Exempt);
    assert_eq!(outcome(CHROMIUM, 20), Outcome::Failed);
    assert_eq!(outcome(WEBKIT, 20), Outcome::Exempt);
    assert_eq!(outcome(WEBKIT, 21), Outcome::Failed);
}

/// A module that is not there: it fails, whatever its credentials.
fn missing_module(tale: Tale) -> Tale {
    let asks = [
        ("Origin", APP),
        ("Sec-Fetch-Mode", "cors"),
        ("Sec-Fetch-Dest", "script"),
        ("Sec-Fetch-Site", "same-site"),
    ];
    let answer = [
        ("Access-Control-Allow-Origin", "*"),
        ("Content-Type", "text/javascript"),
        ("Content-Length", "2"),
    ];
    tale.document(1)
        .exchange(2, "GET", &format!("{API}/a.js"), &asks, 404, &answer)
}

#[test]
fn what_fails_by_itself_and_is_turned_away_from_tells_nothing_of_credentials() {
    let cancelled = missing_module(Tale::of(CHROMIUM)).with("_cancelled", true);
    let closed = missing_module(Tale::of(WEBKIT)).with("_connectionEnd", "closed-by-client");
    for (tale, agreed) in [(cancelled, Some(true)), (closed, None)] {
        let verdict = tale.judgements().pop().expect("an exchange").verdict;
        assert_eq!(verdict.credentials.mode, None);
        let omitted = verdict.if_omitted.expect("both");
        assert_eq!(omitted.outcome, Outcome::Failed);
        let agrees = verdict.confirmed.map(|confirmed| confirmed.agrees);
        assert_eq!((verdict.answer.outcome, agrees), (Outcome::Failed, agreed));
    }
}

#[test]
fn a_tls_session_is_continued_within_one_mode_only() {
    let tale = |resumed| {
        Tale::of(CHROMIUM)
            .document(1)
            .asks(2, "/a", &[("Cookie", "a=1")])
            .with("_connectionEnd", "closed-by-server")
            .fetch(3, "/b")
            .with("_tlsResumed", resumed)
    };
    assert_eq!(
        tale(true).last(),
        (INCLUDED, Some(Because::SessionResumed), Outcome::Blocked)
    );
    assert_eq!(
        tale(false).last(),
        (OMITTED, Some(Because::SessionNotResumed), Outcome::Allowed)
    );
}

/// A preflight for a PUT, and its answer.
pub(super) fn preflight(tale: Tale, connection: u32, path: &str, answer: Lines<'_>) -> Tale {
    let request = [
        &fetch_lines()[..],
        &[("Access-Control-Request-Method", "PUT")],
    ]
    .concat();
    tale.exchange(
        connection,
        "OPTIONS",
        &format!("{API}{path}"),
        &request,
        204,
        answer,
    )
}

pub(super) fn put(tale: Tale, connection: u32, path: &str) -> Tale {
    let answer = [
        ("Access-Control-Allow-Origin", APP),
        ("Content-Length", "2"),
    ];
    tale.exchange(
        connection,
        "PUT",
        &format!("{API}{path}"),
        &fetch_lines(),
        200,
        &answer,
    )
}

pub(super) const ALLOWS_PUT: Lines<'static> = &[
    ("Access-Control-Allow-Origin", APP),
    ("Access-Control-Allow-Credentials", "true"),
    ("Access-Control-Allow-Methods", "PUT"),
];

#[test]
fn a_request_on_its_preflights_connection_omits_and_on_another_includes() {
    for agent in [CHROMIUM, FIREFOX] {
        for (connection, mode, outcome) in [
            (2, OMITTED, Outcome::Allowed),
            (3, INCLUDED, Outcome::Blocked),
        ] {
            let tale = preflight(Tale::of(agent).document(1), 2, "/a", ALLOWS_PUT);
            let tale = put(tale, connection, "/a");
            let told = tale.last();
            assert_eq!((told.0, told.2), (mode, outcome), "{agent}");
        }
    }
}

#[test]
fn a_request_that_nothing_follows_was_refused() {
    let star: Lines<'_> = &[
        ("Access-Control-Allow-Origin", "*"),
        ("Access-Control-Allow-Methods", "PUT"),
    ];
    let tale = preflight(Tale::of(CHROMIUM).document(1), 2, "/a", star);
    assert_eq!(
        tale.last(),
        (INCLUDED, Some(Because::NotFollowed), Outcome::Blocked)
    );
    let followed = put(tale, 2, "/a");
    assert_eq!(followed.judgements()[1].verdict.credentials.mode, OMITTED);
}

#[test]
fn a_cached_preflight_spares_one_for_as_long_as_the_engine_keeps_it() {
    use corstap::cors::verdict::PreflightBecause;
    let because = |agent, max_age: &str| {
        let answer = [ALLOWS_PUT, &[("Access-Control-Max-Age", max_age)]].concat();
        let tale = preflight(Tale::of(agent).document(1), 2, "/a", &answer);
        let tale = put(put(tale, 2, "/a"), 2, "/a");
        let judgement = tale.judgements().pop().expect("an exchange");
        judgement.links.preflight_because.expect("said")
    };
    for agent in [CHROMIUM, FIREFOX, WEBKIT] {
        assert_eq!(because(agent, "60"), PreflightBecause::Cached);
        assert_eq!(because(agent, "0"), PreflightBecause::Missing);
    }
    assert_eq!(because(CHROMIUM, "soon"), PreflightBecause::Cached);
}

#[test]
fn the_stories_of_several_browsers_and_tabs_do_not_mix() {
    use corstap::cors::verdict::PreflightBecause;
    // Chromium's preflight and Firefox's request for the same URL have nothing to do with each
    // other, and neither have the two tabs of Firefox that ask at once.
    let mut tale = preflight(Tale::of(CHROMIUM).document(1), 2, "/a", ALLOWS_PUT);
    tale.agent = FIREFOX;
    let tale = put(tale, 12, "/a");
    let tale = preflight(tale, 13, "/b", ALLOWS_PUT);
    let tale = preflight(tale, 14, "/b", ALLOWS_PUT);
    let tale = put(tale, 13, "/b");
    let tale = put(tale, 14, "/b");
    let links: Vec<_> = tale
        .judgements()
        .into_iter()
        .map(|judgement| judgement.links)
        .collect();
    assert_eq!(links[2].preflight_because, Some(PreflightBecause::Missing));
    assert!(links[1].actual.is_empty());
    let preflights: Vec<_> = links[5..]
        .iter()
        .map(|links| links.preflight.map(|id| id.0))
        .collect();
    assert_eq!(preflights, [Some(4), Some(5)]);
}

#[test]
fn a_preflight_that_spares_many_is_linked_to_the_first_of_them() {
    let answer = [ALLOWS_PUT, &[("Access-Control-Max-Age", "600")]].concat();
    let mut tale = preflight(Tale::of(CHROMIUM).document(1), 2, "/a", &answer);
    for _ in 0..100 {
        tale = put(tale, 2, "/a");
        let last = tale.entries.last_mut().expect("an exchange");
        last["startedDateTime"] = json!("2026-11-22T00:00:30Z");
    }
    let judgements = tale.judgements();
    assert_eq!(judgements[1].links.actual.len(), 64);
    let last = &judgements.last().expect("an exchange").links;
    assert_eq!(last.preflight.map(|id| id.0), Some(2));
}
