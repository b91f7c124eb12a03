//! Small stories, and the roots that they come to.

use std::sync::Arc;
use std::time::Duration;

use crate::cors::{Confidence, Judge};
use crate::exchange::{
    ConnectionId, Ending, Event, ExchangeId, Moment, Protocol, Request, RequestUrl, Response,
};

use super::Root;

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
        url: RequestUrl::parse(url).expect("valid"),
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
    let changed = events.iter().flat_map(|event| judge.observe(event));
    changed.map(|id| id.0).collect()
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

use Confidence::{Certain, High, Low, Medium};

#[test]
fn roots_in_what_allow_origin_says() {
    let credentials = ("Access-Control-Allow-Credentials", "true");
    let age = ("Age", "12");
    check(&[
        (
            "the asterisk with credentials",
            Some((Root::WildcardAndCredentials, Certain)),
            &[("GET", URL, &[APP, COOKIE], 200, &[ALLOW_ANY, credentials])],
        ),
        (
            "the same where the mode is unknown",
            Some((Root::WildcardAndCredentials, Certain)),
            &[("GET", URL, &[APP], 200, &[ALLOW_ANY, credentials])],
        ),
        (
            "the asterisk alone is a choice",
            None,
            &[("GET", URL, &[APP, COOKIE], 200, &[ALLOW_ANY])],
        ),
        (
            "two lines",
            Some((Root::DuplicateLayers, High)),
            &[("GET", URL, &[APP], 200, &[ALLOW_ANY, ALLOW_APP])],
        ),
        (
            "one line that was two",
            Some((Root::DuplicateLayers, Medium)),
            &[(
                "GET",
                URL,
                &[APP],
                200,
                &[("Access-Control-Allow-Origin", "*, https://app.test")],
            )],
        ),
        (
            "a list of two origins may be one layer's",
            None,
            &[(
                "GET",
                URL,
                &[APP],
                200,
                &[(
                    "Access-Control-Allow-Origin",
                    "https://a.test, https://b.test",
                )],
            )],
        ),
        (
            "others are let in, by a server that looks at the origin",
            Some((Root::AllowlistMiss, High)),
            &[
                ("GET", URL, &[OTHER], 200, &[ALLOW_OTHER, VARY]),
                ("GET", URL, &[APP], 200, &[VARY]),
            ],
        ),
        (
            "it looks at the origin",
            Some((Root::AllowlistMiss, Medium)),
            &[("OPTIONS", URL, &[APP, ASKS_PUT], 200, &[VARY])],
        ),
        (
            "it says everything but the origin",
            Some((Root::AllowlistMiss, Medium)),
            &[("OPTIONS", URL, &[APP, ASKS_PUT], 400, &[ALLOW_PUT])],
        ),
        (
            "rack-cors says so",
            Some((Root::AllowlistMiss, High)),
            &[(
                "GET",
                URL,
                &[APP],
                200,
                &[("X-Rack-CORS", "miss; no-origin")],
            )],
        ),
        (
            "no list, if this origin is let in elsewhere",
            None,
            &[
                ("GET", URL, &[APP], 200, &[ALLOW_APP, VARY]),
                ("GET", URL_B, &[APP], 200, &[VARY]),
            ],
        ),
        (
            "one origin, whoever asks",
            Some((Root::StaticAllowOrigin, High)),
            &[
                ("GET", URL, &[OTHER], 200, &[ALLOW_OTHER]),
                ("GET", URL, &[APP], 200, &[ALLOW_OTHER]),
            ],
        ),
        (
            "one origin, and only one asked",
            Some((Root::StaticAllowOrigin, Medium)),
            &[("GET", URL, &[APP], 200, &[ALLOW_OTHER])],
        ),
        (
            "the page's own origin in another spelling",
            None,
            &[(
                "GET",
                URL,
                &[APP],
                200,
                &[("Access-Control-Allow-Origin", "https://app.test/")],
            )],
        ),
        (
            "stored for another origin",
            Some((Root::CachedWithoutVary, High)),
            &[
                ("GET", URL, &[OTHER], 200, &[ALLOW_OTHER]),
                ("GET", URL, &[APP], 200, &[ALLOW_OTHER, age]),
            ],
        ),
        (
            "stored for nobody",
            Some((Root::CachedWithoutVary, High)),
            &[
                ("GET", URL, &[APP], 200, &[ALLOW_APP]),
                (
                    "GET",
                    URL,
                    &[APP],
                    200,
                    &[("X-Cache", "Hit from cloudfront")],
                ),
            ],
        ),
        (
            "stored, with Vary: not the cache's fault",
            Some((Root::AllowlistMiss, High)),
            &[
                ("GET", URL, &[OTHER], 200, &[ALLOW_OTHER, VARY]),
                ("GET", URL, &[APP], 200, &[VARY, ("Age", "0")]),
            ],
        ),
        (
            "a 304 without what the 200 had",
            Some((Root::ConditionalHeadersOn304, High)),
            &[
                ("GET", URL, &[APP], 200, &[ALLOW_APP]),
                ("GET", URL, &[APP], 304, &[]),
            ],
        ),
    ]);
}

#[test]
fn roots_in_which_layer_answers() {
    let express = ("X-Powered-By", "Express");
    check(&[
        (
            "nothing anywhere",
            Some((Root::NoCorsConfig, High)),
            &[
                ("OPTIONS", URL_B, &[APP, ASKS_PUT], 405, &[NGINX]),
                ("GET", URL, &[APP], 200, &[NGINX]),
            ],
        ),
        (
            "nothing in the one answer there is",
            Some((Root::NoCorsConfig, Medium)),
            &[("GET", URL, &[APP], 200, &[NGINX])],
        ),
        (
            "one error shows little",
            Some((Root::NoCorsConfig, Low)),
            &[("GET", URL, &[APP], 500, &[NGINX])],
        ),
        (
            "the error lacks what the success has",
            Some((Root::ErrorPathWithoutCors, High)),
            &[
                ("GET", URL, &[APP], 200, &[ALLOW_APP]),
                ("GET", URL_B, &[APP], 500, &[HTML]),
            ],
        ),
        (
            "a success of somebody else shows nothing",
            Some((Root::AllowlistMiss, Low)),
            &[
                ("GET", URL, &[OTHER], 200, &[ALLOW_OTHER]),
                ("GET", URL_B, &[APP], 500, &[HTML]),
            ],
        ),
        (
            "a gateway",
            Some((Root::GatewayError, High)),
            &[("GET", URL, &[APP], 504, &[NGINX, HTML])],
        ),
        (
            "what may be a gateway",
            Some((Root::GatewayError, Medium)),
            &[("GET", URL, &[APP], 503, &[("Via", "1.1 x")])],
        ),
        (
            "a challenge",
            Some((Root::WafOrBotChallenge, High)),
            &[(
                "GET",
                URL,
                &[APP],
                403,
                &[
                    ("cf-mitigated", "challenge"),
                    ("Server", "cloudflare"),
                    HTML,
                ],
            )],
        ),
        (
            "a page of a defence",
            Some((Root::WafOrBotChallenge, Medium)),
            &[("GET", URL, &[APP], 403, &[("Server", "AkamaiGHost"), HTML])],
        ),
        (
            "a refusal of the application's own",
            Some((Root::NoCorsConfig, Low)),
            &[(
                "GET",
                URL,
                &[APP],
                403,
                &[("Content-Type", "application/json")],
            )],
        ),
        (
            "too large",
            Some((Root::BodyOrHeaderLimit, High)),
            &[("POST", URL, &[APP], 413, &[NGINX, HTML])],
        ),
        (
            "this name is refused, another is not",
            Some((Root::HostNotAuthorised, High)),
            &[
                (
                    "GET",
                    "http://localhost:3000/a",
                    &[],
                    200,
                    &[("X-Runtime", "0.1")],
                ),
                ("GET", "http://api.test:3000/a", &[APP], 403, &[HTML]),
            ],
        ),
        (
            "a redirect to log in",
            Some((Root::LoginRedirectOnXhr, High)),
            &[(
                "GET",
                URL,
                &[APP],
                302,
                &[("Location", "https://sso.test/login?next=a")],
            )],
        ),
        (
            "the page to log in at",
            Some((Root::LoginRedirectOnXhr, High)),
            &[
                (
                    "GET",
                    URL,
                    &[APP],
                    302,
                    &[ALLOW_APP, ("Location", "https://sso.test/login")],
                ),
                (
                    "GET",
                    "https://sso.test/login",
                    &[("Origin", "null")],
                    200,
                    &[HTML],
                ),
            ],
        ),
        (
            "preflights are answered in front",
            Some((Root::PreflightAnsweredByOtherLayer, High)),
            &[
                (
                    "OPTIONS",
                    URL,
                    &[APP, ASKS_PUT],
                    204,
                    &[NGINX, ALLOW_APP, ALLOW_PUT],
                ),
                ("PUT", URL, &[APP], 200, &[("Server", "uvicorn")]),
            ],
        ),
        (
            "preflights are answered in front, under one name",
            Some((Root::PreflightAnsweredByOtherLayer, Medium)),
            &[
                (
                    "OPTIONS",
                    URL,
                    &[APP, ASKS_PUT],
                    204,
                    &[NGINX, ALLOW_APP, ALLOW_PUT],
                ),
                ("PUT", URL, &[APP], 200, &[NGINX, express]),
            ],
        ),
    ]);
}

#[test]
fn roots_in_how_options_is_answered() {
    let location = |to| ("Location", to);
    let json = ("Access-Control-Request-Headers", "content-type");
    let traces = ("Access-Control-Request-Headers", "sentry-trace,baggage");
    let get = ("Access-Control-Request-Method", "GET");
    check(&[
        (
            "a slash",
            Some((Root::OptionsRedirectSlash, Certain)),
            &[("OPTIONS", URL, &[APP, ASKS_PUT], 301, &[location("/a/")])],
        ),
        (
            "https",
            Some((Root::OptionsRedirectHttps, Certain)),
            &[(
                "OPTIONS",
                "http://api.test/a",
                &[APP, ASKS_PUT],
                308,
                &[location("https://api.test/a")],
            )],
        ),
        (
            "another host",
            Some((Root::OptionsRedirectHost, High)),
            &[(
                "OPTIONS",
                URL,
                &[APP, ASKS_PUT],
                301,
                &[location("https://www.api.test/a")],
            )],
        ),
        (
            "a login",
            Some((Root::OptionsRedirectLogin, High)),
            &[(
                "OPTIONS",
                URL,
                &[APP, ASKS_PUT],
                302,
                &[location("/login?next=a")],
            )],
        ),
        (
            "401",
            Some((Root::OptionsNeedsAuth, High)),
            &[(
                "OPTIONS",
                URL,
                &[APP, ASKS_PUT],
                401,
                &[("WWW-Authenticate", "Basic")],
            )],
        ),
        (
            "403, where credentials help",
            Some((Root::OptionsNeedsAuth, High)),
            &[
                ("GET", URL, &[COOKIE], 200, &[]),
                ("OPTIONS", URL, &[APP, ASKS_PUT], 403, &[]),
            ],
        ),
        (
            "405, where GET is answered",
            Some((Root::OptionsNoRoute, High)),
            &[
                ("GET", URL, &[], 200, &[]),
                ("OPTIONS", URL, &[APP, ASKS_PUT], 405, &[]),
            ],
        ),
        (
            "405, which says so",
            Some((Root::OptionsNoRoute, High)),
            &[(
                "OPTIONS",
                URL,
                &[APP, ASKS_PUT],
                405,
                &[("Allow", "GET, PUT")],
            )],
        ),
        (
            "404 for everybody",
            Some((Root::NoCorsConfig, Low)),
            &[
                ("GET", URL, &[], 404, &[]),
                ("OPTIONS", URL, &[APP, ASKS_PUT], 404, &[]),
            ],
        ),
        (
            "a library's headers",
            Some((Root::TraceHeadersAdded, High)),
            &[("OPTIONS", URL, &[APP, get, traces], 204, &[ALLOW_APP])],
        ),
        (
            "a library's headers, and nothing else to ask for",
            Some((Root::NoCorsConfig, Medium)),
            &[("OPTIONS", URL, &[APP, get, traces], 200, &[])],
        ),
        (
            "JSON, where forms are let in",
            Some((Root::SimpleRequestExpected, Medium)),
            &[
                ("POST", URL_B, &[APP], 200, &[ALLOW_APP]),
                ("OPTIONS", URL, &[APP, ASKS_POST, json], 400, &[]),
            ],
        ),
    ]);
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
    let changed = observe(&mut judge, 2, Duration::from_secs(60), put_right);
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
