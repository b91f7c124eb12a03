//! The origins that are tried: those a policy names, and what servers mistake for them.

use std::fmt;
use std::net::IpAddr;

use serde::Serialize;

use crate::exchange::{RequestUrl, Scheme};
use crate::policy::mistake::Mistake;
use crate::wire::target::Host;

/// A name that nobody can own (RFC 2606 section 2).
const STRANGER: &str = "corstap-probe.example";

/// What an origin is to the policy, and to the one it was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Likeness {
    /// The policy names it.
    Listed,
    /// A pattern of the policy covers it.
    Covered,
    /// Nothing in common with any that is named.
    Stranger,
    /// `null`, which sandboxed frames, files and tainted redirects send.
    Null,
    /// A listed host is where its own begins: what passes without an anchor at the end.
    Prefix,
    /// A listed host is where its own ends: what passes without an anchor at the start.
    Suffix,
    /// A name below a listed one.
    Subdomain,
    /// Another name beside a listed one.
    Sibling,
    /// A letter in place of a dot: what passes where a pattern takes a dot for any character.
    Dot,
    /// A listed host, and then a character that patterns forget and some browsers allow in names.
    OddCharacter,
    /// The other scheme.
    Scheme,
    /// Another port.
    Port,
    /// Other letter case, which no browser sends.
    Case,
    /// A dot at the end of the host.
    TrailingDot,
}

impl Likeness {
    /// As it stands in a table.
    pub fn word(self) -> &'static str {
        match self {
            Self::Listed => "listed",
            Self::Covered => "covered",
            Self::Stranger => "stranger",
            Self::Null => "null",
            Self::Prefix => "prefix",
            Self::Suffix => "suffix",
            Self::Subdomain => "subdomain",
            Self::Sibling => "sibling",
            Self::Dot => "dot",
            Self::OddCharacter => "odd character",
            Self::Scheme => "scheme",
            Self::Port => "port",
            Self::Case => "case",
            Self::TrailingDot => "trailing dot",
        }
    }

    /// What it is to allow such an origin where the policy does not.
    pub fn mistake(self) -> Mistake {
        match self {
            Self::Listed | Self::Covered => Mistake::AllowsCredentials,
            Self::Stranger => Mistake::ReflectsOrigin,
            Self::Null => Mistake::AllowsNull,
            Self::Prefix => Mistake::MatchesPrefix,
            Self::Suffix => Mistake::MatchesSuffix,
            Self::Subdomain | Self::Sibling => Mistake::AllowsSubdomains,
            Self::Dot => Mistake::DotUnescaped,
            Self::OddCharacter => Mistake::OddCharacters,
            Self::Scheme => Mistake::IgnoresScheme,
            Self::Port => Mistake::IgnoresPort,
            Self::Case => Mistake::IgnoresCase,
            Self::TrailingDot => Mistake::IgnoresTrailingDot,
        }
    }

    /// Whether a page of somebody else can have such an origin.
    pub fn is_of_others(self) -> bool {
        match self {
            Self::Stranger
            | Self::Null
            | Self::Prefix
            | Self::Suffix
            | Self::Subdomain
            | Self::Sibling
            | Self::Dot
            | Self::OddCharacter
            | Self::Scheme
            | Self::Port => true,
            Self::Listed | Self::Covered | Self::Case | Self::TrailingDot => false,
        }
    }
}

/// An origin to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The octets of the Origin field.
    pub origin: String,
    /// What it is.
    pub likeness: Likeness,
}

impl Candidate {
    /// An origin that has nothing to do with the policy.
    pub fn stranger() -> Self {
        Self {
            origin: format!("https://{STRANGER}"),
            likeness: Likeness::Stranger,
        }
    }

    /// The opaque origin.
    pub fn null() -> Self {
        Self {
            origin: "null".to_owned(),
            likeness: Likeness::Null,
        }
    }

    fn new(likeness: Likeness, origin: impl fmt::Display) -> Self {
        Self {
            origin: origin.to_string(),
            likeness,
        }
    }
}

/// The origins that a careless check takes for this one, which is serialised; what cannot be made of
/// it is left out.
pub fn near(origin: &str) -> Vec<Candidate> {
    let Some(url) = RequestUrl::parse(origin) else {
        return Vec::new();
    };
    let (host, port) = (url.authority.host.to_string(), url.authority.port);
    let at = |host: &str| spelt(url.scheme, host, port);
    let mut near = vec![
        Candidate::new(Likeness::Prefix, at(&format!("{host}.{STRANGER}"))),
        Candidate::new(Likeness::Scheme, other_scheme(url.scheme, &host, port)),
        Candidate::new(Likeness::Port, spelt(url.scheme, &host, other_port(port))),
    ];
    for odd in ['_', '`', '!'] {
        let odd = format!("{host}{odd}.{STRANGER}");
        near.push(Candidate::new(Likeness::OddCharacter, at(&odd)));
    }
    if let Host::Name(name) = &url.authority.host {
        near.extend(names(name).into_iter().map(|(likeness, name)| Candidate {
            origin: at(&name),
            likeness,
        }));
        let loud = at(name).replace(&**name, &name.to_ascii_uppercase());
        near.push(Candidate::new(Likeness::Case, loud));
    }
    if let Host::Ip(IpAddr::V6(_)) = &url.authority.host {
        // A literal in brackets is no name's beginning.
        near.retain(|one| !matches!(one.likeness, Likeness::Prefix | Likeness::OddCharacter));
    }
    near
}

/// Names that are near a name.
fn names(name: &str) -> Vec<(Likeness, String)> {
    let mut near = vec![(Likeness::Subdomain, format!("corstap-probe.{name}"))];
    if !name.ends_with('.') {
        near.push((Likeness::TrailingDot, format!("{name}.")));
    }
    let Some((first, parent)) = name.split_once('.') else {
        return near;
    };
    near.push((Likeness::Suffix, format!("evil{name}")));
    if parent.contains('.') {
        near.push((Likeness::Suffix, format!("evil{parent}")));
        near.push((Likeness::Sibling, format!("corstap-sibling.{parent}")));
        near.push((Likeness::Dot, format!("{first}x{parent}")));
    }
    near
}

fn spelt(scheme: Scheme, host: &str, port: u16) -> String {
    let name = scheme.name();
    if port == scheme.default_port() {
        format!("{name}://{host}")
    } else {
        format!("{name}://{host}:{port}")
    }
}

/// The same host by the other scheme: at its default port where this one is at its own.
fn other_scheme(scheme: Scheme, host: &str, port: u16) -> String {
    let other = match scheme {
        Scheme::Http => Scheme::Https,
        Scheme::Https => Scheme::Http,
    };
    let is_default = port == scheme.default_port();
    spelt(
        other,
        host,
        if is_default {
            other.default_port()
        } else {
            port
        },
    )
}

fn other_port(port: u16) -> u16 {
    const OTHER: u16 = 8443;
    if port == OTHER { OTHER + 1 } else { OTHER }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelt_near(origin: &str) -> Vec<(Likeness, String)> {
        let near = near(origin).into_iter();
        near.map(|one| (one.likeness, one.origin)).collect()
    }

    #[test]
    fn a_name_is_tried_with_every_mistake() {
        let near = spelt_near("https://app.example.com");
        for (likeness, origin) in [
            (
                Likeness::Prefix,
                "https://app.example.com.corstap-probe.example",
            ),
            (Likeness::Suffix, "https://evilapp.example.com"),
            (Likeness::Suffix, "https://evilexample.com"),
            (Likeness::Subdomain, "https://corstap-probe.app.example.com"),
            (Likeness::Sibling, "https://corstap-sibling.example.com"),
            (Likeness::Dot, "https://appxexample.com"),
            (
                Likeness::OddCharacter,
                "https://app.example.com_.corstap-probe.example",
            ),
            (
                Likeness::OddCharacter,
                "https://app.example.com`.corstap-probe.example",
            ),
            (Likeness::Scheme, "http://app.example.com"),
            (Likeness::Port, "https://app.example.com:8443"),
            (Likeness::Case, "https://APP.EXAMPLE.COM"),
            (Likeness::TrailingDot, "https://app.example.com."),
        ] {
            let found = near.contains(&(likeness, origin.to_owned()));
            assert!(found, "{origin} is missing in {near:?}");
        }
    }

    #[test]
    fn a_port_stays_where_it_is_not_the_point() {
        let near = spelt_near("http://localhost:3000");
        let has = |origin: &str| near.iter().any(|(_, one)| one == origin);
        assert!(has("http://localhost.corstap-probe.example:3000"));
        assert!(has("https://localhost:3000") && has("http://localhost:8443"));
        assert!(
            !near
                .iter()
                .any(|(likeness, _)| *likeness == Likeness::Suffix)
        );
    }

    #[test]
    fn an_address_has_no_names_near_it() {
        let near = spelt_near("http://[::1]:3000");
        let has = |origin: &str| near.iter().any(|(_, one)| one == origin);
        assert!(has("https://[::1]:3000") && has("http://[::1]:8443"));
        assert_eq!(near.len(), 2, "{near:?}");
        assert!(super::near("null").is_empty());
    }
}
