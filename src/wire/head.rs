//! Heads of HTTP/1 messages: start line and header list.

use std::mem::MaybeUninit;

use super::headers::HeaderList;
use super::{MAX_FIELDS, Violation, is_token};

/// The minor version of HTTP/1 (RFC 9112 section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
}

/// The head of a request (RFC 9112 section 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    /// The method, a token in its own case.
    pub method: String,
    /// The request target as it stands in the start line; see [`target`](super::target).
    pub target: Vec<u8>,
    /// The version.
    pub version: Version,
    /// The field lines.
    pub headers: HeaderList,
}

/// The head of a response (RFC 9112 section 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    /// The version.
    pub version: Version,
    /// The status code, from 100 to 599.
    pub status: u16,
    /// The field lines.
    pub headers: HeaderList,
}

type Fields<'b> = [MaybeUninit<httparse::Header<'b>>; MAX_FIELDS];

impl RequestHead {
    /// Parses a whole head, as a [`HeadScanner`](super::scan::HeadScanner) has found it.
    pub fn parse(octets: &[u8]) -> Result<Self, Violation> {
        let mut fields: Fields<'_> = [const { MaybeUninit::uninit() }; MAX_FIELDS];
        let mut request = httparse::Request::new(&mut []);
        request
            .parse_with_uninit_headers(octets, &mut fields)
            .map_err(violation)?;
        let (Some(method), Some(target)) = (request.method, request.path) else {
            return Err(Violation::StartLine);
        };
        if !is_token(method.as_bytes()) {
            return Err(Violation::Method);
        }
        if !is_request_line(octets, method.len(), target.len()) {
            return Err(Violation::StartLine);
        }
        Ok(Self {
            method: method.to_owned(),
            target: target.as_bytes().to_vec(),
            version: version(request.version)?,
            headers: header_list(request.headers, octets.len()),
        })
    }
}

impl ResponseHead {
    /// Parses a whole head, as a [`HeadScanner`](super::scan::HeadScanner) has found it.
    ///
    /// A status line that ends after the code, without the blank that RFC 9112 section 4 wants
    /// there, is let through: it frames nothing and every browser reads it.
    pub fn parse(octets: &[u8]) -> Result<Self, Violation> {
        let mut fields: Fields<'_> = [const { MaybeUninit::uninit() }; MAX_FIELDS];
        let mut response = httparse::Response::new(&mut []);
        httparse::ParserConfig::default()
            .parse_response_with_uninit_headers(&mut response, octets, &mut fields)
            .map_err(violation)?;
        let version = version(response.version)?;
        if octets.get(8) != Some(&b' ') || octets.get(9) == Some(&b' ') {
            return Err(Violation::StartLine);
        }
        match response.code {
            Some(status @ 100..=599) => Ok(Self {
                version,
                status,
                headers: header_list(response.headers, octets.len()),
            }),
            _ => Err(Violation::Status),
        }
    }

    /// Whether this is an interim response (RFC 9110 section 15.2): another one follows.
    pub fn is_interim(&self) -> bool {
        (100..200).contains(&self.status) && self.status != 101
    }
}

/// Whether the first line is just method, SP, target, SP and version.
fn is_request_line(octets: &[u8], method: usize, target: usize) -> bool {
    let line = method + 1 + target + 1 + "HTTP/1.1".len();
    octets.get(line..line + 2) == Some(b"\r\n")
}

fn version(minor: Option<u8>) -> Result<Version, Violation> {
    match minor {
        Some(0) => Ok(Version::Http10),
        Some(1) => Ok(Version::Http11),
        _ => Err(Violation::Version),
    }
}

fn header_list(fields: &[httparse::Header<'_>], octets: usize) -> HeaderList {
    let mut list = HeaderList::with_capacity(fields.len(), octets);
    for field in fields {
        list.push(field.name.as_bytes(), field.value);
    }
    list
}

fn violation(error: httparse::Error) -> Violation {
    match error {
        httparse::Error::HeaderName => Violation::FieldName,
        httparse::Error::HeaderValue => Violation::FieldValue,
        httparse::Error::NewLine | httparse::Error::Token => Violation::StartLine,
        httparse::Error::Status => Violation::Status,
        httparse::Error::TooManyHeaders => Violation::TooManyFields,
        httparse::Error::Version => Violation::Version,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(line: &str) -> Result<RequestHead, Violation> {
        RequestHead::parse(format!("{line}\r\nHost: a\r\n\r\n").as_bytes())
    }

    fn response(line: &str) -> Result<u16, Violation> {
        ResponseHead::parse(format!("{line}\r\nA: b\r\n\r\n").as_bytes()).map(|head| head.status)
    }

    #[test]
    fn a_request_head_keeps_its_spelling() {
        let head = RequestHead::parse(b"get /?x HTTP/1.0\r\nhOsT:  a \r\n\r\n");
        let head = head.expect("valid");
        assert_eq!(
            (head.method.as_str(), head.version),
            ("get", Version::Http10)
        );
        assert_eq!(
            head.headers.iter().next(),
            Some((b"hOsT".as_slice(), b"a".as_slice()))
        );
    }

    #[test]
    fn a_start_line_has_single_blanks_and_a_known_version() {
        assert!(request("GET / HTTP/1.1").is_ok());
        assert_eq!(request("GET  / HTTP/1.1"), Err(Violation::StartLine));
        assert_eq!(request("GET / x HTTP/1.1"), Err(Violation::Version));
        assert_eq!(request("GET / HTTP/2.0"), Err(Violation::Version));
        assert_eq!(request("GET /"), Err(Violation::StartLine));
        assert_eq!(request("G(T / HTTP/1.1"), Err(Violation::StartLine));
    }

    #[test]
    fn a_status_is_three_digits_from_100_to_599() {
        assert_eq!(response("HTTP/1.1 200 OK"), Ok(200));
        assert_eq!(response("HTTP/1.1 299 "), Ok(299));
        assert_eq!(response("HTTP/1.1 204"), Ok(204));
        assert_eq!(response("HTTP/1.1 600 X"), Err(Violation::Status));
        assert_eq!(response("HTTP/1.1 000 X"), Err(Violation::Status));
        assert_eq!(response("HTTP/1.1 2000 X"), Err(Violation::Status));
        assert_eq!(response("HTTP/1.1  200 OK"), Err(Violation::Status));
        assert_eq!(response("HTTP/1.2 200 OK"), Err(Violation::Version));
    }

    #[test]
    fn field_lines_are_tokens_with_printable_values() {
        let fields = |line: &str| {
            RequestHead::parse(format!("GET / HTTP/1.1\r\n{line}\r\n\r\n").as_bytes()).map(drop)
        };
        assert_eq!(fields("A: b"), Ok(()));
        assert_eq!(fields("A : b"), Err(Violation::FieldName));
        assert_eq!(fields("A"), Err(Violation::FieldName));
        assert_eq!(fields("A: \u{1}"), Err(Violation::FieldValue));
        assert_eq!(fields("A: \u{e9}"), Ok(()));
    }
}
