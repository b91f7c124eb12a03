//! A proxy in front of a site with TLS that speaks HTTP/1.1 and HTTP/2, as the client likes.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use corstap::ca::{Ca, HostList};
use corstap::exchange::Protocol;
use corstap::proxy::Route;
use corstap::store;
use corstap::store::capture::Which;
use corstap::wire::target::Authority;
use futures_util::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rcgen::KeyPair;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_rustls::TlsAcceptor;

use crate::support::scene::{Rig, SERVER, host, provider};

/// A proxy, a site behind it, and files for clients.
pub(crate) struct Place {
    pub(crate) rig: Rig,
    /// `https://api.example.test:PORT`.
    pub(crate) origin: String,
    pub(crate) dir: TempDir,
}

/// A certificate for the site, and who signed it.
pub(crate) struct Papers {
    ca: Ca,
    pub(crate) leaf_pem: String,
    pub(crate) key_pem: String,
    config: ServerConfig,
}

/// What the site knows.
#[derive(Default)]
pub(crate) struct Site {
    files: Mutex<HashMap<String, (&'static str, Bytes)>>,
    events: Mutex<Option<(UnboundedSender<Bytes>, usize)>>,
}

type Answer = Response<BoxBody<Bytes, Infallible>>;

impl Papers {
    pub(crate) fn new() -> Self {
        let ca = Ca::generate(HostList::Any, "servers").expect("made");
        let key = KeyPair::generate().expect("made");
        let leaf = ca.sign(&host(SERVER), &key).expect("signed");
        let chain = vec![leaf.certificate.clone(), ca.certificate().clone()];
        let secret = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain, secret)
            .expect("a certificate");
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let leaf_pem = pem::encode(&pem::Pem::new("CERTIFICATE", leaf.certificate.to_vec()));
        Self {
            leaf_pem: leaf_pem + &ca.certificate_pem(),
            ca,
            key_pem: key.serialize_pem(),
            config,
        }
    }
}

impl Papers {
    /// What ends TLS in this one protocol.
    pub(crate) fn speaking(&self, protocol: &[u8]) -> TlsAcceptor {
        let mut config = self.config.clone();
        config.alpn_protocols = vec![protocol.to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }

    /// Who signed them.
    pub(crate) fn root(&self) -> CertificateDer<'static> {
        self.ca.certificate().clone()
    }
}

impl Place {
    /// With a site of our own.
    pub(crate) async fn set() -> (Self, Arc<Site>) {
        let papers = Papers::new();
        let site = Arc::new(Site::default());
        let acceptor = TlsAcceptor::from(Arc::new(papers.config.clone()));
        let address = Arc::clone(&site).serve(Some(acceptor)).await;
        (Self::before(&papers, address.port()).await, site)
    }

    /// In front of somebody else's.
    pub(crate) async fn before(papers: &Papers, port: u16) -> Self {
        let authority = Authority {
            host: host(SERVER),
            port,
        };
        let route = Route {
            resolve: [(authority, Ipv4Addr::LOCALHOST.into())].into(),
            roots: vec![papers.ca.certificate().clone()],
            ..Route::default()
        };
        let rig = Rig::start(HostList::development(), route).await;
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("ca.pem"), &rig.ca_pem).expect("written");
        std::fs::write(dir.path().join("file"), file()).expect("written");
        Self {
            rig,
            origin: format!("https://{SERVER}:{port}"),
            dir,
        }
    }

    pub(crate) fn proxy(&self) -> String {
        format!("http://{}", self.rig.proxy)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The exchanges that are recorded, by method and path, with their protocol and ending.
    pub(crate) async fn recorded(self) -> Vec<(String, Protocol, &'static str)> {
        let (capture, _dir) = self.rig.finish().await;
        let mut exchanges = Vec::new();
        let all = |stored: store::row::Stored| {
            let recorded = &stored.recorded;
            let path = recorded.request.url.strip_prefix(&self.origin);
            let line = format!(
                "{} {}",
                recorded.request.method,
                path.unwrap_or("elsewhere")
            );
            exchanges.push((line, recorded.protocol, recorded.ending.name()));
            Ok(())
        };
        capture
            .exchanges::<store::Error>(Which::All, all)
            .expect("read");
        exchanges
    }
}

/// A mebibyte that does not repeat itself soon.
pub(crate) fn file() -> Bytes {
    let mut number = 1_u64;
    let octets = (0..1 << 20).map(|_| {
        number = number.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        number.to_be_bytes()[0]
    });
    octets.collect()
}

impl Site {
    /// Puts a file on the site.
    pub(crate) fn puts(&self, path: &str, kind: &'static str, content: impl Into<Bytes>) {
        let mut files = self.files.lock().expect("one at a time");
        files.insert(path.to_owned(), (kind, content.into()));
    }

    /// Serves it on loopback.
    pub(crate) async fn serve(self: Arc<Self>, acceptor: Option<TlsAcceptor>) -> SocketAddr {
        self.puts("/file", "application/octet-stream", file());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("bound");
        let address = listener.local_addr().expect("bound");
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                tcp.set_nodelay(true).expect("set");
                let (site, acceptor) = (Arc::clone(&self), acceptor.clone());
                tokio::spawn(async move {
                    let Some(acceptor) = acceptor else {
                        return site.converse(tcp).await;
                    };
                    if let Ok(stream) = acceptor.accept(tcp).await {
                        site.converse(stream).await;
                    }
                });
            }
        });
        address
    }

    async fn converse(
        self: Arc<Self>,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) {
        let service = service_fn(move |request| {
            let site = Arc::clone(&self);
            async move { Ok::<_, Infallible>(site.answer(request).await) }
        });
        let builder = auto::Builder::new(TokioExecutor::new());
        // Clients that break off are what this is about, too.
        let _ = builder
            .serve_connection(TokioIo::new(stream), service)
            .await;
    }

    async fn answer(&self, request: Request<Incoming>) -> Answer {
        match request.uri().path() {
            "/echo" => match request.into_body().collect().await {
                Ok(content) => plain("application/octet-stream", content.to_bytes()),
                Err(_) => empty(StatusCode::BAD_REQUEST),
            },
            "/events" => self.events(),
            "/next" => {
                self.next_event();
                empty(StatusCode::NO_CONTENT)
            }
            path => {
                let found = self.files.lock().expect("one at a time").get(path).cloned();
                found.map_or_else(
                    || empty(StatusCode::NOT_FOUND),
                    |(kind, content)| plain(kind, content),
                )
            }
        }
    }

    /// A stream of events, the first of them at once.
    fn events(&self) -> Answer {
        let (send, receive) = unbounded_channel();
        *self.events.lock().expect("one at a time") = Some((send, 0));
        self.next_event();
        let pieces = stream::unfold(receive, |mut receive| async {
            let piece: Bytes = receive.recv().await?;
            Some((Ok::<_, Infallible>(Frame::data(piece)), receive))
        });
        let mut answer = Response::new(StreamBody::new(pieces).boxed());
        let kind = "text/event-stream".parse().expect("a value");
        answer.headers_mut().insert("content-type", kind);
        answer
    }

    fn next_event(&self) {
        if let Some((send, number)) = &mut *self.events.lock().expect("one at a time") {
            *number += 1;
            // A page that is gone misses nothing.
            let _ = send.send(format!("data: {number}\n\n").into());
        }
    }
}

fn plain(kind: &'static str, content: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(content).boxed());
    let kind = kind.parse().expect("a value");
    answer.headers_mut().insert("content-type", kind);
    answer
}

fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::new()).boxed());
    *answer.status_mut() = status;
    answer
}
