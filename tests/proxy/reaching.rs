//! Reaching servers: TLS versions, client certificates, certificates that pass unverified.

use std::sync::Arc;

use corstap::ca::HostList;
use corstap::exchange::Unverified;
use corstap::proxy::Identity;
use corstap::report::record::Record;
use corstap::report::text::{self, View};
use corstap::store::Shown;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{ProtocolVersion, RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio_rustls::TlsAcceptor;

use crate::support::scene::{End, SERVER, Scene, provider};

fn hosts(name: &str) -> HostList {
    let mut hosts = HostList::default();
    hosts.add(name).expect(name);
    hosts
}

/// One exchange from end to end, over a connection that stands.
async fn exchange(scene: &Scene, client: &mut End, server: &mut End) -> Shown {
    let request = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", scene.authority());
    client.sends(&request).await;
    server.sees(&request).await;
    let answer = "HTTP/1.1 204 No Content\r\n\r\n";
    server.sends(answer).await;
    client.sees(answer).await;
    scene.recorded()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_of_both_versions_of_tls_are_reached() {
    let versions: [(&SupportedProtocolVersion, ProtocolVersion); 2] = [
        (&TLS12, ProtocolVersion::TLSv1_2),
        (&TLS13, ProtocolVersion::TLSv1_3),
    ];
    for (only, spoken) in versions {
        let mut scene = Scene::set().await;
        let config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[only])
            .expect("a version")
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&scene.acceptor.config().cert_resolver));
        scene.acceptor = TlsAcceptor::from(Arc::new(config));
        let (mut client, session) = tokio::join!(scene.tls_client(), async {
            scene.session(scene.server().await).await
        });
        assert_eq!(session.get_ref().1.protocol_version(), Some(spoken));
        exchange(&scene, &mut client, &mut End::new(session)).await;
    }
}

fn self_signed() -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let made = rcgen::generate_simple_self_signed(["me".to_owned()]).expect("made");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    (made.cert.der().clone(), key)
}

/// A server that asks for a certificate, and takes none for an answer.
fn asking(acceptor: &TlsAcceptor, root: &CertificateDer<'static>) -> TlsAcceptor {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).expect("a root");
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
        .allow_unauthenticated()
        .build()
        .expect("a verifier");
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::clone(&acceptor.config().cert_resolver));
    TlsAcceptor::from(Arc::new(config))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_asks_is_shown_the_certificate_for_its_host_and_no_other() {
    for (named, is_shown) in [("example.test", true), ("other.test", false)] {
        let (certificate, key) = self_signed();
        let chain = vec![certificate.clone()];
        let identity = Identity::new(hosts(named), chain, key, &provider()).expect("fits");
        let mut scene = Scene::set_with(|route, _| route.identities = vec![identity]).await;
        scene.acceptor = asking(&scene.acceptor, &certificate);
        let (mut client, session) = tokio::join!(scene.tls_client(), async {
            scene.session(scene.server().await).await
        });
        let shown = session.get_ref().1.peer_certificates();
        let expected = is_shown.then_some([certificate]);
        assert_eq!(shown, expected.as_ref().map(<[_; 1]>::as_slice));
        exchange(&scene, &mut client, &mut End::new(session)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_misses_a_certificate_is_told_of_with_the_option() {
    // TLS 1.3 servers find it missing after the handshake.
    for version in [&TLS12, &TLS13] {
        let mut scene = Scene::set().await;
        let (certificate, _) = self_signed();
        let mut roots = RootCertStore::empty();
        roots.add(certificate).expect("a root");
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
        let config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[version])
            .expect("a version")
            .with_client_cert_verifier(verifier.build().expect("a verifier"))
            .with_cert_resolver(Arc::clone(&scene.acceptor.config().cert_resolver));
        scene.acceptor = TlsAcceptor::from(Arc::new(config));
        let conversation = async {
            let mut client = scene.tls_client().await;
            let authority = scene.authority();
            let request =
                format!("GET / HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: curl/8\r\n\r\n");
            client.sends(request).await;
            client.sees("HTTP/1.1 502 Bad Gateway\r\n").await;
            String::from_utf8(client.reads_to_end().await).expect("text")
        };
        let refusing = async {
            loop {
                let server = scene.server().await;
                drop(server.accepts(&scene.acceptor).await);
            }
        };
        let page = tokio::select! {
            page = conversation => page,
            () = refusing => unreachable!("it goes on"),
        };
        let remedy = format!("`corstap run --client-cert {SERVER}=FILE.pem`");
        assert!(page.contains(&remedy), "{page}");
        assert_eq!(scene.recorded().recorded.ending.name(), "tls");
    }
}

async fn unverified(trusted: bool) -> Shown {
    let scene = Scene::set_with(|route, _| {
        route.unverified = hosts("example.test");
        if !trusted {
            route.roots.clear();
        }
    })
    .await;
    let (mut client, mut server) = scene.both().await;
    exchange(&scene, &mut client, &mut server).await;
    let stored = exchange(&scene, &mut client, &mut server).await;
    // As the capture has it, so was it shown.
    let (capture, _dir) = scene.rig.finish().await;
    let kept = capture.exchange(stored.recorded.id).expect("read");
    assert_eq!(kept.expect("there").recorded, stored.recorded);
    stored
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_passes_unverified_is_named_in_every_record() {
    let view = View {
        offset: time::UtcOffset::UTC,
        width: None,
    };
    for (trusted, fault, words) in [
        (
            false,
            Some("its issuer is unknown"),
            "its issuer is unknown",
        ),
        (true, None, "it would have passed"),
    ] {
        let stored = unverified(trusted).await;
        let (recorded, judgement) = (&stored.recorded, &stored.judgement);
        let fault = fault.map(Into::into);
        assert_eq!(
            recorded.reach.unverified,
            Some(Unverified {
                fault: fault.clone()
            })
        );
        let full = anstream::adapter::strip_str(&text::full(recorded, judgement, view)).to_string();
        let told = format!("certificate  not verified (--upstream-insecure): {words}\n");
        assert!(full.contains(&told), "{full}");
        let line = anstream::adapter::strip_str(&text::line(recorded, judgement, view)).to_string();
        assert!(line.contains("(certificate not verified)"), "{line}");
        let json = serde_json::to_value(Record::new("rig", 1, recorded, judgement)).expect("JSON");
        assert_eq!(json["unverified"], serde_json::json!({ "fault": fault }));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_another_host_is_verified_all_the_same() {
    let scene = Scene::set_with(|route, _| {
        route.unverified = hosts("other.test");
        route.roots.clear();
    })
    .await;
    let (mut client, ()) = tokio::join!(scene.tls_client(), async {
        let server = scene.server().await;
        drop(server.accepts(&scene.acceptor).await);
    });
    client
        .sends(format!(
            "GET / HTTP/1.1\r\nHost: {}\r\nUser-Agent: curl/8\r\n\r\n",
            scene.authority()
        ))
        .await;
    client.sees("HTTP/1.1 502 Bad Gateway\r\n").await;
    let page = String::from_utf8(client.reads_to_end().await).expect("text");
    let named = page.find("--upstream-ca FILE").expect("the better remedy");
    let passing = format!("--upstream-insecure {SERVER}");
    assert!(
        named < page.find(&passing).expect("the other one"),
        "{page}"
    );
    let stored = scene.recorded();
    assert_eq!(stored.recorded.ending.name(), "tls");
    assert_eq!(stored.recorded.reach.unverified, None);
}
