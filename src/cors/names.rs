//! Methods and header names that Fetch treats apart.

/// Whether a method is [CORS-safelisted](https://fetch.spec.whatwg.org/#cors-safelisted-method):
/// no preflight asks for it, and no list need name it.
pub fn is_safelisted_method(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "POST")
}

/// Whether a browser sets the header of this name, in lower case, by itself, or one engine
/// safelists it, so that it tells nothing of the script.
fn is_set_by_browsers(name: &[u8]) -> bool {
    name.starts_with(b"sec-")
        || matches!(
            name,
            b"accept-charset"
                | b"accept-encoding"
                | b"access-control-request-headers"
                | b"access-control-request-method"
                | b"alt-used"
                | b"cache-control"
                | b"connection"
                | b"content-length"
                | b"cookie"
                | b"device-memory"
                | b"dnt"
                | b"downlink"
                | b"dpr"
                | b"ect"
                | b"expect"
                | b"host"
                | b"if-match"
                | b"if-modified-since"
                | b"if-none-match"
                | b"if-range"
                | b"if-unmodified-since"
                | b"keep-alive"
                | b"last-event-id"
                | b"origin"
                | b"pragma"
                | b"priority"
                | b"proxy-authorization"
                | b"proxy-connection"
                | b"purpose"
                | b"referer"
                | b"rtt"
                | b"save-data"
                | b"service-worker"
                | b"te"
                | b"trailer"
                | b"transfer-encoding"
                | b"upgrade"
                | b"upgrade-insecure-requests"
                | b"user-agent"
                | b"via"
                | b"viewport-width"
        )
}

/// Whether a script must have set this header, and a preflight must have asked for it: it is
/// neither set by browsers themselves nor a
/// [CORS-safelisted request-header](https://fetch.spec.whatwg.org/#cors-safelisted-request-header).
pub fn needs_preflight(name: &[u8], value: &[u8]) -> bool {
    // Longer names are none of those that are known.
    let mut lower = [0; 32];
    let Some(lower) = lower.get_mut(..name.len()) else {
        return true;
    };
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    !is_set_by_browsers(lower) && !is_safelisted(lower, value)
}

fn is_safelisted(name: &[u8], value: &[u8]) -> bool {
    if value.len() > 128 {
        return false;
    }
    match name {
        b"accept" => !value.iter().copied().any(is_unsafe_octet),
        b"accept-language" | b"content-language" => value.iter().all(|octet| {
            octet.is_ascii_alphanumeric()
                || matches!(octet, b' ' | b'*' | b',' | b'-' | b'.' | b';' | b'=')
        }),
        b"content-type" => {
            !value.iter().copied().any(is_unsafe_octet) && is_safelisted_content_type(value)
        }
        b"range" => is_simple_range(value),
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
fn is_unsafe_octet(octet: u8) -> bool {
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
        assert!(!needs("DPR", "2"), "Chromium safelists client hints");
    }

    #[test]
    fn only_one_range_with_a_start_needs_no_preflight() {
        let needs = |value: &str| needs_preflight(b"Range", value.as_bytes());
        assert!(!needs("bytes=0-") && !needs("bytes=9-10") && !needs("bytes=09-9"));
        assert!(needs("bytes=-5") && needs("bytes=10-9") && needs("bytes=0-1,3-4"));
    }
}
