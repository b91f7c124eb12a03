//! Heads with single lines changed: every other octet stays.

use super::head::RequestHead;

/// Fields that speak to the proxy and go no further (RFC 9110 section 11.7).
const FOR_THE_PROXY: [&str; 2] = ["proxy-connection", "proxy-authorization"];

/// The octets of a request head as the server gets them: the target in origin form, the fields
/// for the proxy gone. Nothing where the head can leave as it came.
///
/// `octets` are those that `head` was parsed from.
pub fn for_server(
    octets: &[u8],
    head: &RequestHead,
    origin_form: Option<&[u8]>,
) -> Option<Vec<u8>> {
    let for_us = FOR_THE_PROXY.iter().any(|name| head.headers.contains(name));
    if origin_form.is_none() && !for_us {
        return None;
    }
    let target = origin_form.unwrap_or(&head.target);
    let after_target = head.method.len() + 1 + head.target.len();
    let mut edited = Vec::with_capacity(octets.len());
    edited.extend_from_slice(head.method.as_bytes());
    edited.push(b' ');
    edited.extend_from_slice(target);
    for (place, line) in octets
        .get(after_target..)?
        .split_inclusive(|&octet| octet == b'\n')
        .enumerate()
    {
        if place == 0 || !is_for_the_proxy(line) {
            edited.extend_from_slice(line);
        }
    }
    Some(edited)
}

fn is_for_the_proxy(line: &[u8]) -> bool {
    let name = line
        .split(|&octet| octet == b':')
        .next()
        .unwrap_or_default();
    FOR_THE_PROXY
        .iter()
        .any(|field| name.eq_ignore_ascii_case(field.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(octets: &str, origin_form: Option<&str>) -> Option<String> {
        let head = RequestHead::parse(octets.as_bytes()).expect("valid");
        for_server(octets.as_bytes(), &head, origin_form.map(str::as_bytes))
            .map(|octets| String::from_utf8(octets).expect("text"))
    }

    #[test]
    fn only_the_target_and_the_fields_for_the_proxy_change() {
        let head =
            "GET http://a/b HTTP/1.1\r\nhOsT:  a\r\nProxy-Connection: keep-alive\r\nX:y \r\n\r\n";
        assert_eq!(
            edited(head, Some("/b")).as_deref(),
            Some("GET /b HTTP/1.1\r\nhOsT:  a\r\nX:y \r\n\r\n")
        );
    }

    #[test]
    fn a_head_without_either_is_left_alone() {
        assert_eq!(edited("GET /b HTTP/1.1\r\nHost: a\r\n\r\n", None), None);
        assert_eq!(
            edited(
                "GET /b HTTP/1.1\r\nHost: a\r\nPROXY-AUTHORIZATION: x\r\n\r\n",
                None
            )
            .as_deref(),
            Some("GET /b HTTP/1.1\r\nHost: a\r\n\r\n")
        );
    }
}
