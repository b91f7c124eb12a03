//! Servers that reply as the recorded ones did.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use corstap::ca::{Ca, HostList, LeafCache};
use corstap::cors::Engine;
use corstap::proxy::Route;
use corstap::wire::alpn::Alpn;
use corstap::wire::target::{Authority, Host};
use rustix::net::sockopt::set_socket_linger;
use rustls::pki_types::CertificateDer;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::LazyConfigAcceptor;

use super::http2;
use super::play::{Asked, NOT_FOUND, Reply};
use crate::support::scene::{End, PATIENCE, provider};
use crate::support::strict::{self, Read};
use crate::support::truth::Case;

/// The ports of the recorded cases: TLS, another with TLS, plain HTTP, plain HTTP for localhost's
/// API, and TLS with a certificate that nobody trusts.
const RECORDED: [&str; 5] = [":18443", ":18444", ":18080", ":18081", ":18445"];

/// What TLS begins with, which a server without it cannot read.
const TLS_RECORD: u8 = 22;

/// Servers that answer as the recorded ones did.
pub struct Servers {
    ports: [u16; 5],
    root: CertificateDer<'static>,
    replay: Arc<Replay>,
}

/// The recorded replies, each to be given in its turn.
pub struct Replay {
    engine: Engine,
    alpn: Alpn,
    cases: Mutex<HashMap<String, Case>>,
    given: Mutex<HashMap<(String, String), usize>>,
}

impl Servers {
    pub async fn start(engine: Engine, alpn: Alpn) -> Self {
        let (trusted, root) = leaves();
        let (distrusted, _) = leaves();
        let replay = Arc::new(Replay {
            engine,
            alpn,
            cases: Mutex::default(),
            given: Mutex::default(),
        });
        let mut ports = [0; 5];
        let leaves = [
            Some(Arc::clone(&trusted)),
            Some(trusted),
            None,
            None,
            Some(distrusted),
        ];
        for (port, leaves) in ports.iter_mut().zip(leaves) {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
                .await
                .expect("bound");
            *port = listener.local_addr().expect("bound").port();
            tokio::spawn(serve(listener, leaves, Arc::clone(&replay)));
        }
        Self {
            ports,
            root,
            replay,
        }
    }

    /// Takes over these cases.
    pub fn take(&self, cases: &[Case]) {
        let cases = cases
            .iter()
            .map(|case| (case.id().to_owned(), case.clone()));
        *self.replay.cases.lock().unwrap() = cases.collect();
    }

    /// A case with our ports in place of the recorded ones.
    pub fn adapted(&self, case: &Case) -> Case {
        let mut text = case.to_string();
        for (recorded, port) in RECORDED.iter().zip(self.ports) {
            text = text.replace(recorded, &format!(":{port}"));
        }
        Case::parse(&text)
    }

    /// Every name of the cases is on loopback.
    pub fn route(&self, cases: &[Case]) -> Route {
        let names: BTreeSet<String> = cases.iter().flat_map(Case::hosts).collect();
        let names = names.iter().filter_map(|name| Host::parse(name.as_bytes()));
        let authorities = names.flat_map(|host| {
            self.ports.map(|port| Authority {
                host: host.clone(),
                port,
            })
        });
        let loopback: IpAddr = Ipv4Addr::LOCALHOST.into();
        Route {
            resolve: authorities.map(|authority| (authority, loopback)).collect(),
            roots: vec![self.root.clone()],
            ..Route::default()
        }
    }
}

/// Leaves of a CA of their own, and its certificate.
fn leaves() -> (Arc<LeafCache>, CertificateDer<'static>) {
    let ca = Ca::generate(HostList::development(), "servers").expect("made");
    let root = ca.certificate().clone();
    (Arc::new(LeafCache::new(ca, provider())), root)
}

async fn serve(listener: TcpListener, leaves: Option<Arc<LeafCache>>, replay: Arc<Replay>) {
    while let Ok((tcp, _)) = listener.accept().await {
        let (leaves, replay) = (leaves.clone(), Arc::clone(&replay));
        let handle = tcp.as_fd().try_clone_to_owned().expect("a handle");
        tokio::spawn(async move {
            let (client, alpn) = match leaves {
                Some(leaves) => match with_tls(tcp, &leaves, replay.alpn).await {
                    Some(client) => client,
                    None => return,
                },
                None => (End::new(tcp), None),
            };
            if alpn == Some(Alpn::Http2) {
                http2::converse(client.into_stream(), &replay).await;
            } else if let Reply::Reset = converse(client, &replay).await {
                set_socket_linger(&handle, Some(Duration::ZERO)).expect("set");
            }
        });
    }
}

/// Speaks TLS with a client, and the protocol of this server if the client offers it.
async fn with_tls(tcp: TcpStream, leaves: &LeafCache, alpn: Alpn) -> Option<(End, Option<Alpn>)> {
    tcp.set_nodelay(true).expect("set");
    let hello = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), tcp);
    let hello = hello.await.ok()?;
    let name = hello.client_hello().server_name()?.to_owned();
    let host = Host::parse(name.as_bytes()).expect("a name");
    let is_offered = hello
        .client_hello()
        .alpn()?
        .any(|offer| offer == alpn.name());
    let chosen = if is_offered { alpn } else { Alpn::Http11 };
    let config = leaves.config(&host, Some(chosen)).expect("minted");
    let stream = hello.into_stream(config).await.ok()?;
    Some((End::new(stream), Some(chosen)))
}

/// Replies until the connection is to end, and says how.
async fn converse(mut client: End, replay: &Replay) -> Reply {
    let mut at = 0;
    while client.reads_more(PATIENCE).await {
        if client.read().first() == Some(&TLS_RECORD) {
            return Reply::Close;
        }
        while let Read::Complete(message) = strict::request(&client.read()[at..]) {
            at += message.length;
            match replay.reply(&Asked::of(&message).expect("a request")) {
                Reply::Answer(octets) => client.tries_to_send(&octets).await,
                Reply::Part(octets) => {
                    client.tries_to_send(&octets).await;
                    return Reply::Close;
                }
                Reply::Silence => {}
                last @ (Reply::Close | Reply::Reset) => return last,
            }
        }
    }
    Reply::Close
}

impl Replay {
    /// The recorded reply to a request, in its turn.
    pub fn reply(&self, asked: &Asked) -> Reply {
        let cases = self.cases.lock().unwrap();
        let id = asked.path.strip_prefix("/c/").unwrap_or_default();
        let id = id.split(['/', '?']).next().unwrap_or_default();
        let Some(case) = cases.get(id) else {
            return Reply::Answer(NOT_FOUND.to_vec());
        };
        if asked.path.ends_with("/_page") {
            return Reply::Answer(case.page(self.engine));
        }
        if asked.path.ends_with("/_frame") {
            return Reply::Answer(case.frame());
        }
        let mut given = self.given.lock().unwrap();
        let turn = given
            .entry((asked.method.clone(), asked.path.clone()))
            .or_default();
        *turn += 1;
        case.reply(self.engine, asked, *turn - 1)
    }
}
