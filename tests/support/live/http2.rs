//! The same replies over HTTP/2: what was recorded octet by octet, as fields and content.

use bytes::Bytes;
use corstap::wire::head::ResponseHead;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{HeaderName, HeaderValue, Request, Response};

use super::play::{Asked, Reply};
use super::servers::Replay;
use crate::support::scene::Stream;

/// Fields that HTTP/2 has no use for (RFC 9113 section 8.2.2).
const OF_THE_CONNECTION: [&str; 5] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
];

/// Replies to stream after stream until the connection ends.
pub async fn converse(stream: impl Stream + 'static, replay: &Replay) {
    let Ok(mut connection) = h2::server::handshake(stream).await else {
        return;
    };
    let mut silent = Vec::new();
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        match replay.reply(&asked(&request)) {
            Reply::Answer(octets) => answer(&octets, respond, None),
            Reply::Part(octets) => answer(&octets, respond, Some(Reason::INTERNAL_ERROR)),
            Reply::Close | Reply::Reset => respond.send_reset(Reason::INTERNAL_ERROR),
            Reply::Silence => silent.push((request, respond)),
        }
    }
}

fn asked(request: &Request<RecvStream>) -> Asked {
    let path = request.uri().path_and_query().expect("a path");
    Asked::new(request.method().as_str(), path.as_str())
}

/// Sends what would have been these octets; then breaks off, if so told.
fn answer(octets: &[u8], mut respond: SendResponse<Bytes>, broken_by: Option<Reason>) {
    let Some((head, content)) = parsed(octets) else {
        // What cannot be said over HTTP/2.
        return respond.send_reset(Reason::INTERNAL_ERROR);
    };
    let is_all = content.is_empty() && broken_by.is_none();
    // A browser that has gone needs no answer.
    let Ok(mut sending) = respond.send_response(head, is_all) else {
        return;
    };
    if !content.is_empty() {
        let _ = sending.send_data(content, broken_by.is_none());
    }
    if let Some(reason) = broken_by {
        tokio::spawn(async move {
            // A reset overtakes what waits to be sent.
            while sending.capacity() > 0 {
                tokio::task::yield_now().await;
            }
            sending.send_reset(reason);
        });
    }
}

fn parsed(octets: &[u8]) -> Option<(Response<()>, Bytes)> {
    let end = memchr::memmem::find(octets, b"\r\n\r\n")? + 4;
    let (head, content) = octets.split_at(end);
    let head = ResponseHead::parse(head).ok()?;
    let content = match head.headers.first("transfer-encoding") {
        Some(_) => unchunked(content),
        None => content,
    };
    let mut response = Response::new(());
    *response.status_mut() = head.status.try_into().ok()?;
    for (name, value) in head.headers.iter() {
        let name = HeaderName::from_bytes(name).ok()?;
        if !OF_THE_CONNECTION.contains(&name.as_str()) {
            let value = HeaderValue::from_bytes(value).ok()?;
            response.headers_mut().append(name, value);
        }
    }
    Some((response, Bytes::copy_from_slice(content)))
}

/// The content of the one chunk that there is.
fn unchunked(octets: &[u8]) -> &[u8] {
    let start = memchr::memmem::find(octets, b"\r\n").map_or(0, |at| at + 2);
    octets[start..]
        .strip_suffix(b"\r\n0\r\n\r\n")
        .unwrap_or_default()
}
