//! Connections without a proxy between: names, addresses, and the one listener that is never asked.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::unreached::{Attempt, Step};
use super::{Dialer, PATIENCE, Unreached, eyeballs};
use crate::wire::target::{Authority, Host};

impl Dialer {
    /// Connects to whichever address of the server answers first.
    pub(super) async fn direct(
        &self,
        server: &Authority,
    ) -> Result<(TcpStream, SocketAddr), Unreached> {
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
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tokio::net::TcpListener;

    use super::*;
    use crate::exchange::{Ending, Reach};
    use crate::proxy::dial::tests::{authority, dialer};
    use crate::proxy::dial::{Bypass, Route, Upstream, UpstreamProxy};

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
    async fn nor_does_a_proxy_that_is_our_own_listener() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let own = listener.local_addr().expect("bound");
        for host in ["localhost", "127.1", "[::ffff:127.0.0.1]"] {
            let proxy = UpstreamProxy::parse(&format!("http://{host}:{}", own.port()));
            let route = Route {
                upstream: Upstream::through(proxy.expect("valid"), Bypass::default()),
                ..Route::default()
            };
            let dialed = dialer(route, vec![own]).tcp(&authority("a.test:80")).await;
            let failure = dialed.expect_err(host);
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
        let here = listener.local_addr().expect("bound");
        assert_eq!(reached.expect("reached").reach, Reach::at(here));
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
