//! Request targets and authorities ([RFC 9112 section 3.2](https://www.rfc-editor.org/rfc/rfc9112#section-3.2)).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::Violation;
use super::head::{RequestHead, Version};

/// A host as it stands in a URL: a name, or an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Host {
    /// A DNS name in lower case, with its trailing dot if it was written with one.
    Name(Arc<str>),
    /// An address, however it was written (`127.1` and `0x7f000001` are 127.0.0.1).
    Ip(IpAddr),
}

impl Host {
    /// Parses a `uri-host` (RFC 3986 section 3.2.2), names by the letters that DNS and browsers
    /// use: no percent-encoding, no sub-delimiters.
    pub fn parse(octets: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(octets).ok()?;
        if let Some(address) = text.strip_prefix('[') {
            let address: Ipv6Addr = address.strip_suffix(']')?.parse().ok()?;
            return Some(Self::Ip(address.into()));
        }
        let plain =
            |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_');
        if text.is_empty() || text.len() > 254 || !text.bytes().all(plain) {
            return None;
        }
        if is_plain_name(text) {
            return Some(Self::Name(text.into()));
        }
        match url::Host::parse(text).ok()? {
            url::Host::Domain(name) => Some(Self::Name(name.into())),
            url::Host::Ipv4(address) => Some(Self::Ip(address.into())),
            url::Host::Ipv6(_) => None,
        }
    }

    /// The name without its trailing dot, as certificates and SNI spell it; nothing for an
    /// address.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name.strip_suffix('.').unwrap_or(name)),
            Self::Ip(_) => None,
        }
    }

    /// Whether only this machine can be meant: localhost, a name below it, a loopback address
    /// ([Secure Contexts](https://w3c.github.io/webappsec-secure-contexts/#is-origin-trustworthy)).
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Ip(address) => address.to_canonical().is_loopback(),
            Self::Name(_) => {
                let name = self.name().unwrap_or_default();
                name == "localhost" || name.ends_with(".localhost")
            }
        }
    }
}

impl From<Ipv4Addr> for Host {
    fn from(address: Ipv4Addr) -> Self {
        Self::Ip(address.into())
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(IpAddr::V4(address)) => address.fmt(f),
            Self::Ip(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// Whether a host parser changes nothing of a name, and takes it for no address, which nearly all names
/// are like ([host parsing](https://url.spec.whatwg.org/#concept-host-parser)): small letters, digits,
/// hyphens and dots, nothing in Punycode, a last label that begins with a letter.
fn is_plain_name(text: &str) -> bool {
    let is_plain = |octet: u8| matches!(octet, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.');
    let last = text.rsplit('.').next().unwrap_or_default();
    text.bytes().all(is_plain)
        && !text.contains("xn--")
        && last.starts_with(|first: char| first.is_ascii_lowercase())
}

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Authority {
    /// The host.
    pub host: Host,
    /// The port, from 1 to 65535.
    pub port: u16,
}

impl Authority {
    /// Parses `host[:port]`, with `default` where no port is written.
    pub fn parse(octets: &[u8], default: Option<u16>) -> Option<Self> {
        let after_literal = octets.iter().rposition(|&octet| octet == b']').unwrap_or(0);
        let colon = octets
            .iter()
            .rposition(|&octet| octet == b':')
            .filter(|&at| at > after_literal);
        let (host, port) = match colon {
            Some(at) => (octets.get(..at)?, parse_port(octets.get(at + 1..)?)?),
            None => (octets, default?),
        };
        Some(Self {
            host: Host::parse(host)?,
            port,
        })
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

fn parse_port(digits: &[u8]) -> Option<u16> {
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let port = std::str::from_utf8(digits)
        .ok()
        .filter(|_| plain)?
        .parse()
        .ok()?;
    (port > 0).then_some(port)
}

/// Where a request arrived, which decides the forms its target may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On the proxy's own port.
    ProxyPort,
    /// Inside a CONNECT tunnel.
    Tunnel,
}

/// A request target, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Path and query, or `*`, for the server at the other end of the tunnel.
    Origin,
    /// `http://authority/path`, for a plain-HTTP server.
    Absolute {
        /// The server.
        authority: Authority,
        /// What the server gets as its request target: path and query, or `*`.
        origin_form: Vec<u8>,
    },
    /// The host and port of a CONNECT.
    Connect(Authority),
}

impl Target {
    /// Understands the target of a request that arrived at `place`, and checks Host against it.
    pub fn of(head: &RequestHead, place: Place) -> Result<Self, Violation> {
        let target = match (place, head.method.as_str()) {
            (Place::ProxyPort, "CONNECT") => connect(head)?,
            (Place::ProxyPort, method) => absolute(&head.target, method)?,
            (Place::Tunnel, method) => origin(&head.target, method)?,
        };
        check_host(head, &target)?;
        Ok(target)
    }
}

fn connect(head: &RequestHead) -> Result<Target, Violation> {
    let mut lengths = head.headers.all("content-length");
    let has_content =
        head.headers.contains("transfer-encoding") || lengths.any(|length| length != b"0");
    if has_content {
        return Err(Violation::ConnectContent);
    }
    Authority::parse(&head.target, None)
        .map(Target::Connect)
        .ok_or(Violation::ConnectTarget)
}

fn origin(target: &[u8], method: &str) -> Result<Target, Violation> {
    match target {
        [b'/', ..] if !target.contains(&b'#') => Ok(Target::Origin),
        b"*" if method == "OPTIONS" => Ok(Target::Origin),
        _ => Err(Violation::Target),
    }
}

fn absolute(target: &[u8], method: &str) -> Result<Target, Violation> {
    let (scheme, rest) = split_scheme(target).ok_or(Violation::Target)?;
    if !scheme.eq_ignore_ascii_case(b"http") {
        return Err(Violation::Scheme);
    }
    let path = rest
        .iter()
        .position(|octet| matches!(octet, b'/' | b'?' | b'#'))
        .unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(path).ok_or(Violation::Target)?;
    let authority = Authority::parse(authority, Some(80)).ok_or(Violation::Target)?;
    if path.contains(&b'#') {
        return Err(Violation::Target);
    }
    let origin_form = match path {
        [] if method == "OPTIONS" => b"*".to_vec(),
        [b'/', ..] => path.to_vec(),
        _ => [b"/", path].concat(),
    };
    Ok(Target::Absolute {
        authority,
        origin_form,
    })
}

fn split_scheme(target: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = target.windows(3).position(|three| three == b"://")?;
    let (scheme, rest) = target.split_at_checked(end)?;
    let is_scheme = scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme
            .iter()
            .all(|&octet| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'-' | b'.'));
    is_scheme.then_some((scheme, rest.get(3..)?))
}

/// Exactly one Host that is a host and port; none is right only in HTTP/1.0. With an
/// absolute-form target it names the same server.
fn check_host(head: &RequestHead, target: &Target) -> Result<(), Violation> {
    let mut hosts = head.headers.all("host");
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        let none_needed = head.version == Version::Http10 && !head.headers.contains("host");
        return if none_needed {
            Ok(())
        } else {
            Err(Violation::Host)
        };
    };
    let named = Authority::parse(host, Some(80)).ok_or(Violation::Host)?;
    match target {
        Target::Absolute { authority, .. } if named != *authority => Err(Violation::HostMismatch),
        Target::Absolute { .. } | Target::Origin | Target::Connect(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(line: &str, host: &str, place: Place) -> Result<Target, Violation> {
        let head = format!("{line} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        Target::of(&RequestHead::parse(head.as_bytes())?, place)
    }

    fn proxied(line: &str, host: &str) -> Result<Target, Violation> {
        target(line, host, Place::ProxyPort)
    }

    fn authority(text: &str) -> Authority {
        Authority::parse(text.as_bytes(), Some(80)).expect(text)
    }

    #[test]
    fn a_plain_name_is_what_a_host_parser_makes_of_it() {
        for name in [
            "localhost",
            "api.test",
            "a..b",
            "1.a",
            "a-.b",
            "-a.b",
            "a--b.c",
            "a.b-",
            "0x1.a0",
            "127.0.0.1.a",
            ".a",
        ] {
            assert!(is_plain_name(name), "{name}");
            let parsed = url::Host::parse(name).ok();
            assert_eq!(parsed, Some(url::Host::Domain(name.to_owned())), "{name}");
        }
        for name in [
            "A.test", "xn--a.b", "a.xn--b", "1", "a.1", "0x1", "a.", "a_b", "",
        ] {
            assert!(!is_plain_name(name), "{name}");
        }
    }

    #[test]
    fn an_absolute_target_becomes_what_its_server_gets() {
        for (line, origin_form) in [
            ("GET http://a.test/b?c", "/b?c"),
            ("GET HTTP://a.test", "/"),
            ("GET http://A.test?c", "/?c"),
            ("OPTIONS http://a.test", "*"),
            ("OPTIONS http://a.test/", "/"),
        ] {
            let expected = Target::Absolute {
                authority: authority("a.test"),
                origin_form: origin_form.into(),
            };
            assert_eq!(proxied(line, "a.test:80"), Ok(expected), "{line}");
        }
    }

    #[test]
    fn the_proxy_port_takes_no_other_form() {
        for line in [
            "GET /",
            "GET a.test:80",
            "GET *",
            "GET http//a.test/",
            "GET ://a.test/",
            "GET http://u@a.test/",
            "GET http://a.test:0/",
            "GET http://a.test:99999/",
            "GET http://a.test:1:2/",
            "GET http://a\\b/",
            "GET http://a.test/#f",
            "GET http:///x",
        ] {
            assert_eq!(proxied(line, "a.test"), Err(Violation::Target), "{line}");
        }
        assert_eq!(
            proxied("GET file:///etc/passwd", "a.test"),
            Err(Violation::Scheme)
        );
        assert_eq!(
            proxied("GET https://a.test/", "a.test"),
            Err(Violation::Scheme)
        );
    }

    #[test]
    fn connect_names_a_host_and_a_port() {
        assert_eq!(
            proxied("CONNECT a.test:443", "x"),
            Ok(Target::Connect(authority("a.test:443")))
        );
        assert_eq!(
            proxied("CONNECT [::1]:443", "x"),
            Ok(Target::Connect(authority("[::1]:443")))
        );
        for line in [
            "CONNECT a.test",
            "CONNECT a.test:",
            "CONNECT a.test:0",
            "CONNECT :443",
            "CONNECT /",
            "CONNECT a.test:443/x",
            "CONNECT u@a.test:443",
            "CONNECT [::1:443",
        ] {
            assert_eq!(proxied(line, "x"), Err(Violation::ConnectTarget), "{line}");
        }
    }

    #[test]
    fn a_tunnel_takes_origin_form_only() {
        let tunnelled = |line| target(line, "a.test", Place::Tunnel);
        assert_eq!(tunnelled("GET /../x//y?z"), Ok(Target::Origin));
        assert_eq!(tunnelled("OPTIONS *"), Ok(Target::Origin));
        for line in [
            "GET *",
            "GET http://a.test/",
            "CONNECT a.test:443",
            "GET /#f",
        ] {
            assert_eq!(tunnelled(line), Err(Violation::Target), "{line}");
        }
    }

    #[test]
    fn host_is_one_authority_and_agrees_with_an_absolute_target() {
        let absolute = |host| proxied("GET http://a.test:8080/", host).map(drop);
        assert_eq!(absolute("A.TEST:8080"), Ok(()));
        assert_eq!(absolute("a.test"), Err(Violation::HostMismatch));
        for host in [
            "",
            "a b",
            "a/b",
            "a.test,b.test",
            "[::1",
            "a.test:80:80",
            "a.test#x",
            "u@a.test",
        ] {
            assert_eq!(absolute(host), Err(Violation::Host), "{host}");
        }
        let twice =
            RequestHead::parse(b"GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n").expect("valid");
        assert_eq!(Target::of(&twice, Place::Tunnel), Err(Violation::Host));
        let none = |version| format!("GET / HTTP/{version}\r\n\r\n");
        let parse = |head: String| RequestHead::parse(head.as_bytes()).expect("valid");
        assert_eq!(
            Target::of(&parse(none("1.1")), Place::Tunnel),
            Err(Violation::Host)
        );
        assert_eq!(
            Target::of(&parse(none("1.0")), Place::Tunnel),
            Ok(Target::Origin)
        );
    }

    #[test]
    fn an_address_is_the_same_however_it_is_written() {
        for text in ["127.0.0.1", "127.1", "0x7f000001", "2130706433"] {
            assert_eq!(
                Host::parse(text.as_bytes()),
                Some(Host::from(Ipv4Addr::LOCALHOST)),
                "{text}"
            );
        }
        assert!(authority("[::ffff:127.0.0.1]").host.is_loopback());
        assert!(authority("api.localhost.").host.is_loopback());
        assert!(!authority("localhost.test").host.is_loopback());
    }
}
