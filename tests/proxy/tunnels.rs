//! Tunnels, certificates, and what is not read.

use corstap::proxy::Notice;

use crate::support::scene::{Scene, host, provider};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_is_not_read_is_tunnelled_and_named_once() {
    let scene = Scene::set().await;
    let outside = format!("outside.example.com:{}", scene.server.port());
    for _ in 0..2 {
        let mut client = scene.tunnel_to(&outside).await;
        let mut server = scene.server().await;
        client.sends("\x16\x03\x01 anything at all").await;
        server.sees("\x16\x03\x01 anything at all").await;
        server.sends("back").await;
        server.ends().await;
        client.sees("back").await;
        client.sees_the_end().await;
    }
    let notices = scene.rig.notices.lock().expect("one at a time");
    let told: Vec<Notice> = notices.try_iter().collect();
    assert_eq!(told, [Notice::NotRead(host("outside.example.com"))]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tunnel_to_nowhere_is_refused_on_the_connect() {
    let scene = Scene::set().await;
    let mut client = scene.client().await;
    client
        .sends("CONNECT nosuch.invalid:443 HTTP/1.1\r\nHost: nosuch.invalid:443\r\n\r\n")
        .await;
    client.sees("HTTP/1.1 502 Bad Gateway\r\n").await;
    let page = String::from_utf8(client.reads_to_end().await).expect("text");
    assert!(
        page.contains("nosuch.invalid does not resolve") && page.contains("--resolve"),
        "{page}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_http_in_a_tunnel_is_read_too() {
    let scene = Scene::set().await;
    let authority = scene.authority();
    let mut client = scene.tunnel_to(&authority).await;
    let request = format!("GET /ws HTTP/1.1\r\nHost: {authority}\r\n\r\n");
    client.sends(&request).await;
    let mut server = scene.server().await;
    server.sees(&request).await;
    server
        .sends("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        .await;
    client
        .sees("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        .await;
    assert_eq!(
        scene.recorded().recorded.request.url,
        format!("http://{authority}/ws")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_trust_the_ca_is_noticed() {
    let scene = Scene::set().await;
    let mut tunnel = scene.tunnel_to(&scene.authority()).await;
    let config = rustls::ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    let name = "api.example.test".try_into().expect("a name");
    let (refused, _server) =
        tokio::join!(tunnel.connects_with(connector, name), scene.tls_server());
    assert!(refused.is_err());
    let notices = scene.rig.notices.lock().expect("one at a time");
    let told = notices.recv_timeout(crate::support::scene::PATIENCE);
    assert_eq!(told, Ok(Notice::Distrusted(host("api.example.test"))));
}
