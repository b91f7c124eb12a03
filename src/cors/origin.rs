//! Origins as the Origin field spells them, and what differs between two.

use serde::{Deserialize, Serialize};

/// Which part of an origin differs from the one that was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Difference {
    /// It is `null`, the origin expected is not.
    Null,
    /// It has no scheme.
    NoScheme,
    /// Another scheme.
    Scheme,
    /// Another host.
    Host,
    /// The same host in other letter case, or not in its ASCII form.
    HostSpelling,
    /// Another port.
    Port,
    /// A default port that ought to be left out.
    DefaultPort,
    /// A trailing slash.
    TrailingSlash,
    /// A path, query or user.
    Path,
    /// An asterisk taken for a pattern.
    Pattern,
    /// The same origin, spelt in other octets.
    Spelling,
}

impl Difference {
    /// Finds the first part of `value` that makes it another origin than `expected`, which is
    /// serialised.
    pub fn between(value: &str, expected: &str) -> Self {
        if value == "null" || expected == "null" {
            return Self::Null;
        }
        if value.contains('*') {
            return Self::Pattern;
        }
        let (Some((scheme, rest)), Some((wanted_scheme, wanted))) =
            (value.split_once("://"), expected.split_once("://"))
        else {
            return Self::NoScheme;
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (host, port) = split_port(authority);
        let (wanted_host, wanted_port) = split_port(wanted);
        if scheme != wanted_scheme {
            Self::Scheme
        } else if host != wanted_host {
            Self::of_hosts(host, wanted_host)
        } else if port != wanted_port {
            Self::of_ports(scheme, port, wanted_port)
        } else {
            match path {
                "" => Self::Spelling,
                "/" => Self::TrailingSlash,
                _ => Self::Path,
            }
        }
    }

    fn of_hosts(host: &str, wanted: &str) -> Self {
        let same = match (url::Host::parse(host), url::Host::parse(wanted)) {
            (Ok(host), Ok(wanted)) => host == wanted,
            _ => false,
        };
        if host.contains('@') {
            Self::Path
        } else if same {
            Self::HostSpelling
        } else {
            Self::Host
        }
    }

    fn of_ports(scheme: &str, port: Option<&str>, wanted: Option<&str>) -> Self {
        match (scheme, port, wanted) {
            ("https", Some("443"), None) | ("http", Some("80"), None) => Self::DefaultPort,
            _ => Self::Port,
        }
    }

    /// What differs, as the end of a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Self::Null => "null is what opaque origins have",
            Self::NoScheme => "it has no scheme",
            Self::Scheme => "the scheme differs",
            Self::Host => "the host differs",
            Self::HostSpelling => "the host is spelt differently",
            Self::Port => "the port differs",
            Self::DefaultPort => "the default port must be left out",
            Self::TrailingSlash => "it has a trailing slash",
            Self::Path => "it has a path or a user, which no origin has",
            Self::Pattern => "browsers know no patterns",
            Self::Spelling => "it is spelt differently",
        }
    }
}

fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_that_differs_is_named() {
        let app = "https://app.example.test:8443";
        for (value, difference) in [
            ("null", Difference::Null),
            ("app.example.test:8443", Difference::NoScheme),
            ("http://app.example.test:8443", Difference::Scheme),
            ("https://evil.test:8443", Difference::Host),
            ("https://APP.example.test:8443", Difference::HostSpelling),
            ("https://app.example.test", Difference::Port),
            ("https://app.example.test:8443/", Difference::TrailingSlash),
            ("https://app.example.test:8443/a", Difference::Path),
            ("https://u@app.example.test:8443", Difference::Path),
            ("https://*.example.test:8443", Difference::Pattern),
        ] {
            assert_eq!(Difference::between(value, app), difference, "{value}");
        }
        assert_eq!(
            Difference::between("https://app.test:443", "https://app.test"),
            Difference::DefaultPort
        );
    }
}
