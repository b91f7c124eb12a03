//! URLs and references to them, taken apart without trusting them: whatever some browser would
//! take for a user and a password is found ([URL parsing](https://url.spec.whatwg.org/#url-parsing)
//! takes `\\` for `/`, and any number of slashes before a host).

/// The parts of a URL or of a reference, without user, password and fragment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parts<'a> {
    /// The scheme with its colon, or nothing.
    pub(super) scheme: &'a str,
    /// The slashes before the host; nothing where there is no host.
    pub(super) slashes: &'a str,
    /// Host and port; nothing where the scheme is not one of the web.
    pub(super) host: &'a str,
    /// The path, and all that only might be one.
    pub(super) path: &'a str,
    /// What follows the question mark.
    pub(super) query: Option<&'a str>,
}

impl<'a> Parts<'a> {
    pub(super) fn of(url: &'a str) -> Self {
        let url = url.split('#').next().unwrap_or_default();
        let (before, query) = match url.split_once('?') {
            Some((before, query)) => (before, Some(query)),
            None => (url, None),
        };
        let (scheme, rest) = before.split_at(scheme_length(before));
        let (slashes, rest) = rest.split_at(rest.len() - rest.trim_start_matches(is_slash).len());
        let is_of_web = ["", "http:", "https:", "ws:", "wss:"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(scheme));
        let has_host = is_of_web && slashes.len() > usize::from(scheme.is_empty());
        let (authority, path) = if has_host {
            rest.split_at(rest.find(is_slash).unwrap_or(rest.len()))
        } else {
            ("", rest)
        };
        Self {
            scheme,
            slashes,
            host: without_userinfo(authority),
            path,
            query,
        }
    }
}

/// What follows the last at sign.
pub(super) fn without_userinfo(text: &str) -> &str {
    text.rsplit('@').next().unwrap_or_default()
}

/// How long the scheme is, with its colon: ALPHA *( ALPHA / DIGIT / "+" / "-" / "." )
/// (RFC 3986 section 3.1).
fn scheme_length(url: &str) -> usize {
    let is_part = |octet: &u8| octet.is_ascii_alphanumeric() || b"+-.".contains(octet);
    let length = url.bytes().take_while(is_part).count();
    let begins = url.starts_with(|first: char| first.is_ascii_alphabetic());
    let ends = url.as_bytes().get(length) == Some(&b':');
    if begins && ends { length + 1 } else { 0 }
}

fn is_slash(character: char) -> bool {
    matches!(character, '/' | '\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(url: &str) -> (&str, &str, &str, &str) {
        let Parts {
            scheme,
            slashes,
            host,
            path,
            ..
        } = Parts::of(url);
        (scheme, slashes, host, path)
    }

    #[test]
    fn a_host_is_found_however_its_slashes_are_spelt() {
        assert_eq!(
            parts("https://u:p@a.test:1/b/c"),
            ("https:", "//", "a.test:1", "/b/c")
        );
        assert_eq!(
            parts("HTTPS:\\\\u@a.test\\b"),
            ("HTTPS:", "\\\\", "a.test", "\\b")
        );
        assert_eq!(parts("/\\a.test/b"), ("", "/\\", "a.test", "/b"));
        assert_eq!(parts("/a/https://b"), ("", "/", "", "a/https://b"));
        assert_eq!(parts("a:b/c"), ("a:", "", "", "b/c"));
        assert_eq!(parts("1a:b"), ("", "", "", "1a:b"));
    }
}
