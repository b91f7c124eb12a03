//! The lint: every mistake of the reference that a policy can hold is found, in its place, by name.

use std::collections::BTreeSet;
use std::fmt::Write;

use corstap::policy::finding::{Code, Severity};

use super::{found, parse, rule};

/// The lines of a rule, and what is found: code, and the text that the finding is about.
const CASES: &str = r#"
origins = ["null"] / targets = ["https://api.test"] -> origin-null "null"
origins = ["*"] / targets = ["https://api.test"] / credentials = true -> any-origin-with-credentials "*"
origins = ["*"] / targets = ["https://api.test"] / request-headers = ["x-a"] ->
origins = ["https://*example.com"] / targets = ["https://api.test"] -> origin-suffix-pattern "https://*example.com"
origins = ["https://example.com*"] / targets = ["https://api.test"] -> origin-prefix-pattern "https://example.com*"
origins = ['https://.*\.example.com'] / targets = ["https://api.test"] -> origin-regex 'https://.*\.example.com'
origins = ["https://app`.example.com"] / targets = ["https://api.test"] -> origin-invalid "https://app`.example.com"
origins = ["https://*.github.io"] / targets = ["https://api.test"] -> origin-public-suffix "https://*.github.io"
origins = ["https://*.co.uk"] / targets = ["https://api.test"] -> origin-public-suffix "https://*.co.uk"
origins = ["https://*.com"] / targets = ["https://api.test"] -> origin-public-suffix "https://*.com"
origins = ["https://*.me.github.io", "http://*.localhost:*", "https://*.test"] / targets = ["https://api.test"] ->
origins = ["https://*.example.com"] / targets = ["https://api.test"] / credentials = true -> subdomains-with-credentials "https://*.example.com"
origins = ["http://app.example.com"] / targets = ["https://api.test"] / credentials = true -> http-origin-with-credentials "http://app.example.com"
origins = ["http://localhost:3000", "http://127.0.0.1:3000", "http://[::1]:*"] / targets = ["https://api.test"] / credentials = true ->
origins = ["http://app.example.com"] / targets = ["https://api.test"] -> http-origin "http://app.example.com"
origins = ["http://app.example.com"] / targets = ["http://api.test"] ->
origins = ["https://app.test:*"] / targets = ["https://api.test"] -> origin-any-port "https://app.test:*"
origins = ["https://app.test/"] / targets = ["https://api.test"] -> origin-trailing-slash "https://app.test/"
origins = ["https://app.test/a"] / targets = ["https://api.test"] -> origin-path "https://app.test/a"
origins = ["https://App.test"] / targets = ["https://api.test"] -> origin-upper-case "https://App.test"
origins = ["https://app.test:443"] / targets = ["https://api.test"] -> origin-default-port "https://app.test:443"
origins = ["https://bücher.test"] / targets = ["https://api.test"] -> origin-unicode "https://bücher.test"
origins = ["http://[0:0::1]"] / targets = ["https://api.test"] -> origin-address-spelling "http://[0:0::1]"
origins = ["https://a.test,https://b.test"] / targets = ["https://api.test"] -> origin-list "https://a.test,https://b.test"
origins = ["app.test"] / targets = ["https://api.test"] -> origin-no-scheme "app.test"
origins = ["file://"] / targets = ["https://api.test"] -> origin-scheme "file://"
origins = ["https://app.test", "https://*.test"] / targets = ["https://api.test"] -> origin-covered "https://app.test"
origins = ["https://app.test", "https://app.test"] / targets = ["https://api.test"] -> value-duplicate "https://app.test"
origins = ["https://api.test"] / targets = ["https://api.test"] -> origin-is-target "https://api.test"
origins = [] / targets = ["https://api.test"] -> value-empty []
origins = ["https://app.test"] / targets = ["api.test"] -> target-invalid "api.test"
origins = ["https://app.test"] / targets = ["https://api.test/*"] -> target-pattern "https://api.test/*"
origins = ["https://app.test"] / targets = ["https://api.test/?a"] -> target-query "https://api.test/?a"
origins = ["https://app.test"] / targets = ["https://api.test/a/../b"] -> target-path "https://api.test/a/../b"
origins = ["https://app.test"] / targets = ["https://api.test/a", "https://api.test"] -> target-covered "https://api.test/a"
origins = ["https://app.test"] / targets = ["https://api.test/a/", "https://api.test/a"] -> target-covered "https://api.test/a/"
origins = ["https://app.example.com"] / targets = ["http://192.168.1.1"] -> target-private "https://app.example.com" target-mixed-content "http://192.168.1.1"
origins = ["*"] / targets = ["http://localhost:8080"] -> target-private "*"
origins = ["https://app.example.com"] / targets = ["https://[fd00::1]"] -> target-private "https://app.example.com"
origins = ["https://app.test", "http://localhost:*"] / targets = ["http://localhost:8080"] ->
origins = ["https://app.test"] / targets = ["http://api.test"] -> target-mixed-content "http://api.test"
origins = ["https://app.test"] / targets = ["https://api.test"] / methods = ["a b"] -> method-invalid "a b"
origins = ["https://app.test"] / targets = ["https://api.test"] / methods = ["patch"] -> method-lower-case "patch"
origins = ["https://app.test"] / targets = ["https://api.test"] / methods = ["TRACE"] -> method-forbidden "TRACE"
origins = ["https://app.test"] / targets = ["https://api.test"] / methods = ["GET"] -> method-safelisted "GET"
origins = ["https://app.test"] / targets = ["https://api.test"] / methods = ["OPTIONS"] -> method-options "OPTIONS"
origins = ["https://app.test"] / targets = ["https://api.test"] / methods = ["*"] / credentials = true -> any-method-with-credentials "*"
origins = ["https://app.test"] / targets = ["https://api.test"] / methods = ["*", "PUT"] -> value-covered "PUT"
origins = ["https://app.test"] / targets = ["https://api.test"] / request-headers = ["a:"] -> header-invalid "a:"
origins = ["https://app.test"] / targets = ["https://api.test"] / request-headers = ["Cookie", "Sec-A"] -> header-forbidden "Cookie" header-forbidden "Sec-A"
origins = ["https://app.test"] / targets = ["https://api.test"] / request-headers = ["Accept"] -> header-safelisted "Accept"
origins = ["https://app.test"] / targets = ["https://api.test"] / request-headers = ["access-control-allow-origin"] -> response-header-requested "access-control-allow-origin"
origins = ["https://app.test"] / targets = ["https://api.test"] / request-headers = ["*"] / credentials = true -> any-header-with-credentials "*"
origins = ["https://app.test"] / targets = ["https://api.test"] / request-headers = ["*"] -> any-header-without-authorization "*"
origins = ["https://app.test"] / targets = ["https://api.test"] / request-headers = ["*", "Authorization"] ->
origins = ["https://app.test"] / targets = ["https://api.test"] / request-headers = ["x-a", "X-A"] -> value-duplicate "X-A"
origins = ["https://app.test"] / targets = ["https://api.test"] / expose-headers = ["Origin"] -> request-header-exposed "Origin"
origins = ["https://app.test"] / targets = ["https://api.test"] / expose-headers = ["Set-Cookie"] -> expose-forbidden "Set-Cookie"
origins = ["https://app.test"] / targets = ["https://api.test"] / expose-headers = ["Content-Type"] -> expose-safelisted "Content-Type"
origins = ["https://app.test"] / targets = ["https://api.test"] / expose-headers = ["*"] -> expose-any "*"
origins = ["https://app.test"] / targets = ["https://api.test"] / expose-headers = ["*"] / credentials = true -> expose-any-with-credentials "*"
origins = ["https://app.test"] / targets = ["https://api.test"] / max-age = -1 -> max-age-invalid -1
origins = ["https://app.test"] / targets = ["https://api.test"] / max-age = 86401 -> max-age-too-long 86401
origins = ["https://app.test"] / targets = ["https://api.test"] / max-age = 99999999999 -> max-age-too-long 99999999999
origins = ["https://app.test"] / targets = ["https://api.test"] / max-age = 7200 -> max-age-cut 7200
origins = ["https://app.test"] / targets = ["https://api.test"] / max-age = 600 ->
origins = ["https://app.test"] / targets = ["https://api.test"] / expires = 2026-01-31 -> rule-expired 2026-01-31
"#;

/// What the cases of other files find.
const ELSEWHERE: [&str; 17] = [
    "policy-too-large",
    "policy-not-utf8",
    "policy-syntax",
    "key-duplicate",
    "key-unknown",
    "key-missing",
    "value-type",
    "value-unknown",
    "version-unknown",
    "rules-none",
    "name-invalid",
    "name-duplicate",
    "rule-shadowed",
    "rule-partly-shadowed",
    "origin-null",
    "target-private",
    "rule-expired",
];

#[test]
fn every_mistake_is_found_by_its_name_and_in_its_place() {
    let mut wrong = Vec::new();
    for case in CASES.lines().filter(|line| !line.is_empty()) {
        let (lines, expected) = case.split_once(" ->").expect("a case");
        let text = rule(&lines.replace(" / ", "\n"));
        let parsed = parse(&text);
        let told: Vec<String> = parsed
            .findings
            .iter()
            .map(|finding| {
                let line: Vec<char> = text
                    .lines()
                    .nth(finding.place.line - 1)
                    .expect("a line")
                    .chars()
                    .collect();
                let meant: String = line[finding.place.column - 1..finding.place.end_column - 1]
                    .iter()
                    .collect();
                format!("{} {meant}", finding.code.name())
            })
            .collect();
        if told.join(" ") != expected.trim() {
            wrong.push(format!("{case}\n    but {}", told.join(" ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_code_has_a_case() {
    let mut untried: BTreeSet<&str> = Code::ALL.iter().map(|code| code.name()).collect();
    for case in CASES.lines() {
        untried.retain(|name| !case.contains(&format!(" {name} ")));
    }
    untried.retain(|name| !ELSEWHERE.contains(name));
    assert_eq!(untried, BTreeSet::new());
}

#[test]
fn what_is_critical_or_high_in_the_reference_is_unsafe() {
    let unsafe_ones: BTreeSet<&str> = Code::ALL
        .iter()
        .filter(|code| code.severity() == Severity::Unsafe)
        .map(|code| code.name())
        .collect();
    let expected = [
        "any-origin-with-credentials",
        "http-origin-with-credentials",
        "origin-null",
        "origin-prefix-pattern",
        "origin-public-suffix",
        "origin-regex",
        "origin-suffix-pattern",
        "target-private",
    ];
    assert_eq!(unsafe_ones, expected.into());
}

fn rules(rules: &[(&str, &str)]) -> String {
    let rule = |(number, (origin, target)): (usize, &(&str, &str))| {
        format!("[[rule]]\nname = \"{number}\"\norigins = [{origin}]\ntargets = [{target}]\n")
    };
    let rules: String = rules.iter().enumerate().map(rule).collect();
    format!("version = 1\n{rules}")
}

#[test]
fn a_rule_that_never_applies_is_found_with_the_one_before_it() {
    let shadow = |pairs: &[(&str, &str)]| {
        let parsed = parse(&rules(pairs));
        let told = parsed.findings.iter().map(|finding| {
            assert!(finding.other.is_some());
            (
                finding.code.name(),
                finding.rule.as_deref().expect("a rule").to_owned(),
            )
        });
        told.collect::<Vec<_>>()
    };
    let is = |code, rule: &str| vec![(code, rule.to_owned())];
    let (app, api) = ("\"https://app.test\"", "\"https://api.test\"");
    assert_eq!(shadow(&[(app, api), (app, api)]), is("rule-shadowed", "1"));
    assert_eq!(
        shadow(&[("\"*\"", api), (app, "\"https://api.test/a\"")]),
        is("rule-shadowed", "1")
    );
    assert_eq!(shadow(&[(app, "\"https://api.test/a\""), (app, api)]), []);
    assert_eq!(shadow(&[(app, api), ("\"https://*.test\"", api)]), []);
    assert_eq!(
        shadow(&[
            (app, api),
            (app, "\"https://api.test/a\", \"https://other.test\"")
        ]),
        is("rule-partly-shadowed", "1")
    );
    let expired =
        rules(&[(app, api), (app, api)]).replacen("targets", "expires = 2026-01-01\ntargets", 1);
    let codes: Vec<&str> = found(&parse(&expired))
        .iter()
        .map(|(code, ..)| *code)
        .collect();
    assert_eq!(
        codes,
        ["rule-expired"],
        "what has expired is in nobody's way"
    );
}

#[test]
fn two_rules_of_one_name_are_found() {
    let text = rules(&[
        ("\"https://a.test\"", "\"https://api.test\""),
        ("\"https://b.test\"", "\"https://api.test\""),
    ]);
    let parsed = parse(&text.replace("name = \"1\"", "name = \"0\""));
    assert_eq!(found(&parsed), [("name-duplicate", 7, 8)]);
    assert_eq!(parsed.findings[0].other.map(|place| place.line), Some(3));
}

#[test]
fn a_large_policy_without_faults_has_no_findings() {
    let mut text = "version = 1\n".to_owned();
    for number in 0..3000 {
        let _ = write!(
            text,
            "[[rule]]\nname = \"{number}\"\norigins = [\"https://a{number}.test\"]\ntargets = [\"https://api.test/a{number}\"]\n"
        );
    }
    let many: Vec<String> = (0..5000)
        .map(|number| format!("\"https://b{number}.test\""))
        .collect();
    let _ = write!(
        text,
        "[[rule]]\nname = \"many\"\norigins = [{}]\ntargets = [\"https://api.test\"]\n",
        many.join(",")
    );
    assert_eq!(found(&parse(&text)), []);
}
