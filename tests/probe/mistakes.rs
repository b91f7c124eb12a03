//! The mistakes of servers, each found on a server that makes it, and nothing found on one that
//! does not.

use std::time::Duration;

use corstap::probe::Comparison;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::http::header::{HeaderName, HeaderValue};
use hyper::http::{Method, Request, Response, StatusCode};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use crate::site::{Site, page};

const APP: &str = "https://app.example.com";

/// What the policy says in most of these.
const RULE: &str = "origins = [\"https://app.example.com\"]\nmethods = [\"PUT\"]\n\
                    request-headers = [\"content-type\"]\ncredentials = true\nmax-age = 600";

/// The layer that does what the rule says.
fn fine() -> CorsLayer {
    CorsLayer::new()
        .allow_origin([HeaderValue::from_static(APP)])
        .allow_methods([Method::PUT])
        .allow_headers([HeaderName::from_static("content-type")])
        .allow_credentials(true)
        .max_age(Duration::from_mins(10))
}

fn allowing(is_allowed: fn(&str) -> bool) -> CorsLayer {
    let predicate =
        move |origin: &HeaderValue, _: &http::request::Parts| origin.to_str().is_ok_and(is_allowed);
    fine().allow_origin(AllowOrigin::predicate(predicate))
}

#[tokio::test]
async fn a_server_that_does_what_the_policy_says_has_no_findings_and_no_cell_that_differs() {
    let (cells, found) = Site::with(fine()).await.probed(RULE).await;
    assert_eq!(found, []);
    let differs: Vec<_> = cells
        .iter()
        .filter(|cell| cell.comparison() != Comparison::Agrees)
        .collect();
    assert!(differs.is_empty(), "{differs:#?}");
    assert!(cells.len() > 20);
}

/// How a server looks at origins, how it does so, and what is found.
type Case = (&'static str, fn(&str) -> bool, &'static [&'static str]);

const CASES: [Case; 8] = [
    ("reflects", |_| true, &["server-reflects-origin"]),
    (
        "null",
        |origin| [APP, "null"].contains(&origin),
        &["server-allows-null"],
    ),
    (
        "begins with",
        |origin| origin.starts_with(APP),
        &[
            "server-matches-prefix",
            "server-odd-characters",
            "server-ignores-port",
            "server-ignores-trailing-dot",
        ],
    ),
    (
        "ends with",
        |origin| origin.ends_with("app.example.com"),
        &[
            "server-matches-suffix",
            "server-allows-subdomains",
            "server-ignores-scheme",
        ],
    ),
    (
        "subdomains",
        |origin| {
            origin == APP || origin.starts_with("https://") && origin.ends_with(".example.com")
        },
        &["server-allows-subdomains", "server-matches-suffix"],
    ),
    (
        "a dot for any character",
        |origin| {
            origin.len() == APP.len()
                && origin.starts_with("https://app")
                && origin.ends_with("example.com")
        },
        &["server-dot-unescaped"],
    ),
    (
        "the scheme is not looked at",
        |origin| {
            origin
                .split_once("://")
                .is_some_and(|(_, host)| host == "app.example.com")
        },
        &["server-ignores-scheme"],
    ),
    (
        "the case is not looked at",
        |origin| origin.eq_ignore_ascii_case(APP),
        &["server-ignores-case"],
    ),
];

#[tokio::test]
async fn each_way_to_match_origins_wrongly_is_named() {
    for (name, is_allowed, expected) in CASES {
        let codes = Site::with(allowing(is_allowed)).await.codes(RULE).await;
        let mut codes: Vec<&str> = codes.into_iter().map(|(code, _)| code).collect();
        let mut expected = expected.to_vec();
        codes.sort_unstable();
        expected.sort_unstable();
        assert_eq!(codes, expected, "{name}");
    }
}

#[tokio::test]
async fn what_is_wide_open_with_credentials_is_unsafe_and_without_them_worth_a_word() {
    let reflecting = || fine().allow_origin(AllowOrigin::mirror_request());
    let codes = Site::with(reflecting()).await.codes(RULE).await;
    assert_eq!(codes, [("server-reflects-origin", "unsafe")]);
    let anonymous = RULE.replace("credentials = true", "credentials = false");
    let site = Site::with(reflecting().allow_credentials(false)).await;
    assert_eq!(
        site.codes(&anonymous).await,
        [("server-reflects-origin", "advice")]
    );
    let site = Site::with(
        fine()
            .allow_origin(tower_http::cors::Any)
            .allow_credentials(false),
    )
    .await;
    assert_eq!(
        site.codes(&anonymous).await,
        [("server-allows-all", "advice")]
    );
}

#[tokio::test]
async fn a_public_api_is_no_finding() {
    let layer = CorsLayer::new().allow_origin(tower_http::cors::Any);
    let (cells, found) = Site::with(layer).await.probed("origins = [\"*\"]").await;
    assert_eq!(found, []);
    assert!(
        cells
            .iter()
            .all(|cell| cell.comparison() == Comparison::Agrees)
    );
}

#[tokio::test]
async fn credentials_that_no_rule_grants_are_found() {
    let anonymous = RULE.replace("credentials = true", "credentials = false");
    let codes = Site::with(fine()).await.codes(&anonymous).await;
    assert_eq!(codes, [("server-allows-credentials", "unsafe")]);
}

#[tokio::test]
async fn what_a_rule_allows_and_the_server_refuses_is_broken() {
    let site = Site::with(fine().allow_credentials(false)).await;
    assert_eq!(
        site.codes(RULE).await,
        [("server-refuses-credentials", "broken")]
    );
    let site = Site::with(fine().allow_methods([Method::GET])).await;
    assert_eq!(
        site.codes(RULE).await,
        [("server-refuses-preflight", "broken")]
    );
    let other = fine().allow_origin([HeaderValue::from_static("https://other.example.com")]);
    let codes = Site::with(other).await.codes(RULE).await;
    assert!(
        codes.contains(&("server-refuses-origin", "broken")),
        "{codes:?}"
    );
    let exposing = format!("{RULE}\nexpose-headers = [\"x-request-id\"]");
    assert_eq!(
        Site::with(fine()).await.codes(&exposing).await,
        [("server-exposes-less", "broken")]
    );
}

#[tokio::test]
async fn methods_headers_and_ages_that_differ_are_worth_a_word() {
    let more = fine().allow_methods([Method::PUT, Method::DELETE]);
    assert_eq!(
        Site::with(more).await.codes(RULE).await,
        [("server-allows-method", "advice")]
    );
    let more = fine().allow_headers(AllowHeaders::mirror_request());
    assert_eq!(
        Site::with(more).await.codes(RULE).await,
        [("server-allows-header", "advice")]
    );
    let longer = fine().max_age(Duration::from_hours(24));
    assert_eq!(
        Site::with(longer).await.codes(RULE).await,
        [("server-max-age-differs", "advice")]
    );
}

#[tokio::test]
async fn preflights_of_strangers_that_pass_are_found_where_pages_do_not() {
    let site = Site::start(None, |request| {
        let mut response = page(request);
        let origin = request.headers().get("origin").cloned();
        let is_preflight = request.method() == Method::OPTIONS;
        if let Some(origin) = origin.filter(|origin| is_preflight || origin == APP) {
            let fields = response.headers_mut();
            fields.insert("access-control-allow-origin", origin);
            fields.insert(
                "access-control-allow-credentials",
                HeaderValue::from_static("true"),
            );
            fields.insert(
                "access-control-allow-methods",
                HeaderValue::from_static("PUT"),
            );
            fields.insert(
                "access-control-allow-headers",
                HeaderValue::from_static("content-type"),
            );
            fields.insert("access-control-max-age", HeaderValue::from_static("600"));
        }
        response
            .headers_mut()
            .insert("vary", HeaderValue::from_static("Origin"));
        response
    });
    let codes = site.await.codes(RULE).await;
    assert_eq!(codes, [("server-answers-any-preflight", "unsafe")]);
}

/// Does what the rule says, but for Vary and Cache-Control, which are set as the path says.
fn forgetful(
    request: &Request<Incoming>,
    without_origin: &[(&'static str, &'static str)],
) -> Response<Full<Bytes>> {
    let mut response = page(request);
    let fields = response.headers_mut();
    let is_app = request
        .headers()
        .get("origin")
        .is_some_and(|origin| origin == APP);
    if is_app {
        for (name, value) in [
            ("access-control-allow-origin", APP),
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-methods", "PUT"),
            ("access-control-allow-headers", "content-type"),
            ("access-control-max-age", "600"),
            ("vary", "Accept-Encoding, origin"),
        ] {
            fields.insert(name, HeaderValue::from_static(value));
        }
    } else {
        for (name, value) in without_origin {
            fields.insert(*name, HeaderValue::from_static(value));
        }
    }
    response
}

#[tokio::test]
async fn vary_is_missed_on_answers_to_nobody_and_to_those_who_are_refused() {
    let site = Site::answering(|request| forgetful(request, &[])).await;
    let (_, found) = site.probed(RULE).await;
    let codes: Vec<_> = found
        .iter()
        .map(|one| (one.mistake.code(), one.severity.name()))
        .collect();
    assert_eq!(codes, [("server-vary-missing", "unsafe")]);
    assert!(found[0].seen.contains("no Origin"), "{}", found[0].seen);
    let stored_nowhere =
        Site::answering(|request| forgetful(request, &[("cache-control", "private, no-store")]))
            .await;
    assert_eq!(stored_nowhere.codes(RULE).await, []);
    let varies = Site::answering(|request| forgetful(request, &[("vary", "*")])).await;
    assert_eq!(varies.codes(RULE).await, []);
}

#[tokio::test]
async fn errors_without_the_fields_are_worth_a_word_and_say_nothing_of_the_origin() {
    let site = Site::answering(|request| {
        if request.uri().path() == "/api" {
            return forgetful(request, &[("vary", "Origin")]);
        }
        let mut response = page(request);
        *response.status_mut() = StatusCode::NOT_FOUND;
        response
            .headers_mut()
            .insert("vary", HeaderValue::from_static("Origin"));
        response
    });
    assert_eq!(
        site.await.codes(RULE).await,
        [("server-errors-without-cors", "advice")]
    );
    let closed = Site::answering(|request| {
        if request.method() == Method::OPTIONS {
            return forgetful(request, &[]);
        }
        let mut response = page(request);
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        response
    });
    assert_eq!(
        closed.await.codes(RULE).await,
        [("server-errors-without-cors", "advice")]
    );
}
