//! Servers with TLS and a name that nobody resolves, and a client that reaches them through the proxy.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, Stream,
};

use super::running::{PATIENCE, serve};
use super::{corstap, stdout};

/// A server of that name, behind a proxy that is asked for it.
pub(super) struct Server {
    /// The proxy, for `--upstream-proxy`.
    pub(super) proxy: String,
    /// Whom to trust, for `--upstream-ca`.
    pub(super) certificate: PathBuf,
}

impl Server {
    /// It answers each request with 200, and says nothing of CORS.
    pub(super) fn named(name: &str, home: &Path) -> Self {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("made");
        let certificate = home.join("server.pem");
        std::fs::write(&certificate, made.cert.pem()).expect("written");
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], PrivateKeyDer::Pkcs8(key))
            .expect("a certificate");
        let config = Arc::new(config);
        let address = serve(move |stream| answer(stream, Arc::clone(&config)));
        Self {
            proxy: format!("http://{address}"),
            certificate,
        }
    }
}

fn answer(mut tunnel: TcpStream, config: Arc<ServerConfig>) {
    let _ = head(&mut tunnel);
    let _ = tunnel.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
    let mut session = ServerConnection::new(config).expect("a session");
    let mut stream = Stream::new(&mut session, &mut tunnel);
    while !head(&mut stream).is_empty() {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
}

/// What comes up to the first empty line; nothing at the end.
fn head(stream: &mut impl Read) -> String {
    let (mut head, mut octet) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut octet) {
            Ok(1) => head.push(octet[0]),
            _ => return String::new(),
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// The head of what a page of this origin gets from a server of that name.
pub(super) fn fetch(home: &Path, proxy: SocketAddr, name: &str, origin: &str) -> String {
    let mut tunnel = TcpStream::connect(proxy).expect("the proxy listens");
    let patience = tunnel.set_read_timeout(Some(PATIENCE));
    patience.expect("a time that is not zero");
    let connect = format!("CONNECT {name}:443 HTTP/1.1\r\nHost: {name}:443\r\n\r\n");
    tunnel.write_all(connect.as_bytes()).expect("written");
    let connected = head(&mut tunnel);
    assert!(connected.starts_with("HTTP/1.1 200 "), "{connected}");
    let name_of_server = name.to_owned().try_into().expect("a name");
    let mut session = ClientConnection::new(trusting(home), name_of_server).expect("a session");
    let mut stream = Stream::new(&mut session, &mut tunnel);
    let request = format!("GET /orders HTTP/1.1\r\nHost: {name}\r\nOrigin: {origin}\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("written");
    head(&mut stream)
}

/// A client that trusts the CA of this home, and no other.
fn trusting(home: &Path) -> Arc<ClientConfig> {
    let mut export = corstap(home);
    let pem = stdout(&export.args(["ca", "export"]).output().expect("run"));
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate");
    let mut roots = RootCertStore::empty();
    roots.add(certificate).expect("a root");
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
