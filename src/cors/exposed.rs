//! What script can read of the headers of an answer that it gets
//! ([CORS filtered response](https://fetch.spec.whatwg.org/#concept-filtered-response-cors)).
//!
//! Nothing of it is needed to judge: it is found out when an exchange is told.

use crate::wire::is_token;

use super::engine::PerEngine;
use super::{CredentialsMode, Destination, Engine, Kind, Outcome};

/// The header names that script can read, in each engine: lower case, sorted.
pub type Readable = PerEngine<Vec<String>>;

/// [CORS-safelisted response-header names](https://fetch.spec.whatwg.org/#cors-safelisted-response-header-name)
/// that need not be listed.
const SAFELISTED: [&str; 7] = [
    "cache-control",
    "content-language",
    "content-length",
    "content-type",
    "expires",
    "last-modified",
    "pragma",
];

/// What script can read of the `fields` of an answer, values given where they are known; nothing
/// where no script gets the answer.
///
/// With credentials `*` in Access-Control-Expose-Headers is a literal. Where the mode is not
/// known, it is taken for one: what is told here can be read in both modes.
pub fn readable<'a>(
    kind: Kind,
    destination: Option<Destination>,
    outcome: Outcome,
    mode: Option<CredentialsMode>,
    status: u16,
    fields: &(impl Iterator<Item = (&'a str, Option<&'a str>)> + Clone),
) -> Option<Readable> {
    let reads = destination.is_none_or(|destination| destination == Destination::Empty);
    let leads_on = |(name, value): (&str, Option<&str>)| {
        name.eq_ignore_ascii_case("location") && value != Some("")
    };
    let is_redirect = matches!(status, 301 | 302 | 303 | 307 | 308) && fields.clone().any(leads_on);
    if !reads || is_redirect || outcome != Outcome::Allowed {
        return None;
    }
    match kind {
        Kind::SameOrigin => Some(PerEngine::of(|engine| {
            names(engine, &Exposed::All, fields.clone())
        })),
        Kind::CrossOrigin => Some(PerEngine::of(|engine| {
            let exposed = Exposed::of(engine, mode, fields.clone());
            names(engine, &exposed, fields.clone())
        })),
        Kind::Preflight | Kind::NoCors | Kind::Navigation | Kind::Websocket | Kind::NotBrowser => {
            None
        }
    }
}

/// What an answer exposes beside the safelisted names.
enum Exposed<'a> {
    All,
    Names(Vec<&'a str>),
}

impl<'a> Exposed<'a> {
    fn of(
        engine: Engine,
        mode: Option<CredentialsMode>,
        fields: impl Iterator<Item = (&'a str, Option<&'a str>)>,
    ) -> Self {
        let lines = fields
            .filter(|(name, _)| name.eq_ignore_ascii_case("access-control-expose-headers"))
            .filter_map(|(_, value)| value);
        let members: Vec<&str> = lines
            .flat_map(|line| line.split(','))
            .map(trimmed)
            .filter(|member| !member.is_empty())
            .collect();
        let names = listed(&members);
        // Firefox has taken the asterisk by when it comes to a member that is no token.
        let has_asterisk = match engine {
            Engine::Firefox => good(&members).any(|member| member == "*"),
            Engine::Chromium | Engine::Webkit => names.contains(&"*"),
        };
        if mode == Some(CredentialsMode::Omit) && has_asterisk {
            Self::All
        } else {
            Self::Names(names)
        }
    }

    fn covers(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Names(names) => {
                let is = |other: &str| other.eq_ignore_ascii_case(name);
                SAFELISTED.into_iter().any(is) || names.iter().any(|other| is(other))
            }
        }
    }
}

fn trimmed(member: &str) -> &str {
    member.trim_matches([' ', '\t'])
}

/// The members of the list; one that is no token spoils it all.
fn listed<'a>(members: &[&'a str]) -> Vec<&'a str> {
    let good: Vec<&str> = good(members).collect();
    if good.len() == members.len() {
        good
    } else {
        Vec::new()
    }
}

/// The members up to the first that is no token.
fn good<'a>(members: &[&'a str]) -> impl Iterator<Item = &'a str> {
    // A name that is withheld in what is told was one.
    let is_good = |member: &&str| is_token(member.as_bytes()) || member.starts_with("{withheld:");
    members.iter().copied().take_while(is_good)
}

fn names<'a>(
    engine: Engine,
    exposed: &Exposed<'_>,
    fields: impl Iterator<Item = (&'a str, Option<&'a str>)>,
) -> Vec<String> {
    let mut names: Vec<String> = fields
        .filter(|(name, value)| exposed.covers(name) && is_seen(engine, name, *value))
        .map(|(name, _)| name.to_ascii_lowercase())
        .filter(|name| !is_forbidden(name))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// [Forbidden response-header name](https://fetch.spec.whatwg.org/#forbidden-response-header-name).
fn is_forbidden(name: &str) -> bool {
    matches!(name, "set-cookie" | "set-cookie2")
}

/// Firefox drops fields without a value, but for three.
fn is_seen(engine: Engine, name: &str, value: Option<&str>) -> bool {
    engine != Engine::Firefox
        || value != Some("")
        || ["content-length", "location", "access-control-allow-origin"]
            .iter()
            .any(|kept| name.eq_ignore_ascii_case(kept))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: [(&str, &str); 5] = [
        ("Content-Type", "a/b"),
        ("X-One", "1"),
        ("X-Empty", ""),
        ("ETag", "\"e\""),
        ("Set-Cookie", "a=b"),
    ];

    fn read(
        kind: Kind,
        mode: Option<CredentialsMode>,
        exposed: &str,
        engine: Engine,
    ) -> Vec<String> {
        let fields = FIELDS
            .into_iter()
            .chain([("Access-Control-Expose-Headers", exposed)])
            .map(|(name, value)| (name, Some(value)));
        let outcome = Outcome::Allowed;
        let readable = readable(kind, Some(Destination::Empty), outcome, mode, 200, &fields);
        readable.expect("script gets it").get(engine).clone()
    }

    fn across(mode: CredentialsMode, exposed: &str, engine: Engine) -> Vec<String> {
        read(Kind::CrossOrigin, Some(mode), exposed, engine)
    }

    #[test]
    fn safelisted_names_and_listed_ones_can_be_read() {
        for engine in Engine::ALL {
            let read = |exposed| across(CredentialsMode::Include, exposed, engine);
            assert_eq!(read(""), ["content-type"]);
            assert_eq!(read("etag, X-ONE,"), ["content-type", "etag", "x-one"]);
            assert_eq!(read("etag, \"x\""), ["content-type"]);
            assert_eq!(read("Set-Cookie"), ["content-type"]);
        }
    }

    #[test]
    fn an_asterisk_exposes_all_without_credentials_and_is_a_literal_with_them() {
        let all = [
            "access-control-expose-headers",
            "content-type",
            "etag",
            "x-empty",
            "x-one",
        ];
        let engine = Engine::Webkit;
        assert_eq!(across(CredentialsMode::Omit, "*", engine), all);
        assert_eq!(
            across(CredentialsMode::Include, "*", engine),
            ["content-type"]
        );
        let unknown = read(Kind::CrossOrigin, None, "*", engine);
        assert_eq!(unknown, ["content-type"]);
    }

    #[test]
    fn firefox_minds_a_spoiled_list_only_before_the_asterisk() {
        let omit = |exposed, engine| across(CredentialsMode::Omit, exposed, engine).len();
        assert_eq!(omit("*, X A", Engine::Firefox), 4);
        assert_eq!(omit("X A, *", Engine::Firefox), 1);
        assert_eq!(omit("*, X A", Engine::Chromium), 1);
        assert_eq!(
            across(CredentialsMode::Include, "*, X A", Engine::Firefox).len(),
            1
        );
    }

    #[test]
    fn within_an_origin_all_but_cookies_can_be_read() {
        let names = read(Kind::SameOrigin, None, "x", Engine::Chromium);
        assert_eq!(names.len(), 5);
        assert!(!names.contains(&"set-cookie".to_owned()));
    }

    #[test]
    fn empty_members_count_for_nothing_and_engines_differ_in_empty_fields() {
        for engine in Engine::ALL {
            let read = across(CredentialsMode::Omit, ",x-one,,etag", engine);
            assert_eq!(read, ["content-type", "etag", "x-one"]);
        }
        let empty = |engine| across(CredentialsMode::Omit, "x-empty", engine).len();
        assert_eq!(empty(Engine::Webkit), 2);
        assert_eq!(empty(Engine::Firefox), 1);
    }
}
