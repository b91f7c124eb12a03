//! Departures: who left first, and that the other side learns of it, in the same way.

use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::support::scene::{End, PATIENCE, Scene};

const FIREFOX: &str =
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0\r\n";
const EVENTS: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n";

fn request(scene: &Scene, fields: &str) -> String {
    format!(
        "GET / HTTP/1.1\r\nHost: {}\r\n{fields}\r\n",
        scene.authority()
    )
}

/// A client on the proxy's port, so that it can be reset, and its server.
async fn plain(scene: &Scene, method: &str, fields: &str) -> (TcpStream, End) {
    let authority = scene.authority();
    let client = TcpStream::connect(scene.rig.proxy)
        .await
        .expect("connected");
    let head =
        format!("{method} http://{authority}/ HTTP/1.1\r\nHost: {authority}\r\n{fields}\r\n");
    write(&client, head.as_bytes()).await;
    let mut server = scene.server().await;
    server
        .sees(&format!(
            "{method} / HTTP/1.1\r\nHost: {authority}\r\n{fields}\r\n"
        ))
        .await;
    (client, server)
}

async fn write(client: &TcpStream, mut octets: &[u8]) {
    while !octets.is_empty() {
        client.writable().await.expect("writable");
        if let Ok(written) = client.try_write(octets) {
            octets = &octets[written..];
        }
    }
}

async fn read(client: &TcpStream, most: usize) -> Vec<u8> {
    let mut read = Vec::new();
    while read.len() < most {
        client.readable().await.expect("readable");
        match client.try_read_buf(&mut read) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => panic!("after {} octets: {error}", read.len()),
        }
    }
    read
}

fn ending(scene: &Scene) -> &'static str {
    scene.recorded().recorded.ending.name()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_before_the_answer_is_told_from_a_server_that_does() {
    let scene = Scene::set().await;
    let (mut client, mut server) = scene.both().await;
    let request = request(&scene, "");
    client.sends(&request).await;
    server.sees(&request).await;
    drop(client);
    server.sees_the_end().await;
    drop(server);
    assert_eq!(ending(&scene), "reset-by-client");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_that_closes_within_an_answer_is_gone_at_once() {
    let scene = Scene::set().await;
    let (mut client, mut server) = scene.both().await;
    let request = request(&scene, FIREFOX);
    client.sends(&request).await;
    server.sees(&request).await;
    server.sends(EVENTS).await;
    client.sees(EVENTS).await;
    drop(client);
    server.sees_the_end().await;
    assert_eq!(ending(&scene), "reset-by-client");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_ends_because_its_client_has_left_did_not_break_off() {
    let scene = Scene::set().await;
    let (client, mut server) = plain(&scene, "GET", "").await;
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf";
    server.sends(answer).await;
    read(&client, answer.len()).await;
    drop(client);
    server.sees_the_end().await;
    drop(server);
    assert_eq!(ending(&scene), "reset-by-client");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_is_noticed_while_nothing_is_said() {
    let scene = Scene::set().await;
    let (client, mut server) = plain(&scene, "GET", "").await;
    server.sends(EVENTS).await;
    read(&client, EVENTS.len()).await;
    client.set_zero_linger().expect("set");
    drop(client);
    server.sees_the_end().await;
    assert_eq!(ending(&scene), "reset-by-client");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_cut_off_ends_for_the_server_though_it_has_answered() {
    let scene = Scene::set().await;
    let (client, mut server) = plain(&scene, "POST", "Content-Length: 100\r\n").await;
    server.sends(EVENTS).await;
    read(&client, EVENTS.len()).await;
    drop(client);
    server.sees_the_end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_early_answer_arrives_whole_while_the_request_still_comes() {
    const SIZE: usize = 1_000_000;
    let scene = Scene::set().await;
    let (client, mut server) = plain(&scene, "POST", "Content-Length: 8000000\r\n").await;
    let head =
        format!("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: {SIZE}\r\n\r\n");
    let answer = format!("{head}{}", "x".repeat(SIZE));
    // As nginx closes: it says its last word and reads on.
    let closing = async {
        server.sends(&answer).await;
        server.ends().await;
        server.reads_to_end().await
    };
    let sending = async {
        assert!(read(&client, head.len()).await.len() >= head.len());
        write(&client, &vec![b'a'; 3_000_000]).await;
        let read = read(&client, usize::MAX).await;
        drop(client);
        read
    };
    let (taken, _rest) = tokio::join!(closing, sending);
    assert_eq!(taken.len(), 3_000_000);
    assert_eq!(ending(&scene), "complete");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_given_up_while_the_server_was_dialled_is_not_sent() {
    let scene = Scene::set().await;
    // A listener whose queue is full: connecting takes until somebody accepts.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket
        .bind("127.0.0.1:0".parse().expect("an address"))
        .expect("bound");
    let listener = socket.listen(1).expect("listening");
    let server = listener.local_addr().expect("bound");
    let mut queue = Vec::new();
    let full = Duration::from_millis(200);
    while let Ok(queued) = timeout(full, TcpStream::connect(server)).await {
        queue.push(queued.expect("queued"));
    }
    let client = TcpStream::connect(scene.rig.proxy)
        .await
        .expect("connected");
    let request = format!(
        "POST http://{server}/pay HTTP/1.1\r\nHost: {server}\r\nContent-Length: 2\r\n\r\nhi"
    );
    write(&client, request.as_bytes()).await;
    client.set_zero_linger().expect("set");
    drop(client);
    assert_eq!(ending(&scene), "reset-by-client");
    drop(queue);
    while let Ok(Ok((connection, _))) = timeout(full, listener.accept()).await {
        assert_eq!(End::new(connection).reads_to_end().await, b"");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_websocket_that_ends_without_a_word_loses_nothing_before_it() {
    const SIZE: usize = 6_000_000;
    let scene = Scene::set().await;
    let (mut client, mut server) = scene.both().await;
    let request = request(&scene, "Connection: Upgrade\r\nUpgrade: websocket\r\n");
    client.sends(&request).await;
    server.sees(&request).await;
    let switch =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    server.sends(switch).await;
    client.sees(switch).await;
    tokio::spawn(async move {
        server.sends(vec![b'x'; SIZE]).await;
        // TCP ends without close_notify.
        drop(server);
    });
    while client.reads_more(PATIENCE).await {}
    assert_eq!(client.read().len(), SIZE);
}
