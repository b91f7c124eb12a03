//! Ending TLS with the client, as the server that was reached allows.

use std::future::poll_fn;
use std::io;
use std::task::Poll;
use std::time::Duration;

use rustls::HandshakeKind;
use tokio::io::ReadBuf;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::{LazyConfigAcceptor, StartHandshake};

use super::dial::{Reached, Unreached};
use super::guide::Guide;
use super::peer::Peer;
use super::pinned::Refusal;
use super::secured::Secured;
use super::stream::{Prefixed, Stream};
use super::{Proxy, Sign};
use crate::wire::alpn::Alpn;
use crate::wire::target::Authority;

/// How long a client may take for its `ClientHello`, and for the rest of the handshake.
const PATIENCE: Duration = Duration::from_secs(30);

/// A client that speaks TLS with us, and the server it asked for.
pub(super) struct Terminated {
    pub(super) client: Peer,
    pub(super) resumed: bool,
    /// The protocol that both sides speak, where one was chosen.
    pub(super) alpn: Option<Alpn>,
    pub(super) server: Result<Reached, Unreached>,
}

/// What became of a client that wants to speak TLS.
pub(super) enum Met {
    /// It speaks TLS with us.
    Terminated(Box<Terminated>),
    /// It is known to refuse our leaf for this host: nothing of what it said is taken.
    Pinned(Peer),
}

/// Reads the `ClientHello`, dials the server with the protocols it offers, and finishes the
/// handshake with our leaf and the protocol that the server has chosen, so that nothing has to be
/// translated. A server that was not reached is no reason to stop: the client's request decides
/// what it gets to see of a failure.
///
/// Server and leaf are those of the CONNECT, whatever name the `ClientHello` has.
pub(super) async fn terminate(
    proxy: &Proxy,
    client: Peer,
    authority: &Authority,
) -> io::Result<Met> {
    let (stream, read) = client.into_parts();
    let stream = Prefixed::new(read, stream).keeping();
    let acceptor = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream);
    let late = |_| io::Error::from(io::ErrorKind::TimedOut);
    let hello: StartHandshake<Prefixed> = timeout(PATIENCE, acceptor).await.map_err(late)??;
    let (host, address) = (&authority.host, hello.io.tcp().peer_addr()?);
    let browser = proxy.pins.browser(address.ip(), &hello.client_hello());
    if proxy.pins.is_pinned(browser, host) {
        let (stream, unread) = hello.io.into_unread();
        return Ok(Met::Pinned(Peer::having_read(unread, stream)));
    }
    let offers = offers(&hello);
    let server = if Guide::is_own(host) {
        Err(Unreached::own_name(authority))
    } else {
        proxy.dialer.tls(authority, &offers).await
    };
    let alpn = match &server {
        Ok(reached) => reached.alpn,
        Err(_) => Some(Alpn::Http11).filter(|alpn| offers.contains(alpn)),
    };
    let config = proxy.leaves.config(host, alpn).map_err(io::Error::other)?;
    let was_gone = is_gone(hello.io.tcp()).await;
    let (stream, unread) = hello.io.into_unread();
    let handshake = Secured::accept(config, stream, unread);
    let handshake = timeout(PATIENCE, handshake).await.map_err(late)?;
    let stream = handshake.inspect_err(|error| {
        let refusal = Refusal::of(error).filter(|_| !was_gone);
        let notice = refusal.and_then(|how| proxy.pins.refused(browser, host, how));
        if let Some(notice) = notice {
            proxy.notices.tell(notice);
        }
    })?;
    proxy.pins.accepted(browser, host);
    proxy.signs.note(Sign::Trusted);
    let resumed = stream.state().handshake_kind() == Some(HandshakeKind::Resumed);
    Ok(Met::Terminated(Box::new(Terminated {
        client: Peer::new(Box::new(stream)),
        resumed,
        alpn,
        server,
    })))
}

/// Whether a client has closed the connection already: it cannot have disliked what it has not
/// seen.
async fn is_gone(tcp: &TcpStream) -> bool {
    let mut next = [0];
    poll_fn(|cx| {
        let peeked = tcp.poll_peek(cx, &mut ReadBuf::new(&mut next));
        Poll::Ready(matches!(peeked, Poll::Ready(Ok(0) | Err(_))))
    })
    .await
}

/// The protocols that a client offers, as far as they can be read, in its order.
fn offers(hello: &StartHandshake<Prefixed>) -> Vec<Alpn> {
    let hello = hello.client_hello();
    hello
        .alpn()
        .into_iter()
        .flatten()
        .filter_map(Alpn::of)
        .collect()
}
