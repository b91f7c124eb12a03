//! What is taken down: heads as they were, no octet of content, and nobody waits for it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use corstap::exchange::secret::Value;
use rusqlite::Connection;

use crate::support::scene::{End, Scene};

/// What is in no capture.
const CANARY: &str = "canary-4fb1d7";

async fn exchange(client: &mut End, server: &mut End, request: &str, answer: &str) {
    client.sends(request).await;
    server.sees(request).await;
    server.sends(answer).await;
    client.sees(answer).await;
}

fn assert_no_canary(scene: &Scene) {
    let octets = scene.capture_octets();
    assert!(memchr::memmem::find(&octets, CANARY.as_bytes()).is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_octet_of_content_is_taken_down_however_it_is_framed() {
    let scene = Scene::set().await;
    let host = scene.authority();
    let length = CANARY.len();
    let by_length = format!("Content-Length: {length}\r\n\r\n{CANARY}");
    let by_chunks = format!(
        "Transfer-Encoding: chunked\r\n\r\n{length:x};ext={CANARY}\r\n{CANARY}\r\n0\r\nX-Trailer: {CANARY}\r\n\
         {CANARY}: x\r\n\r\n"
    );
    let interim = format!("HTTP/1.1 103 Early Hints\r\nLink: <{CANARY}>\r\n{CANARY}: x\r\n\r\n");
    for content in [&by_length, &by_chunks] {
        let (mut client, mut server) = scene.both().await;
        let request = format!("POST / HTTP/1.1\r\nHost: {host}\r\n{content}");
        let answer = format!("{interim}HTTP/1.1 200 {CANARY}\r\n{content}");
        exchange(&mut client, &mut server, &request, &answer).await;
        scene.recorded();
    }
    let (mut client, mut server) = scene.both().await;
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    client.sends(format!("{request}{CANARY}")).await;
    server.sees(&request).await;
    server
        .sends(format!("HTTP/1.1 200 OK\r\n\r\n{CANARY}"))
        .await;
    server.ends().await;
    client.reads_to_end().await;
    scene.recorded();
    let (mut client, mut server) = scene.both().await;
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
    client.sends(&request).await;
    server.sees(&request).await;
    server
        .sends(format!("HTTP/1.1 204 No Content\r\n\r\n{CANARY}"))
        .await;
    client.reads_to_end().await;
    scene.recorded();
    assert_no_canary(&scene);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_octet_of_a_tunnel_or_of_what_is_refused_is_taken_down() {
    let scene = Scene::set().await;
    let host = scene.authority();
    let (mut client, mut server) = scene.both().await;
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    );
    let switch =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    exchange(&mut client, &mut server, &request, switch).await;
    exchange(&mut client, &mut server, CANARY, CANARY).await;
    scene.recorded();
    for refused in [
        "Content-Length: x\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n",
        "X: y\n",
    ] {
        let (mut client, _server) = scene.both().await;
        let request = format!("POST / HTTP/1.1\r\nHost: {host}\r\n{refused}{CANARY}\r\n");
        client.sends(&request).await;
        client.reads_to_end().await;
        scene.recorded();
    }
    let mut client = scene.client().await;
    client.sends(format!("{CANARY}\r\n\r\n")).await;
    client.reads_to_end().await;
    let (mut client, mut server) = scene.both().await;
    client
        .sends(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"))
        .await;
    server.sees("GET / HTTP/1.1\r\n").await;
    server.sends(format!("{CANARY}\r\n\r\n")).await;
    client.reads_to_end().await;
    scene.recorded();
    assert_no_canary(&scene);
}

/// Names and values that were kept, as they are spelt.
fn kept(headers: &[(String, Value)]) -> Vec<(&str, &str)> {
    fn plain(value: &Value) -> &str {
        match value {
            Value::Plain(value) => value,
            Value::Withheld(_) => "withheld",
        }
    }
    let lines = headers.iter();
    lines
        .map(|(name, value)| (name.as_str(), plain(value)))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_are_taken_down_in_their_order_and_spelling() {
    let scene = Scene::set().await;
    let (mut client, mut server) = scene.both().await;
    let host = scene.authority();
    let request = format!(
        "pAtCh / HTTP/1.1\r\nhOST: {host}\r\nORIGIN:\thttps://App.test \r\nX-B: 1\r\nx-a: 2\r\nX-b:\r\n\
         sec-fetch-MODE: cors\r\n\r\n"
    );
    let answer = [
        b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: a\xe9\r\naccess-control-ALLOW-origin:  https://App.test/ ,x\r\n"
            .as_slice(),
        b"VARY: origin\r\nContent-length: 0\r\n\r\n",
    ]
    .concat();
    client.sends(&request).await;
    server.sees(&request).await;
    server.sends(&answer).await;
    client.sees(&answer).await;
    let stored = scene.recorded();
    let recorded = &stored.recorded;
    assert_eq!(recorded.request.method, "pAtCh");
    assert_eq!(
        kept(&recorded.request.headers),
        [
            ("hOST", host.as_str()),
            ("ORIGIN", "https://App.test"),
            ("X-B", "withheld"),
            ("x-a", "withheld"),
            ("X-b", ""),
            ("sec-fetch-MODE", "cors"),
        ]
    );
    let sent = recorded.sent.as_ref().expect("an answer");
    assert_eq!(
        kept(&sent.headers),
        [
            ("Access-Control-Allow-Origin", "a\u{e9}"),
            ("access-control-ALLOW-origin", "https://App.test/ ,x"),
            ("VARY", "origin"),
            ("Content-length", "0"),
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_capture_that_cannot_be_written_keeps_nobody_waiting() {
    let scene = Scene::set().await;
    let (mut client, mut server) = scene.both().await;
    let disk = Connection::open(scene.rig.capture.path().join("rig.corstap")).expect("opened");
    disk.execute_batch("BEGIN IMMEDIATE")
        .expect("nobody else writes");
    let request = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", scene.authority());
    let answer = "HTTP/1.1 204 No Content\r\n\r\n";
    let mut longest = Duration::ZERO;
    for _ in 0..200 {
        let asked = Instant::now();
        exchange(&mut client, &mut server, &request, answer).await;
        longest = longest.max(asked.elapsed());
    }
    assert!(longest < Duration::from_secs(1), "{longest:?}");
    disk.execute_batch("ROLLBACK").expect("over");
    let mut written = BTreeSet::new();
    while written.len() < 200 {
        written.insert(scene.recorded().recorded.id.0);
    }
}
