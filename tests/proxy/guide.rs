//! The set-up page, and the names that are corstap's own.

use corstap::ca::HostList;
use corstap::proxy::Route;
use corstap::store;
use corstap::store::capture::Which;
use tokio::net::TcpStream;

use crate::support::scene::{End, Rig};

async fn asks(rig: &Rig, request: &str) -> String {
    let mut client = End::new(TcpStream::connect(rig.proxy).await.expect("it listens"));
    client.sends(request).await;
    String::from_utf8(client.reads_to_end().await).expect("text")
}

async fn gets(rig: &Rig, url: &str, fields: &str) -> String {
    let host = url.split('/').nth(2).expect("a host");
    asks(
        rig,
        &format!("GET {url} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n"),
    )
    .await
}

async fn start() -> Rig {
    Rig::start(HostList::development(), Route::default()).await
}

const OWN: &str = "Referer: http://corstap.invalid/\r\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_has_what_a_browser_needs_and_nothing_of_it_is_recorded() {
    let rig = start().await;
    let page = gets(&rig, "http://corstap.invalid/", "").await;
    assert!(
        page.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/html"),
        "{page}"
    );
    for part in [
        rig.proxy.to_string().as_str(),
        &rig.spki_pin,
        "*.test",
        "frame-ancestors 'none'",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(
        !page.contains("{{") && !page.contains("Access-Control-"),
        "{page}"
    );
    for path in ["check.js", "page.css", "version"] {
        let answer = gets(&rig, &format!("http://corstap.invalid/{path}"), "").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
    let pem = gets(&rig, "http://corstap.invalid/corstap-ca.pem", "").await;
    assert!(pem.ends_with(&rig.ca_pem), "{pem}");
    let odd = gets(&rig, "http://corstap.invalid/../etc/passwd", "").await;
    assert!(odd.starts_with("HTTP/1.1 404 Not Found\r\n"), "{odd}");
    let changing = "DELETE http://corstap.invalid/ HTTP/1.1\r\nHost: corstap.invalid\r\n\r\n";
    let refused = asks(&rig, changing).await;
    assert!(
        refused.starts_with("HTTP/1.1 405 ") && refused.contains("Allow: GET, HEAD\r\n"),
        "{refused}"
    );
    let (capture, _dir) = rig.finish().await;
    let none = |stored: store::row::Stored| panic!("{}", stored.recorded.request.url);
    capture
        .exchanges::<store::Error>(Which::All, none)
        .expect("read");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_names_that_tell_whether_a_browser_is_set_up_tell_it_to_the_page_alone() {
    let rig = start().await;
    let loopback = "http://check.corstap.localhost/ok.svg?1";
    let answer = gets(&rig, loopback, OWN).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\nContent-Type: image/svg+xml\r\n"),
        "{answer}"
    );
    for fields in [
        "",
        "Referer: http://evil.test/\r\n",
        "Referer: http://corstap.invalid.evil.test/\r\n",
    ] {
        let answer = gets(&rig, loopback, fields).await;
        assert!(answer.starts_with("HTTP/1.1 404 Not Found\r\n"), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tls_they_have_a_leaf_of_the_ca_and_no_server_behind_them() {
    let rig = start().await;
    let name = "check.corstap.test";
    let mut client = End::new(TcpStream::connect(rig.proxy).await.expect("it listens"));
    let connect = format!("CONNECT {name}:443 HTTP/1.1\r\nHost: {name}:443\r\n\r\n");
    client.sends(&connect).await;
    client
        .sees("HTTP/1.1 200 Connection Established\r\n\r\n")
        .await;
    let mut client = client.with_tls(name, &rig.root).await;
    client
        .sends(&format!(
            "GET /ok.svg HTTP/1.1\r\nHost: {name}\r\n{OWN}\r\n"
        ))
        .await;
    let answer = String::from_utf8(client.reads_to_end().await).expect("text");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}
