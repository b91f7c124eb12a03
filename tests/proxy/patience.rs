//! How long HTTP/2 may take, in virtual time: the clock goes on whenever everybody waits.

use std::time::Duration;

use corstap::wire::alpn::Alpn;
use tokio::time::{Instant, sleep};

use crate::support::frames::{
    CONTINUATION, DATA, END_HEADERS, HEADERS, Heard, Raw, SETTINGS, block, frame, greeting, request,
};
use crate::support::scene::{End, Scene};

/// Longer than any deadline.
const LONG: Duration = Duration::from_hours(2);
/// The code of a GOAWAY for who costs too much.
const ENHANCE_YOUR_CALM: u32 = 11;

async fn ends(scene: &Scene) -> (End, End) {
    scene.both_with(&[Alpn::Http2], Alpn::Http2).await
}

/// A client, and a server that only says its settings.
async fn raw(scene: &Scene) -> (Raw, Raw) {
    let (near, far) = ends(scene).await;
    let (mut client, mut server) = (Raw::new(near), Raw::server(far));
    server.sends(vec![frame(SETTINGS, 0, 0, b"")]);
    server.has_sent().await;
    client.sends(vec![greeting()]);
    client.has_sent().await;
    (client, server)
}

/// How many whole seconds it takes until that is heard, or the connection is over.
async fn seconds_until(peer: &mut Raw, enough: impl Fn(&Heard) -> bool) -> u64 {
    let since = Instant::now();
    peer.hears(LONG, enough).await;
    since.elapsed().as_secs()
}

#[tokio::test(start_paused = true)]
async fn a_field_block_that_does_not_end_is_cut_after_a_minute() {
    let scene = Scene::set_here().await;
    let authority = scene.authority();
    let head = block(&request("GET", &authority, "/", &[]));
    let whole = frame(HEADERS, END_HEADERS, 1, &head);
    for (what, octets) in [
        ("without its last frame", frame(HEADERS, 0, 1, &head)),
        ("without its last octets", whole[..whole.len() - 1].to_vec()),
        ("with the header of a frame", whole[..5].to_vec()),
    ] {
        let (mut client, _server) = raw(&scene).await;
        client.sends(vec![octets]);
        client.has_sent().await;
        let took = seconds_until(&mut client, |heard| heard.goaway.is_some()).await;
        assert_eq!(
            (took, client.heard.goaway),
            (60, Some(ENHANCE_YOUR_CALM)),
            "{what}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_field_block_that_drips_in_is_cut_after_a_minute() {
    let scene = Scene::set_here().await;
    let (mut client, _server) = raw(&scene).await;
    let since = Instant::now();
    client.sends(vec![frame(HEADERS, 0, 1, b"")]);
    client.has_sent().await;
    while client.heard.goaway.is_none() && since.elapsed() < LONG {
        client.sends(vec![frame(CONTINUATION, 0, 1, b"")]);
        client.has_sent().await;
        let _ = client
            .hears(Duration::from_secs(20), |heard| heard.goaway.is_some())
            .await;
    }
    assert_eq!(since.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_is_not_waited_for() {
    let scene = Scene::set_here().await;
    for part in ["", "PRI * HTTP/2.0"] {
        let (near, far) = ends(&scene).await;
        let (mut client, mut server) = (Raw::new(near), Raw::server(far));
        server.sends(vec![frame(SETTINGS, 0, 0, b"")]);
        client.sends(vec![part.into()]);
        client.has_sent().await;
        assert_eq!(
            seconds_until(&mut client, |_| false).await,
            15,
            "after {part:?}"
        );
    }
    let (near, far) = ends(&scene).await;
    let (mut client, _silent) = (Raw::new(near), far);
    client.sends(vec![greeting()]);
    client.has_sent().await;
    // As long again for the request that is to see it.
    assert_eq!(
        seconds_until(&mut client, |_| false).await,
        30,
        "for a silent server"
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_whose_head_does_not_end_is_cut_and_no_content_is() {
    let scene = Scene::set_here().await;
    let authority = scene.authority();
    let fields = [
        ("sec-fetch-mode", "cors"),
        ("user-agent", "Mozilla/5.0 Firefox/140.0"),
    ];
    let head = block(&request("GET", &authority, "/", &fields));
    let asks = || frame(HEADERS, END_HEADERS | 1, 1, &head);

    let (mut client, mut server) = raw(&scene).await;
    client.sends(vec![asks()]);
    server
        .hears(LONG, |heard| heard.frames.contains_key(&HEADERS))
        .await;
    server.sends(vec![frame(HEADERS, 0, 1, &[0x88])]);
    assert_eq!(seconds_until(&mut client, |heard| heard.closed).await, 60);
    let recorded = scene.recorded();
    let ended = (
        recorded.recorded.ending.name(),
        recorded.recorded.reason.as_deref(),
    );
    let why =
        "the server broke the rules of HTTP/2: a frame or field block was begun and not ended";
    assert_eq!(ended, ("not-http", Some(why)));

    let (mut client, mut server) = raw(&scene).await;
    client.sends(vec![asks()]);
    server
        .hears(LONG, |heard| heard.frames.contains_key(&HEADERS))
        .await;
    sleep(LONG / 2).await;
    let data = frame(DATA, 1, 1, b"late");
    server.sends(vec![
        frame(HEADERS, END_HEADERS, 1, &[0x88]),
        data[..11].to_vec(),
    ]);
    server.has_sent().await;
    sleep(LONG / 2).await;
    server.sends(vec![data[11..].to_vec()]);
    client
        .hears(LONG, |heard| heard.frames.contains_key(&DATA))
        .await;
    assert_eq!(client.heard.answers.get(&1), Some(&true));
    assert_eq!(client.heard.goaway, None);
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_streams_is_kept_for_longer_than_browsers_keep_theirs() {
    let scene = Scene::set_here().await;
    let (mut client, _server) = raw(&scene).await;
    let took = seconds_until(&mut client, |heard| heard.goaway.is_some()).await;
    assert_eq!((took, client.heard.goaway), (600, Some(0)));
}
