//! Requests to the proxy itself through the proxy: refused, however its address is written.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use corstap::ca::HostList;
use corstap::proxy::Route;
use corstap::wire::target::Authority;
use tokio::net::{TcpListener, TcpStream};

use crate::support::scene::{End, Rig, host};

/// All of them are 127.0.0.1, the last one by what a resolver says.
const NAMES: &[&str] = &[
    "127.0.0.1",
    "localhost",
    "LocalHost",
    "localhost.",
    "a.localhost",
    "127.1",
    "127.0.1",
    "0x7f000001",
    "0x7f.0.0.1",
    "2130706433",
    "017700000001",
    "0177.0.0.1",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "0.0.0.0",
    "0",
    REBOUND,
];
const REBOUND: &str = "rebound.test";

/// A proxy, to which a name resolves.
async fn start() -> Rig {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("bound");
    let address = listener.local_addr().expect("bound");
    let authority = Authority {
        host: host(REBOUND),
        port: address.port(),
    };
    let route = Route {
        resolve: HashMap::from([(authority, address.ip())]),
        ..Route::default()
    };
    Rig::on(listener, HostList::development(), route, false)
}

async fn client(rig: &Rig) -> End {
    End::new(TcpStream::connect(rig.proxy).await.expect("it listens"))
}

async fn assert_refused(mut client: End, what: &str) {
    let answer = client.reads_to_end().await;
    let answer = String::from_utf8(answer).expect("text");
    assert!(
        answer.contains("HTTP/1.1 403 Forbidden\r\n") && answer.contains("is corstap itself"),
        "{what}: {answer}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_spelling_of_its_address_leads_through_the_proxy_to_itself() {
    let rig = start().await;
    for name in NAMES {
        let own = format!("{name}:{}", rig.proxy.port());
        let head = format!("http://{own}/ HTTP/1.1\r\nHost: {own}\r\n");
        let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
        for request in [
            format!("GET {head}\r\n"),
            format!("GET {head}{upgrade}\r\n"),
            format!("POST {head}Content-Length: 2\r\n\r\nhi"),
        ] {
            let mut client = client(&rig).await;
            client.sends(&request).await;
            assert_refused(client, &request).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_tunnel_leads_through_the_proxy_to_itself() {
    let rig = start().await;
    for name in NAMES {
        let own = format!("{name}:{}", rig.proxy.port());
        let connect = format!("CONNECT {own} HTTP/1.1\r\nHost: {own}\r\n\r\n");
        let mut client = client(&rig).await;
        // To a host that is not read the tunnel is refused at once.
        client
            .sends(&format!("{connect}GET / HTTP/1.1\r\nHost: {own}\r\n\r\n"))
            .await;
        assert_refused(client, &connect).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_does_one_with_tls() {
    let rig = start().await;
    for name in ["127.0.0.1", "localhost", REBOUND] {
        let own = format!("{name}:{}", rig.proxy.port());
        let mut client = client(&rig).await;
        client
            .sends(&format!("CONNECT {own} HTTP/1.1\r\nHost: {own}\r\n\r\n"))
            .await;
        client
            .sees("HTTP/1.1 200 Connection Established\r\n\r\n")
            .await;
        let mut client = client.with_tls(name, &rig.root).await;
        client
            .sends(&format!("GET / HTTP/1.1\r\nHost: {own}\r\n\r\n"))
            .await;
        assert_refused(client, &own).await;
    }
}
