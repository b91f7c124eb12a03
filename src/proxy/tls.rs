//! Ending TLS with the client, as the server that was reached allows.

use std::io;
use std::time::Duration;

use rustls::{AlertDescription, HandshakeKind};
use tokio::time::timeout;
use tokio_rustls::{LazyConfigAcceptor, StartHandshake};

use super::dial::{Reached, Unreached};
use super::peer::Peer;
use super::stream::Prefixed;
use super::{Notice, Proxy};
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

/// Reads the `ClientHello`, dials the server with the protocols it offers, and finishes the
/// handshake with our leaf and the protocol that the server has chosen, so that nothing has to be
/// translated. A server that was not reached is no reason to stop: the client's request decides
/// what it gets to see of a failure.
pub(super) async fn terminate(
    proxy: &Proxy,
    client: Peer,
    authority: &Authority,
) -> io::Result<Terminated> {
    let (stream, read) = client.into_parts();
    let stream = Prefixed::new(read.freeze(), stream);
    let acceptor = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream);
    let late = |_| io::Error::from(io::ErrorKind::TimedOut);
    let hello: StartHandshake<Prefixed> = timeout(PATIENCE, acceptor).await.map_err(late)??;
    let offers = offers(&hello);
    let server = proxy.dialer.tls(authority, &offers).await;
    let alpn = match &server {
        Ok(reached) => reached.alpn,
        Err(_) => Some(Alpn::Http11).filter(|alpn| offers.contains(alpn)),
    };
    let config = proxy
        .leaves
        .config(&authority.host, alpn)
        .map_err(io::Error::other)?;
    let handshake = timeout(PATIENCE, hello.into_stream(config))
        .await
        .map_err(late)?;
    let stream = handshake.inspect_err(|error| {
        if is_distrust(error) {
            proxy
                .notices
                .tell(Notice::Distrusted(authority.host.clone()));
        }
    })?;
    let resumed = stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed);
    Ok(Terminated {
        client: Peer::new(Box::new(stream)),
        resumed,
        alpn,
        server,
    })
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

/// Whether the client does not trust our certificate (RFC 8446 section 6.2).
fn is_distrust(error: &io::Error) -> bool {
    let alert = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(
        alert,
        Some(rustls::Error::AlertReceived(
            AlertDescription::UnknownCA
                | AlertDescription::BadCertificate
                | AlertDescription::CertificateUnknown
                | AlertDescription::CertificateExpired
        ))
    )
}
