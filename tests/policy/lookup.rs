//! Which rule is for a request.

use std::fmt::Write;

use corstap::exchange::{Moment, RequestUrl};
use corstap::policy::Policy;
use proptest::prelude::*;

use super::{parse, rule, today};

fn url(text: &str) -> RequestUrl {
    let (origin, path) = text.split_at(text[8..].find('/').map_or(text.len(), |at| at + 8));
    RequestUrl {
        path: path.into(),
        ..RequestUrl::parse(origin).expect("valid")
    }
}

fn named<'a>(policy: &'a Policy, origin: &str, text: &str, now: Moment) -> Option<&'a str> {
    policy
        .rule_for(origin.as_bytes(), &url(text), now)
        .map(|rule| &*rule.name)
}

const RULES: &str = r#"
    version = 1
    [[rule]]
    name = "old"
    origins = ["https://app.test"]
    targets = ["https://api.test"]
    expires = 2026-12-01
    [[rule]]
    name = "v1"
    origins = ["https://app.test", "https://*.app.test:8443"]
    targets = ["https://api.test/v1", "https://other.test"]
    [[rule]]
    name = "rest"
    origins = ["http://localhost:*", "https://app.test"]
    targets = ["https://api.test"]
    [[rule]]
    name = "public"
    origins = ["*"]
    targets = ["https://api.test/public/"]
"#;

#[test]
fn the_first_rule_that_is_for_a_request_and_has_not_expired_counts() {
    let policy = parse(RULES).policy;
    let later = Moment::parse("2026-12-02T00:00:00Z").expect("valid");
    let on = |origin, url| named(&policy, origin, url, later);
    assert_eq!(
        named(
            &policy,
            "https://app.test",
            "https://api.test/v1/a",
            today()
        ),
        Some("old")
    );
    assert_eq!(on("https://app.test", "https://api.test/v1/a"), Some("v1"));
    assert_eq!(
        on("https://app.test", "https://api.test/v1/../a"),
        Some("rest")
    );
    assert_eq!(
        on("https://app.test", "https://api.test/v1/..%2fa"),
        Some("rest")
    );
    assert_eq!(
        on("https://a.b.app.test:8443", "https://other.test/"),
        Some("v1")
    );
    assert_eq!(on("https://a.b.app.test", "https://other.test/"), None);
    assert_eq!(on("https://app.test:8443", "https://other.test/"), None);
    assert_eq!(on("https://evilapp.test:8443", "https://other.test/"), None);
    assert_eq!(on("https://a_b.app.test:8443", "https://other.test/"), None);
    assert_eq!(
        on("http://localhost:5173", "https://api.test/public/x"),
        Some("rest")
    );
    assert_eq!(
        on("http://localhost.evil.test", "https://api.test/public/x"),
        Some("public")
    );
    assert_eq!(on("http://evil.test", "https://api.test/public"), None);
    assert_eq!(on("null", "https://api.test/public/x"), Some("public"));
    assert_eq!(on("null", "https://api.test/v1"), None);
    assert_eq!(on("", "https://api.test/public/x"), None);
}

/// Hosts, ports and paths of which some are alike.
fn origin() -> impl Strategy<Value = String> {
    let host = prop::sample::select(vec![
        "app.test",
        "a.app.test",
        "b.a.app.test",
        "xapp.test",
        "localhost",
        "[::1]",
        "a_b.app.test",
    ]);
    let port = prop::sample::select(vec!["", ":8443", ":3000"]);
    let scheme = prop::sample::select(vec!["https", "http"]);
    prop_oneof![
        9 => (scheme, host, port).prop_map(|(scheme, host, port)| format!("{scheme}://{host}{port}")),
        1 => Just("null".to_owned()),
    ]
}

fn pattern() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => origin(),
        1 => Just("*".to_owned()),
        2 => prop::sample::select(vec!["https://*.app.test", "http://*.app.test:*", "https://*.a.app.test", "http://localhost:*"])
            .prop_map(str::to_owned),
    ]
}

fn path() -> impl Strategy<Value = String> {
    let segment = prop::sample::select(vec![
        "a", "b", "", "..", ".", "%2e%2e", "a%2fb", "..;", "ab", "%61",
    ]);
    prop::collection::vec(segment, 0..5).prop_map(|segments| format!("/{}", segments.join("/")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    /// The index finds what going through the rules finds.
    #[test]
    fn the_index_finds_what_a_scan_finds(
        rules in prop::collection::vec((pattern(), prop::sample::select(vec!["", "/", "/a", "/a/", "/a/b", "/b", "/%61"])), 0..6),
        origin in origin(),
        path in path(),
    ) {
        let mut text = "version = 1\n".to_owned();
        for (number, (pattern, prefix)) in rules.iter().enumerate() {
            let _ = write!(
                text,
                "[[rule]]\nname = \"{number}\"\norigins = [\"{pattern}\"]\ntargets = [\"https://api.test{prefix}\"]\n"
            );
        }
        let policy = parse(&text).policy;
        prop_assert_eq!(policy.rules().len(), rules.len());
        let url = url(&format!("https://api.test{path}"));
        let scanned = policy.rules().iter().find(|rule| rule.covers(origin.as_bytes(), &url));
        let found = policy.rule_for(origin.as_bytes(), &url, today());
        prop_assert_eq!(found, scanned);
    }

    /// However a path is spelt, a prefix covers nothing that a server would take for a path outside.
    #[test]
    fn a_prefix_covers_nothing_outside(path in path()) {
        let policy = parse(&rule("origins = [\"https://app.test\"]\ntargets = [\"https://api.test/a\"]")).policy;
        if policy.rule_for(b"https://app.test", &url(&format!("https://api.test{path}")), today()).is_some() {
            prop_assert!(is_inside(&path), "{}", path);
            prop_assert!(is_inside(&path.replace("%2f", "/").replace("..;", "..")), "{}", path);
        }
    }
}

/// Whether a path is `/a` or below it, by the URL standard.
fn is_inside(path: &str) -> bool {
    let url = url::Url::parse(&format!("https://api.test{path}")).expect("valid");
    let first = url.path().split('/').nth(1).unwrap_or_default();
    matches!(first, "a" | "%61")
}
