//! How both connections begin: the server's first, because it says what the browser may do.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use h2::client::SendRequest;
use tokio::time::timeout;

use super::meter::Metered;
use crate::wire::MAX_HEAD;

/// How long a server may take for its settings, and a browser for its preface.
const PATIENCE: Duration = Duration::from_secs(15);
/// How many octets of one stream, and of all streams of a connection, may be on their way: what one
/// reader leaves lying does not stop the others.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 1 << 25;
/// How many octets of a stream may wait to be written.
const MOST_UNWRITTEN: usize = 256 * 1024;
/// How many streams a browser may have open at once, if the server takes so many.
const MOST_STREAMS: usize = 256;

pub(super) type Client = h2::server::Connection<Metered, Bytes>;
pub(super) type Server = h2::client::Connection<Metered, Bytes>;

/// Shakes hands with a server, and waits for its settings. Why these did not come is told apart: the
/// first request is to see it.
pub(super) async fn with_server(
    io: Metered,
) -> Result<(SendRequest<Bytes>, Server, Option<h2::Error>), h2::Error> {
    let (requests, mut server) = as_client().handshake(io).await?;
    let failure = settled(&mut server).await.err();
    Ok((requests, server, failure))
}

/// Shakes hands with a browser, as that server allows.
pub(super) fn with_client(
    io: Metered,
    server: &Server,
    requests: &SendRequest<Bytes>,
) -> impl Future<Output = Result<Client, h2::Error>> + use<> {
    within(PATIENCE, as_server(server, requests).handshake(io))
}

fn as_client() -> h2::client::Builder {
    let mut builder = h2::client::Builder::new();
    builder
        // Nothing goes out before the server's settings are there.
        .initial_max_send_streams(0)
        .enable_push(false)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(MOST_UNWRITTEN)
        .max_header_list_size(u32::try_from(MAX_HEAD).unwrap_or(u32::MAX));
    builder
}

/// What the browser may do follows from what the server allows.
fn as_server(server: &Server, requests: &SendRequest<Bytes>) -> h2::server::Builder {
    let most = server.max_concurrent_send_streams().clamp(1, MOST_STREAMS);
    let mut builder = h2::server::Builder::new();
    builder
        .max_concurrent_streams(u32::try_from(most).unwrap_or(u32::MAX))
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(MOST_UNWRITTEN)
        .max_header_list_size(u32::try_from(MAX_HEAD).unwrap_or(u32::MAX));
    if requests.is_extended_connect_protocol_enabled() {
        builder.enable_connect_protocol();
    }
    builder
}

/// Waits for the server's settings, which say how many streams it takes (RFC 9113 section 3.4).
async fn settled(server: &mut Server) -> Result<(), h2::Error> {
    let settings = poll_fn(|cx| {
        if let Poll::Ready(ended) = Pin::new(&mut *server).poll(cx) {
            ended?;
            return Poll::Ready(Err(Reason::NO_ERROR.into()));
        }
        if server.max_concurrent_send_streams() > 0 {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    });
    within(PATIENCE, settings).await
}

async fn within<T>(
    patience: Duration,
    work: impl Future<Output = Result<T, h2::Error>>,
) -> Result<T, h2::Error> {
    let late = || Err(h2::Error::from(Reason::SETTINGS_TIMEOUT));
    timeout(patience, work).await.unwrap_or_else(|_| late())
}
