//! Policies, requests and responses of all kinds, hostile ones among them.

use corstap::exchange::{AskedUrl, Request, Response};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// A policy, and what is asked and answered under it.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) policy: String,
    pub(super) requests: Vec<Request>,
    pub(super) responses: Vec<Response>,
}

pub(super) const ORIGINS: [&str; 14] = [
    "https://app.test",
    "https://app.test:8443",
    "http://localhost:3000",
    "https://localhost",
    "http://app.test",
    "https://evil.test",
    "https://app.test.evil.test",
    "https://evilapp.test",
    "HTTPS://APP.test",
    "https://app.test:443",
    "https://app.test/",
    "null",
    "*",
    "https://app.test, https://evil.test",
];
const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0",
    "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Safari/605.1.15",
    "curl/8.5.0",
];

fn list(all: &'static [&'static str]) -> impl Strategy<Value = String> {
    let some = subsequence(all, 0..=all.len());
    some.prop_map(|some| {
        let quoted: Vec<String> = some.iter().map(|item| format!("{item:?}")).collect();
        format!("[{}]", quoted.join(", "))
    })
}

const RULE_ORIGINS: &[&str] = &[
    "https://app.test",
    "https://app.test:8443",
    "https://localhost:*",
    "http://localhost:*",
];
const TARGETS: [&str; 3] = [
    "https://api.test",
    "https://api.test/v1",
    "https://api.test/v1/",
];

fn rules() -> impl Strategy<Value = String> {
    let credentials = (
        any::<bool>(),
        list(&["PUT", "DELETE", "PATCH", "x-own", "null"]),
        list(&["authorization", "content-type", "x-a", "X-B", "null"]),
        list(&["x-request-id", "x-secret", "null"]),
    );
    let any_name = prop::bool::weighted(0.2);
    let others = (
        subsequence(RULE_ORIGINS, 1..=4),
        prop_oneof![2 => select(&["https://api.test"][..]), 1 => select(&TARGETS[..])],
        prop::option::of(0..600_u32),
        select(&["repair", "answer"][..]),
        select(&["web app", "a % \u{e9}", "0"][..]),
    );
    (credentials, any_name, others).prop_map(|(lists, any_name, others)| {
        let (credentials, methods, headers, exposed) = lists;
        let (origins, target, age, preflight, name) = others;
        let wide = |list: String| if any_name && !credentials { "[\"*\"]".to_owned() } else { list };
        let age = age.map(|age| format!("max-age = {age}\n")).unwrap_or_default();
        format!(
            "[[rule]]\nname = {name:?}\norigins = {origins:?}\ntargets = [{target:?}]\nmethods = {}\n\
             request-headers = {}\nexpose-headers = {}\ncredentials = {credentials}\npreflight = {preflight:?}\n{age}",
            wide(methods),
            wide(headers),
            wide(exposed)
        )
    })
}

/// The field lines of a request.
fn lines(
    origin: &'static str,
    agent: &'static str,
    is_twice: bool,
    has_cookie: bool,
    mode: &'static str,
    asks: Option<(&'static str, &'static str)>,
) -> Vec<(&'static str, &'static str)> {
    let mut lines = vec![("User-Agent", agent), ("oRIGIN", origin)];
    lines.extend(is_twice.then_some(("Origin", "https://app.test")));
    lines.extend(has_cookie.then_some(("Cookie", "a=b")));
    if !mode.is_empty() {
        lines.extend([("Sec-Fetch-Mode", mode), ("Sec-Fetch-Site", "cross-site")]);
    }
    if let Some((asked, names)) = asks {
        lines.push(("Access-Control-Request-Method", asked));
        lines.extend((!names.is_empty()).then_some(("Access-Control-Request-Headers", names)));
    }
    lines
}

const URLS: [&str; 5] = [
    "https://api.test/v1/a",
    "https://api.test/v1",
    "https://api.test/",
    "https://api.test/v1/../b",
    "https://other.test/v1",
];

fn requests() -> impl Strategy<Value = Request> {
    let of_preflight = (
        select(
            &[
                "PUT", "DELETE", "GET", "put", "x-own", "*", "null", "PROPFIND",
            ][..],
        ),
        select(
            &[
                "",
                "x-a",
                "x-a,x-b",
                "authorization, X-A",
                "*",
                "null",
                "x-a,,x-c",
                "(x)",
            ][..],
        ),
    );
    let fields = (
        prop_oneof![
            3 => select(&ORIGINS[..1]),
            2 => select(&ORIGINS[1..4]),
            1 => select(&ORIGINS[..]),
        ],
        select(&AGENTS[..]),
        prop::bool::weighted(0.3),
        prop::bool::weighted(0.1),
        select(&["", "", "cors", "cors", "cors", "no-cors", "navigate"][..]),
    );
    let target = select(&URLS[..]);
    (
        select(&["OPTIONS", "OPTIONS", "GET", "PUT"][..]),
        target,
        of_preflight,
        fields,
    )
        .prop_map(
            |(method, target, (asked, names), (origin, agent, has_cookie, is_twice, mode))| {
                let asks = (method == "OPTIONS").then_some((asked, names));
                let lines = lines(origin, agent, is_twice, has_cookie, mode, asks);
                Request {
                    method: method.to_owned(),
                    url: AskedUrl::parse(target).expect("a URL"),
                    headers: lines.into_iter().collect(),
                }
            },
        )
}

const NAMES: [&str; 22] = [
    "Access-Control-Allow-Origin",
    "access-control-allow-origin",
    "ACCESS-Control-allow-ORIGIN",
    "Access-Control-Allow-Credentials",
    "access-control-allow-credentials",
    "Access-Control-Allow-Methods",
    "access-control-allow-methods",
    "Access-Control-Allow-Headers",
    "aCCESS-cONTROL-aLLOW-hEADERS",
    "Access-Control-Expose-Headers",
    "Access-Control-Max-Age",
    "access-control-max-age",
    "Access-Control-Request-Method",
    "Access-Control-Allow-Private-Network",
    "Access-Control-",
    "Vary",
    "vARY",
    "Cache-Control",
    "Corstap-Rewrite",
    "Location",
    "Set-Cookie",
    "X-Other",
];

fn values() -> impl Strategy<Value = Vec<u8>> {
    let known = select(
        &[
            "https://app.test",
            "http://localhost:3000",
            "https://evil.test",
            "*",
            "null",
            "NULL",
            "",
            "true",
            "TRUE",
            "false",
            "GET, PUT",
            "PUT",
            "x-a",
            "x-a, x-b, authorization",
            "*, x-a",
            "https://app.test, *",
            "https://app.test https://evil.test",
            "Origin",
            "Accept, origin",
            "no-store",
            "max-age=31536000, immutable",
            "86400",
            "-1",
            "a\0b",
            "\u{e9}",
            "x\r\nAccess-Control-Allow-Origin: *",
            " , ,",
        ][..],
    );
    prop_oneof![
        20 => known.prop_map(|known| known.as_bytes().to_vec()),
        2 => prop::collection::vec(any::<u8>(), 0..8),
        1 => (select(&["x-a,", "*,", "null, ", "https://app.test,"][..]), 1..2000_usize)
            .prop_map(|(member, times)| member.repeat(times).into_bytes()),
    ]
}

fn responses() -> impl Strategy<Value = Response> {
    let status = select(
        &[
            101_u16, 200, 200, 200, 201, 204, 206, 299, 301, 302, 304, 307, 400, 401, 403, 404,
            405, 407, 421, 500, 503,
        ][..],
    );
    let line = (select(&NAMES[..]), values());
    (status, prop::collection::vec(line, 0..10)).prop_map(|(status, lines)| Response {
        status,
        headers: lines.into_iter().collect(),
    })
}

pub(super) fn worlds() -> impl Strategy<Value = World> {
    (
        prop::collection::vec(rules(), 1..3),
        prop::collection::vec(requests(), 8),
        prop::collection::vec(responses(), 10),
    )
        .prop_map(|(rules, requests, responses)| World {
            policy: format!("version = 1\n{}", rules.concat()),
            requests,
            responses,
        })
}
