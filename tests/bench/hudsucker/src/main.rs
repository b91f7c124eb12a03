//! hudsucker as a peer: it terminates TLS, counts requests, and reaches every server on loopback.
//! `bench-hudsucker PORT PKI`.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use hudsucker::certificate_authority::RcgenAuthority;
use hudsucker::hyper::Request;
use hudsucker::rcgen::{Issuer, KeyPair};
use hudsucker::{Body, HttpContext, HttpHandler, Proxy, RequestOrResponse};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tower_service::Service;

/// Every name is here: `/etc/hosts` stays as it is.
#[derive(Clone)]
struct Here;

impl Service<Name> for Here {
    type Response = std::iter::Once<SocketAddr>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Name) -> Self::Future {
        ready(Ok(std::iter::once(SocketAddr::from(([127, 0, 0, 1], 0)))))
    }
}

#[derive(Clone, Default)]
struct Counting(Arc<AtomicU64>);

impl HttpHandler for Counting {
    async fn handle_request(
        &mut self,
        _: &HttpContext,
        request: Request<Body>,
    ) -> RequestOrResponse {
        self.0.fetch_add(1, Ordering::Relaxed);
        request.into()
    }
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments
        .next()
        .and_then(|port| port.parse().ok())
        .expect("a port");
    let pki = arguments.next().expect("the folder of certificates");
    let read = |name: &str| std::fs::read_to_string(format!("{pki}/{name}")).expect("readable");

    let key = KeyPair::from_pem(&read("proxy-ca.key")).expect("a key");
    let issuer = Issuer::from_ca_cert_pem(&read("proxy-ca.pem"), key).expect("a CA");
    let authority = RcgenAuthority::new(issuer, 5_000, aws_lc_rs::default_provider());

    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(read("origin-ca.pem").as_bytes()) {
        roots.add(root.expect("a certificate")).expect("a root");
    }
    let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut tcp = HttpConnector::new_with_resolver(Here);
    tcp.enforce_http(false);
    let https = hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .wrap_connector(tcp);

    Proxy::builder()
        .with_addr(SocketAddr::from(([127, 0, 0, 1], port)))
        .with_ca(authority)
        .with_http_connector(https)
        .with_http_handler(Counting::default())
        .build()
        .expect("a proxy")
        .start()
        .await
        .expect("served");
}
