//! What a policy makes of recorded exchanges, and what would change.

use corstap::cors::{CredentialsMode, Engine};
use corstap::exchange::Protocol;
use corstap::policy::Policy;
use corstap::policy::replay::{Comes, NotTold, Replay};
use corstap::policy::seen::{Passes, Seen};

use super::{parse, rule, today};

/// A request of the app to the API that a browser made.
pub(super) fn seen(method: &str, url: &str, names: &[&str]) -> Seen<'static> {
    Seen {
        is_preflight: false,
        origin: "https://app.test".into(),
        url: url.to_owned().into(),
        method: method.to_owned().into(),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        has_withheld_names: names.iter().any(|name| name.starts_with("{withheld:")),
        protocol: Protocol::Http2,
        engine: Engine::Chromium,
        credentials: Some(CredentialsMode::Omit),
        today: Passes::default(),
    }
}

fn policy(lines: &str) -> Policy {
    let text = rule(&format!(
        "origins = [\"https://app.test\"]\ntargets = [\"https://api.test/v1\"]\n{lines}"
    ));
    parse(&text).policy
}

fn comes(policy: &Policy, seen: &Seen<'_>) -> (Comes, Option<&'static str>) {
    let made = policy.make(seen, today());
    (made.comes(), made.cause.map(corstap::cors::Cause::name))
}

const V1: &str = "https://api.test/v1/users";

#[test]
fn what_the_rule_grants_passes_and_nothing_else() {
    let policy = policy("methods = [\"PUT\"]\nrequest-headers = [\"x-a\"]");
    let of = |seen: Seen<'_>| comes(&policy, &seen);
    assert_eq!(of(seen("GET", V1, &[])), (Comes::Allowed, None));
    assert_eq!(of(seen("PUT", V1, &["x-a"])), (Comes::Allowed, None));
    assert_eq!(
        of(seen("DELETE", V1, &[])),
        (Comes::Blocked, Some("method-not-allowed"))
    );
    assert_eq!(
        of(seen("GET", V1, &["x-b"])),
        (Comes::Blocked, Some("header-not-allowed"))
    );
    assert_eq!(
        of(seen("GET", "https://api.test/v2", &[])),
        (Comes::Blocked, Some("allow-origin-missing"))
    );
    assert_eq!(
        of(seen("GET", "https://api.test/v1/../v2", &[])),
        (Comes::Blocked, Some("allow-origin-missing"))
    );
    let of_other = Seen {
        origin: "https://evil.test".into(),
        ..seen("GET", V1, &[])
    };
    assert_eq!(of(of_other), (Comes::Blocked, Some("allow-origin-missing")));
    let preflight = Seen {
        is_preflight: true,
        ..seen("DELETE", V1, &[])
    };
    assert_eq!(of(preflight), (Comes::Blocked, Some("method-not-allowed")));
}

#[test]
fn credentials_count_where_they_are_known_and_both_answers_where_they_are_not() {
    let with = |credentials| Seen {
        credentials,
        ..seen("GET", V1, &[])
    };
    let (without, granting) = (policy(""), policy("credentials = true"));
    let include = Some(CredentialsMode::Include);
    assert_eq!(
        comes(&without, &with(include)),
        (Comes::Blocked, Some("allow-credentials-not-true"))
    );
    assert_eq!(comes(&granting, &with(include)), (Comes::Allowed, None));
    assert_eq!(comes(&without, &with(None)).0, Comes::Undecided);
    assert_eq!(comes(&granting, &with(None)), (Comes::Allowed, None));
}

#[test]
fn what_is_withheld_is_said_to_be_not_told() {
    let policy = parse(&rule(
        "origins = [\"https://app.test\"]\ntargets = [\"https://api.test/users/me\"]\nrequest-headers = [\"x-a\"]",
    ))
    .policy;
    let made = |url, names: &[&str]| policy.make(&seen("GET", url, names), today()).not_told;
    let hidden = "https://api.test/users/{withheld:32:k1:0123456789abcdef}";
    assert_eq!(made(hidden, &[]), Some(NotTold::Path));
    assert_eq!(
        made(
            "https://api.test/users/me/{withheld:32:k1:0123456789abcdef}",
            &[]
        ),
        None
    );
    assert_eq!(
        made(
            "https://api.test/files/{withheld:32:k1:0123456789abcdef}",
            &[]
        ),
        None
    );
    assert_eq!(
        made(
            "https://api.test/users/me?a={withheld:32:k1:0123456789abcdef}",
            &[]
        ),
        None
    );
    assert_eq!(
        made(
            "https://api.test/users/me",
            &["{withheld:80:k1:0123456789abcdef}"]
        ),
        Some(NotTold::Name)
    );
}

#[test]
fn what_changes_is_counted_by_origin_server_and_method() {
    let policy = policy("methods = [\"PUT\"]");
    let today = |passes| Passes::all(Some(CredentialsMode::Omit), passes);
    let mut replay = Replay::of(&policy, super::today());
    for (method, passes) in [
        ("PUT", false),
        ("PUT", true),
        ("DELETE", true),
        ("DELETE", false),
    ] {
        replay.play(&Seen {
            today: today(passes),
            ..seen(method, V1, &[])
        });
    }
    let groups = replay.groups();
    let told: Vec<_> = groups
        .iter()
        .map(|group| {
            let counts = &group.counts;
            (
                &*group.method,
                counts.allowed,
                counts.blocked,
                counts.newly_allowed,
                counts.newly_blocked,
            )
        })
        .collect();
    assert_eq!(told, [("DELETE", 0, 2, 0, 1), ("PUT", 2, 0, 1, 0)]);
    assert!(
        groups
            .iter()
            .all(|group| &*group.target == "https://api.test")
    );
}

#[test]
fn a_policy_of_everybody_sends_an_asterisk_to_those_it_does_not_name() {
    let policy = parse(&rule(
        "origins = [\"*\", \"https://app.test\"]\ntargets = [\"https://api.test\"]",
    ))
    .policy;
    let rule = &policy.rules()[0];
    let sent = |origin: &[u8]| {
        rule.fields(origin)
            .first("access-control-allow-origin")
            .map(<[u8]>::to_vec)
    };
    assert_eq!(
        sent(b"https://app.test"),
        Some(b"https://app.test".to_vec())
    );
    assert_eq!(sent(b"https://evil.test"), Some(b"*".to_vec()));
    assert_eq!(sent(b"null"), Some(b"*".to_vec()));
}
