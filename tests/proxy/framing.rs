//! Where messages end: answers without content, trailers, what comes too much, what breaks off.

use crate::support::scene::{End, Scene};

fn get(scene: &Scene, method: &str) -> String {
    format!("{method} / HTTP/1.1\r\nHost: {}\r\n\r\n", scene.authority())
}

/// One exchange, octet for octet.
async fn exchange(client: &mut End, server: &mut End, request: &str, answer: &str) {
    client.sends(request).await;
    server.sees(request).await;
    server.sends(answer).await;
    client.sees(answer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_without_content_are_over_with_their_heads() {
    let scene = Scene::set().await;
    let (mut client, mut server) = scene.both().await;
    for (method, answer) in [
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"),
        (
            "HEAD",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        ),
        ("HEAD", "HTTP/1.1 200 OK\r\n\r\n"),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n"),
        (
            "GET",
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n",
        ),
        (
            "GET",
            "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
        ),
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ] {
        exchange(&mut client, &mut server, &get(&scene, method), answer).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trailers_pass_both_ways() {
    let scene = Scene::set().await;
    let (mut client, mut server) = scene.both().await;
    let chunks = "3\r\nabc\r\n0\r\nX-Sum:  900150983cd24fb0\r\nx-SUM: again\r\n\r\n";
    let request = format!(
        "POST / HTTP/1.1\r\nHost: {}\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}",
        scene.authority()
    );
    let answer =
        format!("HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
    exchange(&mut client, &mut server, &request, &answer).await;
    exchange(&mut client, &mut server, &request, &answer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expectation_that_is_not_met_ends_with_its_answer() {
    let scene = Scene::set().await;
    let (mut client, mut server) = scene.both().await;
    let request = format!(
        "POST / HTTP/1.1\r\nHost: {}\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
        scene.authority()
    );
    let answer =
        "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    exchange(&mut client, &mut server, &request, answer).await;
    server.ends().await;
    client.sees_the_end().await;
    client.ends().await;
    server.sees_the_end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_after_an_answer_goes_nowhere_and_ends_both_connections() {
    let scene = Scene::set().await;
    let (mut client, mut server) = scene.both().await;
    let request = get(&scene, "GET");
    client.sends(&request).await;
    server.sees(&request).await;
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    server
        .sends(format!(
            "{answer}HTTP/1.1 200 OK\r\nX-Smuggled: yes\r\n\r\n"
        ))
        .await;
    client.sees(answer).await;
    client.sees_the_end().await;
    server.sees_the_end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_speaks_unasked_is_not_asked_again() {
    let scene = Scene::set().await;
    let authority = scene.authority();
    let request = format!("GET http://{authority}/ HTTP/1.1\r\nHost: {authority}\r\n\r\n");
    let sent = get(&scene, "GET");
    let answer = "HTTP/1.1 204 No Content\r\n\r\n";
    let mut client = scene.client().await;
    client.sends(&request).await;
    let mut first = scene.server().await;
    first.sees(&sent).await;
    first.sends(answer).await;
    client.sees(answer).await;
    first.sends("HTTP/1.1 408 Request Timeout\r\n\r\n").await;
    client.sends(&request).await;
    let mut second = scene.server().await;
    second.sees(&sent).await;
    second.sends(answer).await;
    client.sees(answer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_served_after_a_request_that_was_refused() {
    let scene = Scene::set().await;
    let (mut client, mut server) = scene.both().await;
    let good = get(&scene, "GET");
    client
        .sends(format!("GET / HTTP/1.1\r\nHost: a b\r\n\r\n{good}"))
        .await;
    let answer = client.reads_to_end().await;
    let answer = String::from_utf8(answer).expect("text");
    assert!(
        answer.starts_with("HTTP/1.1 400 Bad Request\r\n"),
        "{answer}"
    );
    assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
    server.sees_the_end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_an_answer_with_a_bad_chunk_only_the_good_ones_pass() {
    let scene = Scene::set().await;
    let (mut client, mut server) = scene.both().await;
    let request = get(&scene, "GET");
    client.sends(&request).await;
    server.sees(&request).await;
    let good = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
    server
        .sends(format!("{good}5 5\r\nworld\r\n0\r\n\r\n"))
        .await;
    client.sees(good).await;
    client.sees_the_end().await;
    server.sees_the_end().await;
    let stored = scene.recorded();
    assert_eq!(stored.recorded.ending.name(), "truncated");
    let reason = stored.recorded.reason.as_deref();
    assert_eq!(
        reason,
        Some("the content of the answer is not valid: a chunk size is malformed")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_that_breaks_off_is_not_made_whole() {
    let scene = Scene::set().await;
    for half in [
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n",
        "Content-Length: 10\r\n\r\nhello",
    ] {
        let (mut client, mut server) = scene.both().await;
        let request = get(&scene, "GET");
        client.sends(&request).await;
        server.sees(&request).await;
        let answer = format!("HTTP/1.1 200 OK\r\n{half}");
        server.sends(&answer).await;
        server.ends().await;
        client.sees(&answer).await;
        client.sees_the_end().await;
        assert_eq!(scene.recorded().recorded.ending.name(), "truncated");

        let (mut client, mut server) = scene.both().await;
        let request = format!("POST / HTTP/1.1\r\nHost: {}\r\n{half}", scene.authority());
        client.sends(&request).await;
        server.sees(&request).await;
        client.ends().await;
        server.sees_the_end().await;
        assert_eq!(scene.recorded().recorded.ending.name(), "reset-by-client");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_websocket_is_recorded_as_exempt_with_its_origin() {
    let scene = Scene::set().await;
    let (mut client, mut server) = scene.both().await;
    let request = format!(
        "GET /ws HTTP/1.1\r\nHost: {}\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Origin: https://app.example.test\r\n\r\n",
        scene.authority()
    );
    let switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    exchange(&mut client, &mut server, &request, switch).await;
    let stored = scene.recorded();
    assert_eq!(stored.judgement.kind.name(), "websocket");
    let outcome = stored.judgement.verdict.answer.outcome.name();
    assert_eq!(outcome, "exempt");
    assert_eq!(
        stored.judgement.origin.as_deref(),
        Some("https://app.example.test")
    );
}
