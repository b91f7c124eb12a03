//! What all streams of a connection share: the one server they go to.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use h2::client::SendRequest;
use http::request;
use tokio::sync::Notify;

use super::meter::Signs;
use super::pings::Pings;
use crate::exchange::{ConnectionId, Protocol, Reach, Request, RequestUrl, Scheme};
use crate::proxy::Proxy;
use crate::store::Ticket;
use crate::wire::fields;
use crate::wire::target::Authority;

/// The server at the other end of the tunnel, and who asks it.
pub(super) struct Home<'a> {
    pub(super) proxy: &'a Proxy,
    pub(super) client: SocketAddr,
    pub(super) connection: ConnectionId,
    pub(super) authority: Authority,
    pub(super) reach: Reach,
    pub(super) requests: SendRequest<Bytes>,
    pub(super) pings: Option<Pings>,
    pub(super) flushes: Notify,
    pub(super) client_signs: Signs,
    pub(super) server_signs: Signs,
}

impl Home<'_> {
    pub(super) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Where the server was reached.
    pub(super) fn reach(&self) -> &Reach {
        &self.reach
    }

    /// Where requests go in.
    pub(super) fn requests(&self) -> SendRequest<Bytes> {
        self.requests.clone()
    }

    /// PINGs for those who hold back the end of a response; none where nobody is to do so.
    pub(super) fn confirms(&self) -> Option<Pings> {
        self.pings.clone()
    }

    /// Waits until all that was sent to the browser so far has left, as far as it takes it.
    pub(super) async fn flushed(&self) {
        self.flushes.notified().await;
    }

    /// A request, as it is judged and recorded.
    pub(super) fn request(&self, head: &request::Parts) -> Arc<Request> {
        let path = fields::path(&head.uri);
        let url = RequestUrl {
            scheme: Scheme::Https,
            authority: self.authority.clone(),
            path: if path.is_empty() { "/" } else { path }.into(),
        };
        Arc::new(Request {
            method: head.method.as_str().to_owned(),
            url: url.into(),
            headers: fields::header_list(&head.headers),
        })
    }

    /// Opens the record of an exchange.
    pub(super) fn open(&self, request: &Arc<Request>) -> Ticket {
        let (recorder, request) = (&self.proxy.recorder, Arc::clone(request));
        recorder.open(self.connection, Protocol::Http2, self.client, request)
    }
}
