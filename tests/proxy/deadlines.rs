//! Deadlines, in virtual time: the clock goes on whenever everybody waits.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::support::scene::{End, Scene};

/// Longer than any deadline.
const LONG: Duration = Duration::from_hours(2);

/// How long it takes until the other side ends, in whole seconds.
async fn until_the_end(end: &mut End) -> u64 {
    let since = Instant::now();
    while end.reads_more(LONG).await {}
    since.elapsed().as_secs()
}

#[tokio::test(start_paused = true)]
async fn a_head_that_drips_in_is_cut_after_a_minute() {
    let scene = Scene::set_here().await;
    let mut client = scene.client().await;
    let since = Instant::now();
    let dripping = async {
        client.sends("GET http://a.test/ HTTP/1.1\r\nX: ").await;
        while !client.ends_within(Duration::from_secs(1)).await {
            client.tries_to_send(b"y").await;
        }
    };
    timeout(LONG, dripping).await.expect("it is cut");
    let took = since.elapsed().as_secs();
    assert!((60..=62).contains(&took), "{took} s");
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_is_not_waited_for() {
    let scene = Scene::set_here().await;
    let mut silent = scene.client().await;
    assert_eq!(until_the_end(&mut silent).await, 600, "on the proxy's port");
    let mut silent = scene.tunnel_to(&scene.authority()).await;
    assert_eq!(until_the_end(&mut silent).await, 60, "in a tunnel");
    let mut slow = scene.tunnel_to(&scene.authority()).await;
    slow.sends(b"\x16\x03\x01\x02\x00\x01").await;
    assert_eq!(until_the_end(&mut slow).await, 30, "in a ClientHello");
}

#[tokio::test(start_paused = true)]
async fn an_answer_may_take_as_long_as_its_client_waits() {
    let scene = Scene::set_here().await;
    let authority = scene.authority();
    let mut client = scene.client().await;
    client
        .sends(&format!(
            "GET http://{authority}/ HTTP/1.1\r\nHost: {authority}\r\n\r\n"
        ))
        .await;
    let mut server = scene.server().await;
    server.sees("GET / HTTP/1.1\r\n").await;
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n";
    for piece in [head, "la", "te"] {
        sleep(LONG).await;
        server.sends(piece).await;
        client.sees(piece).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_kept_for_longer_than_browsers_keep_theirs() {
    let scene = Scene::set_here().await;
    let authority = scene.authority();
    let mut client = scene.client().await;
    let request = format!("GET http://{authority}/ HTTP/1.1\r\nHost: {authority}\r\n\r\n");
    let answer = "HTTP/1.1 204 No Content\r\n\r\n";
    client.sends(&request).await;
    let mut server = scene.server().await;
    for _ in 0..2 {
        server
            .sees(&format!("GET / HTTP/1.1\r\nHost: {authority}\r\n\r\n"))
            .await;
        server.sends(answer).await;
        client.sees(answer).await;
        sleep(Duration::from_secs(590)).await;
        client.sends(&request).await;
    }
    server.sees("GET / HTTP/1.1\r\n").await;
}
