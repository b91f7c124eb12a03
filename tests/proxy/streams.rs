//! Streams: what comes in pieces leaves in pieces, and who stops reading stops the sender.

use crate::support::scene::{End, Scene};

const EVENTS: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
/// More than all buffers on the way hold together.
const PLENTY: usize = 256 * 1024 * 1024;

/// A client on the proxy's port whose request has reached its server.
async fn plain(scene: &Scene, method: &str, fields: &str) -> (End, End) {
    let authority = scene.authority();
    let mut client = scene.client().await;
    client
        .sends(&format!(
            "{method} http://{authority}/ HTTP/1.1\r\nHost: {authority}\r\n{fields}\r\n"
        ))
        .await;
    let mut server = scene.server().await;
    server
        .sees(&format!(
            "{method} / HTTP/1.1\r\nHost: {authority}\r\n{fields}\r\n"
        ))
        .await;
    (client, server)
}

/// The same inside TLS.
async fn secure(scene: &Scene, method: &str, fields: &str) -> (End, End) {
    let (mut client, mut server) = scene.both().await;
    let request = format!(
        "{method} / HTTP/1.1\r\nHost: {}\r\n{fields}\r\n",
        scene.authority()
    );
    client.sends(&request).await;
    server.sees(&request).await;
    (client, server)
}

async fn trickle(mut from: End, mut to: End, start: &str, pieces: &[&str]) {
    from.sends(start).await;
    to.sees(start).await;
    for piece in pieces {
        from.sends(piece).await;
        to.sees(piece).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_arrive_one_by_one() {
    let scene = Scene::set().await;
    let events = ["data: 1\n\n", ":", " keep-alive\n", "\n", "data: 2\n\n"];
    let (client, server) = plain(&scene, "GET", "Accept: text/event-stream\r\n").await;
    trickle(server, client, EVENTS, &events).await;
    let (client, server) = secure(&scene, "GET", "Accept: text/event-stream\r\n").await;
    trickle(server, client, EVENTS, &events).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chunks_arrive_one_by_one_both_ways() {
    let scene = Scene::set().await;
    // A chunk's data pass as they come; its size line, once it is there as a whole.
    let chunks = [
        "5;a=b\r\n",
        "h",
        "ello",
        "\r\n",
        "1\r\n",
        "!\r\n",
        "0\r\n",
        "\r\n",
    ];
    let coded = "Transfer-Encoding: chunked\r\n";
    let (client, server) = plain(&scene, "POST", coded).await;
    trickle(client, server, "", &chunks).await;
    let (client, server) = secure(&scene, "POST", coded).await;
    trickle(client, server, "", &chunks).await;
    let head = format!("HTTP/1.1 200 OK\r\n{coded}\r\n");
    let (client, server) = plain(&scene, "GET", "").await;
    trickle(server, client, &head, &chunks).await;
    let (client, server) = secure(&scene, "GET", "").await;
    trickle(server, client, &head, &chunks).await;
}

/// Whatever `from` sends stops when `to` does not read, and goes on when it does.
async fn assert_back_pressure(mut from: End, mut to: End) {
    let piece = vec![b'x'; 64 * 1024];
    let taken = from.pours(&piece, PLENTY).await;
    assert!(taken < PLENTY / 4, "{taken} octets were taken in");
    // A little of it may wait for more before it is sent.
    let waiting = 512 * 1024;
    let mut read = 0;
    while read + waiting < taken {
        let octets = to.reads_and_drops().await;
        assert!(octets > 0, "the end after {read} of {taken} octets");
        read += octets;
    }
    assert!(
        from.pours(&piece, piece.len()).await > 0,
        "it does not go on"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_stops_reading_stops_its_server() {
    let scene = Scene::set().await;
    let (mut client, mut server) = plain(&scene, "GET", "").await;
    server.sends(EVENTS).await;
    client.sees(EVENTS).await;
    assert_back_pressure(server, client).await;
    let (mut client, mut server) = secure(&scene, "GET", "").await;
    server.sends(EVENTS).await;
    client.sees(EVENTS).await;
    assert_back_pressure(server, client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_reading_stops_its_client() {
    let scene = Scene::set().await;
    let length = "Content-Length: 9000000000\r\n";
    let (client, server) = plain(&scene, "POST", length).await;
    assert_back_pressure(client, server).await;
    let (client, server) = secure(&scene, "POST", length).await;
    assert_back_pressure(client, server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_asks_without_end_waits_for_its_answers() {
    let scene = Scene::set().await;
    let (mut client, _server) = plain(&scene, "GET", "").await;
    let requests = "GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n".repeat(1000);
    let taken = client.pours(requests.as_bytes(), PLENTY).await;
    assert!(taken < PLENTY / 4, "{taken} octets were taken in");
}
