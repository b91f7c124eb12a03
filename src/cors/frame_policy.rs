//! Who may frame a document: [X-Frame-Options](https://html.spec.whatwg.org/#the-x-frame-options-header),
//! and [frame-ancestors](https://w3c.github.io/webappsec-csp/#directive-frame-ancestors) of
//! Content-Security-Policy, which counts in its place where both are there.

use crate::exchange::{RequestUrl, Scheme};
use crate::wire::headers::HeaderList;
use crate::wire::trim_ows;

use super::{Engine, Rule};

/// The rule by which a document from `document` may not be framed by `page`; where that is unknown,
/// only if nobody may. Of the frames around the page nothing is known.
pub(super) fn forbids(
    engine: Engine,
    headers: &HeaderList,
    page: Option<&RequestUrl>,
    document: &RequestUrl,
) -> Option<Rule> {
    let mut lists = ancestors(headers).peekable();
    if lists.peek().is_some() {
        let admits = |sources: Vec<&[u8]>| match page {
            Some(page) => sources
                .iter()
                .any(|source| fits(engine, source, page, document)),
            None => sources.iter().any(|source| !is_none(source)),
        };
        return (!lists.all(admits)).then_some(Rule::Csp);
    }
    let is_same = page.is_none_or(|page| page.origin() == document.origin());
    (!options_admit(headers, is_same)).then_some(Rule::XFrameOptions)
}

/// "If xFrameOptions's size is greater than 1, and xFrameOptions contains any of …"
fn options_admit(headers: &HeaderList, is_same_origin: bool) -> bool {
    let mut options: Vec<Vec<u8>> = headers
        .all("x-frame-options")
        .flat_map(|value| value.split(|&octet| octet == b','))
        .map(|option| trim_ows(option).to_ascii_lowercase())
        .collect();
    options.sort_unstable();
    options.dedup();
    match options.as_slice() {
        [] => true,
        [one] => match one.as_slice() {
            b"deny" => false,
            b"sameorigin" => is_same_origin,
            _ => true,
        },
        several => !several
            .iter()
            .any(|option| matches!(option.as_slice(), b"deny" | b"allowall" | b"sameorigin")),
    }
}

/// The sources of the first `frame-ancestors` of each policy that has one.
fn ancestors(headers: &HeaderList) -> impl Iterator<Item = Vec<&[u8]>> {
    headers
        .all("content-security-policy")
        .flat_map(|value| value.split(|&octet| octet == b','))
        .filter_map(|policy| policy.split(|&octet| octet == b';').find_map(sources))
}

/// What a `frame-ancestors` directive lists.
fn sources(directive: &[u8]) -> Option<Vec<&[u8]>> {
    let mut words = directive
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    let name = words.next()?;
    name.eq_ignore_ascii_case(b"frame-ancestors")
        .then(|| words.collect())
}

fn is_none(source: &[u8]) -> bool {
    source.eq_ignore_ascii_case(b"'none'")
}

/// Whether a page fits a source
/// ([matching](https://w3c.github.io/webappsec-csp/#match-url-to-source-expression)).
fn fits(engine: Engine, source: &[u8], page: &RequestUrl, document: &RequestUrl) -> bool {
    if source == b"*" {
        return true;
    }
    if source.eq_ignore_ascii_case(b"'self'") {
        let is_same_host = page.authority.host == document.authority.host;
        return is_same_host && has_port(page, document) && upgrades(document.scheme, page.scheme);
    }
    let source = source.to_ascii_lowercase();
    if let Some(scheme) = source.strip_suffix(b":") {
        return scheme_of(scheme).is_some_and(|scheme| upgrades(scheme, page.scheme));
    }
    let (scheme, rest) = match memchr::memmem::find(&source, b"://") {
        Some(end) => {
            let (scheme, rest) = source.split_at(end);
            let Some(scheme) = scheme_of(scheme) else {
                return false;
            };
            (scheme, rest.get(3..).unwrap_or_default())
        }
        None => (document.scheme, source.as_slice()),
    };
    // Measured: Chromium has a page that is safer than was asked for on that scheme's own port only.
    let is_exact = engine != Engine::Chromium || scheme == page.scheme;
    upgrades(scheme, page.scheme) && is_at(engine, rest, page, is_exact)
}

/// Ports are the same, or each is its scheme's own.
fn has_port(page: &RequestUrl, document: &RequestUrl) -> bool {
    let is_default = |url: &RequestUrl| url.authority.port == url.scheme.default_port();
    page.authority.port == document.authority.port || is_default(page) && is_default(document)
}

/// Whether a page's scheme is the one that is named, or the safer one.
fn upgrades(named: Scheme, page: Scheme) -> bool {
    named == page || named == Scheme::Http && page == Scheme::Https
}

fn scheme_of(name: &[u8]) -> Option<Scheme> {
    match name {
        b"http" => Some(Scheme::Http),
        b"https" => Some(Scheme::Https),
        _ => None,
    }
}

/// Host, port and path of a source. An ancestor is known by its origin: its path is `/`, at which
/// Firefox does not look (measured).
fn is_at(engine: Engine, source: &[u8], page: &RequestUrl, may_name_port: bool) -> bool {
    let end = memchr::memchr(b'/', source).unwrap_or(source.len());
    let (authority, path) = source.split_at(end);
    let (host, port) = match memchr::memrchr(b':', authority) {
        Some(colon) if !authority.ends_with(b"]") => {
            (authority.get(..colon), authority.get(colon + 1..))
        }
        _ => (Some(authority), None),
    };
    let is_port = match port {
        None => page.authority.port == page.scheme.default_port(),
        Some(b"*") => true,
        Some(port) => may_name_port && port == page.authority.port.to_string().as_bytes(),
    };
    let is_path = engine == Engine::Firefox || matches!(path, b"" | b"/");
    is_port && is_path && is_host(host.unwrap_or_default(), page)
}

fn is_host(pattern: &[u8], page: &RequestUrl) -> bool {
    let host = page.authority.host.to_string();
    match pattern.strip_prefix(b"*.") {
        // The dot, too: the bare domain is not below itself.
        Some(_) => host
            .as_bytes()
            .strip_suffix(pattern.get(1..).unwrap_or_default())
            .is_some_and(|rest| !rest.is_empty()),
        None => pattern == b"*" || host.as_bytes() == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> RequestUrl {
        RequestUrl::parse(text).expect("valid")
    }

    fn rule(lines: &[(&str, &str)], page: Option<&str>) -> Option<Rule> {
        let page = page.map(url);
        let headers = lines.iter().copied().collect();
        let document = url("https://api.test/frame");
        forbids(Engine::Webkit, &headers, page.as_ref(), &document)
    }

    fn by_options(values: &[&str], page: &str) -> Option<Rule> {
        let lines: Vec<_> = values
            .iter()
            .map(|value| ("X-Frame-Options", *value))
            .collect();
        rule(&lines, Some(page))
    }

    fn by_ancestors(sources: &str, page: &str) -> bool {
        let value = format!("default-src *; Frame-Ancestors {sources}");
        rule(&[("Content-Security-Policy", &value)], Some(page)).is_some()
    }

    #[test]
    fn options_are_one_word_that_is_known_or_forbid_nothing() {
        let (own, other) = ("https://api.test/", "https://app.test/");
        let forbidden = Some(Rule::XFrameOptions);
        for (values, to_own, to_other) in [
            (&["DENY"][..], forbidden, forbidden),
            (&["sameorigin"], None, forbidden),
            (&["SAMEORIGIN", "sameorigin"], None, forbidden),
            (&["DENY, SAMEORIGIN"], forbidden, forbidden),
            (&["ALLOWALL, x"], forbidden, forbidden),
            (&["ALLOW-FROM https://app.test"], None, None),
            (&["a, b"], None, None),
            (&[""], None, None),
            (&[], None, None),
        ] {
            assert_eq!(by_options(values, own), to_own, "{values:?}");
            assert_eq!(by_options(values, other), to_other, "{values:?}");
        }
    }

    #[test]
    fn ancestors_are_found_in_a_list_of_sources() {
        let page = "https://app.test:8443/page";
        for admits in [
            "*",
            "https:",
            "http:",
            "https://app.test:8443",
            "http://app.test:8443",
            "app.test:*",
            "*.test:8443",
            "https://APP.test:8443/",
            "'none' https://app.test:8443",
        ] {
            assert!(!by_ancestors(admits, page), "{admits}");
        }
        for shuts_out in [
            "",
            "'none'",
            "'self'",
            "https://app.test",
            "test:8443",
            "https://app.test:8443/x",
            "ws:",
            "*.app.test:8443",
            "https://xapp.test:8443",
        ] {
            assert!(by_ancestors(shuts_out, page), "{shuts_out}");
        }
        assert!(!by_ancestors("'self'", "https://api.test/"));
        assert!(!by_ancestors("https://app.test", "https://app.test/"));
    }

    #[test]
    fn engines_read_paths_and_ports_each_in_its_way() {
        let page = url("https://app.test:8443/");
        let admits = |engine, sources: &str| {
            let value = format!("frame-ancestors {sources}");
            let headers = [("Content-Security-Policy", value.as_str())];
            let document = url("https://api.test/frame");
            forbids(
                engine,
                &headers.into_iter().collect(),
                Some(&page),
                &document,
            )
            .is_none()
        };
        let all = |sources| Engine::ALL.map(|engine| admits(engine, sources));
        let [chromium, firefox, webkit] = all("https://app.test:8443/x");
        assert!(!chromium && firefox && !webkit);
        let [chromium, firefox, webkit] = all("http://app.test:8443");
        assert!(!chromium && firefox && webkit);
    }

    #[test]
    fn every_policy_has_to_admit_and_options_do_not_count_beside_one() {
        let page = Some("https://app.test/");
        let csp = |value| ("Content-Security-Policy", value);
        let (all, none) = (csp("frame-ancestors *"), csp("frame-ancestors 'none'"));
        assert_eq!(rule(&[all, none], page), Some(Rule::Csp));
        assert_eq!(
            rule(&[csp("frame-ancestors *, frame-ancestors 'self'")], page),
            Some(Rule::Csp)
        );
        assert_eq!(rule(&[all, ("X-Frame-Options", "DENY")], page), None);
        assert_eq!(rule(&[csp("default-src 'none'")], page), None);
    }

    #[test]
    fn where_the_page_is_unknown_only_what_nobody_may_is_certain() {
        assert_eq!(
            rule(&[("X-Frame-Options", "DENY")], None),
            Some(Rule::XFrameOptions)
        );
        assert_eq!(rule(&[("X-Frame-Options", "SAMEORIGIN")], None), None);
        let csp = |value| rule(&[("Content-Security-Policy", value)], None);
        assert_eq!(csp("frame-ancestors 'none'"), Some(Rule::Csp));
        assert_eq!(csp("frame-ancestors https://a.test"), None);
    }
}
