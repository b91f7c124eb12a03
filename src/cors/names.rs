//! Methods and header names that Fetch treats apart.

use crate::wire::headers::{HeaderList, NameSet, Tag};

/// Whether a method is [CORS-safelisted](https://fetch.spec.whatwg.org/#cors-safelisted-method):
/// no preflight asks for it, and no list need name it.
pub fn is_safelisted_method(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "POST")
}

/// Headers that a browser sets by itself, or that one engine safelists, so that they tell nothing of
/// the script; those whose name begins with `sec-` are set by browsers all of them.
const SET_BY_BROWSERS: NameSet = NameSet::of(&[
    "accept-charset",
    "accept-encoding",
    "access-control-request-headers",
    "access-control-request-method",
    "alt-used",
    "cache-control",
    "connection",
    "content-length",
    "cookie",
    "device-memory",
    "dnt",
    "downlink",
    "dpr",
    "ect",
    "expect",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "keep-alive",
    "last-event-id",
    "origin",
    "pragma",
    "priority",
    "proxy-authorization",
    "proxy-connection",
    "purpose",
    "referer",
    "rtt",
    "save-data",
    "sec-ch-ua",
    "sec-ch-ua-mobile",
    "sec-ch-ua-platform",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-fetch-storage-access",
    "service-worker",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "upgrade-insecure-requests",
    "user-agent",
    "via",
    "viewport-width",
]);

/// Whether a script must have set this header, and a preflight must have asked for it: it is
/// neither set by browsers themselves nor a
/// [CORS-safelisted request-header](https://fetch.spec.whatwg.org/#cors-safelisted-request-header).
pub fn needs_preflight(name: &[u8], value: &[u8]) -> bool {
    is_unsafe(Tag::of(name), name, value)
}

/// The names of the headers that need a preflight.
pub fn unsafe_names(headers: &HeaderList) -> Vec<&[u8]> {
    headers
        .tagged(|tag| !SET_BY_BROWSERS.has(tag))
        .filter(|(tag, name, value)| is_unsafe(*tag, name, value))
        .map(|(_, name, _)| name)
        .collect()
}

fn is_unsafe(tag: Tag, name: &[u8], value: &[u8]) -> bool {
    !SET_BY_BROWSERS.has(tag) && !begins_with_sec(name) && !is_safelisted(tag, value)
}

fn begins_with_sec(name: &[u8]) -> bool {
    name.first_chunk()
        .is_some_and(|start: &[u8; 4]| start.eq_ignore_ascii_case(b"sec-"))
}

fn is_safelisted(tag: Tag, value: &[u8]) -> bool {
    const ACCEPT: Tag = Tag::known("accept");
    const ACCEPT_LANGUAGE: Tag = Tag::known("accept-language");
    const CONTENT_LANGUAGE: Tag = Tag::known("content-language");
    const CONTENT_TYPE: Tag = Tag::known("content-type");
    const RANGE: Tag = Tag::known("range");
    if value.len() > 128 {
        return false;
    }
    match tag {
        ACCEPT => !has_unsafe_octet(value),
        ACCEPT_LANGUAGE | CONTENT_LANGUAGE => octets(value).all(|octet| octet.is_of_languages),
        CONTENT_TYPE => !has_unsafe_octet(value) && is_safelisted_content_type(value),
        RANGE => is_simple_range(value),
        _ => false,
    }
}

/// Whether a form could send this media type.
fn is_safelisted_content_type(value: &[u8]) -> bool {
    const ESSENCES: [&str; 3] = [
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "text/plain",
    ];
    let essence = value
        .split(|&octet| octet == b';')
        .next()
        .unwrap_or_default();
    let essence = crate::wire::trim_ows(essence);
    ESSENCES
        .iter()
        .any(|safe| essence.eq_ignore_ascii_case(safe.as_bytes()))
}

/// A [simple range](https://fetch.spec.whatwg.org/#simple-range-header-value) that has a start:
/// what media elements ask for.
fn is_simple_range(value: &[u8]) -> bool {
    let Some((start, end)) = value
        .strip_prefix(b"bytes=")
        .and_then(|range| std::str::from_utf8(range).ok())
        .and_then(|range| range.split_once('-'))
    else {
        return false;
    };
    let is_number = |text: &str| text.bytes().all(|octet| octet.is_ascii_digit());
    if start.is_empty() || !is_number(start) || !is_number(end) {
        return false;
    }
    // By length and then by digits, so that no number is too large.
    let size = |number: &'_ str| number.trim_start_matches('0').len();
    let digits = |number: &'_ str| number.trim_start_matches('0').to_owned();
    end.is_empty() || (size(start), digits(start)) <= (size(end), digits(end))
}

/// A [CORS-unsafe request-header byte](https://fetch.spec.whatwg.org/#cors-unsafe-request-header-byte).
const fn is_unsafe_octet(octet: u8) -> bool {
    octet < 0x20 && octet != b'\t'
        || matches!(
            octet,
            b'"' | b'('
                | b')'
                | b':'
                | b'<'
                | b'>'
                | b'?'
                | b'@'
                | b'['
                | b'\\'
                | b']'
                | b'{'
                | b'}'
                | 0x7f
        )
}

/// Whether an octet may stand in a list of languages that is safelisted.
const fn is_of_languages(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b' ' | b'*' | b',' | b'-' | b'.' | b';' | b'=')
}

/// What every octet is: each request has values that are looked at octet by octet.
static OCTETS: [Octet; 256] = {
    let mut all = [Octet {
        is_unsafe: false,
        is_of_languages: false,
    }; 256];
    let mut rest = all.as_mut_slice();
    let mut octet = 0;
    while let [one, others @ ..] = rest {
        one.is_unsafe = is_unsafe_octet(octet);
        one.is_of_languages = is_of_languages(octet);
        octet = octet.wrapping_add(1);
        rest = others;
    }
    all
};

#[derive(Clone, Copy)]
struct Octet {
    is_unsafe: bool,
    is_of_languages: bool,
}

fn octets(value: &[u8]) -> impl Iterator<Item = &'static Octet> {
    value
        .iter()
        .filter_map(|octet| OCTETS.get(usize::from(*octet)))
}

fn has_unsafe_octet(value: &[u8]) -> bool {
    octets(value).any(|octet| octet.is_unsafe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_safelisted_in_capitals_only() {
        assert!(is_safelisted_method("POST"));
        assert!(!is_safelisted_method("post") && !is_safelisted_method("PUT"));
    }

    #[test]
    fn only_what_a_form_could_send_needs_no_preflight() {
        let needs = |name: &str, value: &str| needs_preflight(name.as_bytes(), value.as_bytes());
        assert!(!needs("Content-Type", "text/plain;charset=UTF-8"));
        assert!(needs("Content-Type", "application/json"));
        assert!(needs("X-Custom", "1") && needs("Authorization", "Bearer t"));
        assert!(!needs("Accept", "*/*") && needs("Accept", "\"x\""));
        assert!(needs("Accept-Language", "en/us"));
        assert!(!needs("Sec-Fetch-Mode", "cors") && !needs("Cookie", "a=1"));
        assert!(!needs("Sec-New", "1") && needs("Secure", "1") && needs("Sec", "1"));
        assert!(!needs("DPR", "2"), "Chromium safelists client hints");
    }

    #[test]
    fn only_one_range_with_a_start_needs_no_preflight() {
        let needs = |value: &str| needs_preflight(b"Range", value.as_bytes());
        assert!(!needs("bytes=0-") && !needs("bytes=9-10") && !needs("bytes=09-9"));
        assert!(needs("bytes=-5") && needs("bytes=10-9") && needs("bytes=0-1,3-4"));
    }
}
