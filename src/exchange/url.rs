//! The URL of a request: in the parts that the wire has it in, or as it was asked for where it never
//! gets there.

use std::fmt;

use crate::wire::target::{Authority, Host};

/// The scheme of a request on the wire. `ws` and `wss` are HTTP and HTTPS there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    /// As it is written in a URL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that goes without saying.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// The URL of a request: where it went, and the request target as it was sent (not normalised:
/// dot segments and percent-encoding stay).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestUrl {
    /// The scheme.
    pub scheme: Scheme,
    /// Host and port.
    pub authority: Authority,
    /// Path and query, from the first `/` on, or `*`.
    pub path: Box<str>,
}

impl RequestUrl {
    /// Parses an absolute http or https URL; user, password and fragment are left out.
    pub fn parse(text: &str) -> Option<Self> {
        Self::from_url(&url::Url::parse(text).ok()?)
    }

    /// The same URL, if its scheme is http or https (ws and wss count as these).
    pub fn from_url(url: &url::Url) -> Option<Self> {
        let scheme = match url.scheme() {
            "http" | "ws" => Scheme::Http,
            "https" | "wss" => Scheme::Https,
            _ => return None,
        };
        let host = Host::parse(url.host_str()?.as_bytes())?;
        let authority = Authority {
            host,
            port: url.port().unwrap_or(scheme.default_port()),
        };
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        Some(Self {
            scheme,
            authority,
            path: path.into(),
        })
    }

    /// The URL that a Location value means here
    /// ([location URL](https://fetch.spec.whatwg.org/#concept-response-location-url)), with
    /// whatever scheme, user and fragment it has; nothing if it cannot be parsed.
    pub fn join(&self, location: &str) -> Option<url::Url> {
        url::Url::parse(&self.to_string()).ok()?.join(location).ok()
    }

    /// The origin part, as [serialised](https://html.spec.whatwg.org/#ascii-serialisation-of-an-origin):
    /// the port is left out where it goes without saying.
    pub fn origin(&self) -> String {
        let mut origin = String::with_capacity(64);
        let _ = self.write_origin(&mut origin);
        origin
    }

    fn write_origin(&self, to: &mut impl fmt::Write) -> fmt::Result {
        let Authority { host, port } = &self.authority;
        to.write_str(self.scheme.name())?;
        to.write_str("://")?;
        match host {
            Host::Name(name) => to.write_str(name)?,
            Host::Ip(_) => write!(to, "{host}")?,
        }
        if *port == self.scheme.default_port() {
            Ok(())
        } else {
            write!(to, ":{port}")
        }
    }

    /// Whether browsers take the URL for
    /// [potentially trustworthy](https://w3c.github.io/webappsec-secure-contexts/#is-url-trustworthy):
    /// https, or a loopback host. Only such requests carry fetch metadata.
    pub fn is_potentially_trustworthy(&self) -> bool {
        self.scheme == Scheme::Https || self.authority.host.is_loopback()
    }
}

impl fmt::Display for RequestUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_origin(f)?;
        f.write_str(if self.path.starts_with('/') { "" } else { "/" })?;
        f.write_str(&self.path)
    }
}

/// What was asked for: a page may ask for more than the wire has.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AskedUrl {
    /// A URL of the web.
    Web(RequestUrl),
    /// One of another scheme, for which nothing is ever sent.
    Elsewhere(Elsewhere),
}

impl AskedUrl {
    /// Parses an absolute URL; user, password and fragment are left out.
    pub fn parse(text: &str) -> Option<Self> {
        let url = url::Url::parse(text).ok()?;
        match url.scheme() {
            "http" | "https" | "ws" | "wss" => RequestUrl::from_url(&url).map(Self::Web),
            _ => Some(Self::Elsewhere(Elsewhere::of(url))),
        }
    }

    /// The URL, if it is one of the web.
    pub fn web(&self) -> Option<&RequestUrl> {
        match self {
            Self::Web(url) => Some(url),
            Self::Elsewhere(_) => None,
        }
    }

    /// The scheme, if it is one of the web.
    pub fn scheme(&self) -> Option<Scheme> {
        self.web().map(|url| url.scheme)
    }

    /// Host and port, where the web has them.
    pub fn authority(&self) -> Option<&Authority> {
        self.web().map(|url| &url.authority)
    }

    /// The host, where the web has one.
    pub fn host(&self) -> Option<&Host> {
        self.authority().map(|authority| &authority.host)
    }

    /// Path and query, or all that stands in their place.
    pub fn path(&self) -> &str {
        match self {
            Self::Web(url) => &url.path,
            Self::Elsewhere(url) => &url.0,
        }
    }

    /// The origin, as serialised: `null` where it is [opaque](https://url.spec.whatwg.org/#origin).
    pub fn origin(&self) -> String {
        self.web()
            .map_or_else(|| "null".to_owned(), RequestUrl::origin)
    }

    /// Whether it is of the origin that an Origin field has
    /// ([serialised](https://html.spec.whatwg.org/#ascii-serialisation-of-an-origin)): an opaque one is
    /// nothing else's.
    pub fn has_origin(&self, origin: &[u8]) -> bool {
        self.web()
            .is_some_and(|url| url.origin().as_bytes() == origin)
    }

    /// Whether browsers send nothing for it, and have no answer of their own.
    pub fn is_never_sent(&self) -> bool {
        match self {
            Self::Web(_) => false,
            Self::Elsewhere(url) => !Elsewhere::LOCAL.contains(&url.scheme()),
        }
    }

    /// The URL that a Location value means here; nothing if it cannot be parsed.
    pub fn join(&self, location: &str) -> Option<url::Url> {
        self.web()?.join(location)
    }
}

impl From<RequestUrl> for AskedUrl {
    fn from(url: RequestUrl) -> Self {
        Self::Web(url)
    }
}

impl fmt::Display for AskedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Web(url) => url.fmt(f),
            Self::Elsewhere(url) => f.write_str(&url.0),
        }
    }
}

/// An absolute URL of a scheme that is none of the web, as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Elsewhere(Box<str>);

impl Elsewhere {
    /// Schemes of which what follows is no address, but content: it is left out as all content is.
    const CONTENT: [&str; 2] = ["data", "javascript"];
    /// The [local schemes](https://fetch.spec.whatwg.org/#local-scheme), which browsers answer by themselves.
    const LOCAL: [&str; 3] = ["about", "blob", "data"];

    fn of(mut url: url::Url) -> Self {
        url.set_fragment(None);
        // What cannot have them has none.
        let _ = (url.set_username(""), url.set_password(None));
        if Self::CONTENT.contains(&url.scheme()) {
            return Self(format!("{}:", url.scheme()).into());
        }
        Self(url.as_str().into())
    }

    fn scheme(&self) -> &str {
        self.0.split(':').next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_elsewhere_is_kept_as_far_as_it_is_an_address() {
        let asked = |text| AskedUrl::parse(text).expect("valid");
        let kept = |text| asked(text).to_string();
        assert_eq!(kept("MyApp://u:p@x/a?b=c#d"), "myapp://x/a?b=c");
        assert_eq!(kept("file:///etc/hosts"), "file:///etc/hosts");
        assert_eq!(kept("data:text/plain,secret#d"), "data:");
        assert_eq!(kept("javascript:secret()"), "javascript:");
        assert_eq!(kept("wss://A.test/b"), "https://a.test/b");
        let url = asked("myapp://x/a");
        assert_eq!((url.scheme(), url.origin()), (None, "null".to_owned()));
        assert!(url.is_never_sent() && !asked("blob:https://a.test/1").is_never_sent());
        assert!(!url.has_origin(b"null") && asked("http://a.test/").has_origin(b"http://a.test"));
        assert_eq!(AskedUrl::parse("no scheme"), None);
    }

    #[test]
    fn a_default_port_goes_without_saying() {
        let url = RequestUrl::parse("https://A.test:443/b?c#d").expect("valid");
        assert_eq!(url.to_string(), "https://a.test/b?c");
        assert_eq!(url.authority.to_string(), "a.test:443");
    }

    #[test]
    fn a_location_is_resolved_against_the_request() {
        let url = RequestUrl::parse("http://a.test:8080/b/c").expect("valid");
        assert_eq!(
            url.join("../d#e").map(String::from).as_deref(),
            Some("http://a.test:8080/d#e")
        );
        assert_eq!(
            url.join("//u:p@b.test").map(String::from).as_deref(),
            Some("http://u:p@b.test/")
        );
        assert_eq!(url.join("https://[bad"), None);
    }

    #[test]
    fn loopback_is_trustworthy_without_tls() {
        let trustworthy = |text| {
            RequestUrl::parse(text)
                .expect("valid")
                .is_potentially_trustworthy()
        };
        assert!(trustworthy("https://a.test/") && trustworthy("http://localhost:1/"));
        assert!(trustworthy("http://127.0.0.2/") && trustworthy("http://[::1]/"));
        assert!(!trustworthy("http://a.test/"));
    }
}
