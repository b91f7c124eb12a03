//! Conversations: what a client sends reaches the server as it was, and the answer likewise.

use crate::support::scene::{Scene, label};

const ORIGIN: &str = "Origin: https://app.example.test\r\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_absolute_target_becomes_origin_form_and_nothing_else_changes() {
    let scene = Scene::set().await;
    let mut client = scene.client().await;
    let authority = scene.authority();
    client
        .sends(&format!(
            "GET http://{authority}/a//../b?c HTTP/1.1\r\nhOsT: {authority}\r\nProxy-Connection: keep-alive\r\nX-A:  b \r\n\r\n"
        ))
        .await;
    let mut server = scene.server().await;
    server
        .sees(&format!(
            "GET /a//../b?c HTTP/1.1\r\nhOsT: {authority}\r\nX-A:  b \r\n\r\n"
        ))
        .await;
    server
        .sends("HTTP/1.1 200 OK\r\ncontent-LENGTH: 2\r\nX-B:  c \r\n\r\nhi")
        .await;
    client
        .sees("HTTP/1.1 200 OK\r\ncontent-LENGTH: 2\r\nX-B:  c \r\n\r\nhi")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inside_tls_every_octet_is_the_same() {
    let scene = Scene::set().await;
    let (mut client, mut server) = scene.both().await;
    let request = format!(
        "POST /a HTTP/1.1\r\nHost: {}\r\nContent-Length: 5\r\n\r\nhello",
        scene.authority()
    );
    client.sends(&request).await;
    server.sees(&request).await;
    let response =
        "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nX-T: 1\r\n\r\n";
    server.sends(response).await;
    client.sees(response).await;
    client.sends(&request).await;
    server.sees(&request).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_piece_leaves_as_it_comes() {
    let scene = Scene::set().await;
    let (mut client, mut server) = scene.both().await;
    client
        .sends(&format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n",
            scene.authority()
        ))
        .await;
    server
        .sees(&format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n",
            scene.authority()
        ))
        .await;
    client.sends("2\r\nab\r\n").await;
    server.sees("2\r\nab\r\n").await;
    server.sends("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    client.sees("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    server.sends("9\r\ndata: 1\n\n\r\n").await;
    client.sees("9\r\ndata: 1\n\n\r\n").await;
    client.sends("0\r\n\r\n").await;
    server.sees("0\r\n\r\n").await;
    server.sends("0\r\n\r\n").await;
    client.sees("0\r\n\r\n").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interim_answers_go_before_the_final_one() {
    let scene = Scene::set().await;
    let (mut client, mut server) = scene.both().await;
    let head = format!(
        "PUT / HTTP/1.1\r\nHost: {}\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
        scene.authority()
    );
    client.sends(&head).await;
    server.sees(&head).await;
    server.sends("HTTP/1.1 100 Continue\r\n\r\n").await;
    client.sees("HTTP/1.1 100 Continue\r\n\r\n").await;
    client.sends("hi").await;
    server.sees("hi").await;
    let rest = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
    server.sends(rest).await;
    client.sees(rest).await;
    assert_eq!(
        scene
            .recorded()
            .recorded
            .sent
            .as_ref()
            .map(|sent| sent.status),
        Some(204)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipelined_requests_are_answered_in_order() {
    let scene = Scene::set().await;
    let (mut client, mut server) = scene.both().await;
    let request =
        |path: &str| format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", scene.authority());
    client.sends(&[request("/a"), request("/b")].concat()).await;
    server.sees(&request("/a")).await;
    server
        .sends("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na")
        .await;
    server.sees(&request("/b")).await;
    server
        .sends("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb")
        .await;
    client
        .sees("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na")
        .await;
    client
        .sees("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_may_end_with_its_connection() {
    let scene = Scene::set().await;
    let (mut client, mut server) = scene.both().await;
    client
        .sends(&format!(
            "GET / HTTP/1.0\r\nHost: {}\r\n\r\n",
            scene.authority()
        ))
        .await;
    server
        .sees(&format!(
            "GET / HTTP/1.0\r\nHost: {}\r\n\r\n",
            scene.authority()
        ))
        .await;
    server.sends("HTTP/1.0 200 OK\r\n\r\nall of it").await;
    server.ends().await;
    client.sees("HTTP/1.0 200 OK\r\n\r\nall of it").await;
    client.sees_the_end().await;
    assert_eq!(scene.recorded().recorded.ending.name(), "complete");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_has_said_everything_still_gets_its_answer() {
    let scene = Scene::set().await;
    let mut client = scene.client().await;
    let authority = scene.authority();
    client
        .sends(&format!(
            "GET http://{authority}/ HTTP/1.1\r\nHost: {authority}\r\n\r\n"
        ))
        .await;
    client.ends().await;
    let mut server = scene.server().await;
    server
        .sees(&format!("GET / HTTP/1.1\r\nHost: {authority}\r\n\r\n"))
        .await;
    server.sees_the_end().await;
    server
        .sends("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        .await;
    client
        .sees("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        .await;
    client.sees_the_end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_may_overtake_its_request() {
    let scene = Scene::set().await;
    let (mut client, mut server) = scene.both().await;
    let head = format!(
        "POST / HTTP/1.1\r\nHost: {}\r\nContent-Length: 1000000\r\n\r\n",
        scene.authority()
    );
    client.sends(&head).await;
    server.sees(&head).await;
    server
        .sends(
            "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nno\n",
        )
        .await;
    client
        .sees(
            "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nno\n",
        )
        .await;
    client.sees_the_end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_that_was_asked_for_opens_a_tunnel() {
    let scene = Scene::set().await;
    let (mut client, mut server) = scene.both().await;
    let request = format!(
        "GET /ws HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{ORIGIN}\r\n",
        scene.authority()
    );
    client.sends(&request).await;
    server.sees(&request).await;
    let switch =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    server.sends(&format!("{switch}\x01\x02")).await;
    client.sees(&format!("{switch}\x01\x02")).await;
    client.sends([0x82, 0x00, 0xff]).await;
    server.sees([0x82, 0x00, 0xff]).await;
    let stored = scene.recorded();
    assert_eq!(label(&stored), ("exempt", None));
    assert_eq!(stored.judgement.kind.name(), "websocket");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_that_nobody_asked_for_is_refused() {
    let scene = Scene::set().await;
    let (mut client, mut server) = scene.both().await;
    client
        .sends(&format!(
            "GET / HTTP/1.1\r\nHost: {}\r\n\r\n",
            scene.authority()
        ))
        .await;
    server.sees("GET / HTTP/1.1\r\n").await;
    server
        .sends("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
        .await;
    client.sees("HTTP/1.1 502 Bad Gateway\r\n").await;
    assert_eq!(scene.recorded().recorded.ending.name(), "not-http");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_http_requests_of_one_connection_may_go_to_several_servers() {
    let scene = Scene::set().await;
    let mut client = scene.client().await;
    let (one, other) = (
        scene.authority(),
        format!("127.0.0.1:{}", scene.server.port()),
    );
    let request =
        |authority: &str| format!("GET http://{authority}/ HTTP/1.1\r\nHost: {authority}\r\n\r\n");
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n";
    client.sends(&request(&one)).await;
    let mut first = scene.server().await;
    first
        .sees(&format!("GET / HTTP/1.1\r\nHost: {one}\r\n\r\n"))
        .await;
    first.sends(&format!("{answer}1")).await;
    client.sees(&format!("{answer}1")).await;
    client.sends(&request(&other)).await;
    let mut second = scene.server().await;
    second
        .sees(&format!("GET / HTTP/1.1\r\nHost: {other}\r\n\r\n"))
        .await;
    second.sends(&format!("{answer}2")).await;
    client.sees(&format!("{answer}2")).await;
    client.sends(&request(&one)).await;
    first
        .sees(&format!("GET / HTTP/1.1\r\nHost: {one}\r\n\r\n"))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exchange_is_recorded_with_its_verdict_and_without_its_secrets() {
    let scene = Scene::set().await;
    let (mut client, mut server) = scene.both().await;
    client
        .sends(&format!(
            "GET /a?token=hunter2 HTTP/1.1\r\nHost: {}\r\n{ORIGIN}Cookie: sid=hunter2\r\n\r\n",
            scene.authority()
        ))
        .await;
    server.sees("GET /a?token=hunter2 HTTP/1.1\r\n").await;
    server
        .sends("HTTP/1.1 200 OK\r\nSet-Cookie: t=hunter2\r\nContent-Length: 7\r\n\r\nhunter2")
        .await;
    client.sees("HTTP/1.1 200 OK\r\n").await;
    let stored = scene.recorded();
    assert_eq!(label(&stored), ("blocked", Some("allow-origin-missing")));
    assert_eq!(
        stored.judgement.origin.as_deref(),
        Some("https://app.example.test")
    );
    assert_eq!(stored.recorded.reach.server, Some(scene.server));
    assert!(memchr::memmem::find(&scene.capture_octets(), b"hunter2").is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_mebibytes_go_through_both_ways() {
    const SIZE: usize = 64 * 1024 * 1024;
    let scene = Scene::set().await;
    let (mut client, mut server) = scene.both().await;
    let piece: Vec<u8> = (0..=255).cycle().take(1024 * 1024).collect();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: {}\r\nContent-Length: {SIZE}\r\n\r\n",
        scene.authority()
    );
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n");
    let up = async {
        client.sends(&head).await;
        for _ in 0..64 {
            client.sends(&piece).await;
        }
        client.sees(&answer).await;
        for _ in 0..64 {
            client.sees(&piece).await;
        }
    };
    let down = async {
        server.sees(&head).await;
        for _ in 0..64 {
            server.sees(&piece).await;
        }
        server.sends(&answer).await;
        for _ in 0..64 {
            server.sends(&piece).await;
        }
    };
    tokio::join!(up, down);
}
