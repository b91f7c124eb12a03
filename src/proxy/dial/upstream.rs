//! Upstream proxies: which servers are reached through one, and what it is told.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;

use super::bypass::Bypass;
use crate::exchange::Scheme;
use crate::wire::target::Authority;

/// The port of a proxy that is given without one.
const DEFAULT_PORT: u16 = 80;

/// The proxies that servers are reached through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upstream {
    http: Option<Arc<UpstreamProxy>>,
    https: Option<Arc<UpstreamProxy>>,
    bypass: Bypass,
}

/// A proxy, and who we are to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamProxy {
    /// Where it listens.
    pub authority: Authority,
    credentials: Option<Credentials>,
}

/// User and password, ready for `Proxy-Authorization` (RFC 7617).
#[derive(Clone, PartialEq, Eq)]
struct Credentials(String);

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// Why a text names no proxy. The text itself is not told: it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoProxy {
    /// It is a proxy of another kind.
    #[error("{0}:// proxies are not supported, only http:// ones")]
    Scheme(String),
    /// It is not a URL.
    #[error(
        "it is not a proxy's URL, as in http://proxy.example:3128 or http://user:password@proxy.example:3128"
    )]
    Url,
}

impl UpstreamProxy {
    /// Parses `[http://][user[:password]@]host[:port]`, user and password percent-encoded.
    pub fn parse(text: &str) -> Result<Self, NoProxy> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let is_scheme = scheme.bytes().all(|octet| octet.is_ascii_alphanumeric());
        if scheme.is_empty() || !is_scheme {
            return Err(NoProxy::Url);
        }
        if !scheme.eq_ignore_ascii_case("http") {
            return Err(NoProxy::Scheme(scheme.to_ascii_lowercase()));
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (user, place) = match rest.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, rest),
        };
        let authority =
            Authority::parse(place.as_bytes(), Some(DEFAULT_PORT)).ok_or(NoProxy::Url)?;
        Ok(Self {
            authority,
            credentials: user.filter(|user| !user.is_empty()).map(Credentials::of),
        })
    }

    /// Whether it is told who we are.
    pub(super) fn has_credentials(&self) -> bool {
        self.credentials.is_some()
    }

    /// What asks it for a tunnel to a server (RFC 9110 sections 9.3.6, 11.7.2). `Via` is how
    /// another corstap knows that the request has been through one (section 7.6.3).
    pub(super) fn connect(&self, server: &Authority) -> String {
        let authorization = self
            .credentials
            .as_ref()
            .map(|Credentials(encoded)| format!("Proxy-Authorization: Basic {encoded}\r\n"));
        format!(
            "CONNECT {server} HTTP/1.1\r\nHost: {server}\r\nVia: 1.1 corstap\r\n{}\r\n",
            authorization.unwrap_or_default()
        )
    }
}

impl Credentials {
    fn of(user: &str) -> Self {
        let (user, password) = user.split_once(':').unwrap_or((user, ""));
        let octets: Vec<u8> = percent_decode_str(user)
            .chain(*b":")
            .chain(percent_decode_str(password))
            .collect();
        Self(STANDARD.encode(octets))
    }
}

impl fmt::Display for UpstreamProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.authority.fmt(f)
    }
}

impl Upstream {
    /// One proxy for all servers but these.
    pub fn through(proxy: UpstreamProxy, bypass: Bypass) -> Self {
        let proxy = Arc::new(proxy);
        Self {
            http: Some(Arc::clone(&proxy)),
            https: Some(proxy),
            bypass,
        }
    }

    /// The proxies that environment variables name: `http_proxy`, `https_proxy`, and `all_proxy` for
    /// either, and `no_proxy`, each in small letters or else in capitals. An empty one names none.
    /// `HTTP_PROXY` is not looked at in a CGI program, where a client can set it. An error comes with
    /// the name of the variable.
    pub fn from_environment(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, (&'static str, NoProxy)> {
        let is_cgi = variable("REQUEST_METHOD").is_some();
        let proxy = |names: &[&'static str]| {
            let named = names.iter().find_map(|name| Some((*name, variable(name)?)));
            let Some((name, text)) = named.filter(|(_, text)| !text.trim().is_empty()) else {
                return Ok(None);
            };
            let proxy = UpstreamProxy::parse(text.trim()).map_err(|error| (name, error))?;
            Ok(Some(Arc::new(proxy)))
        };
        let http: &[&str] = if is_cgi {
            &["http_proxy", "all_proxy", "ALL_PROXY"]
        } else {
            &["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]
        };
        Ok(Self {
            http: proxy(http)?,
            https: proxy(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])?,
            bypass: Bypass::from_environment(variable),
        })
    }

    /// The proxy that a server is reached through. Browsers use none for this machine itself.
    pub(super) fn of(&self, scheme: Scheme, server: &Authority) -> Option<&UpstreamProxy> {
        if server.host.is_loopback() || self.bypass.contains(server) {
            return None;
        }
        match scheme {
            Scheme::Http => self.http.as_deref(),
            Scheme::Https => self.https.as_deref(),
        }
    }

    /// All its proxies, each once.
    pub fn proxies(&self) -> Vec<&UpstreamProxy> {
        let mut all: Vec<&UpstreamProxy> = [&self.https, &self.http]
            .into_iter()
            .filter_map(Option::as_deref)
            .collect();
        all.dedup_by_key(|proxy| &proxy.authority);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(text: &str) -> Authority {
        Authority::parse(text.as_bytes(), None).expect(text)
    }

    fn proxy(text: &str) -> UpstreamProxy {
        UpstreamProxy::parse(text).expect(text)
    }

    #[test]
    fn a_proxy_is_named_by_a_url_or_by_less() {
        for (text, place) in [
            ("http://proxy.example:3128", "proxy.example:3128"),
            ("HTTP://Proxy.example:3128/", "proxy.example:3128"),
            ("proxy.example:3128", "proxy.example:3128"),
            ("http://proxy.example", "proxy.example:80"),
            ("http://user:a%40b@[::1]:8080", "[::1]:8080"),
        ] {
            assert_eq!(proxy(text).to_string(), place, "{text}");
        }
    }

    #[test]
    fn what_is_no_http_proxy_is_refused_without_telling_the_password() {
        let failure = |text: &str| UpstreamProxy::parse(text).expect_err(text).to_string();
        assert_eq!(
            failure("socks5://user:hunter2@proxy:1080"),
            "socks5:// proxies are not supported, only http:// ones"
        );
        assert_eq!(
            failure("https://proxy:443"),
            "https:// proxies are not supported, only http:// ones"
        );
        for text in [
            "user:hunter2@http://proxy",
            "http://user:hunter2@",
            "http://user:hunter2@proxy/path",
            "http://user:hunter2@pro xy",
            "",
        ] {
            assert_eq!(UpstreamProxy::parse(text), Err(NoProxy::Url), "{text}");
        }
    }

    #[test]
    fn a_tunnel_is_asked_for_with_credentials_where_there_are_some() {
        let server = server("api.example.com:443");
        assert_eq!(
            proxy("http://proxy:1").connect(&server),
            "CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\nVia: 1.1 corstap\r\n\r\n"
        );
        let asked = proxy("http://Aladdin:open%20sesame@proxy:1").connect(&server);
        let line = "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n";
        assert!(asked.contains(line), "{asked}");
        let asked = proxy("http://user@proxy:1").connect(&server);
        assert!(asked.contains("Basic dXNlcjo=\r\n"), "{asked}");
    }

    #[test]
    fn credentials_are_not_shown() {
        let shown = format!("{:?}", proxy("http://user:hunter2@proxy:1"));
        let encoded = STANDARD.encode("user:hunter2");
        assert!(
            !shown.contains("hunter2") && !shown.contains(&encoded),
            "{shown}"
        );
        assert_eq!(proxy("http://user:hunter2@proxy:1").to_string(), "proxy:1");
    }

    fn environment(variables: &[(&str, &str)]) -> Result<Upstream, (&'static str, NoProxy)> {
        Upstream::from_environment(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn reached(upstream: &Upstream, scheme: Scheme, to: &str) -> Option<String> {
        let proxy = upstream.of(scheme, &server(to));
        proxy.map(ToString::to_string)
    }

    #[test]
    fn the_environment_names_proxies_as_it_does_to_curl() {
        let upstream = environment(&[
            ("HTTP_PROXY", "http://one:1"),
            ("https_proxy", "two:2"),
            ("HTTPS_PROXY", "three:3"),
            ("NO_PROXY", ".internal, 10.0.0.0/8"),
        ])
        .expect("valid");
        let reached = |scheme, to| reached(&upstream, scheme, to);
        assert_eq!(reached(Scheme::Http, "a.com:80").as_deref(), Some("one:1"));
        assert_eq!(
            reached(Scheme::Https, "a.com:443").as_deref(),
            Some("two:2")
        );
        for direct in [
            "a.internal:443",
            "10.1.2.3:443",
            "localhost:443",
            "127.0.0.1:80",
            "[::1]:1",
        ] {
            assert_eq!(reached(Scheme::Https, direct), None, "{direct}");
        }
        assert_eq!(upstream.proxies().len(), 2);
    }

    #[test]
    fn some_variables_count_for_all_and_some_for_nothing() {
        let upstream = environment(&[("ALL_PROXY", "all:1"), ("http_proxy", "")]).expect("valid");
        assert_eq!(reached(&upstream, Scheme::Http, "a.com:80"), None);
        assert!(reached(&upstream, Scheme::Https, "a.com:443").is_some());
        let cgi = environment(&[("HTTP_PROXY", "evil:1"), ("REQUEST_METHOD", "GET")]);
        assert_eq!(cgi, Ok(Upstream::default()));
        let socks = environment(&[("ALL_PROXY", "socks5h://here:1")]);
        assert_eq!(
            socks,
            Err(("ALL_PROXY", NoProxy::Scheme("socks5h".to_owned())))
        );
    }

    #[test]
    fn one_proxy_is_named_once() {
        let upstream = Upstream::through(proxy("proxy:1"), Bypass::default());
        assert_eq!(upstream.proxies().len(), 1);
    }
}
