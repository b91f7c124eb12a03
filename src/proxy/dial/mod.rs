//! Reaching servers: names, TCP and verified TLS.

mod bypass;
mod client;
mod direct;
mod eyeballs;
mod trust;
mod unreached;
mod upstream;
mod via;

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::time::timeout;

pub use self::bypass::Bypass;
pub use self::client::Identity;
use self::client::{Configs, Terms};
use self::unreached::{ProxyFailure, Step, fault};
pub(super) use self::unreached::{Unreached, wants_certificate};
pub use self::upstream::{NoProxy, Upstream, UpstreamProxy};
use super::peer::Peer;
use super::secured::Secured;
use crate::ca::HostList;
use crate::exchange::{Reach, Scheme, Unverified};
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
    pub(super) reach: Reach,
    /// The protocol the server has chosen, if it chooses.
    pub(super) alpn: Option<Alpn>,
}

impl fmt::Debug for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reached")
            .field("reach", &self.reach)
            .finish_non_exhaustive()
    }
}

/// How to reach servers.
#[derive(Debug, Default)]
pub struct Route {
    /// Addresses given for an authority, in place of what names resolve to; no proxy is asked.
    pub resolve: HashMap<Authority, IpAddr>,
    /// The proxies that other servers are reached through.
    pub upstream: Upstream,
    /// Certificates trusted beside the platform's.
    pub roots: Vec<CertificateDer<'static>>,
    /// Certificates that servers are shown when they ask; the first that is for a host is its.
    pub identities: Vec<Identity>,
    /// Hosts whose certificates pass unverified.
    pub unverified: HostList,
}

/// Reaches servers.
pub(super) struct Dialer {
    route: Route,
    own: Vec<SocketAddr>,
    configs: Configs,
    failures: Mutex<HashMap<(Layer, Authority), (Instant, Unreached)>>,
}

/// What is spoken with a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Layer {
    Plain,
    Blind,
    Tls,
}

impl Dialer {
    /// A dialer that refuses to connect to the listeners at `own`.
    pub(super) fn new(
        mut route: Route,
        own: Vec<SocketAddr>,
        provider: Arc<CryptoProvider>,
    ) -> Self {
        Self {
            configs: Configs::new(&mut route, provider),
            route,
            own,
            failures: Mutex::default(),
        }
    }

    /// Makes a connection for plain HTTP.
    pub(super) async fn tcp(&self, server: &Authority) -> Result<Reached, Unreached> {
        let dial = Box::pin(self.plain(Scheme::Http, server));
        self.remembering((Layer::Plain, server), dial).await
    }

    /// Makes a connection for what is not read: by far the most is TLS.
    pub(super) async fn blind(&self, server: &Authority) -> Result<Reached, Unreached> {
        let dial = Box::pin(self.plain(Scheme::Https, server));
        self.remembering((Layer::Blind, server), dial).await
    }

    async fn plain(&self, scheme: Scheme, server: &Authority) -> Result<Reached, Unreached> {
        let (peer, reach) = self.connect(scheme, server).await?;
        Ok(Reached {
            peer,
            reach,
            alpn: None,
        })
    }

    /// Makes a TLS connection with a server whose certificate is verified, and that is offered
    /// these protocols.
    pub(super) async fn tls(
        &self,
        server: &Authority,
        offers: &[Alpn],
    ) -> Result<Reached, Unreached> {
        let dial = Box::pin(async {
            let no_roots = |error| Unreached::new(server, Step::Roots(error));
            let terms = self.configs.terms(&server.host, offers).await;
            let Terms { config, lenient } = terms.map_err(no_roots)?;
            let (peer, mut reach) = self.connect(Scheme::Https, server).await?;
            let (stream, read) = peer.into_parts();
            let handshake = Secured::connect(config, server_name(&server.host), stream, read);
            let late = |_| Unreached::new(server, Step::Late("the TLS handshake with"));
            let stream = timeout(PATIENCE, handshake).await.map_err(late)?;
            let failed = |error| Unreached::new(server, Step::of_handshake(error));
            let stream = stream.map_err(failed)?;
            reach.unverified = lenient.map(|lenient| Unverified {
                fault: lenient.fault().map(|error| fault(error).into()),
            });
            Ok(Reached {
                alpn: stream.state().alpn_protocol().and_then(Alpn::of),
                peer: Peer::new(Box::new(stream)),
                reach,
            })
        });
        self.remembering((Layer::Tls, server), dial).await
    }

    /// The proxy that a tunnel to a server would go through.
    pub(super) fn proxy_to(&self, server: &Authority) -> Option<&UpstreamProxy> {
        self.proxy(Scheme::Https, server)
            .or_else(|| self.proxy(Scheme::Http, server))
    }

    /// The proxy that a server is reached through. Where the user says where it is, it is there.
    fn proxy(&self, scheme: Scheme, server: &Authority) -> Option<&UpstreamProxy> {
        if self.route.resolve.contains_key(server) {
            return None;
        }
        self.route.upstream.of(scheme, server)
    }

    /// Connects to the server, or to the proxy that has a way to it.
    async fn connect(
        &self,
        scheme: Scheme,
        server: &Authority,
    ) -> Result<(Peer, Reach), Unreached> {
        let Some(proxy) = self.proxy(scheme, server) else {
            let (tcp, address) = self.direct(server).await?;
            return Ok((Peer::new(Box::new(tcp)), Reach::at(address)));
        };
        let failed = |why| Unreached::new(server, Step::Proxy(proxy.authority.clone(), why));
        let connected = self.direct(&proxy.authority).await;
        let (tcp, _) = connected.map_err(|failure| failed(ProxyFailure::Unreached(failure)))?;
        let tunnel = timeout(PATIENCE, via::tunnel(tcp, proxy, server)).await;
        let peer = tunnel.map_err(|_| failed(ProxyFailure::Late))?;
        let reach = Reach {
            via: Some(proxy.to_string().into()),
            ..Reach::default()
        };
        Ok((
            peer.map_err(|why| failed(ProxyFailure::NoTunnel(why)))?,
            reach,
        ))
    }

    /// A failure holds for a second: browsers repeat at once what fails. One to connect is found out
    /// anew each time, which takes no time, and the server may just have started.
    ///
    /// Dialling takes much room, but not for long: whoever waits for it is to need none for it later.
    async fn remembering(
        &self,
        (layer, server): (Layer, &Authority),
        dial: BoxFuture<'_, Result<Reached, Unreached>>,
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

    pub(super) fn authority(text: &str) -> Authority {
        Authority::parse(text.as_bytes(), None).expect(text)
    }

    pub(super) fn dialer(route: Route, own: Vec<SocketAddr>) -> Dialer {
        Dialer::new(
            route,
            own,
            Arc::new(rustls::crypto::aws_lc_rs::default_provider()),
        )
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
}
