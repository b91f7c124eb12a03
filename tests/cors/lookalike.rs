//! What looks like CORS and is not: seen where it is, and not where it is not.

use corstap::cors::{Confidence, Engine, LookAlike, Outcome};
use corstap::exchange::Content;
use corstap::exchange::secret::{Redactor, Values};
use corstap::report::explain::explain;
use corstap::report::har;
use corstap::report::offline::{self, Told};
use serde_json::{Value, json};

use crate::support::truth::cases;

type Lines<'a> = &'a [(&'a str, &'a str)];

const CHROMIUM: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";

/// One exchange: method, URL, request lines, status (0 for no answer), answer's lines.
struct Seen<'a>(&'a str, &'a str, Lines<'a>, u16, Lines<'a>);

fn tell(exchanges: &[Seen<'_>]) -> Vec<Told> {
    tell_entries(&entries(exchanges))
}

fn tell_entries(entries: &[Value]) -> Vec<Told> {
    let har = json!({"log": {"entries": entries}}).to_string();
    let events = har::parse(har.as_bytes()).expect("a HAR file").events;
    offline::tell(&events, &Redactor::new(&[7; 32], Values::Harmless))
}

fn entries(exchanges: &[Seen<'_>]) -> Vec<Value> {
    let lines = |lines: Lines<'_>| -> Vec<Value> {
        let line = |(name, value): &(&str, &str)| json!({"name": name, "value": value});
        lines.iter().map(line).collect()
    };
    let entry = |(Seen(method, url, request, status, answer), second): (&Seen<'_>, i32)| {
        let mut asked = lines(request);
        asked.push(json!({"name": "User-Agent", "value": CHROMIUM}));
        json!({
            "startedDateTime": format!("2026-11-22T00:00:{second}Z"), "time": 1,
            "request": {"method": method, "url": url, "headers": asked},
            "response": {"status": status, "headers": lines(answer)},
        })
    };
    exchanges.iter().zip(10..).map(entry).collect()
}

/// What is told of the last of these: the outcome, and what is not CORS with its evidence.
fn last(exchanges: &[Seen<'_>]) -> (Outcome, Vec<(LookAlike, Vec<u64>)>) {
    let verdict = tell(exchanges).pop().expect("one").judgement.verdict;
    let ids = |evidence: Vec<corstap::exchange::ExchangeId>| evidence.into_iter().map(|id| id.0);
    let told = verdict.not_cors.into_iter();
    let told = told.map(|one| (one.code, ids(one.evidence).collect()));
    (verdict.answer.outcome, told.collect())
}

const ORIGIN: (&str, &str) = ("Origin", "https://app.example.test");
const ALLOW: (&str, &str) = ("Access-Control-Allow-Origin", "https://app.example.test");
const CREDENTIALS: (&str, &str) = ("Access-Control-Allow-Credentials", "true");
const CORS: Lines<'_> = &[
    ORIGIN,
    ("Sec-Fetch-Mode", "cors"),
    ("Sec-Fetch-Site", "cross-site"),
    ("Sec-Fetch-Dest", "empty"),
    ("Sec-Fetch-Storage-Access", "active"),
];

fn page(policy: Lines<'static>) -> Seen<'static> {
    const NAVIGATION: Lines<'_> = &[
        ("Sec-Fetch-Mode", "navigate"),
        ("Sec-Fetch-Site", "none"),
        ("Sec-Fetch-Dest", "document"),
    ];
    Seen(
        "GET",
        "https://app.example.test/page",
        NAVIGATION,
        200,
        policy,
    )
}

fn part<'a>(request: Lines<'a>, answer: Lines<'a>) -> Seen<'a> {
    Seen("GET", "https://api.other.test/a", request, 200, answer)
}

const IMAGE: Lines<'_> = &[
    ("Referer", "https://app.example.test/"),
    ("Sec-Fetch-Mode", "no-cors"),
    ("Sec-Fetch-Site", "cross-site"),
    ("Sec-Fetch-Dest", "image"),
];

#[test]
fn what_its_server_keeps_to_itself_is_blocked_by_resource_policy() {
    let answer = [("Cross-Origin-Resource-Policy", "same-site")];
    assert_eq!(
        last(&[page(&[]), part(IMAGE, &answer)]),
        (Outcome::Blocked, vec![(LookAlike::CorpBlocked, vec![2])])
    );
}

#[test]
fn what_a_page_keeps_out_is_blocked_by_the_policy_of_its_document() {
    let policy = &[("Cross-Origin-Embedder-Policy", "require-corp")];
    let exchanges = [page(policy), part(IMAGE, &[("Content-Type", "image/png")])];
    assert_eq!(
        last(&exchanges),
        (Outcome::Blocked, vec![(LookAlike::CoepBlocked, vec![1, 2])])
    );
    let told = tell(&exchanges).pop().expect("one");
    let explanation = explain(&told.recorded, &told.judgement).expect("explained");
    assert_eq!(
        explanation.sentence,
        "This is not CORS: the page's Cross-Origin-Embedder-Policy keeps out what does not ask to \
         be embedded. See #1."
    );
}

#[test]
fn a_frame_of_an_isolated_page_has_to_be_isolated_too() {
    const FRAME: Lines<'_> = &[
        ("Referer", "https://app.example.test/"),
        ("Sec-Fetch-Mode", "navigate"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Dest", "iframe"),
    ];
    let policy = &[("Cross-Origin-Embedder-Policy", "require-corp")];
    let corp = ("Cross-Origin-Resource-Policy", "cross-origin");
    let outcome = |answer: Lines<'_>| last(&[page(policy), part(FRAME, answer)]).0;
    assert_eq!(outcome(&[]), Outcome::Blocked);
    assert_eq!(outcome(&[corp]), Outcome::Blocked);
    assert_eq!(outcome(&[policy[0]]), Outcome::Blocked);
    assert_eq!(outcome(&[corp, policy[0]]), Outcome::Exempt);
}

#[test]
fn an_error_page_in_place_of_a_picture_is_suspected() {
    let answer = [("Content-Type", "text/html")];
    assert_eq!(
        last(&[part(IMAGE, &answer)]),
        (Outcome::Blocked, vec![(LookAlike::OrbSuspected, vec![1])])
    );
}

#[test]
fn what_its_content_is_counts_for_more_than_the_type_of_a_picture() {
    let outcome = |kind, content: Option<&str>| {
        let mut entries = entries(&[part(IMAGE, &[("Content-Type", kind)])]);
        entries[0]["_content"] = json!(content);
        let told = tell_entries(&entries).pop().expect("one");
        assert_eq!(told.recorded.content.map(Content::name), content);
        told.judgement.verdict.answer.outcome
    };
    assert_eq!(outcome("text/html", Some("image")), Outcome::Exempt);
    assert_eq!(outcome("image/png", Some("html")), Outcome::Blocked);
    assert_eq!(outcome("image/png", Some("text")), Outcome::Failed);
    assert_eq!(outcome("image/png", None), Outcome::Exempt);
}

#[test]
fn a_script_of_the_pages_own_origin_has_to_be_one_too() {
    let outcome = |mode, destination, status, kind| {
        let request = [
            ("Sec-Fetch-Mode", mode),
            ("Sec-Fetch-Site", "same-origin"),
            ("Sec-Fetch-Dest", destination),
        ];
        let url = "https://app.example.test/a";
        last(&[Seen(
            "GET",
            url,
            &request,
            status,
            &[("Content-Type", kind)],
        )])
    };
    let refused = (Outcome::Blocked, vec![(LookAlike::MimeType, vec![1])]);
    assert_eq!(outcome("cors", "script", 200, "text/html"), refused);
    assert_eq!(outcome("same-origin", "worker", 200, "image/png"), refused);
    let failed = (Outcome::Failed, vec![(LookAlike::LoadStatus, vec![1])]);
    assert_eq!(outcome("no-cors", "script", 404, "text/html"), failed);
    let allowed = (Outcome::Allowed, Vec::new());
    assert_eq!(outcome("cors", "script", 200, "text/javascript"), allowed);
    assert_eq!(outcome("same-origin", "worker", 200, "text/plain"), allowed);
    assert_eq!(outcome("no-cors", "image", 404, "text/html"), allowed);
    assert_eq!(outcome("cors", "empty", 404, "text/html"), allowed);
}

#[test]
fn a_cookie_that_stays_at_home_is_told_where_the_server_asks_for_one() {
    let refused = Seen(
        "GET",
        "https://api.other.test/me",
        CORS,
        401,
        &[ALLOW, CREDENTIALS],
    );
    let login = |cookie| {
        const FIRST: Lines<'_> = &[("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Site", "none")];
        Seen("GET", "https://api.other.test/login", FIRST, 200, cookie)
    };
    let lax = [("Set-Cookie", "sid=1; Path=/; SameSite=Lax")];
    assert_eq!(
        last(&[login(&lax), refused]),
        (
            Outcome::Allowed,
            vec![(LookAlike::SamesiteCookie, vec![1, 2])]
        )
    );
    let none = [("Set-Cookie", "sid=1; SameSite=None; Secure")];
    let refused = Seen(
        "GET",
        "https://api.other.test/me",
        CORS,
        401,
        &[ALLOW, CREDENTIALS],
    );
    assert_eq!(last(&[login(&none), refused]), (Outcome::Allowed, vec![]));
}

#[test]
fn a_refusal_by_a_framework_that_guards_against_forgery_is_told() {
    let set = [
        ALLOW,
        CREDENTIALS,
        ("Set-Cookie", "csrftoken=x; SameSite=None; Secure"),
    ];
    let post = |status| {
        Seen(
            "POST",
            "https://api.other.test/form",
            CORS,
            status,
            &[ALLOW, CREDENTIALS],
        )
    };
    let first = || Seen("GET", "https://api.other.test/form", CORS, 200, &set);
    let told = |exchanges: &[Seen<'_>]| last(exchanges).1;
    let expected = vec![(LookAlike::CsrfRejected, vec![1, 2])];
    assert_eq!(told(&[first(), post(403)]), expected);
    assert_eq!(told(&[first(), post(200)]), []);
    assert_eq!(told(&[post(403)]), []);
    assert_eq!(told(&[post(419)]), [(LookAlike::CsrfRejected, vec![1])]);
}

#[test]
fn a_browser_that_goes_on_after_a_refused_preflight_does_not_enforce() {
    let asks: Lines<'_> = &[ORIGIN, ("Access-Control-Request-Method", "PUT")];
    let url = "https://api.other.test/a";
    let refused = || Seen("OPTIONS", url, asks, 405, &[]);
    let put = || Seen("PUT", url, CORS, 200, &[ALLOW, CREDENTIALS]);
    assert_eq!(
        last(&[refused(), put()]).1,
        [(LookAlike::BrowserNotEnforcing, vec![1, 2])]
    );
    let methods = ("Access-Control-Allow-Methods", "PUT");
    let accepted = Seen("OPTIONS", url, asks, 204, &[ALLOW, CREDENTIALS, methods]);
    assert_eq!(last(&[refused(), accepted, put()]).1, []);
    assert_eq!(last(&[put()]).1, []);
}

#[test]
fn an_asterisk_exposes_nothing_to_a_request_with_credentials() {
    let answer = [ALLOW, CREDENTIALS, ("Access-Control-Expose-Headers", "*")];
    assert_eq!(
        last(&[part(CORS, &answer)]),
        (Outcome::Allowed, vec![(LookAlike::NotExposed, vec![1])])
    );
}

#[test]
fn a_worker_may_not_be_redirected_to_another_origin() {
    let worker: Lines<'_> = &[
        ("Sec-Fetch-Mode", "same-origin"),
        ("Sec-Fetch-Site", "same-origin"),
        ("Sec-Fetch-Dest", "worker"),
    ];
    let location = |to| [("Location", to)];
    let outcome = |to| {
        let answer = location(to);
        last(&[Seen(
            "GET",
            "https://app.example.test/w",
            worker,
            302,
            &answer,
        )])
    };
    assert_eq!(outcome("https://cdn.test/w"), (Outcome::Failed, vec![]));
    assert_eq!(outcome("/w2"), (Outcome::Allowed, vec![]));
}

/// Of what browsers took, nothing is said to be wrong, but for what script could not read.
#[test]
fn healthy_traffic_raises_no_alarm() {
    let mut alarms = Vec::new();
    for engine in Engine::ALL {
        for case in cases().iter().filter(|case| case.has_wire(engine)) {
            let is_healthy = matches!(
                case.expected(engine).outcome,
                Outcome::Allowed | Outcome::Exempt
            );
            let told = case.tell(engine).judgement.verdict.not_cors;
            let is_alarm = |code| {
                // redirect: manual, which looks like redirect: error.
                !matches!(code, LookAlike::NotExposed | LookAlike::RedirectNotFollowed)
            };
            if is_healthy && told.iter().any(|one| is_alarm(one.code)) {
                alarms.push(format!("{engine:?} {}: {told:?}", case.id()));
            }
        }
    }
    assert!(alarms.is_empty(), "{}", alarms.join("\n"));
}

/// Whatever another rule blocks is said not to be CORS, in so many words.
#[test]
fn what_another_rule_blocks_is_said_not_to_be_cors() {
    let mut seen = 0;
    for engine in Engine::ALL {
        for case in cases().iter().filter(|case| case.has_wire(engine)) {
            let told = case.tell(engine);
            let verdict = &told.judgement.verdict;
            let is_other = verdict.answer.outcome == Outcome::Blocked
                && verdict.answer.by.is_some_and(|rule| rule.name() != "cors");
            if !is_other {
                continue;
            }
            seen += 1;
            let explanation = explain(&told.recorded, &told.judgement).expect("explained");
            let sentence = explanation.sentence;
            assert!(sentence.starts_with("This is not CORS: "), "{sentence}");
            assert!(verdict.not_cors[0].confidence >= Confidence::Medium);
        }
    }
    assert!(seen > 40, "{seen}");
}
