//! One client connection, from its first octet to its end.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use tracing::{Instrument, debug, debug_span};

use super::h1::{Conversation, Left, Tunnel};
use super::h2::{self, Meeting};
use super::page::Page;
use super::peer::Peer;
use super::tls::Met;
use super::{Notice, Proxy, tls, tunnel};
use crate::exchange::Scheme;
use crate::store::recorder::Arrival;
use crate::wire::alpn::Alpn;
use crate::wire::hello::Hello;
use crate::wire::target::Authority;

/// How long a client may be silent in a tunnel that is read before its first octet.
const PATIENCE: Duration = Duration::from_mins(1);
/// What every CONNECT that succeeds is answered (RFC 9110 section 9.3.6).
const ESTABLISHED: &[u8] = b"HTTP/1.1 200 Connection Established\r\n\r\n";

/// Serves a client that has connected to the proxy's port.
pub(super) async fn serve(proxy: &Proxy, tcp: TcpStream, client: SocketAddr) {
    let span = debug_span!("conn", %client);
    let arrival = Arrival::now(client);
    async {
        // Without it small writes wait for acknowledgements; with it none do.
        let _ = tcp.set_nodelay(true);
        let conversation = Conversation::on_proxy_port(proxy, Peer::new(Box::new(tcp)), arrival);
        if let Left::ForTunnel(peer, authority) = conversation.run().await {
            connect(proxy, peer, authority, arrival).await;
        }
    }
    .instrument(span)
    .await;
}

/// Answers a CONNECT: what is read is read, all else is tunnelled.
async fn connect(proxy: &Proxy, peer: Peer, authority: Authority, arrival: Arrival) {
    if !proxy.reads(&authority.host) {
        return tunnel_unread(proxy, peer, authority).await;
    }
    let mut peer = peer;
    if peer.send(ESTABLISHED).await.is_err() {
        return;
    }
    let first = match peer.inbox().first() {
        Some(first) => Some(*first),
        None => match timeout(PATIENCE, peer.fill()).await {
            Ok(Ok(true)) => peer.inbox().first().copied(),
            _ => None,
        },
    };
    match first.map(Hello::of) {
        Some(Hello::Tls) => terminate(proxy, peer, authority, arrival).await,
        Some(Hello::Http) => {
            let reached = proxy.dialer.tcp(&authority).await;
            let at = Tunnel {
                authority,
                scheme: Scheme::Http,
                alpn: None,
            };
            let line = proxy.recorder.connected(arrival, None);
            // A tunnel inside a tunnel is refused, so there is nothing left to do.
            Conversation::in_tunnel(proxy, peer, arrival, at, reached, line)
                .run()
                .await;
        }
        Some(Hello::Other) => tunnel_other(proxy, peer, &authority).await,
        None => {}
    }
}

/// A host that is not read is dialled first, so that a failure can be told on the CONNECT.
async fn tunnel_unread(proxy: &Proxy, mut peer: Peer, authority: Authority) {
    match proxy.dialer.blind(&authority).await {
        Ok(server) => {
            proxy.notices.tell(Notice::NotRead(authority.host));
            if peer.send(ESTABLISHED).await.is_ok() {
                tunnel::splice(peer, server.peer).await;
            }
        }
        Err(failure) => {
            debug!(%failure, "no tunnel");
            // A client that does not take the answer is gone.
            let _ = peer
                .send(&Page::unreached(&failure).response(false, false))
                .await;
            peer.close_gently().await;
        }
    }
}

/// What is neither TLS nor HTTP is not ours to read.
async fn tunnel_other(proxy: &Proxy, peer: Peer, authority: &Authority) {
    match proxy.dialer.blind(authority).await {
        Ok(server) => tunnel::splice(peer, server.peer).await,
        Err(failure) => debug!(%failure, "no tunnel"),
    }
}

async fn terminate(proxy: &Proxy, peer: Peer, authority: Authority, arrival: Arrival) {
    // Handshakes take much room, but not for long: connections need none for them later.
    match Box::pin(tls::terminate(proxy, peer, &authority)).await {
        Ok(Met::Pinned(peer)) => tunnel_other(proxy, peer, &authority).await,
        Ok(Met::Terminated(ended)) => {
            let line = proxy.recorder.connected(arrival, Some(ended.resumed));
            match (ended.alpn, ended.server) {
                (Some(Alpn::Http2), Ok(server)) => {
                    let meeting = Meeting {
                        proxy,
                        client: ended.client,
                        arrival,
                        authority,
                        server,
                    };
                    // The largest of all futures, which other connections need no room for.
                    Box::pin(h2::converse(meeting, line)).await;
                }
                (alpn, server) => {
                    let at = Tunnel {
                        authority,
                        scheme: Scheme::Https,
                        alpn,
                    };
                    let client = ended.client;
                    Conversation::in_tunnel(proxy, client, arrival, at, server, line)
                        .run()
                        .await;
                }
            }
        }
        Err(error) => {
            debug!(%error, host = %authority.host, "the TLS handshake with the client failed");
        }
    }
}
