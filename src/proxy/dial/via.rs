//! Tunnels through an upstream proxy ([RFC 9110 section
//! 9.3.6](https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6)). Plain HTTP goes through a tunnel
//! too: so it reaches the server as it came, and the proxy has nothing to read and nothing to share.

use std::fmt;
use std::io;

use tokio::net::TcpStream;

use super::upstream::UpstreamProxy;
use crate::proxy::peer::{NoHead, Peer};
use crate::wire::head::ResponseHead;
use crate::wire::headers::{HeaderList, latin1};
use crate::wire::target::Authority;
use crate::wire::{MAX_INTERIM, Violation};

/// Why a proxy made no tunnel.
#[derive(Debug)]
pub(super) enum NoTunnel {
    /// It said no.
    Status(u16),
    /// It wants to know who asks (407).
    Credentials {
        /// Whether it was told, and does not agree.
        were_given: bool,
        /// Whether it would take a name and a password.
        takes_basic: bool,
    },
    /// What it said is not HTTP.
    NotHttp(Violation),
    /// It said nothing.
    Silent,
    /// The connection with it broke.
    Broken(io::Error),
}

impl fmt::Display for NoTunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "it refuses with status {status}"),
            Self::Credentials {
                were_given: true, ..
            } => f.write_str("it does not accept the credentials it is given (status 407)"),
            Self::Credentials {
                were_given: false, ..
            } => f.write_str("it wants credentials (status 407)"),
            Self::NotHttp(violation) => write!(f, "its answer is not valid HTTP: {violation}"),
            Self::Silent => f.write_str("it closed the connection without an answer"),
            Self::Broken(error) => write!(f, "its connection broke: {error}"),
        }
    }
}

/// Asks the proxy at the other end for a tunnel to a server. What comes after its answer is the
/// server's.
pub(super) async fn tunnel(
    tcp: TcpStream,
    proxy: &UpstreamProxy,
    server: &Authority,
) -> Result<Peer, NoTunnel> {
    let mut peer = Peer::new(Box::new(tcp));
    let sent = peer.send(proxy.connect(server).as_bytes()).await;
    sent.map_err(NoTunnel::Broken)?;
    for _ in 0..=MAX_INTERIM {
        let head = head(&mut peer).await?;
        match head.status {
            100..=199 => {}
            200..=299 => return Ok(peer),
            407 => {
                return Err(NoTunnel::Credentials {
                    were_given: proxy.has_credentials(),
                    takes_basic: takes_basic(&head.headers),
                });
            }
            status => return Err(NoTunnel::Status(status)),
        }
    }
    Err(NoTunnel::NotHttp(Violation::TooManyInterim))
}

async fn head(peer: &mut Peer) -> Result<ResponseHead, NoTunnel> {
    peer.response_head().await.map_err(|failure| match failure {
        NoHead::Closed | NoHead::Cut => NoTunnel::Silent,
        NoHead::Broken(error) => NoTunnel::Broken(error),
        NoHead::Violation(violation) => NoTunnel::NotHttp(violation),
    })
}

fn takes_basic(headers: &HeaderList) -> bool {
    headers
        .all("proxy-authenticate")
        .any(|challenge| latin1(challenge).to_ascii_lowercase().contains("basic"))
}
