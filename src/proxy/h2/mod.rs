//! HTTP/2 conversations ([RFC 9113](https://www.rfc-editor.org/rfc/rfc9113)): one connection of the
//! browser's and its own to the server, stream by stream. Nothing is translated, because the server
//! has chosen the protocol for both.
//!
//! One task drives both connections and all their streams, so what belongs together never waits for
//! another thread.

mod home;
mod meter;
mod pings;
mod pump;
mod relay;

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use h2::Reason;
use h2::client::SendRequest;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use tracing::debug;

use self::home::Home;
use self::meter::{Metered, Signs};
use self::pings::Pinger;
pub(super) use self::pings::Pings;
use self::relay::Left;
use super::Proxy;
use super::dial::Reached;
use super::peer::Peer;
use crate::store::recorder::{Arrival, ConnectionTicket};
use crate::wire::MAX_HEAD;
use crate::wire::target::Authority;

/// How long a server may take for its settings, and a browser for its preface.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long the last frames may take to leave.
const FAREWELL: Duration = Duration::from_secs(2);
/// How long a connection may be without streams. Browsers give up after five minutes.
const IDLE: Duration = Duration::from_mins(10);
/// How many octets of one stream, and of all streams of a connection, may be on their way: what one
/// reader leaves lying does not stop the others.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 1 << 25;
/// How many octets of a stream may wait to be written.
const MOST_UNWRITTEN: usize = 256 * 1024;
/// How many streams a browser may have open at once, if the server takes so many.
const MOST_STREAMS: usize = 256;

/// A client and a server that both speak HTTP/2.
pub(super) struct Meeting<'a> {
    pub(super) proxy: &'a Proxy,
    pub(super) client: Peer,
    pub(super) arrival: Arrival,
    pub(super) authority: Authority,
    pub(super) server: Reached,
}

type Client = h2::server::Connection<Metered, Bytes>;
type Server = h2::client::Connection<Metered, Bytes>;

/// Both connections, with the streams under way.
struct Conversation<'a> {
    home: Arc<Home<'a>>,
    client: Client,
    client_signs: Signs,
    server: Server,
    server_signs: Signs,
    server_end: Option<ServerEnd>,
    /// Whether the server broke off before it was asked anything: the first request is to see that.
    awaits_first: bool,
    streams: FuturesUnordered<BoxFuture<'a, Left<'a>>>,
    hanging: Vec<Left<'a>>,
    pinger: Option<Pinger>,
    has_said_page: bool,
    has_said_farewell: bool,
    /// When the last stream came or went.
    active: Instant,
}

/// How the server has ended its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ServerEnd {
    /// It takes no more requests; those under way are finished.
    Draining,
    /// It is over, in order.
    Over,
    /// It broke.
    Broken { was_reset: bool },
}

impl ServerEnd {
    fn of(error: &h2::Error) -> Self {
        debug!(%error, "the server's connection is over");
        if error.is_go_away() && error.is_remote() {
            return Self::Over;
        }
        let io = error.get_io().map(io::Error::kind);
        let was_reset = io == Some(io::ErrorKind::ConnectionReset);
        Self::Broken { was_reset }
    }
}

/// How the conversation has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    ByClient,
    ByServer { was_reset: bool },
}

/// Takes stream after stream until one side has had enough.
pub(super) async fn converse(meeting: Meeting<'_>, mut line: ConnectionTicket) {
    match Conversation::begin(meeting, &line).await {
        Ok(conversation) => {
            if conversation.run().await == Ended::ByClient {
                line.closed_by_client();
            }
        }
        Err(error) => debug!(%error, "no HTTP/2 conversation"),
    }
}

impl<'a> Conversation<'a> {
    /// Shakes hands with the server first: the browser is told what the server allows.
    async fn begin(meeting: Meeting<'a>, line: &ConnectionTicket) -> Result<Self, h2::Error> {
        let Meeting {
            proxy,
            client,
            arrival,
            authority,
            server,
        } = meeting;
        let reach = server.reach;
        let (io, server_signs) = Metered::server(server.peer);
        let (requests, mut server) = as_client().handshake(io).await?;
        let server_end = settled(&mut server).await.err().as_ref().map(ServerEnd::of);
        let (io, client_signs) = Metered::client(client);
        let client = as_server(&server, &requests).handshake(io);
        let mut client: Client = within(PATIENCE, client).await?;
        let pings = client.ping_pong().filter(|_| proxy.confirm);
        let (pinger, pings) = pings.map(Pinger::new).unzip();
        let home = Home {
            proxy,
            client: arrival.address,
            connection: line.id(),
            authority,
            reach,
            requests,
            pings,
            flushes: Notify::new(),
        };
        Ok(Self {
            home: Arc::new(home),
            client,
            client_signs,
            server,
            server_signs,
            awaits_first: server_end.is_some(),
            server_end,
            streams: FuturesUnordered::new(),
            hanging: Vec::new(),
            pinger,
            has_said_page: false,
            has_said_farewell: false,
            active: Instant::now(),
        })
    }

    async fn run(mut self) -> Ended {
        let ended = loop {
            match timeout(IDLE, poll_fn(|cx| self.poll(cx))).await {
                Ok(ended) => break ended,
                Err(_) if self.is_idle(2 * IDLE) => break Ended::ByServer { was_reset: false },
                Err(_) if self.is_idle(IDLE) => self.client.graceful_shutdown(),
                Err(_) => {}
            }
        };
        debug!(?ended, "over");
        // Streams that are still under way learn from their connections that these are over.
        let mut rest = poll_fn(|cx| {
            self.home.flushes.notify_waiters();
            self.streams.poll_next_unpin(cx)
        });
        let _ = timeout(FAREWELL, async { while (&mut rest).await.is_some() {} }).await;
        if ended == (Ended::ByServer { was_reset: true }) {
            self.client_signs.reset_at_end();
        }
        if self.server_end.is_none() {
            self.leave_server().await;
        }
        ended
    }

    /// Whether nobody has asked for anything for that long.
    fn is_idle(&self, long: Duration) -> bool {
        self.streams.is_empty() && self.active.elapsed() >= long
    }

    /// One round: what the server says, what becomes of the streams, what the browser wants.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        loop {
            self.poll_server(cx);
            self.poll_streams(cx);
            self.say_farewell();
            let Poll::Ready(next) = self.poll_client(cx) else {
                break;
            };
            let Some(stream) = next else {
                return Poll::Ready(self.ended_by_client());
            };
            self.streams.push(stream);
            self.awaits_first = false;
        }
        if !self.client_signs.is_blocked() {
            self.home.flushes.notify_waiters();
        }
        if let Some(pinger) = &mut self.pinger {
            pinger.poll(cx);
        }
        match self.broken_end() {
            Some(ended) => Poll::Ready(ended),
            None => Poll::Pending,
        }
    }

    fn poll_streams(&mut self, cx: &mut Context<'_>) {
        while let Poll::Ready(Some(left)) = self.streams.poll_next_unpin(cx) {
            self.active = Instant::now();
            match left {
                Left::Nothing => {}
                Left::Page => self.has_said_page = true,
                Left::Hanging(_) => self.hanging.push(left),
            }
        }
    }

    /// Tells the browser that the server takes no more requests. A connection that broke is seen as
    /// one instead, unless there is a page of ours to be read.
    fn say_farewell(&mut self) {
        let is_due = match self.server_end {
            None => false,
            Some(ServerEnd::Draining | ServerEnd::Over) => true,
            Some(ServerEnd::Broken { .. }) => self.has_said_page || self.server_signs.went_away(),
        };
        if is_due && !self.has_said_farewell {
            self.client.graceful_shutdown();
            self.has_said_farewell = true;
        }
    }

    /// A server that broke off breaks the browser's connection, once all that it sent before is
    /// through; unless it had announced its end and left nothing open, or there is a page of ours to
    /// be read.
    fn broken_end(&self) -> Option<Ended> {
        let is_asked = !self.streams.is_empty() || self.awaits_first;
        let is_through = !is_asked && !self.client_signs.is_blocked();
        let is_orderly = self.server_signs.went_away() && self.hanging.is_empty();
        match self.server_end? {
            ServerEnd::Broken { was_reset } if is_through && !is_orderly && !self.has_said_page => {
                Some(Ended::ByServer { was_reset })
            }
            ServerEnd::Broken { .. } | ServerEnd::Over | ServerEnd::Draining => None,
        }
    }

    /// The browser's connection is over, because it wanted so or the server did.
    fn ended_by_client(&self) -> Ended {
        match self.server_end {
            None => Ended::ByClient,
            Some(_) => Ended::ByServer { was_reset: false },
        }
    }

    /// The next stream of the browser's; nothing when its connection is over.
    fn poll_client(&mut self, cx: &mut Context<'_>) -> Poll<Option<BoxFuture<'a, Left<'a>>>> {
        if self.client_signs.is_flood() {
            self.client.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
        }
        self.client.poll_accept(cx).map(|accepted| {
            let (request, respond) = accepted?
                .inspect_err(|error| debug!(%error, "the client's connection is over"))
                .ok()?;
            let stream = relay::relay(Arc::clone(&self.home), request, respond);
            Some(Box::pin(stream) as BoxFuture<'a, Left<'a>>)
        })
    }

    /// Drives the server's connection.
    fn poll_server(&mut self, cx: &mut Context<'_>) {
        if matches!(
            self.server_end,
            Some(ServerEnd::Over | ServerEnd::Broken { .. })
        ) {
            return;
        }
        let end = match Pin::new(&mut self.server).poll(cx) {
            Poll::Ready(Ok(())) => ServerEnd::Over,
            Poll::Ready(Err(error)) => ServerEnd::of(&error),
            Poll::Pending if self.server_signs.is_flood() => ServerEnd::Broken { was_reset: false },
            Poll::Pending if self.server_signs.went_away() => ServerEnd::Draining,
            Poll::Pending => return,
        };
        self.server_end = Some(end);
    }

    /// Lets the server's connection end once nobody asks any more.
    async fn leave_server(self) {
        let Self { home, server, .. } = self;
        drop(home);
        let _ = timeout(FAREWELL, server).await;
    }
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
