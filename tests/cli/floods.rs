//! What a flood of HTTP/2 frames costs the program: not much memory, and nobody else's time.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use corstap::ca::{Ca, HostList, LeafCache};
use corstap::wire::alpn::Alpn;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::corstap;
use crate::support::frames::{
    CONTINUATION, DATA, END_HEADERS, HEADERS, PING, RST_STREAM, Raw, SETTINGS, WINDOW_UPDATE,
    block, bomb, frame, greeting, request, streams,
};
use crate::support::scene::{End, PATIENCE, SERVER, host, provider};

const MEBIBYTE: usize = 1024 * 1024;
/// How many octets of each flood are sent, if they are taken.
const MOST: usize = 16 * MEBIBYTE;

/// A running proxy, which is killed when nobody needs it any more.
struct Running {
    child: Child,
    address: SocketAddr,
    root: CertificateDer<'static>,
    authority: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    async fn start(home: &Path) -> Self {
        let ca = Ca::generate(HostList::Any, "servers").expect("made");
        let roots = home.join("roots.pem");
        std::fs::write(&roots, ca.certificate_pem()).expect("written");
        let authority = format!("{SERVER}:{}", serve(ca).await.port());
        let mut command = corstap(home);
        command
            .env("SSL_CERT_FILE", roots)
            .args(["run", "--json", "--listen", "127.0.0.1:0", "--resolve"])
            .arg(format!("{authority}:127.0.0.1"))
            .arg("--capture")
            .arg(home.join("floods.corstap"))
            .arg("--ca-dir")
            .arg(home.join("ca"));
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("run");
        let mut told = BufReader::new(child.stderr.take().expect("piped")).lines();
        let first = told.next().expect("a greeting").expect("text");
        let address = first.split(' ').find_map(|word| word.parse().ok());
        std::thread::spawn(move || told.map_while(Result::ok).for_each(drop));
        let root = CertificateDer::from_pem_file(home.join("ca/ca.pem"));
        Self {
            child,
            address: address.unwrap_or_else(|| panic!("no address in {first}")),
            root: root.expect("a CA"),
            authority,
        }
    }

    /// A client that has said its settings.
    async fn client(&self) -> Raw {
        let connected = TcpStream::connect(self.address).await;
        let mut tunnel = End::new(connected.expect("the proxy listens"));
        let connect = format!("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\n\r\n", self.authority);
        tunnel.sends(connect).await;
        tunnel
            .sees("HTTP/1.1 200 Connection Established\r\n\r\n")
            .await;
        let tls = tunnel.with_tls_offering(SERVER, &self.root, &[Alpn::Http2]);
        let mut client = Raw::new(tls.await);
        client.sends(vec![greeting()]);
        client.has_sent().await;
        client
    }

    async fn serves(&self) {
        let mut client = self.client().await;
        let head = block(&request("GET", &self.authority, "/", &[]));
        client.sends(vec![frame(HEADERS, END_HEADERS | 1, 1, &head)]);
        client.has_sent().await;
        client
            .hears(PATIENCE, |heard| heard.answers.contains_key(&1))
            .await;
        assert_eq!(client.heard.answers.get(&1), Some(&true), "it is served");
    }

    /// The most memory that it has had, in octets.
    fn peak(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("ours");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes = line.expect("a peak").trim().trim_end_matches(" kB");
        kibibytes.parse::<usize>().expect("a number") * 1024
    }
}

/// A server that answers whatever is asked at once, and reads no content.
async fn serve(ca: Ca) -> SocketAddr {
    let leaves = LeafCache::new(ca, provider());
    let config = leaves.config(&host(SERVER), Some(Alpn::Http2));
    let acceptor = TlsAcceptor::from(config.expect("minted"));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let listener = Arc::new(listener.expect("bound"));
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let stream = acceptor.accept(tcp).await.ok()?;
                let mut connection = h2::server::handshake(stream).await.ok()?;
                while let Some(Ok((request, mut respond))) = connection.accept().await {
                    if request.method() == http::Method::GET {
                        respond.send_response(http::Response::new(()), true).ok()?;
                    } else {
                        // It waits for content that nobody reads.
                        tokio::spawn(async move {
                            let _kept = request;
                            let _ = std::future::poll_fn(|cx| respond.poll_reset(cx)).await;
                        });
                    }
                }
                Some(())
            });
        }
    });
    address
}

/// What each is called, how it begins, and what is sent over and over.
fn floods(authority: &str) -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
    let head = block(&request("POST", authority, "/", &[]));
    let begins = |flags| frame(HEADERS, flags, 1, &head);
    let fields = block(&vec![("name", "value"); 1000]);
    let data = frame(DATA, 0, 1, &vec![0; 16_384]);
    let all = |frames: Vec<Vec<u8>>| frames.concat();
    let over = |stream| frame(WINDOW_UPDATE, 0, stream, &[0x7f, 0xff, 0xff, 0xff]);
    let reset = |stream| frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]);
    vec![
        ("PING", vec![], frame(PING, 0, 0, &[0; 8])),
        (
            "SETTINGS",
            vec![],
            frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 9]),
        ),
        ("empty DATA", begins(END_HEADERS), frame(DATA, 0, 1, b"")),
        ("DATA beyond the window", begins(END_HEADERS), data),
        (
            "CONTINUATION",
            begins(0),
            frame(CONTINUATION, 0, 1, &fields),
        ),
        (
            "open streams",
            vec![],
            all(streams(1, 40_000, authority, |_| vec![]).collect()),
        ),
        (
            "reset streams",
            vec![],
            all(streams(1, 40_000, authority, reset).collect()),
        ),
        (
            "streams to reset",
            vec![],
            all(streams(1, 40_000, authority, over).collect()),
        ),
        (
            "fields that unfold",
            vec![],
            bomb(1, 200, authority).concat(),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_flood_of_frames_grows_in_memory() {
    let home = tempfile::tempdir().expect("a directory");
    let running = Running::start(home.path()).await;
    running.serves().await;
    let before = running.peak();
    for (what, begins, flood) in floods(&running.authority) {
        let mut client = running.client().await;
        let mut pieces = vec![begins];
        let times = (64 * 1024 / flood.len()).max(1);
        let piece = flood.repeat(times);
        let count = if times == 1 { 1 } else { MOST / piece.len() };
        pieces.extend(std::iter::repeat_n(piece, count));
        client.sends(pieces);
        client.has_sent().await;
        let since = Instant::now();
        running.serves().await;
        assert!(
            since.elapsed() < Duration::from_secs(4),
            "{what}: others wait"
        );
        let grown = running.peak() - before;
        assert!(grown < 16 * MEBIBYTE, "{what}: {grown} octets");
    }
}
