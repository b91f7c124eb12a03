//! Rewriting: which policies may be in force, and what they make of a response.

use corstap::exchange::{AskedUrl, Moment, Protocol, Request, Response};
use corstap::policy::rewrite::{Refusal, Rewriter};
use corstap::wire::edit::for_client;
use corstap::wire::head::ResponseHead;

use super::{parse, rule, today};

// Which policies.

fn refusals(text: &str) -> Vec<String> {
    let refused = Rewriter::of(&parse(text), today())
        .err()
        .unwrap_or_default();
    refused.iter().map(ToString::to_string).collect()
}

#[test]
fn only_exact_origins_and_those_of_localhost_may_be_in_force() {
    let target = "targets = [\"https://api.test\"]";
    let of = |origins: &str| refusals(&rule(&format!("origins = [{origins}]\n{target}")));
    assert_eq!(of("\"https://app.test\", \"http://localhost:*\""), [""; 0]);
    for (origin, spelt) in [
        ("https://*.app.test", "https://*.app.test"),
        ("*", "*"),
        ("https://app.test:*", "https://app.test:*"),
    ] {
        let refused = of(&format!("\"{origin}\""));
        let said = format!("rule \"a\": {spelt} is more than one origin");
        assert!(
            refused.iter().any(|told| told.starts_with(&said)),
            "{refused:?}"
        );
    }
    let null = of("\"null\"");
    assert!(
        null.iter().any(|told| told == "line 5: origin-null: null"),
        "{null:?}"
    );
}

#[test]
fn a_policy_with_nothing_in_force_is_refused() {
    assert_eq!(refusals("version = 1\n"), ["it has no rules"]);
    let lines =
        "origins = [\"https://app.test\"]\ntargets = [\"https://api.test\"]\nexpires = 2026-11-26";
    assert_eq!(
        refusals(&rule(lines)),
        ["all its rules have expired: set `expires` to a later day"]
    );
    let today_still = lines.replace("26\"", "").replace("11-26", "11-27");
    assert_eq!(refusals(&rule(&today_still)), [""; 0]);
}

#[test]
fn it_is_all_over_when_the_last_rule_is() {
    let lines = |expires: &str| {
        format!("origins = [\"https://app.test\"]\ntargets = [\"https://api.test\"]\n{expires}")
    };
    let ends = |text: &str| {
        Rewriter::of(&parse(text), today())
            .expect("in force")
            .ends()
    };
    let two = rule(&lines("expires = 2026-11-30"))
        + &format!(
            "[[rule]]\nname = \"b\"\n{}\n",
            lines("expires = 2026-12-24").replace("app.test", "other.test")
        );
    assert_eq!(ends(&two), Moment::parse("2026-12-25T00:00:00Z"));
    assert_eq!(ends(&rule(&lines(""))), None);
}

// One response.

fn rewriter(text: &str) -> Rewriter {
    Rewriter::of(&parse(text), today()).expect("may be in force")
}

fn request(method: &str, origin: &str, more: &[(&str, &str)]) -> Request {
    let lines = [("Origin", origin)];
    Request {
        method: method.to_owned(),
        url: AskedUrl::parse("https://api.test/v1/a").expect("a URL"),
        headers: lines.iter().chain(more).copied().collect(),
    }
}

fn repaired(rewriter: &Rewriter, request: &Request, octets: &str) -> Option<String> {
    let head = ResponseHead::parse(octets.as_bytes()).expect("a head");
    let sent = Response {
        status: head.status,
        headers: head.headers,
    };
    let rewrite = rewriter.repair(request, Protocol::Http11, &sent, today())?;
    let spliced = for_client(octets.as_bytes(), &rewrite.edits);
    Some(String::from_utf8(spliced).expect("text"))
}

const RULE: &str = r#"
    version = 1
    [[rule]]
    name = "app & co"
    origins = ["https://app.test"]
    targets = ["https://api.test/v1"]
    methods = ["PUT", "PATCH"]
    request-headers = ["x-a"]
    expose-headers = ["x-request-id"]
    credentials = true
    max-age = 600
"#;

#[test]
fn a_response_is_changed_where_it_has_to_be_and_nowhere_else() {
    let sent = "HTTP/1.1 403 No  way\r\nset-cookie:a=b\r\naccess-CONTROL-allow-origin:  * \r\n\
                Access-Control-Allow-Origin: https://app.test\r\nVARY:Accept\r\nETag: \"x\"\r\n\
                Cache-Control: max-age=600\r\ncache-control: public\r\n\
                Access-Control-Allow-Methods: *\r\nAccess-Control-Other: null\r\nContent-Length: 2\r\n\r\n";
    let delivered = "HTTP/1.1 403 No  way\r\nset-cookie:a=b\r\naccess-CONTROL-allow-origin:  https://app.test \r\n\
                     VARY:Accept, Origin\r\nETag: \"x\"\r\n\
                     Cache-Control: no-store\r\nContent-Length: 2\r\n\
                     Access-Control-Allow-Credentials: true\r\nAccess-Control-Expose-Headers: x-request-id\r\n\
                     corstap-rewrite: app & co\r\n\r\n";
    let asked = request("GET", "https://app.test", &[]);
    assert_eq!(
        repaired(&rewriter(RULE), &asked, sent).as_deref(),
        Some(delivered)
    );
}

#[test]
fn a_preflight_gets_the_lists_of_the_rule_and_a_status_that_passes() {
    let asks = [
        ("Access-Control-Request-Method", "PUT"),
        ("Access-Control-Request-Headers", "x-a"),
    ];
    let asked = request("OPTIONS", "https://app.test", &asks);
    let rest = "Vary: Origin\r\nContent-Length: 4\r\nAccess-Control-Allow-Origin: https://app.test\r\n\
                Access-Control-Allow-Credentials: true\r\nAccess-Control-Allow-Methods: PUT, PATCH\r\n\
                Access-Control-Allow-Headers: x-a\r\nAccess-Control-Max-Age: 5\r\nCache-Control: no-store\r\n\
                corstap-rewrite: app & co\r\n\r\n";
    for (sent, line) in [
        ("401 Unauthorized", "200 OK"),
        ("302 Found", "200 OK"),
        ("204 Nothing", "204 Nothing"),
        // It has no content, whatever it says: a 200 would be waited for.
        ("304 Not Modified", "204 No Content"),
    ] {
        let head = format!("HTTP/1.1 {sent}\r\nVary: Origin\r\nContent-Length: 4\r\n\r\n");
        assert_eq!(
            repaired(&rewriter(RULE), &asked, &head),
            Some(format!("HTTP/1.1 {line}\r\n{rest}"))
        );
    }
}

#[test]
fn an_answer_that_updates_what_a_browser_has_in_its_cache_is_left_as_it_is() {
    let asked = request("GET", "https://app.test", &[("If-None-Match", "\"1\"")]);
    let head = |status: &str| format!("HTTP/1.1 {status}\r\nETag: \"1\"\r\n\r\n");
    assert_eq!(
        repaired(&rewriter(RULE), &asked, &head("304 Not Modified")),
        None
    );
    assert!(repaired(&rewriter(RULE), &asked, &head("200 OK")).is_some());
}

#[test]
fn what_the_rule_does_not_grant_is_left_as_it_is() {
    let rewriter = rewriter(RULE);
    let bare = "HTTP/1.1 200 OK\r\n\r\n";
    let asks = |method, headers| {
        [
            ("Access-Control-Request-Method", method),
            ("Access-Control-Request-Headers", headers),
        ]
    };
    for asks in [
        asks("DELETE", "x-a"),
        asks("put", "x-a"),
        asks("PUT", "x-b"),
        asks("PUT", "*"),
    ] {
        let asked = request("OPTIONS", "https://app.test", &asks);
        assert_eq!(repaired(&rewriter, &asked, bare), None, "{asks:?}");
    }
    for origin in [
        "https://evil.test",
        "null",
        "https://app.test.evil.test",
        "HTTPS://APP.test",
    ] {
        assert_eq!(
            repaired(&rewriter, &request("GET", origin, &[]), bare),
            None,
            "{origin}"
        );
    }
    let twice = [("origin", "https://app.test")];
    assert_eq!(
        repaired(&rewriter, &request("GET", "https://app.test", &twice), bare),
        None
    );
    for (mode, site) in [
        ("no-cors", "cross-site"),
        ("navigate", "cross-site"),
        ("cors", "same-origin"),
    ] {
        let metadata = [("Sec-Fetch-Mode", mode), ("Sec-Fetch-Site", site)];
        let asked = request("POST", "https://app.test", &metadata);
        assert_eq!(repaired(&rewriter, &asked, bare), None, "{mode}");
    }
}

#[test]
fn what_passes_without_credentials_only_is_changed_for_a_rule_that_grants_them() {
    let asterisk = "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\n\r\n";
    let without = RULE.replace("credentials = true", "credentials = false");
    let asked = request("GET", "https://app.test", &[]);
    assert!(repaired(&rewriter(RULE), &asked, asterisk).is_some());
    assert_eq!(repaired(&rewriter(&without), &asked, asterisk), None);
    let with_cookie = request("GET", "https://app.test", &[("Cookie", "a=b")]);
    assert!(repaired(&rewriter(RULE), &with_cookie, asterisk).is_some());
    assert_eq!(repaired(&rewriter(&without), &with_cookie, asterisk), None);
}

#[test]
fn a_rule_that_answers_does_so_for_what_it_grants() {
    let rewriter = rewriter(&RULE.replace("max-age = 600", "preflight = \"answer\""));
    let answer = |method| {
        let asks = [("Access-Control-Request-Method", method)];
        let asked = request("OPTIONS", "https://app.test", &asks);
        let rewrite = rewriter.answer(&asked, Protocol::Http2, today())?;
        Some((rewrite.delivered.status, rewrite.delivered.headers.len()))
    };
    assert_eq!(answer("PATCH"), Some((204, 8)));
    assert_eq!(answer("DELETE"), None, "the server is asked");
    let actual = request("PUT", "https://app.test", &[]);
    assert_eq!(rewriter.answer(&actual, Protocol::Http2, today()), None);
}

#[test]
fn refusals_name_what_stands_against_a_policy() {
    let wide = Refusal::Pattern {
        rule: "a".into(),
        origin: "*".to_owned(),
    };
    assert!(wide.to_string().contains("list the origins one by one"));
}
