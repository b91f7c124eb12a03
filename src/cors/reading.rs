//! How each engine reads the lines of a field before it looks at the value.

use std::borrow::Cow;

use crate::exchange::Protocol;
use crate::wire::headers::HeaderList;
use crate::wire::{is_token, trim_ows};

use super::Engine;

/// The one spelling that Firefox counts.
const ALLOW_ORIGIN: &[u8] = b"Access-Control-Allow-Origin";

/// The value an engine sees of a field, its lines joined with `, `, or nothing if it sees none.
///
/// Firefox drops an empty line beside others, and an empty field altogether, but for
/// Access-Control-Allow-Origin, whose emptiness it remembers.
#[inline]
pub fn value<'a>(engine: Engine, headers: &'a HeaderList, name: &str) -> Option<Cow<'a, [u8]>> {
    let combined = headers.combined(name)?;
    if engine != Engine::Firefox || !has_empty_line(headers, name) {
        return Some(combined);
    }
    let lines: Vec<&[u8]> = headers
        .all(name)
        .filter(|value| !value.is_empty())
        .collect();
    let keeps_empty = name.as_bytes().eq_ignore_ascii_case(ALLOW_ORIGIN);
    if lines.is_empty() && !keeps_empty {
        None
    } else {
        Some(Cow::Owned(lines.join(&b", "[..])))
    }
}

fn has_empty_line(headers: &HeaderList, name: &str) -> bool {
    headers.all(name).any(<[u8]>::is_empty)
}

/// Whether Firefox counts more than one Access-Control-Allow-Origin: it counts lines in that very
/// spelling, which HTTP/2, with its lower-case names, never has.
pub fn firefox_counts_several(headers: &HeaderList, protocol: Protocol) -> bool {
    protocol != Protocol::Http2
        && headers
            .lines("access-control-allow-origin")
            .nth(1)
            .is_some()
        && headers
            .iter()
            .filter(|(name, _)| *name == ALLOW_ORIGIN)
            .count()
            > 1
}

/// The members of a list of tokens, or nothing if one of them is no token
/// ([extract header list values](https://fetch.spec.whatwg.org/#extract-header-list-values)).
pub fn token_list(value: &[u8]) -> Option<Vec<&[u8]>> {
    let mut members = Vec::with_capacity(8);
    for member in value.split(|&octet| octet == b',').map(trim_ows) {
        if is_token(member) {
            members.push(member);
        } else if !member.is_empty() {
            return None;
        }
    }
    Some(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(values: &[&str]) -> HeaderList {
        values
            .iter()
            .map(|value| ("Access-Control-Allow-Origin", value))
            .collect()
    }

    #[test]
    fn an_empty_line_beside_another_vanishes_in_firefox_only() {
        let headers = list(&["", "https://a.test"]);
        let read = |engine| value(engine, &headers, "access-control-allow-origin");
        assert_eq!(
            read(Engine::Firefox).as_deref(),
            Some(b"https://a.test".as_slice())
        );
        assert_eq!(
            read(Engine::Chromium).as_deref(),
            Some(b", https://a.test".as_slice())
        );
    }

    #[test]
    fn an_empty_field_is_no_field_in_firefox_but_for_allow_origin() {
        let headers = list(&[""]);
        assert_eq!(
            value(Engine::Firefox, &headers, "access-control-allow-origin").as_deref(),
            Some(b"".as_slice())
        );
        let headers = HeaderList::from_iter([("Access-Control-Allow-Credentials", "")]);
        assert_eq!(
            value(
                Engine::Firefox,
                &headers,
                "access-control-allow-credentials"
            ),
            None
        );
    }

    #[test]
    fn firefox_counts_one_spelling_and_never_over_http2() {
        let twice = list(&["*", "*"]);
        assert!(firefox_counts_several(&twice, Protocol::Http11));
        assert!(!firefox_counts_several(&twice, Protocol::Http2));
        let lower: HeaderList = [("access-control-allow-origin", "*"); 2]
            .into_iter()
            .collect();
        assert!(!firefox_counts_several(&lower, Protocol::Http11));
    }

    #[test]
    fn a_list_of_tokens_may_have_empty_members() {
        assert_eq!(
            token_list(b", GET,,\tPUT ,"),
            Some(vec![b"GET".as_slice(), b"PUT"])
        );
        assert_eq!(token_list(b"GET; PUT"), None);
        assert_eq!(token_list(b""), Some(vec![]));
    }
}
