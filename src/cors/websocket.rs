//! How a WebSocket is opened (RFC 6455 section 4.1), for which there is no CORS.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::exchange::{Protocol, Request, Response};
use crate::wire::headers::HeaderList;
use crate::wire::trim_ows;

use super::Engine;

/// Whether an answer opens one (over HTTP/2: RFC 8441 section 5).
pub(super) fn is_opened(
    engine: Engine,
    protocol: Protocol,
    request: &Request,
    answer: &Response,
) -> bool {
    let is_switched = match protocol {
        Protocol::Http10 | Protocol::Http11 => answer.status == 101 && is_accepted(request, answer),
        Protocol::Http2 => (200..300).contains(&answer.status),
    };
    let is_offered = |field| {
        let offered: Vec<&[u8]> = names(&request.headers, field).collect();
        names(&answer.headers, field).all(|name| offered.contains(&name))
    };
    // Measured: Firefox takes a subprotocol that it did not offer.
    let is_spoken = engine == Engine::Firefox || is_offered("sec-websocket-protocol");
    is_switched && is_spoken && is_offered("sec-websocket-extensions")
}

/// Whether an answer was computed from the request's key. What is read back has the key withheld, and
/// then nothing can be said against the answer.
fn is_accepted(request: &Request, answer: &Response) -> bool {
    /// What every key is hashed with (RFC 6455 section 1.3).
    const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    let key = request.headers.first("sec-websocket-key");
    let is_key = |key: &&[u8]| {
        BASE64_STANDARD
            .decode(key)
            .is_ok_and(|nonce| nonce.len() == 16)
    };
    let Some(key) = key.filter(is_key) else {
        return true;
    };
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &[key, GUID].concat());
    let accept = BASE64_STANDARD.encode(hash);
    answer.headers.first("sec-websocket-accept") == Some(accept.as_bytes())
}

/// The names in a list, without their parameters.
fn names<'a>(headers: &'a HeaderList, field: &'a str) -> impl Iterator<Item = &'a [u8]> {
    let members = headers
        .all(field)
        .flat_map(|value| value.split(|&octet| octet == b','));
    members.map(|member| {
        let name = member.split(|&octet| octet == b';').next();
        trim_ows(name.unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::AskedUrl;

    fn opened(asks: &[(&str, &str)], status: u16, answers: &[(&str, &str)]) -> bool {
        let request = Request {
            method: "GET".to_owned(),
            url: AskedUrl::parse("https://api.test/a").expect("valid"),
            headers: asks.iter().copied().collect(),
        };
        let headers = answers.iter().copied().collect();
        let answer = Response { status, headers };
        is_opened(Engine::Chromium, Protocol::Http11, &request, &answer)
    }

    #[test]
    fn an_answer_is_computed_from_the_key() {
        let key = ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
        let accept = |value| opened(&[key], 101, &[("Sec-WebSocket-Accept", value)]);
        assert!(accept("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        assert!(!accept("S3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        assert!(!opened(&[key], 101, &[]));
        let withheld = ("Sec-WebSocket-Key", "{withheld:24:k1:0123456789abcdef}");
        assert!(opened(&[withheld], 101, &[]));
    }

    #[test]
    fn a_server_may_choose_only_what_was_offered() {
        let protocols = ("Sec-WebSocket-Protocol", "chat, soap");
        let extension = (
            "Sec-WebSocket-Extensions",
            "permessage-deflate; client_max_window_bits",
        );
        let asks = [protocols, extension];
        assert!(opened(&asks, 101, &[]));
        assert!(opened(&asks, 101, &[("Sec-WebSocket-Protocol", "soap")]));
        assert!(opened(
            &asks,
            101,
            &[("Sec-WebSocket-Extensions", "permessage-deflate")]
        ));
        assert!(!opened(&asks, 101, &[("Sec-WebSocket-Protocol", "mqtt")]));
        assert!(!opened(&[], 101, &[("Sec-WebSocket-Protocol", "soap")]));
        assert!(!opened(&[], 101, &[("Sec-WebSocket-Extensions", "x")]));
        assert!(!opened(&asks, 200, &[]));
    }
}
