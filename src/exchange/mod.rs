//! What was seen: one request with its response and its ending, and the events it is told in.
//!
//! Everything here is a value. Times are arguments ([`Moment`]), never asked for.

pub mod columns;
pub mod ending;
pub mod event;
pub mod ledger;
pub mod moment;
pub mod reach;
pub mod recorded;
pub mod rewrite;
pub mod secret;
pub mod url;
pub mod word;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::ending::Ending;
pub use self::event::{Event, Side};
pub use self::moment::Moment;
pub use self::reach::{Reach, Unverified};
pub use self::rewrite::Rewrite;
pub use self::url::{AskedUrl, RequestUrl, Scheme};
pub use self::word::{Initiator, Word};
pub use crate::wire::content::Content;
use crate::wire::head::Version;
pub use crate::wire::headers::HeaderList;

/// The number of an exchange in its capture, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExchangeId(pub u64);

/// The number of a client connection in its capture, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConnectionId(pub u64);

/// The protocol of an exchange, by its ALPN name (RFC 7301).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Protocol {
    /// HTTP/1.0
    #[serde(rename = "http/1.0")]
    Http10,
    /// HTTP/1.1
    #[serde(rename = "http/1.1")]
    Http11,
    /// HTTP/2
    #[serde(rename = "h2")]
    Http2,
}

impl Protocol {
    /// The name used in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http10 => "http/1.0",
            Self::Http11 => "http/1.1",
            Self::Http2 => "h2",
        }
    }
}

impl From<Version> for Protocol {
    fn from(version: Version) -> Self {
        match version {
            Version::Http10 => Self::Http10,
            Version::Http11 => Self::Http11,
        }
    }
}

/// A request as the browser sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method, in its own case.
    pub method: String,
    /// The URL asked for.
    pub url: AskedUrl,
    /// The field lines.
    pub headers: HeaderList,
}

impl Request {
    /// How much memory it takes beyond its own, in octets.
    pub fn weight(&self) -> usize {
        self.url.path().len() + self.headers.weight()
    }
}

/// The head of a response; its content is never kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The field lines.
    pub headers: HeaderList,
}

/// One request, with its response and its ending as far as they are known.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Its number in the capture.
    pub id: ExchangeId,
    /// The client connection it came on.
    pub connection: ConnectionId,
    /// The protocol spoken with the client.
    pub protocol: Protocol,
    /// The client's address.
    pub client: Option<SocketAddr>,
    /// How the server was reached.
    pub reach: Reach,
    /// When the head of the request was complete.
    pub started: Moment,
    /// How long it took until its ending.
    pub elapsed: Option<Duration>,
    /// The request.
    pub request: Arc<Request>,
    /// The response as the server sent it.
    pub sent: Option<Arc<Response>>,
    /// What its content is, where its first octets were looked at.
    pub content: Option<Content>,
    /// What a rule made of it, where one did.
    pub rewrite: Option<Arc<Rewrite>>,
    /// How it ended, so far.
    pub ending: Ending,
    /// What exactly went wrong, in words, where something did.
    pub reason: Option<String>,
}
