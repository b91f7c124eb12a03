//! Reaching servers: names, TCP and verified TLS.

mod eyeballs;
mod trust;
mod unreached;

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls::client::{ClientConfig, Resumption};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use self::trust::Trust;
pub(super) use self::unreached::Unreached;
use self::unreached::{Attempt, Step};
use super::peer::Peer;
use crate::wire::alpn::Alpn;
use crate::wire::target::{Authority, Host};

/// How long a name may take to resolve, a connection to be made, a handshake to be done.
const PATIENCE: Duration = Duration::from_secs(15);
/// After a failure, how long the server is not asked again.
const REST: Duration = Duration::from_secs(1);
/// How many failures are remembered.
const MOST_FAILURES: usize = 1024;

/// A server that was reached.
pub(super) struct Reached {
    pub(super) peer: Peer,
    pub(super) address: SocketAddr,
    /// The protocol the server has chosen, if it chooses.
    pub(super) alpn: Option<Alpn>,
}

impl fmt::Debug for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reached")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// How to reach servers.
#[derive(Debug, Default)]
pub struct Route {
    /// Addresses given for an authority, in place of what names resolve to.
    pub resolve: HashMap<Authority, IpAddr>,
    /// Certificates trusted beside the platform's.
    pub roots: Vec<CertificateDer<'static>>,
}

/// Reaches servers.
pub(super) struct Dialer {
    route: Route,
    own: Vec<SocketAddr>,
    provider: Arc<CryptoProvider>,
    verifier: OnceCell<Arc<Trust>>,
    failures: Mutex<HashMap<(Layer, Authority), (Instant, Unreached)>>,
}

/// What is spoken with a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Layer {
    Tcp,
    Tls,
}

impl Dialer {
    /// A dialer that refuses to connect to the listeners at `own`.
    pub(super) fn new(route: Route, own: Vec<SocketAddr>, provider: Arc<CryptoProvider>) -> Self {
        Self {
            route,
            own,
            provider,
            verifier: OnceCell::new(),
            failures: Mutex::default(),
        }
    }

    /// Makes a plain connection.
    pub(super) async fn tcp(&self, server: &Authority) -> Result<Reached, Unreached> {
        self.remembering((Layer::Tcp, server), async {
            let (tcp, address) = self.connect(server).await?;
            Ok(Reached {
                peer: Peer::new(Box::new(tcp)),
                address,
                alpn: None,
            })
        })
        .await
    }

    /// Makes a TLS connection with a server whose certificate is verified, and that is offered
    /// these protocols.
    pub(super) async fn tls(
        &self,
        server: &Authority,
        offers: &[Alpn],
    ) -> Result<Reached, Unreached> {
        self.remembering((Layer::Tls, server), async {
            let config = self.tls_config(server, offers).await?;
            let (tcp, address) = self.connect(server).await?;
            let handshake = TlsConnector::from(config).connect(server_name(&server.host), tcp);
            let late = || Unreached::new(server, Step::Late("the TLS handshake with"));
            match timeout(PATIENCE, handshake).await.map_err(|_| late())? {
                Ok(stream) => Ok(Reached {
                    alpn: stream.get_ref().1.alpn_protocol().and_then(Alpn::of),
                    peer: Peer::new(Box::new(stream)),
                    address,
                }),
                Err(error) => Err(Unreached::new(server, Step::of_handshake(error))),
            }
        })
        .await
    }

    /// A failure holds for a second: browsers repeat at once what fails. One to connect is found out
    /// anew each time, which takes no time, and the server may just have started.
    async fn remembering(
        &self,
        (layer, server): (Layer, &Authority),
        dial: impl Future<Output = Result<Reached, Unreached>>,
    ) -> Result<Reached, Unreached> {
        let key = (layer, server.clone());
        let failures = || self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((since, failure)) = failures().get(&key)
            && since.elapsed() < REST
        {
            return Err(failure.clone());
        }
        let reached = dial.await;
        let mut failures = failures();
        match &reached {
            Ok(_) => {
                failures.remove(&key);
            }
            Err(failure) if failure.is_worth_remembering() => {
                if failures.len() >= MOST_FAILURES {
                    failures.retain(|_, (since, _)| since.elapsed() < REST);
                }
                failures.insert(key, (Instant::now(), failure.clone()));
            }
            Err(_) => {}
        }
        reached
    }

    /// Connects to whichever address of the server answers first.
    async fn connect(&self, server: &Authority) -> Result<(TcpStream, SocketAddr), Unreached> {
        let addresses = self.addresses(server).await?;
        let connect = |address| async move {
            let late = |_| io::Error::from(io::ErrorKind::TimedOut);
            let connected = timeout(PATIENCE, TcpStream::connect(address)).await;
            connected.map_err(late)?
        };
        match eyeballs::race(addresses, connect).await {
            Ok((tcp, address)) => self.connected(server, address, tcp),
            Err(attempts) => Err(Unreached::new(server, Step::Connect(attempts))),
        }
    }

    /// Whatever name led there, a connection to ourselves is none to a server. The address is
    /// that of the connection, so no spelling and no resolver can hide it.
    fn connected(
        &self,
        server: &Authority,
        address: SocketAddr,
        tcp: TcpStream,
    ) -> Result<(TcpStream, SocketAddr), Unreached> {
        let failed =
            |error| Unreached::new(server, Step::Connect(vec![Attempt { address, error }]));
        let (peer, local) = (
            tcp.peer_addr().map_err(failed)?,
            tcp.local_addr().map_err(failed)?,
        );
        let is_own = |own: &SocketAddr| {
            let (own_ip, peer_ip) = (own.ip().to_canonical(), peer.ip().to_canonical());
            let is_here = peer.ip() == local.ip() || peer_ip.is_loopback();
            let (same_host, any_host) = (own_ip == peer_ip, own_ip.is_unspecified() && is_here);
            own.port() == peer.port() && (same_host || any_host)
        };
        if self.own.iter().any(is_own) {
            return Err(Unreached::new(server, Step::OwnListener(peer)));
        }
        // Without it small writes wait for acknowledgements; with it none do.
        let _ = tcp.set_nodelay(true);
        Ok((tcp, peer))
    }

    async fn addresses(&self, server: &Authority) -> Result<Vec<SocketAddr>, Unreached> {
        let at = |ip: IpAddr| SocketAddr::new(ip, server.port);
        if let Some(address) = self.route.resolve.get(server) {
            return Ok(vec![at(*address)]);
        }
        match &server.host {
            Host::Ip(address) => Ok(vec![at(*address)]),
            // Names below localhost are not looked up (RFC 6761 section 6.3). Browsers ask IPv6 first.
            Host::Name(_) if server.host.is_loopback() => Ok(vec![
                at(Ipv6Addr::LOCALHOST.into()),
                at(Ipv4Addr::LOCALHOST.into()),
            ]),
            Host::Name(name) => {
                let found = timeout(PATIENCE, lookup_host((&**name, server.port))).await;
                let late = || Unreached::new(server, Step::Late("resolving"));
                let failed = |error| Unreached::new(server, Step::Resolve(error));
                Ok(found.map_err(|_| late())?.map_err(failed)?.collect())
            }
        }
    }

    async fn tls_config(
        &self,
        server: &Authority,
        offers: &[Alpn],
    ) -> Result<Arc<ClientConfig>, Unreached> {
        let failed = |error| Unreached::new(server, Step::Roots(error));
        let verifier = self
            .verifier
            .get_or_try_init(|| self.load_roots())
            .await
            .map_err(failed)?;
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.provider));
        let mut config = builder
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(verifier) as _)
            .with_no_client_auth();
        // A resumed session would let the server link connections that the browser keeps apart.
        config.resumption = Resumption::disabled();
        config.alpn_protocols = offers.iter().map(|alpn| alpn.name().to_vec()).collect();
        Ok(Arc::new(config))
    }

    /// Reads the platform's roots, on a thread that may take its time.
    async fn load_roots(&self) -> Result<Arc<Trust>, rustls::Error> {
        let (roots, provider) = (self.route.roots.clone(), Arc::clone(&self.provider));
        let load = move || Trust::load(roots, provider).map(Arc::new);
        tokio::task::spawn_blocking(load).await.unwrap_or_else(|_| {
            Err(rustls::Error::General(
                "the roots could not be read".to_owned(),
            ))
        })
    }
}

fn server_name(host: &Host) -> ServerName<'static> {
    match host {
        Host::Ip(address) => ServerName::IpAddress((*address).into()),
        Host::Name(_) => ServerName::try_from(host.name().unwrap_or_default().to_owned())
            .unwrap_or(ServerName::IpAddress(Ipv4Addr::UNSPECIFIED.into())),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::exchange::Ending;

    fn authority(text: &str) -> Authority {
        Authority::parse(text.as_bytes(), None).expect(text)
    }

    fn dialer(route: Route, own: Vec<SocketAddr>) -> Dialer {
        Dialer::new(
            route,
            own,
            Arc::new(rustls::crypto::aws_lc_rs::default_provider()),
        )
    }

    #[tokio::test]
    async fn no_spelling_leads_to_our_own_listener() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let own = listener.local_addr().expect("bound");
        let dialer = dialer(Route::default(), vec![own]);
        for host in [
            "localhost",
            "127.0.0.1",
            "127.1",
            "0x7f000001",
            "2130706433",
            "0.0.0.0",
            "[::ffff:127.0.0.1]",
            "a.localhost",
        ] {
            let server = authority(&format!("{host}:{}", own.port()));
            let failure = dialer.tcp(&server).await.expect_err(host);
            assert_eq!(failure.ending(), Ending::NeverSent, "{host}: {failure}");
        }
    }

    #[tokio::test]
    async fn nor_to_one_that_listens_everywhere() {
        let listener = TcpListener::bind("0.0.0.0:0").await.expect("bound");
        let own = listener.local_addr().expect("bound");
        let dialer = dialer(Route::default(), vec![own]);
        for host in ["127.0.0.1", "127.0.0.2", "[::ffff:127.0.0.3]"] {
            let server = authority(&format!("{host}:{}", own.port()));
            let failure = dialer.tcp(&server).await.expect_err(host);
            assert_eq!(failure.ending(), Ending::NeverSent, "{host}: {failure}");
        }
    }

    #[tokio::test]
    async fn a_failed_handshake_says_nothing_about_plain_http() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let server = authority(&listener.local_addr().expect("bound").to_string());
        let dialer = dialer(Route::default(), Vec::new());
        let (failed, ()) = tokio::join!(dialer.tls(&server, &[Alpn::Http11]), async {
            drop(listener.accept().await);
        });
        assert_eq!(failed.expect_err("no TLS").ending(), Ending::Tls);
        dialer.tcp(&server).await.expect("reached");
    }

    #[tokio::test]
    async fn resolve_says_where_a_server_is() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let server = authority(&format!(
            "nosuch.test:{}",
            listener.local_addr().expect("bound").port()
        ));
        let resolve = HashMap::from([(server.clone(), Ipv4Addr::LOCALHOST.into())]);
        let reached = dialer(
            Route {
                resolve,
                ..Route::default()
            },
            Vec::new(),
        )
        .tcp(&server)
        .await;
        assert_eq!(
            reached.expect("reached").address,
            listener.local_addr().expect("bound")
        );
    }

    #[tokio::test]
    async fn a_failed_handshake_holds_for_a_moment() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let server = authority(&listener.local_addr().expect("bound").to_string());
        let dialer = dialer(Route::default(), Vec::new());
        let (first, ()) = tokio::join!(dialer.tls(&server, &[Alpn::Http11]), async {
            drop(listener.accept().await);
        });
        let first = first.expect_err("no TLS");
        let second = dialer
            .tls(&server, &[Alpn::Http11])
            .await
            .expect_err("told again");
        assert!(first.is_same_as(&second));
    }

    #[tokio::test]
    async fn a_server_that_has_just_started_is_reached() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let address = listener.local_addr().expect("bound");
        drop(listener);
        let dialer = dialer(Route::default(), Vec::new());
        let server = authority(&address.to_string());
        let failure = dialer.tcp(&server).await.expect_err("nobody listens");
        assert_eq!(failure.ending(), Ending::Refused);
        let _listener = TcpListener::bind(address).await.expect("bound again");
        dialer.tcp(&server).await.expect("reached");
    }

    #[tokio::test]
    async fn every_address_that_was_tried_is_named() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let port = listener.local_addr().expect("bound").port();
        drop(listener);
        let server = authority(&format!("localhost:{port}"));
        let failure = dialer(Route::default(), Vec::new()).tcp(&server).await;
        let told = failure.expect_err("nobody listens").to_string();
        for address in [format!("127.0.0.1:{port}"), format!("[::1]:{port}")] {
            assert!(told.contains(&address), "{told}");
        }
    }
}
