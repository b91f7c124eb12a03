//! Small stories, and the roots that they come to.

mod answer;
mod preflight;
mod value;

use std::sync::Arc;
use std::time::Duration;

use crate::cors::{Confidence, Judge};
use crate::exchange::{
    AskedUrl, ConnectionId, Ending, Event, ExchangeId, Moment, Protocol, Request, Response,
};

use super::Root;
use Confidence::{Certain, High, Low, Medium};

type Lines<'a> = &'a [(&'a str, &'a str)];

/// Method, URL, the request's lines, status, the response's lines.
type Told<'a> = (&'a str, &'a str, Lines<'a>, u16, Lines<'a>);

const AGENT: (&str, &str) = (
    "User-Agent",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
);
const APP: (&str, &str) = ("Origin", "https://app.test");
const OTHER: (&str, &str) = ("Origin", "https://other.test");
const COOKIE: (&str, &str) = ("Cookie", "a=1");
const ASKS_PUT: (&str, &str) = ("Access-Control-Request-Method", "PUT");
const ASKS_POST: (&str, &str) = ("Access-Control-Request-Method", "POST");
const ALLOW_APP: (&str, &str) = ("Access-Control-Allow-Origin", "https://app.test");
const ALLOW_OTHER: (&str, &str) = ("Access-Control-Allow-Origin", "https://other.test");
const ALLOW_ANY: (&str, &str) = ("Access-Control-Allow-Origin", "*");
const ALLOW_PUT: (&str, &str) = ("Access-Control-Allow-Methods", "PUT");
const VARY: (&str, &str) = ("Vary", "Origin");
const NGINX: (&str, &str) = ("Server", "nginx");
const HTML: (&str, &str) = ("Content-Type", "text/html");
const URL: &str = "https://api.test/a";
const URL_B: &str = "https://api.test/b";

/// Tells the stories to a judge, one exchange a second.
fn judge(told: &[Told<'_>]) -> Judge {
    let mut judge = Judge::new();
    for (at, one) in (1..).zip(told) {
        observe(&mut judge, at, Duration::from_secs(at), *one);
    }
    judge
}

/// Says which exchanges have changed.
fn observe(judge: &mut Judge, id: u64, at: Duration, told: Told<'_>) -> Vec<u64> {
    let (method, url, asked, status, answered) = told;
    let at = Moment::from_micros(0).plus(at);
    let request = Arc::new(Request {
        method: method.to_owned(),
        url: AskedUrl::parse(url).expect("valid"),
        headers: asked.iter().copied().chain([AGENT]).collect(),
    });
    let sent = Arc::new(Response {
        status,
        headers: answered.iter().copied().collect(),
    });
    let (id, connection) = (ExchangeId(id), ConnectionId(id));
    let events = [
        Event::Opened {
            id,
            connection,
            at,
            protocol: Protocol::Http11,
            client: None,
            request,
        },
        Event::Answered { id, at, sent },
        Event::Ended {
            id,
            at,
            ending: Ending::Complete,
            reason: None,
        },
    ];
    let mut changed = Vec::new();
    for event in &events {
        changed.extend(judge.observe(event).iter().map(|id| id.0));
    }
    changed
}

fn roots_of(judge: &Judge, id: u64) -> Vec<(Root, Confidence, Vec<u64>)> {
    let judgement = judge.judgement(ExchangeId(id)).expect("watched");
    let roots = judgement.roots.into_iter();
    roots
        .map(|root| {
            let evidence = root.evidence.iter().map(|id| id.0).collect();
            (root.code, root.confidence, evidence)
        })
        .collect()
}

/// The roots of the last exchange.
fn roots(told: &[Told<'_>]) -> Vec<(Root, Confidence, Vec<u64>)> {
    roots_of(&judge(told), told.len() as u64)
}

/// The best root of the last exchange.
fn best(told: &[Told<'_>]) -> Option<(Root, Confidence)> {
    roots(told)
        .into_iter()
        .next()
        .map(|(root, confidence, _)| (root, confidence))
}

/// A named row: a story and the best root of its last exchange.
type Row<'a> = (&'a str, Option<(Root, Confidence)>, &'a [Told<'a>]);

fn check(rows: &[Row<'_>]) {
    let wrong: Vec<String> = rows
        .iter()
        .filter(|(_, expected, told)| best(told) != *expected)
        .map(|(name, expected, told)| format!("{name}: {:?}, not {expected:?}", roots(told)))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn roots_in_what_allow_origin_says() {
    check(value::ROWS);
}

#[test]
fn roots_in_which_layer_answers() {
    check(answer::ROWS);
}

#[test]
fn roots_in_how_options_is_answered() {
    check(preflight::ROWS);
}

#[test]
fn the_same_preflight_again_and_again() {
    let answer: Lines<'_> = &[ALLOW_APP, ALLOW_PUT];
    let told = ("OPTIONS", URL, &[APP, ASKS_PUT] as Lines<'_>, 204, answer);
    assert_eq!(roots(&[told, told]), []);
    assert_eq!(
        roots(&[told, told, told]),
        [(Root::ExpiredPreflightPolicy, High, vec![3, 1])]
    );
    let lasting: Lines<'_> = &[ALLOW_APP, ALLOW_PUT, ("Access-Control-Max-Age", "600")];
    let told = ("OPTIONS", URL, &[APP, ASKS_PUT] as Lines<'_>, 204, lasting);
    assert_eq!(roots(&[told, told, told]), []);
}

#[test]
fn what_is_fine_has_no_root() {
    let told: [Told<'_>; 6] = [
        ("GET", URL, &[], 200, &[NGINX]),
        (
            "OPTIONS",
            URL,
            &[APP, ASKS_PUT],
            204,
            &[ALLOW_APP, ALLOW_PUT, VARY],
        ),
        ("PUT", URL, &[APP], 200, &[ALLOW_APP, VARY]),
        ("GET", URL_B, &[APP], 404, &[ALLOW_APP, VARY]),
        (
            "GET",
            URL_B,
            &[APP],
            302,
            &[ALLOW_APP, VARY, ("Location", "/login")],
        ),
        ("GET", URL, &[APP], 200, &[ALLOW_ANY]),
    ];
    let judge = judge(&told);
    for id in 1..=6 {
        assert_eq!(roots_of(&judge, id), [], "#{id}");
    }
}

#[test]
fn what_comes_later_sheds_light_on_what_was_before() {
    let mut judge = judge(&[("OPTIONS", URL, &[APP, ASKS_PUT], 404, &[])]);
    assert_eq!(roots_of(&judge, 1)[0].0, Root::NoCorsConfig);
    let get: Told<'_> = ("GET", URL, &[COOKIE], 200, &[]);
    let changed = observe(&mut judge, 2, Duration::from_secs(2), get);
    assert!(changed.contains(&1), "{changed:?}");
    assert_eq!(
        roots_of(&judge, 1)[0],
        (Root::OptionsNoRoute, High, vec![1, 2])
    );
    let changed = observe(&mut judge, 3, Duration::from_secs(3), get);
    assert_eq!(
        changed.iter().filter(|id| **id == 1).count(),
        0,
        "known already"
    );
}

#[test]
fn a_server_that_was_put_right_since_is_another_one() {
    let mut judge = judge(&[("GET", URL, &[APP], 200, &[])]);
    let before = roots_of(&judge, 1);
    let put_right: Told<'_> = ("GET", URL, &[APP], 200, &[ALLOW_APP, VARY]);
    let changed = observe(&mut judge, 2, Duration::from_mins(1), put_right);
    assert!(!changed.contains(&1), "{changed:?}");
    assert_eq!(roots_of(&judge, 1), before);
}

#[test]
fn nothing_is_concluded_from_what_was_not_seen() {
    let mut judge = Judge::new();
    judge.observe(&Event::Dropped {
        at: Moment::from_micros(0),
    });
    observe(
        &mut judge,
        1,
        Duration::from_secs(1),
        ("GET", URL, &[APP], 200, &[]),
    );
    assert_eq!(roots_of(&judge, 1), []);
}

#[test]
fn remedies_speak_of_the_server_that_shows() {
    let remedy = |server: &str| {
        let judge = judge(&[("GET", URL, &[APP], 200, &[("Server", server)])]);
        judge.judgement(ExchangeId(1)).expect("watched").roots[0]
            .remedy
            .clone()
    };
    assert!(remedy("nginx/1.26").starts_with("nginx: "));
    assert!(remedy("Apache/2.4.66 (Debian)").starts_with("Apache: "));
    assert!(remedy("WSGIServer/0.2 CPython/3.13").starts_with("Django: "));
    assert!(remedy("Kestrel").starts_with("ASP.NET Core: "));
    assert!(remedy("whatever").starts_with("On the server: "));
}

#[test]
fn names_are_those_of_the_json_form() {
    for root in Root::ALL {
        assert_eq!(serde_json::to_value(root).expect("plain"), root.name());
    }
}
