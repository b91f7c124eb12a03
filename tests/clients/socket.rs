//! A WebSocket through TLS in a tunnel.

use corstap::wire::alpn::Alpn;
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_tungstenite::{accept_async, client_async};

use crate::support::http2::within;
use crate::support::scene::Scene;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_websocket_carries_text_octets_and_a_close_both_ways() {
    let scene = Scene::set().await;
    let (near, far) = scene.both_with(&[Alpn::Http11], Alpn::Http11).await;
    let server = tokio::spawn(async move {
        let mut socket = accept_async(far.into_stream()).await.expect("a handshake");
        while let Some(message) = socket.next().await {
            let message = message.expect("a message");
            if message.is_close() {
                return message;
            }
            socket.send(message).await.expect("sent");
        }
        panic!("no close");
    });
    let url = format!("wss://{}/chat", scene.authority());
    let (mut socket, _) = within(client_async(url, near.into_stream()))
        .await
        .expect("a handshake");
    let octets: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    for message in [
        Message::text("h\u{e9}llo"),
        Message::binary(octets),
        Message::Ping(Bytes::from_static(b"ping")),
    ] {
        socket.send(message.clone()).await.expect("sent");
        let echo = within(socket.next()).await.expect("more").expect("intact");
        let is_pong =
            matches!((&message, &echo), (Message::Ping(sent), Message::Pong(back)) if sent == back);
        assert!(is_pong || echo == message, "{echo:?}");
    }
    let close = CloseFrame {
        code: CloseCode::Away,
        reason: "enough".into(),
    };
    socket.close(Some(close.clone())).await.expect("sent");
    let seen = within(server).await.expect("no panic");
    assert_eq!(seen, Message::Close(Some(close)));
    while within(socket.next()).await.is_some() {}
    let recorded = scene.recorded();
    assert_eq!(recorded.recorded.ending.name(), "complete");
}
