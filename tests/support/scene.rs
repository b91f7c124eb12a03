//! A proxy with a capture, ready for a conversation: the client sends, the server sees, the server
//! answers, the client sees.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use corstap::ca::{Ca, HostList, LeafCache};
use corstap::exchange::secret::{Redactor, Values};
use corstap::proxy::{self, Notice, Notices, Parts, Proxy, Rewriting, Route};
use corstap::store::row::Stored;
use corstap::store::{Capture, Shown, Writer};
use corstap::wire::alpn::Alpn;
use corstap::wire::target::{Authority, Host};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ServerConfig};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;
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
    pieces: Pieces,
}

/// In which pieces octets are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pieces {
    /// In one.
    #[default]
    Whole,
    /// Each by itself.
    Octets,
    /// In some of up to 32 octets, which a number decides.
    Some(u64),
}

impl Pieces {
    fn of(self, octets: &[u8]) -> Vec<&[u8]> {
        match self {
            Self::Whole => vec![octets],
            Self::Octets => octets.chunks(1).collect(),
            Self::Some(mut number) => {
                let (mut pieces, mut rest) = (Vec::new(), octets);
                while !rest.is_empty() {
                    number = number.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                    let length = usize::try_from(number >> 59).expect("small") + 1;
                    let (piece, more) = rest.split_at(length.min(rest.len()));
                    pieces.push(piece);
                    rest = more;
                }
                pieces
            }
        }
    }
}

/// That a proxy is to stop.
type Stopped = Pin<Box<dyn Future<Output = ()> + Send>>;

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
    proxying: JoinHandle<io::Result<()>>,
}

impl Rig {
    /// Starts a proxy that reads these hosts and reaches servers by this route.
    pub async fn start(hosts: HostList, route: Route) -> Self {
        Self::start_with(hosts, route, false).await
    }

    /// The same, with `--confirm` or without.
    pub async fn start_with(hosts: HostList, route: Route, confirm: bool) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        Self::on(listener.expect("bound"), hosts, route, confirm)
    }

    /// Starts a proxy on the runtime of the test, whose clock is that of its deadlines.
    pub async fn start_here(hosts: HostList, route: Route) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let serve = |listener, proxy, stopped| {
            tokio::spawn(async {
                proxy::serve_here(listener, proxy, stopped).await;
                Ok(())
            })
        };
        Self::made(listener.expect("bound"), hosts, route, false, None, serve)
    }

    /// Starts a proxy in which a policy is in force.
    pub async fn start_to_rewrite(hosts: HostList, route: Route, rewriting: Rewriting) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        Self::make(
            listener.expect("bound"),
            hosts,
            route,
            false,
            Some(rewriting),
        )
    }

    /// Starts a proxy on a listener that is there.
    pub fn on(listener: TcpListener, hosts: HostList, route: Route, confirm: bool) -> Self {
        Self::make(listener, hosts, route, confirm, None)
    }

    fn make(
        listener: TcpListener,
        hosts: HostList,
        route: Route,
        confirm: bool,
        rewriting: Option<Rewriting>,
    ) -> Self {
        let serve = |listener, proxy, stopped| tokio::spawn(proxy::serve(listener, proxy, stopped));
        Self::made(listener, hosts, route, confirm, rewriting, serve)
    }

    fn made(
        listener: TcpListener,
        hosts: HostList,
        route: Route,
        confirm: bool,
        rewriting: Option<Rewriting>,
        serve: impl FnOnce(TcpListener, Proxy, Stopped) -> JoinHandle<io::Result<()>>,
    ) -> Self {
        let ca = Ca::generate(hosts.clone(), "proxy").expect("made");
        let (root, spki_pin) = (ca.certificate().clone(), ca.spki_pin());
        let ca_pem = ca.certificate_pem();
        let capture = tempfile::tempdir().expect("a directory");
        let redactor = Redactor::new(&[7; 32], Values::Harmless);
        let path = capture.path().join("rig.corstap");
        let (writer, recorder, shown) = Writer::start(&path, redactor).expect("started");
        let proxy = listener.local_addr().expect("bound");
        let (notices, noticed) = Notices::new();
        let parts = Parts {
            leaves: LeafCache::new(ca, provider()),
            read: hosts,
            route,
            own: vec![proxy],
            recorder,
            notices,
            confirm,
            rewriting,
            provider: provider(),
        };
        let (stop, stopped) = oneshot::channel();
        let stopped: Stopped = Box::pin(async { stopped.await.unwrap_or_default() });
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
            proxying: serve(listener, Proxy::new(parts), stopped),
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
        let served = self.proxying.await.expect("the proxy does not panic");
        served.expect("started");
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
    /// How the server speaks TLS.
    pub acceptor: TlsAcceptor,
}

pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

impl Scene {
    /// A proxy in front of one server on loopback.
    pub async fn set() -> Self {
        Self::set_with(|_, _| {}).await
    }

    /// The same, with a proxy by whose deadlines the test's clock decides.
    pub async fn set_here() -> Self {
        let (leaves, root) = Self::own_leaves();
        let mut route = Route::default();
        let keep = |own: &mut Route, _| {
            route.resolve.clone_from(&own.resolve);
            route.roots.clone_from(&own.roots);
        };
        let mut scene = Self::make(leaves, None, vec![root], keep, false).await;
        scene.rig = Rig::start_here(HostList::development(), route).await;
        scene
    }

    /// The same, with a proxy that confirms.
    pub async fn set_to_confirm() -> Self {
        let (leaves, root) = Self::own_leaves();
        Self::make(leaves, None, vec![root], |_, _| {}, true).await
    }

    /// The same, with a proxy in which a policy for that server is in force.
    pub async fn set_to_rewrite(policy: impl FnOnce(SocketAddr) -> Rewriting) -> Self {
        let (leaves, root) = Self::own_leaves();
        let mut route = Route::default();
        let keep = |own: &mut Route, _| {
            route.resolve.clone_from(&own.resolve);
            route.roots.clone_from(&own.roots);
        };
        let mut scene = Self::make(leaves, None, vec![root], keep, false).await;
        let rewriting = policy(scene.server);
        scene.rig = Rig::start_to_rewrite(HostList::development(), route, rewriting).await;
        scene
    }

    /// The same with another route, which may lead through the server as a proxy.
    pub async fn set_with(change: impl FnOnce(&mut Route, SocketAddr)) -> Self {
        let (leaves, root) = Self::own_leaves();
        Self::make(leaves, None, vec![root], change, false).await
    }

    /// The same with a server of that configuration, and a proxy that trusts these certificates.
    pub async fn with(config: Arc<ServerConfig>, roots: Vec<CertificateDer<'static>>) -> Self {
        let (leaves, _) = Self::own_leaves();
        Self::make(leaves, Some(config), roots, |_, _| {}, false).await
    }

    /// Leaves of a CA for servers, and its certificate.
    fn own_leaves() -> (LeafCache, CertificateDer<'static>) {
        let ca = Ca::generate(HostList::Any, "servers").expect("made");
        let root = ca.certificate().clone();
        (LeafCache::new(ca, provider()), root)
    }

    async fn make(
        leaves: LeafCache,
        config: Option<Arc<ServerConfig>>,
        roots: Vec<CertificateDer<'static>>,
        change: impl FnOnce(&mut Route, SocketAddr),
        confirm: bool,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("bound");
        let server = listener.local_addr().expect("bound");
        let at = |name| {
            (
                Authority {
                    host: host(name),
                    port: server.port(),
                },
                server.ip(),
            )
        };
        let mut route = Route {
            resolve: [SERVER, "outside.example.com"].map(at).into(),
            roots,
            ..Route::default()
        };
        let own = || {
            leaves
                .config(&host(SERVER), Some(Alpn::Http11))
                .expect("minted")
        };
        let config = config.unwrap_or_else(own);
        change(&mut route, server);
        let rig = Rig::start_with(HostList::development(), route, confirm).await;
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
        self.tries_tls_server().await.expect("a handshake")
    }

    /// The same where the handshake may fail.
    pub async fn tries_tls_server(&self) -> io::Result<End> {
        let plain = self.server().await;
        self.acceptor.accept(plain.stream).await.map(End::new)
    }

    /// What the server knows of a TLS connection.
    pub async fn session(&self, plain: End) -> TlsStream<Pin<Box<dyn Stream>>> {
        let accepted = self.acceptor.accept(plain.stream);
        accepted.await.expect("a handshake")
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
            pieces: Pieces::default(),
        }
    }

    /// A connection that sends what it is given at once, as browsers' and servers' do.
    fn of(tcp: TcpStream) -> Self {
        tcp.set_nodelay(true).expect("set");
        Self::new(tcp)
    }

    /// Sends in such pieces from now on.
    pub fn in_pieces(self, pieces: Pieces) -> Self {
        Self { pieces, ..self }
    }

    /// Each piece is written by itself, and others have their turn before the next.
    async fn writes(&mut self, octets: &[u8]) -> io::Result<()> {
        for piece in self.pieces.of(octets) {
            self.stream.write_all(piece).await?;
            self.stream.flush().await?;
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Speaks TLS with whoever is at the other end and has a certificate for that name.
    pub async fn with_tls(self, name: &str, root: &CertificateDer<'static>) -> Self {
        self.with_tls_offering(name, root, &[]).await
    }

    pub async fn with_tls_offering(
        self,
        name: &str,
        root: &CertificateDer<'static>,
        offers: &[Alpn],
    ) -> Self {
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let connector = connector_offering(root, offers);
        let connected = connector.connect(name, self.stream).await;
        Self::new(connected.expect("a handshake"))
    }

    pub async fn sends(&mut self, octets: impl AsRef<[u8]>) {
        timeout(PATIENCE, self.writes(octets.as_ref()))
            .await
            .expect("the other side reads")
            .expect("the connection holds");
    }

    /// Sends what may not be taken.
    pub async fn tries_to_send(&mut self, octets: &[u8]) {
        let _ = timeout(PATIENCE, self.writes(octets)).await;
    }

    /// Sends the same over and over, until so many octets have gone or none are taken for a moment;
    /// says how many it were.
    pub async fn pours(&mut self, piece: &[u8], most: usize) -> usize {
        const MOMENT: Duration = Duration::from_millis(300);
        let mut sent = 0;
        while sent < most {
            match timeout(MOMENT, self.stream.write(piece)).await {
                Ok(Ok(octets)) => sent += octets,
                Ok(Err(_)) | Err(_) => break,
            }
        }
        sent
    }

    /// Sends in the background, then ends what this side sends.
    pub fn sends_last(&mut self, octets: Vec<u8>) {
        let stream = std::mem::replace(&mut self.stream, Box::pin(tokio::io::empty()));
        let mut end = Self {
            stream,
            read: Vec::new(),
            pieces: self.pieces,
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
    ) -> io::Result<()> {
        connector.connect(name, &mut self.stream).await.map(drop)
    }

    /// Speaks TLS as a server, with a client that may not like it.
    pub async fn accepts(self, acceptor: &TlsAcceptor) -> io::Result<Self> {
        acceptor.accept(self.stream).await.map(Self::new)
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

    /// Whether the other side ends in that time; what it says before is read.
    pub async fn ends_within(&mut self, patience: Duration) -> bool {
        let ended =
            async { while matches!(self.stream.read_buf(&mut self.read).await, Ok(1..)) {} };
        timeout(patience, ended).await.is_ok()
    }

    /// Reads once, and says how many octets it were; none at the end.
    pub async fn reads_and_drops(&mut self) -> usize {
        self.read.clear();
        self.reads_more(PATIENCE).await;
        self.read.len()
    }

    /// Forgets what was read.
    pub fn forgets(&mut self) {
        self.read.clear();
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

/// Connects with whoever has a certificate of that root's.
pub fn connector(root: &CertificateDer<'static>) -> TlsConnector {
    connector_offering(root, &[])
}

fn connector_offering(root: &CertificateDer<'static>, offers: &[Alpn]) -> TlsConnector {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(root.clone()).expect("a root");
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = offers.iter().map(|alpn| alpn.name().to_vec()).collect();
    TlsConnector::from(Arc::new(config))
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
