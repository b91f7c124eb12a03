//! Upstream proxies: tunnels through them, their refusals, and what never gets there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use corstap::ca::HostList;
use corstap::proxy::{Bypass, Route, Upstream, UpstreamProxy};
use corstap::report::explain::explain;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use crate::support::scene::{End, Rig, SERVER, Scene};

/// `user:hunter2`
const ENCODED: &str = "dXNlcjpodW50ZXIy";

fn through(proxy: &str) -> Upstream {
    let proxy = UpstreamProxy::parse(proxy).expect(proxy);
    Upstream::through(proxy, Bypass::default())
}

/// A scene whose server is the proxy to all others.
async fn behind_a_proxy() -> Scene {
    Scene::set_with(|route, server| {
        route.resolve.clear();
        route.upstream = through(&format!("http://user:hunter2@{server}"));
    })
    .await
}

fn connect(authority: &str) -> String {
    format!(
        "CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\nVia: 1.1 corstap\r\nProxy-Authorization: Basic {ENCODED}\r\n\r\n"
    )
}

fn get(authority: &str) -> String {
    format!("GET http://{authority}/ HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: curl/8\r\n\r\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn https_goes_through_a_tunnel_of_the_proxy_and_the_record_says_so() {
    let scene = behind_a_proxy().await;
    let authority = scene.authority();
    let (mut client, mut server) = tokio::join!(scene.tls_client(), async {
        let mut proxy = scene.server().await;
        proxy.sees(connect(&authority)).await;
        proxy
            .sends("HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 Go on\r\nContent-Length: 5\r\n\r\n")
            .await;
        End::new(scene.session(proxy).await)
    });
    let request = format!("GET / HTTP/1.1\r\nHost: {authority}\r\n\r\n");
    client.sends(&request).await;
    server.sees(&request).await;
    let answer = "HTTP/1.1 204 No Content\r\n\r\n";
    server.sends(answer).await;
    client.sees(answer).await;
    let stored = scene.recorded();
    let reach = &stored.recorded.reach;
    assert_eq!(reach.via.as_deref(), Some(&*scene.server.to_string()));
    assert_eq!((reach.server, &reach.unverified), (None, &None));
    let capture = scene.capture_octets();
    for secret in ["hunter2", ENCODED] {
        assert!(memchr::memmem::find(&capture, secret.as_bytes()).is_none());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_http_goes_through_a_tunnel_too_as_it_came() {
    let scene = behind_a_proxy().await;
    let authority = format!("{SERVER}:80");
    let mut client = scene.client().await;
    client.sends(get(&authority)).await;
    let mut server = scene.server().await;
    server.sees(connect(&authority)).await;
    server.sends("HTTP/1.0 200 OK\r\n\r\n").await;
    server
        .sees(format!(
            "GET / HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: curl/8\r\n\r\n"
        ))
        .await;
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    server.sends(answer).await;
    client.sees(answer).await;
    // The next request finds the tunnel it needs.
    client.sends(get(&authority)).await;
    server.sees("GET / HTTP/1.1\r\n").await;
    server.sends(answer).await;
    client.sees(answer).await;
    for _ in 0..2 {
        assert!(scene.recorded().recorded.reach.via.is_some());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_read_goes_through_a_tunnel_in_the_tunnel() {
    let scene = behind_a_proxy().await;
    let (mut client, mut server) = tokio::join!(scene.tunnel_to("example.com:443"), async {
        let mut server = scene.server().await;
        server.sees(connect("example.com:443")).await;
        // A server that speaks first.
        server.sends("HTTP/1.1 200 OK\r\n\r\nwelcome").await;
        server
    });
    client.sees("welcome").await;
    client.sends("thanks").await;
    server.sees("thanks").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_of_the_proxy_is_told_with_what_to_do() {
    for (answer, reason, remedy) in [
        (
            "HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n",
            "it does not accept the credentials it is given (status 407)",
            "--upstream-proxy http://USER:PASSWORD@",
        ),
        (
            "HTTP/1.1 407 Who?\r\nProxy-Authenticate: Negotiate\r\n\r\n",
            "it does not accept the credentials it is given (status 407)",
            "It takes no name and password",
        ),
        (
            "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno",
            "it refuses with status 403",
            "NO_PROXY",
        ),
        (
            "SSH-2.0-OpenSSH\r\n",
            "its answer is not valid HTTP",
            "--upstream-proxy none",
        ),
        ("", "without an answer", "--upstream-proxy none"),
    ] {
        let scene = behind_a_proxy().await;
        let mut client = scene.client().await;
        client.sends(get("nosuch.test:80")).await;
        let mut proxy = scene.server().await;
        proxy.sees(connect("nosuch.test:80")).await;
        proxy.sends(answer).await;
        proxy.ends().await;
        client.sees("HTTP/1.1 502 Bad Gateway\r\n").await;
        let page = String::from_utf8(client.reads_to_end().await).expect("text");
        assert!(page.contains(reason) && page.contains(remedy), "{page}");
        assert!(
            !page.contains("hunter2") && !page.contains(ENCODED),
            "{page}"
        );
        let stored = scene.recorded();
        assert_eq!(stored.recorded.ending.name(), "refused");
        let told = stored.recorded.reason.as_deref().unwrap_or_default();
        let proxy = format!(
            "no way to nosuch.test:80 through the upstream proxy {}: ",
            scene.server
        );
        assert!(told.starts_with(&proxy) && told.contains(reason), "{told}");
        assert!(stored.recorded.reach.via.is_some());
        let explained = explain(&stored.recorded, &stored.judgement).expect("a failure");
        let remedy = &explained.remedy;
        assert!(
            remedy.starts_with("Does the upstream proxy run"),
            "{remedy}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_that_is_not_there_is_named() {
    let scene = Scene::set_with(|route, _| {
        route.upstream = through("http://nosuch.invalid:3128");
    })
    .await;
    let mut client = scene.client().await;
    client.sends(get("elsewhere.test:80")).await;
    client.sees("HTTP/1.1 502 Bad Gateway\r\n").await;
    let page = String::from_utf8(client.reads_to_end().await).expect("text");
    assert!(
        page.contains("elsewhere.test:80 is behind the upstream proxy nosuch.invalid:3128: nosuch.invalid does not resolve")
            && page.contains("`corstap run --upstream-proxy none`"),
        "{page}"
    );
    assert_eq!(scene.recorded().recorded.ending.name(), "refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn this_machine_and_what_is_resolved_by_hand_need_no_proxy() {
    let scene =
        Scene::set_with(|route, _| route.upstream = through("http://nosuch.invalid:1")).await;
    let port = scene.server.port();
    for authority in [
        scene.authority(),
        format!("localhost:{port}"),
        format!("127.0.0.1:{port}"),
    ] {
        let mut client = scene.client().await;
        client.sends(get(&authority)).await;
        let mut server = scene.server().await;
        server.sees("GET / HTTP/1.1\r\n").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_in_a_ring_go_round_once() {
    // What A takes for its proxy leads to B, whose proxy is A.
    let between = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let to_b = between.local_addr().expect("bound");
    let route = |upstream| Route {
        upstream,
        ..Route::default()
    };
    let a = Rig::start(HostList::development(), route(through(&to_b.to_string()))).await;
    let b = Rig::start(
        HostList::development(),
        route(through(&a.proxy.to_string())),
    )
    .await;
    let hops = Arc::new(AtomicUsize::new(0));
    let (counted, b_at) = (Arc::clone(&hops), b.proxy);
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = between.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                let mut on = TcpStream::connect(b_at).await.expect("B listens");
                let _ = copy_bidirectional(&mut tcp, &mut on).await;
            });
        }
    });
    let mut client = End::new(TcpStream::connect(a.proxy).await.expect("A listens"));
    client.sends(get("round.test:80")).await;
    client.sees("HTTP/1.1 502 Bad Gateway\r\n").await;
    let page = String::from_utf8(client.reads_to_end().await).expect("text");
    assert!(page.contains("it refuses with status 502"), "{page}");
    assert_eq!(hops.load(Ordering::Relaxed), 1);
    let told = b.told().concat();
    assert!(
        told.contains(&format!("is not sent on through the proxy {}", a.proxy)),
        "{told}"
    );
}
