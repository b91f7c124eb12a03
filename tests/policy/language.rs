//! The language: what is understood, and what is found wrong with a file's form, and where.

use corstap::policy::{Policy, PreflightMode};

use super::{found, parse, rule, today};

const WHOLE: &str = r#"version = 1

[[rule]]
name = "web app to API"
origins = ["https://app.example.test", "http://localhost:*"]
targets = ["https://api.example.test/v1"]
methods = ["PUT"]
request-headers = ["authorization", "content-type"]
expose-headers = ["x-request-id"]
credentials = true
max-age = 600
preflight = "answer"
expires = 2027-03-31
"#;

#[test]
fn every_key_is_understood() {
    let parsed = parse(WHOLE);
    assert_eq!(found(&parsed), []);
    let [rule] = parsed.policy.rules() else {
        panic!("one rule");
    };
    assert_eq!(&*rule.name, "web app to API");
    let origins: Vec<String> = rule.origins.iter().map(ToString::to_string).collect();
    assert_eq!(origins, ["https://app.example.test", "http://localhost:*"]);
    assert_eq!(rule.targets[0].to_string(), "https://api.example.test/v1");
    assert_eq!(rule.methods.value().as_deref(), Some("PUT"));
    assert!(rule.request_headers.has_header(b"Authorization"));
    assert_eq!(rule.expose_headers.value().as_deref(), Some("x-request-id"));
    assert!(rule.credentials && rule.max_age == Some(600));
    assert_eq!(rule.preflight, PreflightMode::Answer);
    assert_eq!(
        rule.expires.map(|date| date.to_string()).as_deref(),
        Some("2027-03-31")
    );
}

#[test]
fn all_that_is_wrong_is_found_at_once_and_in_its_place() {
    let text = "verson = 1\n[[rule]]\nname = 7\norigin = [\"https://app.test\"]\norigins = \"https://app.test\"\n\
        targets = [\"api.test\", 7]\nmax-age = -1\npreflight = \"fix\"\nexpires = \"2027-03-31\"\ncredentials = \"yes\"\n";
    assert_eq!(
        found(&parse(text)),
        [
            ("key-missing", 1, 1),
            ("key-unknown", 1, 1),
            ("value-type", 3, 8),
            ("key-unknown", 4, 1),
            ("value-type", 5, 11),
            ("target-invalid", 6, 12),
            ("value-type", 6, 24),
            ("max-age-invalid", 7, 11),
            ("value-unknown", 8, 13),
            ("value-type", 9, 11),
            ("value-type", 10, 15),
        ]
    );
}

#[test]
fn an_unknown_key_comes_with_the_one_that_was_meant() {
    for (key, meant) in [
        ("orgins", Some("origins")),
        ("request_headers", Some("request-headers")),
        ("allowed-headers", None),
        ("Max-Age", Some("max-age")),
        ("credential", Some("credentials")),
        ("xyzzy", None),
    ] {
        let text = rule(&format!(
            "origins = [\"https://a.test\"]\ntargets = [\"https://b.test\"]\n{key} = 1"
        ));
        let parsed = parse(&text);
        assert_eq!(found(&parsed), [("key-unknown", 7, 1)], "{key}");
        assert_eq!(parsed.findings[0].instead.as_deref(), meant, "{key}");
    }
}

#[test]
fn what_is_no_toml_is_found_with_everything_else() {
    let text = "version = 1\n[[rule]]\nname = \"a\nname = \"b\"\norigins = [\"https://A.test\"]\ntargets = [\"https://b.test\"]\n\
        max-age = \nmax-age = 5\n";
    let parsed = parse(text);
    let codes: Vec<&str> = found(&parsed).iter().map(|(code, ..)| *code).collect();
    assert!(
        codes.contains(&"policy-syntax") && codes.contains(&"origin-upper-case"),
        "{codes:?}"
    );
    assert!(!parsed.is_sound());
}

#[test]
fn a_key_that_stands_twice_is_named() {
    let text = rule(
        "origins = [\"https://a.test\"]\ntargets = [\"https://b.test\"]\nmax-age = 5\nmax-age = 6",
    );
    let parsed = parse(&text);
    assert_eq!(found(&parsed), [("key-duplicate", 8, 1)]);
    assert_eq!(parsed.findings[0].value.as_deref(), Some("max-age"));
}

#[test]
fn a_mark_at_the_beginning_and_lines_of_windows_change_no_place() {
    let text = format!(
        "\u{feff}{}",
        WHOLE.replace('\n', "\r\n").replace("600", "-6")
    );
    assert_eq!(found(&parse(&text)), [("max-age-invalid", 11, 11)]);
    assert_eq!(found(&parse(&format!("\u{feff}{WHOLE}"))), []);
}

#[test]
fn columns_count_characters() {
    let text = rule(
        "origins = [\"https://a.test\", \"https://\u{e9}\u{1f600}.test\", \"https://B.test\"]\ntargets = [\"https://b.test\"]",
    );
    let parsed = parse(&text);
    assert_eq!(
        found(&parsed),
        [("origin-unicode", 5, 30), ("origin-upper-case", 5, 49)]
    );
}

#[test]
fn what_is_no_text_or_no_size_for_a_policy_is_said_so() {
    let parsed = Policy::parse(b"version = 1\nname = \"\xff\"", today());
    assert_eq!(found(&parsed), [("policy-not-utf8", 2, 9)]);
    let parsed = Policy::parse(&vec![b'#'; 2 << 20], today());
    assert_eq!(found(&parsed), [("policy-too-large", 1, 1)]);
    assert!(parsed.policy.rules().is_empty() && !parsed.is_sound());
    assert_eq!(
        found(&parse("")),
        [("key-missing", 1, 1), ("rules-none", 1, 1)]
    );
    let deep = format!("version = {}1{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(!parse(&deep).is_sound());
}

#[test]
fn names_that_cannot_stand_in_a_field_are_found() {
    for name in ["a\\nb", " a", "\\u0000", ""] {
        let text = format!(
            "version = 1\n[[rule]]\nname = \"{name}\"\norigins = [\"https://a.test\"]\ntargets = [\"https://b.test\"]\n"
        );
        let code = if name.is_empty() {
            "value-empty"
        } else {
            "name-invalid"
        };
        assert_eq!(found(&parse(&text)), [(code, 3, 8)], "{name}");
    }
}

#[test]
fn dates_and_versions_that_are_none_are_found() {
    let with = |lines: &str| {
        rule(&format!(
            "origins = [\"https://a.test\"]\ntargets = [\"https://b.test\"]\n{lines}"
        ))
    };
    assert_eq!(
        found(&parse(&with("expires = 2027-03-31T10:00:00Z"))),
        [("value-type", 7, 11)]
    );
    assert_eq!(
        found(&parse(&with("expires = 2026-11-26"))),
        [("rule-expired", 7, 11)]
    );
    assert_eq!(
        found(&parse(&with("expires = 2026-11-27"))),
        [],
        "its last day"
    );
    let text = with("").replace("version = 1", "version = 2");
    assert_eq!(found(&parse(&text)), [("version-unknown", 1, 11)]);
}
