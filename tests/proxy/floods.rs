//! Floods of HTTP/2 frames, from either side: they end their connection, what was under way says
//! why, and others are served.

use bytes::Bytes;
use corstap::wire::alpn::Alpn;
use h2::RecvStream;
use h2::server::SendResponse;
use tokio::task::JoinHandle;

use crate::support::frames::{
    CONTINUATION, DATA, END_HEADERS, HEADERS, PING, PRIORITY, RST_STREAM, Raw, SETTINGS,
    WINDOW_UPDATE, block, bomb, frame, greeting, request, streams,
};
use crate::support::http2::{both, head, within};
use crate::support::scene::{End, PATIENCE, Scene};

const CHROMIUM: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                        Chrome/156.0.0.0 Safari/537.36";
/// More frames than anybody is granted.
const MANY: usize = 20_000;
/// The code of a GOAWAY for who sends too much.
const ENHANCE_YOUR_CALM: u32 = 11;
/// The code for a stream that was not taken.
const REFUSED_STREAM: u32 = 7;

/// A server that takes requests and answers none.
fn silent(end: End) -> JoinHandle<()> {
    tokio::spawn(async move {
        let Ok(mut connection) = h2::server::handshake(end.into_stream()).await else {
            return;
        };
        let mut kept: Vec<(http::Request<RecvStream>, SendResponse<Bytes>)> = Vec::new();
        while let Some(Ok(stream)) = connection.accept().await {
            kept.push(stream);
        }
    })
}

/// A client with a request under way, and the server that does not answer it.
async fn under_way(scene: &Scene) -> (Raw, JoinHandle<()>) {
    let (near, far) = scene.both_with(&[Alpn::Http2], Alpn::Http2).await;
    let (mut client, authority) = (Raw::new(near), scene.authority());
    let head = block(&request("POST", &authority, "/under-way", &[]));
    let silent = silent(far);
    client.sends(vec![
        greeting(),
        frame(HEADERS, END_HEADERS, 1, &head),
        frame(PING, 0, 0, &[0; 8]),
    ]);
    client.has_sent().await;
    let heard = client.hears(PATIENCE, |heard| heard.frames.contains_key(&PING));
    assert!(heard.await, "the PING is answered");
    (client, silent)
}

/// How the request that was under way has ended, and why.
fn ending(scene: &Scene) -> (&'static str, String) {
    loop {
        let stored = scene.recorded().recorded.clone();
        if stored.request.url.ends_with("/under-way") {
            return (stored.ending.name(), stored.reason.unwrap_or_default());
        }
    }
}

async fn is_served(scene: &Scene) {
    let (mut browser, mut server) = both(scene).await;
    let (answer, _) = browser.asks("GET", "/", &[], false).await;
    let (_request, mut respond) = server.sees().await;
    respond.send_response(head(204, &[]), true).expect("sent");
    assert_eq!(within(answer).await.expect("a response").status(), 204);
}

/// A frame over and over.
fn of(kind: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    frame(kind, 0, stream, payload).repeat(MANY)
}

/// Frames that move nothing.
fn idle() -> [(&'static str, Vec<u8>); 5] {
    [
        ("PING", of(PING, 0, &[0; 8])),
        ("SETTINGS", of(SETTINGS, 0, b"")),
        ("PRIORITY", of(PRIORITY, 3, &[0, 0, 0, 0, 16])),
        ("WINDOW_UPDATE", of(WINDOW_UPDATE, 0, &[0, 0, 0, 1])),
        ("an unknown type", of(0x7f, 0, b"")),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clients_flood_ends_its_connection_and_no_other() {
    let too_many = "too many frames that move nothing";
    let loud = "detected excessive load generating behavior";
    let scene = Scene::set().await;
    let authority = scene.authority();
    let fields = block(&vec![("a", "b"); 800]);
    let head = block(&request("POST", &authority, "/", &[]));
    let open = frame(HEADERS, 0, 3, &head);
    let reset = |stream| frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]);
    let overflow = |stream| frame(WINDOW_UPDATE, 0, stream, &[0x7f, 0xff, 0xff, 0xff]);
    let all = |frames: Vec<Vec<u8>>| frames.concat();
    // Of streams that are reset, it depends on how many were accepted whose count is full first.
    let idle = idle().map(|(what, octets)| (what, octets, too_many));
    let costly = [
        ("empty DATA", of(DATA, 1, b""), loud),
        (
            "empty CONTINUATION",
            all(vec![open.clone(), of(CONTINUATION, 3, b"")]),
            loud,
        ),
        (
            "CONTINUATION",
            all(vec![open.clone(), of(CONTINUATION, 3, &fields)]),
            loud,
        ),
        (
            "streams that are reset",
            all(streams(3, 20_000, &authority, reset).collect()),
            "too",
        ),
        (
            "resets that are asked for",
            all(streams(3, 5_000, &authority, overflow).collect()),
            loud,
        ),
    ];
    for (what, octets, why) in idle.into_iter().chain(costly) {
        let (mut client, _silent) = under_way(&scene).await;
        client.sends(vec![octets]);
        client.has_sent().await;
        client.hears(PATIENCE, |heard| heard.goaway.is_some()).await;
        assert_eq!(
            client.heard.goaway,
            Some(ENHANCE_YOUR_CALM),
            "{what}: {:?}",
            ending(&scene)
        );
        let (ending, reason) = ending(&scene);
        let broke = "the client broke the rules of HTTP/2: ";
        assert!(
            reason.starts_with(broke) && reason.contains(why),
            "{what}: {reason}"
        );
        assert_eq!(ending, "reset-by-client", "{what}");
        is_served(&scene).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_streams_than_the_server_takes_are_refused_one_by_one() {
    let scene = Scene::set().await;
    let (mut client, _silent) = under_way(&scene).await;
    let opened: Vec<_> = streams(3, 400, &scene.authority(), |_| Vec::new()).collect();
    client.sends(opened);
    client.has_sent().await;
    client
        .hears(PATIENCE, |heard| heard.resets.len() == 145)
        .await;
    let mut codes = client.heard.resets.values();
    assert!(
        codes.all(|&code| code == REFUSED_STREAM),
        "{:?}",
        client.heard
    );
    assert_eq!(
        (client.heard.resets.len(), client.heard.goaway),
        (145, None)
    );
    is_served(&scene).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_that_unfold_without_bound_are_not_unfolded() {
    let scene = Scene::set().await;
    let (mut client, _silent) = under_way(&scene).await;
    client.sends(bomb(3, 40, &scene.authority()));
    client.has_sent().await;
    let refused = |stream: &u32| *stream > 3;
    client
        .hears(PATIENCE, |heard| {
            let resets = heard.resets.keys().filter(|stream| refused(stream)).count();
            let answers = heard
                .answers
                .keys()
                .filter(|stream| refused(stream))
                .count();
            resets.max(answers) == 40 || heard.goaway.is_some()
        })
        .await;
    assert!(
        !client.heard.answers.values().any(|is_ok| *is_ok),
        "{:?}",
        client.heard
    );
    is_served(&scene).await;
}

/// What a server does once a request is there.
async fn server_floods(scene: &Scene, flood: Vec<u8>) -> (&'static str, String) {
    let (near, far) = scene.both_with(&[Alpn::Http2], Alpn::Http2).await;
    let mut server = Raw::server(far);
    server.sends(vec![frame(SETTINGS, 0, 0, b"")]);
    server.has_sent().await;
    let target = format!("https://{}/under-way", scene.authority());
    let client = tokio::spawn(async move {
        let (mut requests, connection) = h2::client::handshake(near.into_stream()).await?;
        let driving = tokio::spawn(connection);
        std::future::poll_fn(|cx| requests.poll_ready(cx)).await?;
        let request = http::Request::get(target)
            .header("user-agent", CHROMIUM)
            .header("sec-fetch-mode", "cors");
        let answer = requests
            .send_request(request.body(()).expect("one"), true)?
            .0;
        let answered = answer.await.map(drop);
        driving.abort();
        answered
    });
    let head = server.hears(PATIENCE, |heard| heard.frames.contains_key(&HEADERS));
    assert!(head.await, "a request arrives");
    server.sends(vec![flood]);
    server.has_sent().await;
    let error = within(client)
        .await
        .expect("no panic")
        .expect_err("no answer");
    assert!(!error.is_reset(), "the connection is gone: {error}");
    ending(scene)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_servers_flood_ends_its_connection_and_no_other() {
    let scene = Scene::set().await;
    let too_many = "the server broke the rules of HTTP/2: too many frames that move nothing";
    let loud = "the server's answer is not valid HTTP/2: connection error detected: detected excessive load";
    let open = frame(HEADERS, 0, 1, &[0x88]);
    let idle = idle().map(|(what, octets)| (what, octets, too_many));
    let costly = [(
        "CONTINUATION",
        [open, of(CONTINUATION, 1, b"")].concat(),
        loud,
    )];
    for (what, octets, why) in idle.into_iter().chain(costly) {
        let (ending, reason) = server_floods(&scene, octets).await;
        assert!(reason.starts_with(why), "{what}: {reason}");
        assert_eq!(ending, "not-http", "{what}");
        is_served(&scene).await;
    }
}
