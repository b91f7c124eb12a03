//! The events an exchange is told in, in the order they happen.

use std::net::SocketAddr;
use std::sync::Arc;

use super::{
    ConnectionId, Content, Ending, ExchangeId, Moment, Protocol, Reach, Request, Response, Rewrite,
    Word,
};

/// The two peers of the proxy; whose turn it is, or whose fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The browser, or whatever else speaks to the proxy.
    Client,
    /// The server asked for.
    Server,
}

/// Something that happened. Live, from a capture and from a HAR file the same events tell the
/// same story.
#[derive(Clone, Debug)]
pub enum Event {
    /// A client connection, or a tunnel inside one, can carry requests from now on.
    Connected {
        /// Which one.
        connection: ConnectionId,
        /// When the client opened it.
        at: Moment,
        /// Whether its TLS session continues an earlier one (RFC 8446 section 2.2); nothing where
        /// there is no TLS, or where that is not known.
        resumed: Option<bool>,
    },
    /// Nothing will tell when a connection is closed: no file knows everything.
    Unwatched {
        /// Which one.
        connection: ConnectionId,
        /// From when on.
        at: Moment,
    },
    /// The head of a request was read.
    Opened {
        /// The exchange it opens.
        id: ExchangeId,
        /// The connection it came on.
        connection: ConnectionId,
        /// When.
        at: Moment,
        /// The protocol.
        protocol: Protocol,
        /// The client's address, where it is known.
        client: Option<SocketAddr>,
        /// The request.
        request: Arc<Request>,
    },
    /// The server was reached.
    Reached {
        /// The exchange it was reached for.
        id: ExchangeId,
        /// How.
        reach: Reach,
    },
    /// A rule makes another response of the one that comes next; or answers in the server's place,
    /// and none comes.
    Rewritten {
        /// The exchange.
        id: ExchangeId,
        /// When.
        at: Moment,
        /// What it makes of it.
        rewrite: Arc<Rewrite>,
    },
    /// The head of the final response was read; it has not been passed on yet.
    Answered {
        /// The exchange it answers.
        id: ExchangeId,
        /// When.
        at: Moment,
        /// The response as the server sent it.
        sent: Arc<Response>,
    },
    /// The first octets of the response's content show what it is.
    Glimpsed {
        /// The exchange.
        id: ExchangeId,
        /// When.
        at: Moment,
        /// What it is.
        content: Content,
    },
    /// While the end of the response was held back, the client cancelled it.
    Cancelled {
        /// The exchange.
        id: ExchangeId,
        /// When.
        at: Moment,
    },
    /// The end of the response was held back, and the client did not cancel it although it had
    /// what it takes to block it.
    NotCancelled {
        /// The exchange.
        id: ExchangeId,
        /// When.
        at: Moment,
    },
    /// The exchange is over.
    Ended {
        /// Which one.
        id: ExchangeId,
        /// When.
        at: Moment,
        /// How.
        ending: Ending,
        /// What exactly went wrong, if something did.
        reason: Option<String>,
    },
    /// The browser itself tells of a request.
    BrowserSaid {
        /// The exchange that it is about; nothing until it was found.
        id: Option<ExchangeId>,
        /// When.
        at: Moment,
        /// What it says.
        word: Arc<Word>,
    },
    /// The browser tells of a request that it never sent: an exchange without anything on the wire.
    NeverSent {
        /// The exchange.
        id: ExchangeId,
        /// When it is told.
        at: Moment,
        /// What the browser says.
        word: Arc<Word>,
    },
    /// An exchange was not taken down, because too much waited to be. Nothing follows any more from
    /// what was not seen.
    Dropped {
        /// When.
        at: Moment,
    },
    /// A connection was closed.
    Closed {
        /// Which one.
        connection: ConnectionId,
        /// When.
        at: Moment,
        /// Who closed it first.
        by: Side,
    },
}

impl Event {
    /// The exchange it is about; nothing where it is about a connection.
    pub fn exchange(&self) -> Option<ExchangeId> {
        match self {
            Self::Opened { id, .. }
            | Self::Reached { id, .. }
            | Self::Rewritten { id, .. }
            | Self::Answered { id, .. }
            | Self::Glimpsed { id, .. }
            | Self::Cancelled { id, .. }
            | Self::NotCancelled { id, .. }
            | Self::NeverSent { id, .. }
            | Self::Ended { id, .. } => Some(*id),
            Self::BrowserSaid { id, .. } => *id,
            Self::Connected { .. }
            | Self::Unwatched { .. }
            | Self::Closed { .. }
            | Self::Dropped { .. } => None,
        }
    }

    /// How much memory it holds on to, in octets, beyond its own.
    pub fn weight(&self) -> usize {
        match self {
            Self::Opened { request, .. } => request.weight(),
            Self::Answered { sent, .. } => sent.headers.weight(),
            Self::Rewritten { rewrite, .. } => rewrite.weight(),
            Self::BrowserSaid { word, .. } | Self::NeverSent { word, .. } => word.request.weight(),
            Self::Connected { .. }
            | Self::Unwatched { .. }
            | Self::Reached { .. }
            | Self::Glimpsed { .. }
            | Self::Cancelled { .. }
            | Self::NotCancelled { .. }
            | Self::Ended { .. }
            | Self::Dropped { .. }
            | Self::Closed { .. } => 0,
        }
    }

    /// When it happened, where that is told.
    pub fn at(&self) -> Option<Moment> {
        match self {
            Self::Connected { at, .. }
            | Self::Unwatched { at, .. }
            | Self::Opened { at, .. }
            | Self::Rewritten { at, .. }
            | Self::Answered { at, .. }
            | Self::Glimpsed { at, .. }
            | Self::Cancelled { at, .. }
            | Self::NotCancelled { at, .. }
            | Self::Ended { at, .. }
            | Self::BrowserSaid { at, .. }
            | Self::NeverSent { at, .. }
            | Self::Dropped { at }
            | Self::Closed { at, .. } => Some(*at),
            Self::Reached { .. } => None,
        }
    }
}
