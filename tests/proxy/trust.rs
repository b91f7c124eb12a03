//! Clients that refuse our leaves: those that have them pinned, and those that do not trust the CA.
//! And whose leaf it is.

use std::sync::Arc;

use corstap::proxy::Notice;
use corstap::report::catalogue::find;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use tokio_rustls::TlsConnector;

use crate::support::scene::{End, PATIENCE, SERVER, Scene, host, provider};

/// A client that trusts these roots and offers these protocols.
fn client(roots: &[&CertificateDer<'static>], offers: &[&str]) -> Arc<ClientConfig> {
    let mut store = RootCertStore::empty();
    for root in roots {
        store.add((*root).clone()).expect("a root");
    }
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(store)
        .with_no_client_auth();
    config.alpn_protocols = offers.iter().map(|name| name.as_bytes().to_vec()).collect();
    Arc::new(config)
}

fn name(name: &str) -> ServerName<'static> {
    ServerName::try_from(name.to_owned()).expect("a name")
}

/// A scene, and the root that its server's certificate hangs on.
async fn scene() -> (Scene, CertificateDer<'static>) {
    let mut root = None;
    let scene = Scene::set_with(|route, _| root = route.roots.first().cloned()).await;
    (scene, root.expect("one"))
}

/// A handshake with the proxy in a tunnel to `authority`, whose server takes what comes.
async fn shakes_hands(
    scene: &Scene,
    config: &Arc<ClientConfig>,
    authority: &str,
    named: &str,
) -> std::io::Result<()> {
    let mut tunnel = scene.tunnel_to(authority).await;
    let connector = TlsConnector::from(Arc::clone(config));
    let (shaken, _server) = tokio::join!(tunnel.connects_with(connector, name(named)), async {
        scene.server().await.accepts(&scene.acceptor).await
    });
    shaken
}

/// A handshake for `localhost`, whose server is the same.
async fn accepts_another_leaf(scene: &Scene, config: &Arc<ClientConfig>) {
    let authority = format!("localhost:{}", scene.server.port());
    let accepted = shakes_hands(scene, config, &authority, "localhost").await;
    accepted.expect("the leaf is good");
}

fn next_notice(scene: &Scene) -> Notice {
    let notices = scene.rig.notices.lock().expect("one at a time");
    notices.recv_timeout(PATIENCE).expect("a notice")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_accepts_other_leaves_and_refuses_this_one_is_tunnelled_from_then_on() {
    let (scene, servers_root) = scene().await;
    let offers = ["http/1.1"];
    accepts_another_leaf(&scene, &client(&[&scene.rig.root], &offers)).await;
    // The same client knows by heart whose certificate this server has.
    let pinning = client(&[&servers_root], &offers);
    let refused = shakes_hands(&scene, &pinning, &scene.authority(), SERVER).await;
    assert!(refused.is_err());
    let notice = next_notice(&scene);
    assert_eq!(notice, Notice::Pinned(host(SERVER)));
    assert_eq!(
        notice.to_string(),
        "pinned: api.example.test is tunnelled from now on, unread, because this client accepts corstap's certificates \
         elsewhere but refuses this one. (Another profile of the same browser that does not trust the CA looks the same: \
         trust it there, too, and start again)"
    );
    assert_eq!(find("pinned").len(), 1);
    for _ in 0..2 {
        let accepted = shakes_hands(&scene, &pinning, &scene.authority(), SERVER).await;
        accepted.expect("the server's own certificate");
    }
    // Another client is read as before.
    let other = client(&[&scene.rig.root], &["h2", "http/1.1"]);
    let accepted = shakes_hands(&scene, &other, &scene.authority(), SERVER).await;
    accepted.expect("our leaf");
    assert_eq!(scene.rig.told(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_accepted_no_leaf_is_not_tunnelled_and_told_what_to_trust() {
    let (scene, servers_root) = scene().await;
    let distrusting = client(&[&servers_root], &[]);
    for _ in 0..2 {
        let refused = shakes_hands(&scene, &distrusting, &scene.authority(), SERVER).await;
        assert!(refused.is_err());
    }
    let notice = next_notice(&scene);
    assert_eq!(
        notice.to_string(),
        "ca-not-trusted: the browser refuses corstap's certificate for api.example.test. It has to trust the CA: \
         `corstap ca show` says where it is and how to trust it"
    );
    assert!(
        notice
            .told(" --ca-dir certs/dev")
            .contains("`corstap ca show --ca-dir certs/dev`")
    );
    assert_eq!(find("ca-not-trusted").len(), 1);
    let trusting = client(&[&scene.rig.root], &[]);
    let accepted = shakes_hands(&scene, &trusting, &scene.authority(), SERVER).await;
    accepted.expect("our leaf");
    assert_eq!(scene.rig.told(), Vec::<String>::new());
}

/// Says hello, and nothing more.
async fn says_hello(scene: &Scene, config: &Arc<ClientConfig>) -> End {
    let mut tunnel = scene.tunnel_to(&scene.authority()).await;
    let mut session = ClientConnection::new(Arc::clone(config), name(SERVER)).expect("a client");
    let mut hello = Vec::new();
    session.write_tls(&mut hello).expect("written");
    tunnel.sends(hello).await;
    tunnel
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_closes_after_our_certificate_are_a_refusal_too() {
    let (scene, _) = scene().await;
    let config = client(&[&scene.rig.root], &[]);
    accepts_another_leaf(&scene, &config).await;
    for closes in 1..=3 {
        let mut tunnel = says_hello(&scene, &config).await;
        let mut server = scene.tls_server().await;
        assert!(tunnel.reads_more(PATIENCE).await, "our certificate");
        tunnel.ends().await;
        // Once it is noticed, the server's connection is over, too.
        server.sees_the_end().await;
        let told = scene.rig.told();
        assert_eq!(told.len(), usize::from(closes == 3), "{told:?}");
    }
    // The next hello reaches the server as it was said.
    let _tunnel = says_hello(&scene, &config).await;
    let mut server = scene.server().await;
    server.sees("\x16\x03").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_given_up_before_our_certificate_is_no_refusal() {
    let (scene, _) = scene().await;
    let config = client(&[&scene.rig.root], &[]);
    accepts_another_leaf(&scene, &config).await;
    for _ in 0..5 {
        let mut tunnel = says_hello(&scene, &config).await;
        tunnel.ends().await;
        // The proxy waits for the server, which has not shaken hands yet.
        scene.tls_server().await.sees_the_end().await;
    }
    assert_eq!(scene.rig.told(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_connect_says_whose_leaf_it_is_and_where_the_server_is_not_the_client_hello() {
    let (scene, _) = scene().await;
    let mut tunnel = scene.tunnel_to(&scene.authority()).await;
    let connector = TlsConnector::from(client(&[&scene.rig.root], &[]));
    let (refused, session) =
        tokio::join!(tunnel.connects_with(connector, name("localhost")), async {
            scene.session(scene.server().await).await
        });
    let told = refused.expect_err("a leaf for another name").to_string();
    assert!(
        told.contains("not valid for name \"localhost\"") && told.contains(SERVER),
        "{told}"
    );
    assert_eq!(session.get_ref().1.server_name(), Some(SERVER));
}
