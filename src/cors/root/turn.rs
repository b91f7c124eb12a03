//! Where a redirect leads, seen from where it was asked.

use crate::exchange::{RequestUrl, Scheme};

/// What a redirect changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// The trailing slash, and nothing else.
    Slash,
    /// http to https, and nothing else.
    Https,
    /// The host, to the same path.
    Host,
    /// To a page to log in at.
    Login,
    /// To another path of another host.
    Away,
    /// To another path of the same host.
    Elsewhere,
}

impl Turn {
    /// Compares two URLs.
    pub(super) fn between(from: &RequestUrl, to: &RequestUrl) -> Self {
        let (path, target) = (without_query(&from.path), without_query(&to.path));
        let is_same_path = path == target;
        let is_same_host = from.authority.host == to.authority.host;
        let asks_to_log_in =
            !has_login_path(from) && (has_login_path(to) || (!is_same_host && has_login_host(to)));
        if asks_to_log_in {
            Self::Login
        } else if is_same_host && is_same_path && is_upgrade(from, to) {
            Self::Https
        } else if !is_same_host {
            if is_same_path { Self::Host } else { Self::Away }
        } else if from.origin() == to.origin() && differ_by_slash(path, target) {
            Self::Slash
        } else {
            Self::Elsewhere
        }
    }
}

fn is_upgrade(from: &RequestUrl, to: &RequestUrl) -> bool {
    from.scheme == Scheme::Http && to.scheme == Scheme::Https
}

fn differ_by_slash(one: &str, other: &str) -> bool {
    one.strip_suffix('/') == Some(other) || other.strip_suffix('/') == Some(one)
}

fn without_query(path: &str) -> &str {
    path.split('?').next().unwrap_or(path)
}

/// Whether a URL is, by its words, one where people log in.
pub(super) fn is_login(url: &RequestUrl) -> bool {
    has_login_path(url) || has_login_host(url)
}

fn has_login_path(url: &RequestUrl) -> bool {
    let mut words =
        without_query(&url.path).split(|character: char| !character.is_ascii_alphanumeric());
    words.any(is_login_word)
}

fn has_login_host(url: &RequestUrl) -> bool {
    let host = url.authority.host.name().unwrap_or_default();
    host.split('.').next().is_some_and(is_login_word)
}

fn is_login_word(word: &str) -> bool {
    const WORDS: [&str; 14] = [
        "login",
        "signin",
        "logon",
        "sso",
        "oauth",
        "oauth2",
        "oidc",
        "saml",
        "saml2",
        "idp",
        "auth",
        "authorize",
        "authenticate",
        "accounts",
    ];
    WORDS.iter().any(|known| word.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_are_told_by_what_they_change() {
        let turn = |to: &str| {
            let url = |text| RequestUrl::parse(text).expect("valid");
            Turn::between(&url("http://api.test/v1/users?page=2"), &url(to))
        };
        assert_eq!(turn("http://api.test/v1/users/?page=2"), Turn::Slash);
        assert_eq!(turn("https://api.test/v1/users"), Turn::Https);
        assert_eq!(turn("https://api.test:8443/v1/users"), Turn::Https);
        assert_eq!(turn("https://www.api.test/v1/users"), Turn::Host);
        assert_eq!(turn("http://api.test/users/login?next=%2Fv1"), Turn::Login);
        assert_eq!(turn("https://sso.test/start"), Turn::Login);
        assert_eq!(turn("https://other.test/blog"), Turn::Away);
        assert_eq!(turn("http://api.test/v2/users"), Turn::Elsewhere);
        assert_eq!(turn("http://api.test/blogging/author"), Turn::Elsewhere);
    }
}
