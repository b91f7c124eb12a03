//! The browser's own word: which exchange it is about, and what becomes of the verdict.

use std::sync::Arc;

use corstap::cors::verdict::ConfirmedBy;
use corstap::cors::{CredentialsMode, Judge, Judgement, Outcome};
use corstap::exchange::word::{Bar, Said, Teller, Way};
use corstap::exchange::{
    AskedUrl, ConnectionId, Ending, Event, ExchangeId, Moment, Protocol, Request, Response, Word,
};

const CHROMIUM: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                        Chrome/156.0.0.0 Safari/537.36";

fn request(more: &[(&str, &str)]) -> Request {
    let lines = [
        ("Origin", "https://app.example.test"),
        ("User-Agent", CHROMIUM),
        ("Sec-Fetch-Site", "same-site"),
        ("Sec-Fetch-Mode", "cors"),
        ("Sec-Fetch-Dest", "empty"),
    ];
    Request {
        method: "GET".to_owned(),
        url: AskedUrl::parse("https://api.example.test/a").unwrap(),
        headers: lines.iter().chain(more).copied().collect(),
    }
}

const fn at(milliseconds: i64) -> Moment {
    Moment::from_micros(1_000_000_000 + milliseconds * 1000)
}

/// An exchange that is over: it began at that time, and the answer allows all origins.
fn seen(judge: &mut Judge, id: u64, began: i64, request: Request) {
    ended(judge, id, began, request, Ending::Complete);
}

/// One that ended in this way.
fn ended(judge: &mut Judge, id: u64, began: i64, request: Request, ending: Ending) {
    let (id, connection) = (ExchangeId(id), ConnectionId(id));
    let sent = Response {
        status: 200,
        headers: [("Access-Control-Allow-Origin", "*")].into_iter().collect(),
    };
    for event in [
        Event::Connected {
            connection,
            at: at(began),
            resumed: None,
        },
        Event::Opened {
            id,
            connection,
            at: at(began),
            protocol: Protocol::Http11,
            client: None,
            request: Arc::new(request),
        },
        Event::Answered {
            id,
            at: at(began + 1),
            sent: Arc::new(sent),
        },
        Event::Ended {
            id,
            at: at(began + 2),
            ending,
            reason: None,
        },
    ] {
        judge.observe(&event);
    }
}

fn word(request: Request, started: i64, way: Way, said: Said) -> Arc<Word> {
    Arc::new(Word {
        teller: Teller::DevTools,
        request,
        started: at(started),
        way,
        said,
        initiator: None,
    })
}

fn wildcard() -> Said {
    Said::Refused {
        by: Bar::Cors,
        code: "WildcardOriginNotAllowed".to_owned(),
        parameter: None,
    }
}

fn hear(judge: &mut Judge, word: Arc<Word>) -> Option<ExchangeId> {
    let id = judge.exchange_of(&word)?;
    let said = Event::BrowserSaid {
        id: Some(id),
        at: at(500),
        word,
    };
    judge.observe(&said);
    Some(id)
}

fn judged(judge: &Judge, id: u64) -> Judgement {
    judge.judgement(ExchangeId(id)).unwrap()
}

#[test]
fn what_the_browser_says_settles_the_credentials_mode() {
    let mut judge = Judge::new();
    seen(&mut judge, 1, 10, request(&[]));
    assert_eq!(judged(&judge, 1).verdict.answer.outcome, Outcome::Undecided);
    assert_eq!(
        hear(&mut judge, word(request(&[]), 9, Way::Sent, wildcard())),
        Some(ExchangeId(1))
    );
    let verdict = judged(&judge, 1).verdict;
    assert_eq!(verdict.answer.outcome, Outcome::Blocked);
    assert_eq!(verdict.credentials.mode, Some(CredentialsMode::Include));
    let confirmed = verdict.confirmed.unwrap();
    assert_eq!(
        (confirmed.by, confirmed.agrees),
        (ConfirmedBy::DevTools, true)
    );
}

#[test]
fn a_word_that_is_another_is_a_contradiction() {
    let mut judge = Judge::new();
    // A cookie shows the mode: what passes here cannot be explained by it.
    seen(&mut judge, 1, 10, request(&[("Cookie", "a=b")]));
    hear(
        &mut judge,
        word(request(&[("Cookie", "a=b")]), 9, Way::Sent, Said::Passed),
    );
    let verdict = judged(&judge, 1).verdict;
    assert_eq!(verdict.answer.outcome, Outcome::Blocked);
    assert!(!verdict.confirmed.unwrap().agrees);
}

#[test]
fn of_requests_for_one_url_the_most_alike_is_meant_and_then_the_nearest() {
    let mut judge = Judge::new();
    seen(&mut judge, 1, 10, request(&[]));
    seen(
        &mut judge,
        2,
        11,
        request(&[("Referer", "https://app.example.test/b")]),
    );
    seen(&mut judge, 3, 90, request(&[]));
    let of_b = request(&[("Referer", "https://app.example.test/b")]);
    let meant = |judge: &mut Judge, request, started| {
        hear(judge, word(request, started, Way::Sent, wildcard())).map(|id| id.0)
    };
    assert_eq!(meant(&mut judge, of_b, 9), Some(2));
    assert_eq!(meant(&mut judge, request(&[]), 89), Some(3));
    assert_eq!(meant(&mut judge, request(&[]), 9), Some(1));
    assert_eq!(
        meant(&mut judge, request(&[]), 9),
        None,
        "each is told once"
    );
}

#[test]
fn of_requests_that_are_alike_the_one_that_the_browser_cancelled_was_refused() {
    for refused_first in [true, false] {
        let mut judge = Judge::new();
        seen(&mut judge, 1, 10, request(&[]));
        ended(&mut judge, 2, 11, request(&[]), Ending::ResetByClient);
        seen(&mut judge, 3, 12, request(&[]));
        let meant = |judge: &mut Judge, said| {
            hear(judge, word(request(&[]), 9, Way::Sent, said)).map(|id| id.0)
        };
        if refused_first {
            assert_eq!(meant(&mut judge, wildcard()), Some(2));
        }
        assert_eq!(meant(&mut judge, Said::Passed), Some(1));
        assert_eq!(meant(&mut judge, Said::Passed), Some(3));
        if !refused_first {
            assert_eq!(meant(&mut judge, wildcard()), Some(2));
        }
    }
}

#[test]
fn what_began_long_before_or_stayed_in_the_browser_is_not_meant() {
    let mut judge = Judge::new();
    seen(&mut judge, 1, 10, request(&[]));
    let late = word(request(&[]), 5000, Way::Untold, wildcard());
    assert_eq!(judge.exchange_of(&late), None);
    let kept = word(request(&[]), 10, Way::Kept, wildcard());
    assert_eq!(judge.exchange_of(&kept), None);
}

#[test]
fn what_was_never_sent_is_judged_by_what_the_browser_says() {
    let mut judge = Judge::new();
    let csp = Said::Refused {
        by: Bar::Csp,
        code: "csp".to_owned(),
        parameter: Some("connect-src".to_owned()),
    };
    judge.observe(&Event::NeverSent {
        id: ExchangeId(1),
        at: at(10),
        word: word(request(&[]), 10, Way::Kept, csp),
    });
    let verdict = judged(&judge, 1).verdict;
    let by = verdict.answer.by.map(corstap::cors::Rule::name);
    assert_eq!(
        (verdict.answer.outcome, by),
        (Outcome::Blocked, Some("csp"))
    );
    assert_eq!(verdict.not_cors[0].code.name(), "csp-blocked");
    // The answer of the browser's own cache: other browsers would have asked for it again.
    let missing = Said::Refused {
        by: Bar::Cors,
        code: "MissingAllowOriginHeader".to_owned(),
        parameter: None,
    };
    judge.observe(&Event::NeverSent {
        id: ExchangeId(2),
        at: at(10),
        word: word(request(&[]), 10, Way::Untold, missing),
    });
    let verdict = judged(&judge, 2).verdict;
    let cause = verdict.answer.cause.map(corstap::cors::Cause::name);
    assert_eq!(cause, Some("allow-origin-missing"));
    assert_eq!(verdict.engines.firefox.answer.outcome, Outcome::Pending);
    assert_eq!(verdict.not_cors[0].code.name(), "cached-answer");
}

/// What is judged of a word on a request elsewhere: the outcome, the cause, and what WebKit would make of it.
fn elsewhere(said: Said) -> (Outcome, Option<&'static str>, Outcome, Option<String>) {
    let mut judge = Judge::new();
    let mut request = request(&[]);
    request.url = AskedUrl::parse("myapp://x/a").unwrap();
    judge.observe(&Event::NeverSent {
        id: ExchangeId(1),
        at: at(10),
        word: word(request, 10, Way::Kept, said),
    });
    let verdict = judged(&judge, 1).verdict;
    assert_eq!(
        verdict.confirmed.map(|confirmed| confirmed.agrees),
        Some(true)
    );
    assert_eq!(verdict.not_cors.len(), 0);
    let cause = verdict.answer.cause.map(corstap::cors::Cause::name);
    let webkit = verdict.engines.webkit.answer;
    let code = webkit.code.map(String::from);
    (verdict.answer.outcome, cause, webkit.outcome, code)
}

#[test]
fn a_scheme_that_is_never_sent_fails_in_every_browser() {
    let refused = elsewhere(Said::Refused {
        by: Bar::Cors,
        code: "CorsDisabledScheme".to_owned(),
        parameter: Some("myapp".to_owned()),
    });
    let cause = Some("scheme-not-cors");
    let code = Some("scheme-not-http".to_owned());
    assert_eq!(refused, (Outcome::Blocked, cause, Outcome::Blocked, code));
    let failed = elsewhere(Said::Failed {
        code: "other".to_owned(),
    });
    assert_eq!(failed, (Outcome::Failed, cause, Outcome::Failed, None));
}
