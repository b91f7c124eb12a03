//! A proxy with a capture, ready for a conversation: the client sends, the server sees, the server
//! answers, the client sees.

use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use corstap::ca::{Ca, HostList, LeafCache};
use corstap::exchange::secret::{Redactor, Values};
use corstap::proxy::{self, Notice, Notices, Parts, Proxy, Route};
use corstap::store::row::Stored;
use corstap::store::{Capture, Shown, Writer};
use corstap::wire::alpn::Alpn;
use corstap::wire::target::{Authority, Host};
use rustls::ClientConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Longer than anything here takes: who waits so long waits in vain.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The server's name in every scene, unless it is another one.
pub const SERVER: &str = "api.example.test";

pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// One end of a conversation.
pub struct End {
    stream: Pin<Box<dyn Stream>>,
    read: Vec<u8>,
}

/// A proxy with its capture.
pub struct Rig {
    pub proxy: SocketAddr,
    pub root: CertificateDer<'static>,
    pub spki_pin: String,
    pub ca_pem: String,
    pub capture: TempDir,
    pub shown: Mutex<Receiver<Shown>>,
    pub notices: Mutex<Receiver<Notice>>,
    writer: Writer,
    stop: oneshot::Sender<()>,
    proxying: JoinHandle<()>,
}

impl Rig {
    /// Starts a proxy that reads these hosts and reaches servers by this route.
    pub async fn start(hosts: HostList, route: Route) -> Self {
        Self::start_with(hosts, route, false).await
    }

    /// The same, with `--confirm`.
    pub async fn start_to_confirm(hosts: HostList, route: Route) -> Self {
        Self::start_with(hosts, route, true).await
    }

    async fn start_with(hosts: HostList, route: Route, confirm: bool) -> Self {
        let ca = Ca::generate(hosts.clone(), "proxy").expect("made");
        let (root, spki_pin) = (ca.certificate().clone(), ca.spki_pin());
        let ca_pem = ca.certificate_pem();
        let capture = tempfile::tempdir().expect("a directory");
        let redactor = Redactor::new(&[7; 32], Values::Harmless);
        let path = capture.path().join("rig.corstap");
        let (writer, recorder, shown) = Writer::start(&path, redactor).expect("started");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("bound");
        let proxy = listener.local_addr().expect("bound");
        let (notices, noticed) = Notices::new();
        let parts = Parts {
            leaves: LeafCache::new(ca, provider()).expect("made"),
            read: hosts,
            route,
            own: vec![proxy],
            recorder,
            notices,
            confirm,
            provider: provider(),
        };
        let (stop, stopped) = oneshot::channel();
        let stopped = async { stopped.await.unwrap_or_default() };
        Self {
            proxy,
            root,
            spki_pin,
            ca_pem,
            capture,
            shown: Mutex::new(shown),
            notices: Mutex::new(noticed),
            writer,
            stop,
            proxying: tokio::spawn(proxy::serve(listener, Proxy::new(parts), stopped)),
        }
    }

    /// What the proxy has had to say so far.
    pub fn told(&self) -> Vec<String> {
        let notices = self.notices.lock().expect("one at a time");
        notices.try_iter().map(|told| told.to_string()).collect()
    }

    /// Stops the proxy, and opens the capture once everything is written.
    pub async fn finish(self) -> (Capture, TempDir) {
        drop(self.stop);
        self.proxying.await.expect("the proxy does not panic");
        let path = self.writer.path.clone();
        let finished = tokio::task::spawn_blocking(move || self.writer.finish()).await;
        assert_eq!(
            finished.expect("the writer does not panic").lost,
            0,
            "exchanges lost"
        );
        (Capture::open(&path).expect("a capture"), self.capture)
    }
}

/// A proxy, a server, and what the proxy has recorded.
pub struct Scene {
    pub rig: Rig,
    pub server: SocketAddr,
    listener: TcpListener,
    leaves: LeafCache,
    acceptor: TlsAcceptor,
}

pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

impl Scene {
    /// A proxy in front of one server on loopback.
    pub async fn set() -> Self {
        Self::set_with(Rig::start).await
    }

    /// The same, with a proxy that confirms.
    pub async fn set_to_confirm() -> Self {
        Self::set_with(Rig::start_to_confirm).await
    }

    async fn set_with<R: Future<Output = Rig>>(start: impl FnOnce(HostList, Route) -> R) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("bound");
        let server = listener.local_addr().expect("bound");
        let ca = Ca::generate(HostList::Any, "servers").expect("made");
        let at = |name| {
            (
                Authority {
                    host: host(name),
                    port: server.port(),
                },
                server.ip(),
            )
        };
        let route = Route {
            resolve: [SERVER, "outside.example.com"].map(at).into(),
            roots: vec![ca.certificate().clone()],
        };
        let leaves = LeafCache::new(ca, provider()).expect("made");
        let config = leaves
            .config(&host(SERVER), Some(Alpn::Http11))
            .expect("minted");
        let rig = start(HostList::development(), route).await;
        Self {
            rig,
            server,
            listener,
            leaves,
            acceptor: TlsAcceptor::from(config),
        }
    }

    /// `api.example.test:PORT`.
    pub fn authority(&self) -> String {
        format!("{SERVER}:{}", self.server.port())
    }

    /// A client on the proxy's own port.
    pub async fn client(&self) -> End {
        let connected = TcpStream::connect(self.rig.proxy).await;
        End::of(connected.expect("the proxy listens"))
    }

    /// A client that has asked for a tunnel to `authority` and got it.
    pub async fn tunnel_to(&self, authority: &str) -> End {
        let mut client = self.client().await;
        client
            .sends(&format!(
                "CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n"
            ))
            .await;
        client
            .sees("HTTP/1.1 200 Connection Established\r\n\r\n")
            .await;
        client
    }

    /// A client that speaks TLS with the proxy in a tunnel to the server.
    pub async fn tls_client(&self) -> End {
        let tunnel = self.tunnel_to(&self.authority()).await;
        tunnel.with_tls(SERVER, &self.rig.root).await
    }

    /// A client in a tunnel to the server that offers these protocols over TLS, and the server, which
    /// chooses this one.
    pub async fn both_with(&self, offers: &[Alpn], chosen: Alpn) -> (End, End) {
        let client = async {
            let tunnel = self.tunnel_to(&self.authority()).await;
            tunnel
                .with_tls_offering(SERVER, &self.rig.root, offers)
                .await
        };
        let server = async {
            let config = self
                .leaves
                .config(&host(SERVER), Some(chosen))
                .expect("minted");
            let acceptor = TlsAcceptor::from(config);
            End::new(
                acceptor
                    .accept(self.server().await.stream)
                    .await
                    .expect("a handshake"),
            )
        };
        tokio::join!(client, server)
    }

    /// The next connection that reaches the server.
    pub async fn server(&self) -> End {
        let accepted = timeout(PATIENCE, self.listener.accept()).await;
        End::of(accepted.expect("somebody connects").expect("accepted").0)
    }

    /// The next connection that reaches the server, with TLS.
    pub async fn tls_server(&self) -> End {
        let plain = self.server().await;
        End::new(
            self.acceptor
                .accept(plain.stream)
                .await
                .expect("a handshake"),
        )
    }

    /// A client and the server it has reached, with TLS on both sides.
    pub async fn both(&self) -> (End, End) {
        tokio::join!(self.tls_client(), self.tls_server())
    }

    /// The next exchange that was committed once it was over.
    pub fn recorded(&self) -> Shown {
        let shown = self.rig.shown.lock().expect("one at a time");
        loop {
            let stored = shown.recv_timeout(PATIENCE).expect("something is recorded");
            if stored.recorded.elapsed_ms.is_some() {
                return stored;
            }
        }
    }

    /// The capture's file with what SQLite keeps beside it.
    pub fn capture_octets(&self) -> Vec<u8> {
        let entries = std::fs::read_dir(self.rig.capture.path()).expect("there");
        entries
            .flat_map(|entry| std::fs::read(entry.expect("one").path()).expect("read"))
            .collect()
    }
}

impl End {
    pub fn new(stream: impl Stream + 'static) -> Self {
        Self {
            stream: Box::pin(stream),
            read: Vec::new(),
        }
    }

    /// A connection that sends what it is given at once, as browsers' and servers' do.
    fn of(tcp: TcpStream) -> Self {
        tcp.set_nodelay(true).expect("set");
        Self::new(tcp)
    }

    async fn with_tls(self, name: &str, root: &CertificateDer<'static>) -> Self {
        self.with_tls_offering(name, root, &[]).await
    }

    pub async fn with_tls_offering(
        self,
        name: &str,
        root: &CertificateDer<'static>,
        offers: &[Alpn],
    ) -> Self {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(root.clone()).expect("a root");
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = offers.iter().map(|alpn| alpn.name().to_vec()).collect();
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let connector = TlsConnector::from(Arc::new(config));
        Self::new(
            connector
                .connect(name, self.stream)
                .await
                .expect("a handshake"),
        )
    }

    pub async fn sends(&mut self, octets: impl AsRef<[u8]>) {
        let sent = async {
            self.stream.write_all(octets.as_ref()).await?;
            self.stream.flush().await
        };
        timeout(PATIENCE, sent)
            .await
            .expect("the other side reads")
            .expect("the connection holds");
    }

    /// Sends what may not be taken.
    pub async fn tries_to_send(&mut self, octets: &[u8]) {
        let sent = async {
            self.stream.write_all(octets).await?;
            self.stream.flush().await
        };
        let _ = timeout(PATIENCE, sent).await;
    }

    /// Sends in the background, then ends what this side sends.
    pub fn sends_last(&mut self, octets: Vec<u8>) {
        let stream = std::mem::replace(&mut self.stream, Box::pin(tokio::io::empty()));
        let mut end = Self {
            stream,
            read: Vec::new(),
        };
        tokio::spawn(async move {
            end.tries_to_send(&octets).await;
            let _ = end.stream.shutdown().await;
            while end.reads_more(PATIENCE).await {}
        });
    }

    /// Speaks TLS with whoever is at the other end.
    pub async fn connects_with(
        &mut self,
        connector: TlsConnector,
        name: ServerName<'static>,
    ) -> std::io::Result<()> {
        connector.connect(name, &mut self.stream).await.map(drop)
    }

    /// Waits for exactly these octets.
    pub async fn sees(&mut self, octets: impl AsRef<[u8]>) {
        let octets = octets.as_ref();
        while self.read.len() < octets.len() && self.reads_more(PATIENCE).await {}
        let seen: Vec<u8> = self
            .read
            .drain(..octets.len().min(self.read.len()))
            .collect();
        assert_eq!(
            String::from_utf8_lossy(&seen),
            String::from_utf8_lossy(octets)
        );
    }

    /// Waits for the end of what the other side sends; nothing may come before it.
    pub async fn sees_the_end(&mut self) {
        let rest = self.reads_to_end().await;
        assert_eq!(String::from_utf8_lossy(&rest), "", "before the end");
    }

    /// Everything until the other side ends.
    pub async fn reads_to_end(&mut self) -> Vec<u8> {
        while self.reads_more(PATIENCE).await {}
        std::mem::take(&mut self.read)
    }

    /// Reads once; false at the end, or when nothing comes for so long.
    pub async fn reads_more(&mut self, patience: Duration) -> bool {
        let read = self.stream.read_buf(&mut self.read);
        matches!(timeout(patience, read).await, Ok(Ok(octets)) if octets > 0)
    }

    /// The connection itself.
    pub fn into_stream(self) -> Pin<Box<dyn Stream>> {
        self.stream
    }

    /// What was read and not looked at yet.
    pub fn read(&self) -> &[u8] {
        &self.read
    }

    /// Ends what this side sends.
    pub async fn ends(&mut self) {
        self.stream.shutdown().await.expect("the connection holds");
    }
}

pub fn host(name: &str) -> Host {
    Host::parse(name.as_bytes()).expect(name)
}

/// The outcome's name and the cause's.
pub fn label(stored: &Stored) -> (&'static str, Option<&'static str>) {
    let answer = &stored.judgement.verdict.answer;
    (
        answer.outcome.name(),
        answer.cause.map(corstap::cors::Cause::name),
    )
}
