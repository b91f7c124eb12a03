//! Where a message's content ends: [RFC 9112 section 6](https://www.rfc-editor.org/rfc/rfc9112#section-6).

use super::Violation;
use super::head::{RequestHead, ResponseHead, Version};
use super::headers::HeaderList;

/// How content is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// By its length in octets, known beforehand; none is 0.
    Length(u64),
    /// By the chunked coding (RFC 9112 section 7.1).
    Chunked,
    /// By the end of the connection; responses only.
    UntilClose,
}

impl Framing {
    /// The framing of a request's content: what its fields say, and none where they are silent.
    pub fn of_request(head: &RequestHead) -> Result<Self, Violation> {
        Ok(declared(head.version, &head.headers)?.unwrap_or(Self::Length(0)))
    }

    /// The framing of a response's content. What fields say is checked even where it does not
    /// count: after HEAD, and with 1xx, 204 and 304.
    pub fn of_response(head: &ResponseHead, to: &str) -> Result<Self, Violation> {
        let declared = declared(head.version, &head.headers)?;
        let may_be_chunked = head.status >= 200 && head.status != 204;
        if declared == Some(Self::Chunked) && !may_be_chunked {
            return Err(Violation::CodingNotAllowed);
        }
        if to == "HEAD" || !may_be_chunked || head.status == 304 {
            return Ok(Self::Length(0));
        }
        Ok(declared.unwrap_or(Self::UntilClose))
    }
}

/// What Content-Length and Transfer-Encoding say, if one of them is there.
fn declared(version: Version, headers: &HeaderList) -> Result<Option<Framing>, Violation> {
    let mut lengths = headers.all("content-length");
    let mut codings = headers.all("transfer-encoding");
    match (lengths.next(), codings.next()) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(Violation::LengthAndCoding),
        (Some(length), None) if lengths.next().is_none() => content_length(length).map(Some),
        (Some(_), None) => Err(Violation::ContentLength),
        (None, Some(_)) if version < Version::Http11 => Err(Violation::CodingNotAllowed),
        (None, Some(coding)) if codings.next().is_some() || !is_chunked(coding) => {
            Err(Violation::TransferEncoding)
        }
        (None, Some(_)) => Ok(Some(Framing::Chunked)),
    }
}

fn is_chunked(coding: &[u8]) -> bool {
    coding.eq_ignore_ascii_case(b"chunked")
}

/// 1*DIGIT, below 2^63: larger numbers overflow somebody's signed integer.
pub(super) fn content_length(value: &[u8]) -> Result<Framing, Violation> {
    if value.is_empty() {
        return Err(Violation::ContentLength);
    }
    let mut length: u64 = 0;
    for octet in value {
        let digit = char::from(*octet)
            .to_digit(10)
            .ok_or(Violation::ContentLength)?;
        length = length
            .checked_mul(10)
            .and_then(|tens| tens.checked_add(u64::from(digit)))
            .filter(|&length| i64::try_from(length).is_ok())
            .ok_or(Violation::ContentLength)?;
    }
    Ok(Framing::Length(length))
}

/// Whether a connection stays open after a message with this head (RFC 9112 section 9.3), as far
/// as the head says.
pub fn is_persistent(version: Version, headers: &HeaderList) -> bool {
    let option = |wanted: &str| {
        connection_options(headers).any(|o| o.eq_ignore_ascii_case(wanted.as_bytes()))
    };
    match version {
        Version::Http11 => !option("close"),
        Version::Http10 => option("keep-alive") && !option("close"),
    }
}

/// Whether a request asks for a switch to the protocol a 101 response names
/// (RFC 9110 section 7.8).
pub fn is_asked_upgrade(request: &HeaderList, response: &HeaderList) -> bool {
    let asks = connection_options(request).any(|o| o.eq_ignore_ascii_case(b"upgrade"));
    let mut chosen = members(response, "upgrade").peekable();
    let offered =
        |protocol: &[u8]| members(request, "upgrade").any(|o| o.eq_ignore_ascii_case(protocol));
    asks && chosen.peek().is_some() && chosen.all(offered)
}

fn connection_options(headers: &HeaderList) -> impl Iterator<Item = &[u8]> {
    members(headers, "connection")
}

/// The members of a comma-separated list field (RFC 9110 section 5.6.1), empty ones left out.
fn members<'a>(headers: &'a HeaderList, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    headers
        .all(name)
        .flat_map(|value| value.split(|&octet| octet == b','))
        .map(super::trim_ows)
        .filter(|member| !member.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(fields: &str) -> Result<Framing, Violation> {
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        Framing::of_request(&RequestHead::parse(head.as_bytes())?)
    }

    fn response(start: &str, to: &str, fields: &str) -> Result<Framing, Violation> {
        let head = format!("{start}\r\n{fields}\r\n");
        Framing::of_response(&ResponseHead::parse(head.as_bytes())?, to)
    }

    #[test]
    fn a_request_without_framing_fields_has_no_content() {
        assert_eq!(request(""), Ok(Framing::Length(0)));
    }

    #[test]
    fn a_length_is_one_plain_number() {
        assert_eq!(request("Content-Length: 005\r\n"), Ok(Framing::Length(5)));
        assert_eq!(
            request("Content-Length: 9223372036854775807\r\n"),
            Ok(Framing::Length(i64::MAX as u64))
        );
        for bad in [
            "",
            "+5",
            "-0",
            "5a",
            "5, 5",
            "9223372036854775808",
            "\u{b2}",
            "1e1",
            "0x5",
        ] {
            let fields = format!("Content-Length: {bad}\r\n");
            assert_eq!(request(&fields), Err(Violation::ContentLength), "{bad}");
        }
        assert_eq!(
            request("Content-Length: 5\r\ncontent-length: 5\r\n"),
            Err(Violation::ContentLength)
        );
    }

    #[test]
    fn a_coding_is_chunked_and_nothing_else() {
        assert_eq!(
            request("Transfer-Encoding: \tCHUNKED \r\n"),
            Ok(Framing::Chunked)
        );
        for bad in [
            "",
            "gzip",
            "identity",
            "chunked, chunked",
            "gzip, chunked",
            "\"chunked\"",
            "chunked;q=1",
        ] {
            let fields = format!("Transfer-Encoding: {bad}\r\n");
            assert_eq!(request(&fields), Err(Violation::TransferEncoding), "{bad}");
        }
        assert_eq!(
            request("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
            Err(Violation::LengthAndCoding)
        );
        assert_eq!(
            response("HTTP/1.0 200 OK", "GET", "Transfer-Encoding: chunked\r\n"),
            Err(Violation::CodingNotAllowed)
        );
    }

    #[test]
    fn some_responses_have_no_content_whatever_they_declare() {
        let length = "Content-Length: 500\r\n";
        assert_eq!(
            response("HTTP/1.1 200 OK", "HEAD", length),
            Ok(Framing::Length(0))
        );
        assert_eq!(
            response("HTTP/1.1 304 Not Modified", "GET", length),
            Ok(Framing::Length(0))
        );
        assert_eq!(
            response("HTTP/1.1 204 No Content", "GET", length),
            Ok(Framing::Length(0))
        );
        assert_eq!(
            response("HTTP/1.1 103 Early Hints", "GET", length),
            Ok(Framing::Length(0))
        );
        assert_eq!(
            response(
                "HTTP/1.1 204 No Content",
                "GET",
                "Transfer-Encoding: chunked\r\n"
            ),
            Err(Violation::CodingNotAllowed)
        );
    }

    #[test]
    fn a_response_without_framing_fields_ends_with_its_connection() {
        assert_eq!(
            response("HTTP/1.1 200 OK", "GET", ""),
            Ok(Framing::UntilClose)
        );
    }

    #[test]
    fn persistence_follows_version_and_connection() {
        let list = |value: &str| HeaderList::from_iter([("Connection", value)]);
        assert!(is_persistent(Version::Http11, &HeaderList::default()));
        assert!(!is_persistent(Version::Http11, &list(",,close,")));
        assert!(!is_persistent(Version::Http10, &HeaderList::default()));
        assert!(is_persistent(Version::Http10, &list("Keep-Alive")));
    }

    #[test]
    fn a_switch_is_to_a_protocol_that_was_offered() {
        let list = |connection: &str, upgrade: &str| {
            HeaderList::from_iter([("Connection", connection), ("Upgrade", upgrade)])
        };
        let asked = list("keep-alive, Upgrade", "websocket");
        assert!(is_asked_upgrade(&asked, &list("Upgrade", "WebSocket")));
        assert!(!is_asked_upgrade(&asked, &list("Upgrade", "h2c")));
        assert!(!is_asked_upgrade(&asked, &list("Upgrade", "")));
        assert!(!is_asked_upgrade(
            &list("keep-alive", "websocket"),
            &list("Upgrade", "websocket")
        ));
    }
}
