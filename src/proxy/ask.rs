//! Asking a server by ourselves, by the way that the proxy takes to it.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::CryptoProvider;
use tokio::time::timeout;

use super::dial::{Dialer, Reached, Route, Unreached};
use super::peer::{NoHead, Peer};
use crate::exchange::Scheme;
use crate::wire::alpn::Alpn;
use crate::wire::head::ResponseHead;
use crate::wire::target::Authority;
use crate::wire::{MAX_INTERIM, Violation};

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// Asks servers, one request on a connection of its own.
pub struct Asker {
    dialer: Dialer,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    /// The server was not reached.
    #[error("{0}")]
    Unreached(NotReached),
    /// It takes too long.
    #[error("the server did not answer within {} s", PATIENCE.as_secs())]
    Late,
    /// It closed the connection.
    #[error("the server closed the connection without an answer")]
    Closed,
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(#[source] io::Error),
    /// What it said is no answer.
    #[error("the server's answer is not valid HTTP/1.1: {0}")]
    NotHttp(#[source] Violation),
}

/// Why a server was not reached, and what to do about it.
#[derive(Clone)]
pub struct NotReached(Unreached);

impl NotReached {
    /// What the user can do; options belong to the `command` they have typed.
    pub fn remedy(&self, command: &str) -> String {
        self.0.remedy(command)
    }
}

impl fmt::Display for NotReached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for NotReached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Asker {
    /// One that reaches servers by this route.
    pub fn new(route: Route, provider: Arc<CryptoProvider>) -> Self {
        Self {
            dialer: Dialer::new(route, Vec::new(), provider),
        }
    }

    /// Reaches a server as an exchange would, verified where it speaks TLS, and says how that went.
    pub async fn reach(&self, scheme: Scheme, server: &Authority) -> Result<String, NotReached> {
        let Reached { reach, .. } = self
            .dial(scheme, server, &[Alpn::Http2, Alpn::Http11])
            .await?;
        let at = match (&reach.server, &reach.via) {
            (Some(address), _) => format!("reached at {address}"),
            (None, Some(via)) => format!("reached through {via}"),
            (None, None) => "reached".to_owned(),
        };
        let verified = match (scheme, &reach.unverified) {
            (Scheme::Http, _) => "",
            (Scheme::Https, None) => ", its certificate is trusted",
            (Scheme::Https, Some(_)) => ", its certificate NOT verified",
        };
        Ok(format!("{at}{verified}"))
    }

    /// Sends a request of HTTP/1.1 with the octets it has, and reads the final head that answers it.
    /// Nothing follows: no content, no redirect, no second request on the connection.
    pub async fn ask(
        &self,
        scheme: Scheme,
        server: &Authority,
        request: &[u8],
    ) -> Result<ResponseHead, Unanswered> {
        let reached = self.dial(scheme, server, &[Alpn::Http11]).await;
        let Reached { mut peer, .. } = reached.map_err(Unanswered::Unreached)?;
        let answer = timeout(PATIENCE, converse(&mut peer, request)).await;
        answer.unwrap_or(Err(Unanswered::Late))
    }

    async fn dial(
        &self,
        scheme: Scheme,
        server: &Authority,
        offered: &[Alpn],
    ) -> Result<Reached, NotReached> {
        let reached = match scheme {
            Scheme::Http => self.dialer.tcp(server).await,
            Scheme::Https => self.dialer.tls(server, offered).await,
        };
        reached.map_err(NotReached)
    }
}

async fn converse(server: &mut Peer, request: &[u8]) -> Result<ResponseHead, Unanswered> {
    server.send(request).await.map_err(Unanswered::Broken)?;
    for _ in 0..=MAX_INTERIM {
        let head = head(server).await?;
        if !head.is_interim() {
            return Ok(head);
        }
    }
    Err(Unanswered::NotHttp(Violation::TooManyInterim))
}

async fn head(server: &mut Peer) -> Result<ResponseHead, Unanswered> {
    server
        .response_head()
        .await
        .map_err(|failure| match failure {
            NoHead::Closed | NoHead::Cut => Unanswered::Closed,
            NoHead::Broken(error) => Unanswered::Broken(error),
            NoHead::Violation(violation) => Unanswered::NotHttp(violation),
        })
}
