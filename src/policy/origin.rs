//! Origins that were parsed: what a policy compares, where the CORS check compares octets.

use std::fmt;

use hashbrown::Equivalent;

use crate::exchange::{RequestUrl, Scheme};
use crate::wire::target::Authority;

/// An [origin](https://html.spec.whatwg.org/#concept-origin).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// One that is written `null`.
    Opaque,
    /// One of http or https.
    Web(WebOrigin),
    /// One of another scheme, as apps and extensions have it: `capacitor://localhost`.
    Custom(Box<str>),
}

/// A scheme of the web, a host and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WebOrigin {
    /// The scheme.
    pub scheme: Scheme,
    /// The host, and the port even where it goes without saying.
    pub authority: Authority,
}

impl Origin {
    /// Parses the value of an Origin field; nothing if it is no origin.
    pub fn parse(octets: &[u8]) -> Option<Self> {
        if octets == b"null" {
            return Some(Self::Opaque);
        }
        let text = std::str::from_utf8(octets).ok()?;
        let (scheme, rest) = text.split_once("://")?;
        if scheme.eq_ignore_ascii_case("https") {
            WebOrigin::of(Scheme::Https, rest).map(Self::Web)
        } else if scheme.eq_ignore_ascii_case("http") {
            WebOrigin::of(Scheme::Http, rest).map(Self::Web)
        } else {
            is_custom(scheme, rest).then(|| Self::Custom(text.into()))
        }
    }
}

impl WebOrigin {
    /// Parses the origin of a server; nothing if it is none of http or https.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match Origin::parse(text.as_bytes())? {
            Origin::Web(origin) => Some(origin),
            Origin::Opaque | Origin::Custom(_) => None,
        }
    }

    fn of(scheme: Scheme, authority: &str) -> Option<Self> {
        let authority = Authority::parse(authority.as_bytes(), Some(scheme.default_port()))?;
        Some(Self { scheme, authority })
    }

    /// The origin that a request goes to.
    pub fn of_url(url: &RequestUrl) -> Self {
        Self {
            scheme: url.scheme,
            authority: url.authority.clone(),
        }
    }

    pub(super) fn server(&self) -> Server<'_> {
        Server::of(self.scheme, &self.authority)
    }
}

/// An origin of the web that somebody else has: it is found among others without a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Server<'a> {
    scheme: Scheme,
    authority: &'a Authority,
}

impl<'a> Server<'a> {
    pub(super) fn of(scheme: Scheme, authority: &'a Authority) -> Self {
        Self { scheme, authority }
    }
}

/// Both have the same fields in the same order, and so the same hash.
impl Equivalent<WebOrigin> for Server<'_> {
    fn equivalent(&self, origin: &WebOrigin) -> bool {
        *self == origin.server()
    }
}

/// Whether this is a scheme (RFC 3986 section 3.1) and a host of an app or an extension.
pub(super) fn is_custom(scheme: &str, host: &str) -> bool {
    let begins = scheme.starts_with(|first: char| first.is_ascii_lowercase());
    let of_scheme =
        |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || b"+-.".contains(&octet);
    let of_host = |octet: u8| octet.is_ascii_alphanumeric() || b"-._:[]".contains(&octet);
    begins && scheme.bytes().all(of_scheme) && !host.is_empty() && host.bytes().all(of_host)
}

/// As it is [serialised](https://html.spec.whatwg.org/#ascii-serialisation-of-an-origin).
impl fmt::Display for WebOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Authority { host, port } = &self.authority;
        write!(f, "{}://{host}", self.scheme.name())?;
        if *port == self.scheme.default_port() {
            Ok(())
        } else {
            write!(f, ":{port}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_the_same_however_it_is_spelt() {
        let parse = |text: &str| Origin::parse(text.as_bytes());
        let app = parse("https://app.test");
        assert!(app.is_some());
        assert_eq!(parse("HTTPS://APP.test:443"), app);
        assert_ne!(parse("http://app.test"), app);
        assert_ne!(parse("https://app.test:8443"), app);
        assert_eq!(parse("null"), Some(Origin::Opaque));
        assert!(matches!(
            parse("capacitor://localhost"),
            Some(Origin::Custom(_))
        ));
        for text in [
            "",
            "app.test",
            "https://app.test/",
            "https://",
            "https://u@app.test",
            "Null",
            "a b://c",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
