//! The least policy: it is sound, lets exactly what is wanted pass, and is no wider than what was seen.

use std::collections::BTreeSet;

use corstap::cors::{CredentialsMode, Engine};
use corstap::exchange::Protocol;
use corstap::policy::replay::Comes;
use corstap::policy::seen::{Passes, Seen};
use corstap::policy::suggest::{Gathered, Suggestion, Wanted, suggest};
use proptest::prelude::*;

use super::replay::seen;
use super::{parse, today};

fn suggested(traffic: &[Seen<'_>], wanted: &Wanted) -> Suggestion {
    let mut gathered = Gathered::of(wanted.clone());
    for seen in traffic {
        gathered.note(seen);
    }
    suggest(gathered.needs(), today())
}

#[test]
fn a_rule_has_what_was_seen() {
    let include = Some(CredentialsMode::Include);
    let traffic = [
        Seen {
            credentials: include,
            ..seen(
                "PUT",
                "https://api.test/v1/users",
                &["content-type", "authorization"],
            )
        },
        seen("GET", "https://api.test/v1/users", &[]),
        Seen {
            credentials: None,
            ..seen("GET", "https://cdn.test/a.json", &[])
        },
        Seen {
            origin: "null".into(),
            ..seen("GET", "https://api.test/v1/users", &[])
        },
    ];
    let suggestion = suggested(&traffic, &Wanted::default());
    insta::assert_snapshot!(suggestion.text, @r#"
    version = 1

    [[rule]]
    name = "https://app.test to https://api.test"
    origins = ["https://app.test"]
    targets = ["https://api.test"]
    methods = ["PUT"]
    request-headers = ["authorization", "content-type"]
    credentials = true

    [[rule]]
    name = "https://app.test to https://cdn.test"
    origins = ["https://app.test"]
    targets = ["https://cdn.test"]
    # Whether credentials are included is not told of 1 of 1 exchanges. If they are: credentials = true
    "#);
    let left_out: Vec<&str> = suggestion
        .left_out
        .iter()
        .map(|one| one.because.code.name())
        .collect();
    assert_eq!(left_out, ["origin-null"]);
}

#[test]
fn what_cannot_be_allowed_safely_is_left_out_and_named() {
    let include = Some(CredentialsMode::Include);
    let plain = Seen {
        origin: "http://app.test".into(),
        credentials: include,
        ..seen("GET", "https://api.test/", &[])
    };
    let suggestion = suggested(&[plain], &Wanted::default());
    assert_eq!((suggestion.rules, suggestion.left_out.len()), (0, 1));
    assert_eq!(
        suggestion.left_out[0].because.code.name(),
        "http-origin-with-credentials"
    );
}

const ORIGINS: [&str; 8] = [
    "https://app.test",
    "https://app.test:8443",
    "http://localhost:3000",
    "http://plain.example.com",
    "null",
    "https://www.example.com",
    "capacitor://localhost",
    "https://xn--bcher-kva.test",
];

const URLS: [&str; 9] = [
    "https://api.test/v1/a",
    "https://api.test/v1/admin/b",
    "https://api.test/v2?x=1",
    "http://localhost:8080/a",
    "https://www.example.com/",
    "https://api.test/v1/../v2",
    "https://api.test/{withheld:32:k1:0123456789abcdef}/a",
    "https://192.168.1.1/",
    "https://api.test/v1%2f..%2fv2",
];

fn exchange() -> impl Strategy<Value = Seen<'static>> {
    let origin = prop::sample::select(ORIGINS.to_vec());
    let url = prop::sample::select(URLS.to_vec());
    let method = prop::sample::select(vec![
        "GET", "POST", "PUT", "DELETE", "PATCH", "PROPFIND", "Foo",
    ]);
    let names = prop::collection::btree_set(
        prop::sample::select(vec![
            "content-type",
            "authorization",
            "x-a",
            "*",
            "access-control-allow-origin",
        ]),
        0..3,
    );
    let credentials = prop::sample::select(vec![
        None,
        Some(CredentialsMode::Include),
        Some(CredentialsMode::Omit),
    ]);
    let engine = prop::sample::select(Engine::ALL.to_vec());
    (
        origin,
        url,
        method,
        names,
        credentials,
        engine,
        any::<bool>(),
    )
        .prop_map(
            |(origin, url, method, names, credentials, engine, is_preflight)| Seen {
                is_preflight,
                origin: origin.into(),
                url: url.into(),
                method: method.into(),
                names: names.into_iter().map(str::to_owned).collect(),
                has_withheld_names: false,
                protocol: Protocol::Http11,
                engine,
                credentials,
                today: Passes::default(),
            },
        )
}

fn some(of: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(
        prop::sample::select(of.to_vec()).prop_map(str::to_owned),
        0..3,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn exactly_what_is_wanted_passes_under_a_sound_policy(
        traffic in prop::collection::vec(exchange(), 1..12),
        origins in some(&["https://app.test", "http://localhost:3000", "https://www.example.com"]),
        targets in some(&["https://api.test/v1", "https://api.test", "https://api.test/v1/admin/", "http://localhost:8080"]),
    ) {
        let wanted = Wanted::parse(&origins, &targets).expect("well spelt");
        let suggestion = suggested(&traffic, &wanted);
        let parsed = parse(&suggestion.text);
        prop_assert!(parsed.is_sound(), "{:?}\n{}", parsed.findings, suggestion.text);
        prop_assert_eq!(parsed.policy.rules().len(), suggestion.rules);
        let left_out: BTreeSet<&str> = suggestion.left_out.iter().map(|one| &*one.need.origin).collect();
        for seen in &traffic {
            let comes = parsed.policy.make(seen, today()).comes();
            let passes = match comes {
                Comes::Allowed => true,
                Comes::Undecided => seen.credentials.is_none(),
                Comes::Blocked => false,
                Comes::NotTold => continue,
            };
            if !wanted.has(seen) {
                prop_assert!(!passes, "{:?} is not wanted\n{}", seen, suggestion.text);
            } else if !left_out.contains(&*seen.origin) {
                prop_assert!(passes, "{:?} is wanted\n{}", seen, suggestion.text);
            }
        }
    }

    #[test]
    fn nothing_is_wider_than_what_was_seen(traffic in prop::collection::vec(exchange(), 1..12)) {
        let suggestion = suggested(&traffic, &Wanted::default());
        for rule in parse(&suggestion.text).policy.rules() {
            let origin = rule.origins[0].to_string();
            let target = rule.targets[0].to_string();
            let wanted = Wanted::default();
            let of_rule = || traffic.iter().filter(|seen| *seen.origin == *origin && seen.url.starts_with(&target) && wanted.has(seen));
            prop_assert!(!rule.methods.any && !rule.request_headers.any && rule.expose_headers.is_empty());
            for method in &rule.methods.listed {
                prop_assert!(of_rule().any(|seen| *seen.method == **method));
            }
            for name in &rule.request_headers.listed {
                prop_assert!(of_rule().any(|seen| seen.names.iter().any(|one| **one == **name)));
            }
            let proven = of_rule().any(|seen| seen.credentials == Some(CredentialsMode::Include));
            prop_assert_eq!(rule.credentials, proven);
        }
    }
}
