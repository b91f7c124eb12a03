//! HTTP/2 conversations ([RFC 9113](https://www.rfc-editor.org/rfc/rfc9113)): one connection of the
//! browser's and its own to the server, stream by stream. Nothing is translated, because the server
//! has chosen the protocol for both.
//!
//! One task drives both connections and all their streams, so what belongs together never waits for
//! another thread.

mod handshake;
mod home;
mod meter;
mod pings;
mod pump;
mod relay;
mod stopped;

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use h2::Reason;
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tracing::debug;

use self::handshake::{Client, Server};
use self::home::Home;
use self::meter::{Metered, Signs};
use self::pings::Pinger;
pub(super) use self::pings::Pings;
use self::relay::Left;
use super::Proxy;
use super::dial::Reached;
use super::peer::Peer;
use crate::store::recorder::{Arrival, ConnectionTicket};
use crate::wire::Violation;
use crate::wire::target::Authority;

/// How long the last frames may take to leave.
const FAREWELL: Duration = Duration::from_secs(2);
/// How long a connection may be without streams. Browsers give up after five minutes.
const IDLE: Duration = Duration::from_mins(10);
/// How long a browser may take to ask a server that is gone.
const FIRST: Duration = Duration::from_secs(15);
/// How many streams are taken in before those that are there have their turn.
const MOST_AT_ONCE: usize = 32;

/// A client and a server that both speak HTTP/2.
pub(super) struct Meeting<'a> {
    pub(super) proxy: &'a Proxy,
    pub(super) client: Peer,
    pub(super) arrival: Arrival,
    pub(super) authority: Authority,
    pub(super) server: Reached,
}

/// Both connections, with the streams under way.
struct Conversation<'a> {
    home: Arc<Home<'a>>,
    client: Client,
    client_signs: Signs,
    /// Nothing once it is over.
    server: Option<Server>,
    server_signs: Signs,
    server_end: Option<ServerEnd>,
    /// Whether the server broke off before it was asked anything: the first request is to see that.
    awaits_first: bool,
    streams: FuturesUnordered<BoxFuture<'a, Left<'a>>>,
    hanging: Vec<Left<'a>>,
    pinger: Option<Pinger>,
    has_said_page: bool,
    has_said_farewell: bool,
    /// When a client that was told to go is to be gone.
    dismissal: Option<Pin<Box<Sleep>>>,
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
    /// By ourselves, because of what the client sent.
    Dismissed,
    ByServer {
        was_reset: bool,
    },
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
        let (requests, server, failure) = handshake::with_server(io).await?;
        let server_end = failure.as_ref().map(ServerEnd::of);
        let (io, client_signs) = Metered::client(client);
        let mut client = handshake::with_client(io, &server, &requests).await?;
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
            client_signs: client_signs.clone(),
            server_signs: server_signs.clone(),
        };
        Ok(Self {
            home: Arc::new(home),
            client,
            client_signs,
            // Whoever waits for one that is over learns of it once it is gone.
            server: Some(server).filter(|_| server_end.is_none()),
            server_signs,
            awaits_first: server_end.is_some(),
            server_end,
            streams: FuturesUnordered::new(),
            hanging: Vec::new(),
            pinger,
            has_said_page: false,
            has_said_farewell: false,
            dismissal: None,
            active: Instant::now(),
        })
    }

    async fn run(mut self) -> Ended {
        let ended = loop {
            let patience = if self.awaits_first { FIRST } else { IDLE };
            match timeout(patience, poll_fn(|cx| self.poll(cx))).await {
                Ok(ended) => break ended,
                Err(_) if self.awaits_first => break Ended::ByServer { was_reset: false },
                Err(_) if self.is_idle(2 * IDLE) => break Ended::ByServer { was_reset: false },
                Err(_) if self.is_idle(IDLE) => self.client.graceful_shutdown(),
                Err(_) => {}
            }
        };
        debug!(?ended, "over");
        self.end(ended).await;
        ended
    }

    /// Ends both connections. Streams that are still under way learn from the client's that all is
    /// over, and say so to the server.
    async fn end(self, ended: Ended) {
        let Self {
            home,
            client,
            client_signs,
            server,
            mut streams,
            ..
        } = self;
        if ended == (Ended::ByServer { was_reset: true }) {
            client_signs.reset_at_end();
        }
        drop(client);
        let mut rest = poll_fn(|cx| {
            home.flushes.notify_waiters();
            streams.poll_next_unpin(cx)
        });
        let _ = timeout(FAREWELL, async { while (&mut rest).await.is_some() {} }).await;
        drop((streams, home));
        if let Some(server) = server {
            // It ends once nobody asks any more.
            let _ = timeout(FAREWELL, server).await;
        }
    }

    /// Whether nobody has asked for anything for that long.
    fn is_idle(&self, long: Duration) -> bool {
        self.streams.is_empty() && self.active.elapsed() >= long
    }

    /// What the server says, what becomes of the streams, what the browser wants. What is sent to either
    /// meanwhile leaves at the end, in one piece.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        // Before all else, because a flood leaves no time for it.
        if let Some(ended) = self.poll_dismissal(cx) {
            return Poll::Ready(ended);
        }
        loop {
            self.cork(true);
            let is_over = self.poll_rounds(cx);
            self.cork(false);
            if is_over {
                return Poll::Ready(self.ended_by_client());
            }
            self.poll_server(cx);
            match self.poll_accept(cx) {
                Poll::Pending => break,
                Poll::Ready(true) => {}
                Poll::Ready(false) => return Poll::Ready(self.ended_by_client()),
            }
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

    fn cork(&self, is_corked: bool) {
        self.client_signs.cork(is_corked);
        self.server_signs.cork(is_corked);
    }

    /// One round after the other, for as long as the browser opens streams; true when its connection is
    /// over.
    fn poll_rounds(&mut self, cx: &mut Context<'_>) -> bool {
        loop {
            self.poll_server(cx);
            self.poll_streams(cx);
            self.say_farewell();
            let mut taken = 0;
            while taken < MOST_AT_ONCE
                && let Poll::Ready(is_another) = self.poll_accept(cx)
            {
                if !is_another {
                    return true;
                }
                taken += 1;
            }
            if taken == 0 {
                return false;
            }
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

    /// The browser's connection is over, because it wanted so or the server did, or we.
    fn ended_by_client(&self) -> Ended {
        if self.dismissal.is_some() {
            return Ended::Dismissed;
        }
        match self.server_end {
            None => Ended::ByClient,
            Some(_) => Ended::ByServer { was_reset: false },
        }
    }

    /// Takes another stream of the browser's in; false when its connection is over.
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let mut accepted = self.client.poll_accept(cx);
        if accepted.is_pending() && self.dismisses(cx) {
            accepted = self.client.poll_accept(cx);
        }
        accepted.map(|accepted| match accepted {
            Some(Ok((request, respond))) => {
                let stream = relay::relay(Arc::clone(&self.home), request, respond);
                self.streams.push(Box::pin(stream));
                self.awaits_first = false;
                true
            }
            Some(Err(error)) => {
                debug!(%error, "the client's connection is over");
                false
            }
            None => false,
        })
    }

    /// Tells a client to go that has just broken a rule which the crate leaves to us.
    fn dismisses(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(violation) = self.client_signs.violation() else {
            return false;
        };
        if self.dismissal.is_some() {
            return false;
        }
        debug!(%violation, "the client is told to go");
        let wants_too_much = matches!(violation, Violation::TooManyFrames | Violation::SlowFrame);
        self.client.abrupt_shutdown(if wants_too_much {
            Reason::ENHANCE_YOUR_CALM
        } else {
            Reason::PROTOCOL_ERROR
        });
        self.dismissal = Some(Box::pin(sleep(2 * FAREWELL)));
        self.poll_dismissal(cx).is_none()
    }

    /// A client that takes no octets does not hear that it is to go.
    fn poll_dismissal(&mut self, cx: &mut Context<'_>) -> Option<Ended> {
        let dismissal = self.dismissal.as_mut()?;
        let is_over = dismissal.as_mut().poll(cx).is_ready();
        is_over.then_some(Ended::Dismissed)
    }

    /// Drives the server's connection.
    fn poll_server(&mut self, cx: &mut Context<'_>) {
        let Some(server) = &mut self.server else {
            return;
        };
        let end = match Pin::new(server).poll(cx) {
            Poll::Ready(Ok(())) => ServerEnd::Over,
            Poll::Ready(Err(error)) => ServerEnd::of(&error),
            Poll::Pending if self.server_signs.violation().is_some() => {
                ServerEnd::Broken { was_reset: false }
            }
            Poll::Pending if self.server_signs.went_away() => ServerEnd::Draining,
            Poll::Pending => return,
        };
        self.server_end = Some(end);
        if end != ServerEnd::Draining {
            // Whoever waits for it learns of its end by that.
            self.server = None;
        }
    }
}
