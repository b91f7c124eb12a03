//! `--confirm`: the end of a response is held back where its verdict hangs on the credentials mode.

use bytes::Bytes;
use corstap::cors::verdict::ConfirmedBy;
use corstap::cors::{Answer, CredentialsMode, Outcome, Verdict};
use h2::{Reason, RecvStream, SendStream};

use crate::support::http2::{Browser, Server, both, head, piece, whole, within};
use crate::support::scene::{End, Scene};

const ASTERISK: (&str, &str) = ("access-control-allow-origin", "*");
const CHROMIUM: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                        Chrome/156.0.0.0 Safari/537.36";
const FETCH: [(&str, &str); 5] = [
    ("user-agent", CHROMIUM),
    ("origin", "https://app.example.test"),
    ("sec-fetch-mode", "cors"),
    ("sec-fetch-site", "same-site"),
    ("sec-fetch-dest", "empty"),
];

/// A fetch that was answered with that field, and its content on both sides.
async fn fetched(
    (browser, server): (&mut Browser, &mut Server),
    field: (&str, &str),
) -> (SendStream<Bytes>, RecvStream) {
    let (answer, _) = browser.asks("GET", "/", &FETCH, false).await;
    let (_request, mut respond) = server.sees().await;
    let answering = respond
        .send_response(head(200, &[field]), false)
        .expect("sent");
    (
        answering,
        within(answer).await.expect("a response").into_body(),
    )
}

/// The exchange as it is told last.
fn confirmed(scene: &Scene) -> Verdict {
    loop {
        let stored = scene.recorded();
        if stored.judgement.verdict.confirmed.is_some() {
            return stored.judgement.verdict.clone();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_that_takes_the_response_has_asked_without_credentials() {
    let scene = Scene::set_to_confirm().await;
    let (mut browser, mut server) = both(&scene).await;
    // On a busy machine nothing is concluded.
    for _ in 0..50 {
        let (mut answering, mut content) = fetched((&mut browser, &mut server), ASTERISK).await;
        answering
            .send_data(Bytes::from_static(b"hello"), true)
            .expect("sent");
        // The last octet comes after the others.
        assert_eq!(piece(&mut content).await, "hell");
        assert_eq!(whole(content).await, Ok((b"o".to_vec(), None)));
        let verdict = scene.recorded().judgement.verdict.clone();
        if verdict.confirmed.is_some() {
            assert_eq!(verdict.answer.outcome, Outcome::Allowed);
            assert_eq!(verdict.credentials.mode, Some(CredentialsMode::Omit));
            assert_eq!(
                verdict.confirmed.map(|it| it.by),
                Some(ConfirmedBy::NotCancelled)
            );
            return;
        }
    }
    panic!("nothing was confirmed");
}

/// What is told of an answer with these fields that the browser cancels.
async fn cancelled(fields: &[(&str, &str)]) -> Verdict {
    let scene = Scene::set_to_confirm().await;
    let (mut browser, mut server) = both(&scene).await;
    let (answer, mut asking) = browser.asks("POST", "/", &FETCH, true).await;
    asking.send_data(Bytes::new(), true).expect("sent");
    let (_request, mut respond) = server.sees().await;
    let mut answering = respond
        .send_response(head(200, fields), false)
        .expect("sent");
    let mut content = within(answer).await.expect("a response").into_body();
    answering
        .send_data(Bytes::from_static(b"hello"), true)
        .expect("sent");
    assert_eq!(piece(&mut content).await, "hell");
    asking.send_reset(Reason::CANCEL);
    confirmed(&scene)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_that_cancels_it_has_asked_with_credentials() {
    let verdict = cancelled(&[ASTERISK]).await;
    assert_eq!(verdict.answer.outcome, Outcome::Blocked);
    assert_eq!(verdict.credentials.mode, Some(CredentialsMode::Include));
    assert_eq!(
        verdict.confirmed.map(|it| it.by),
        Some(ConfirmedBy::Cancelled)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_that_cancels_what_it_cannot_decode_tells_nothing_of_credentials() {
    let verdict = cancelled(&[ASTERISK, ("content-encoding", "gzip")]).await;
    assert_eq!(verdict.credentials.mode, None);
    let of = |answer: Option<Box<Answer>>| answer.map(|answer| answer.outcome);
    assert_eq!(of(verdict.if_omitted), Some(Outcome::Failed));
    assert_eq!(of(verdict.if_included), Some(Outcome::Blocked));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_decided_anyway_is_not_tried() {
    let scene = Scene::set_to_confirm().await;
    let (mut browser, mut server) = both(&scene).await;
    let other = ("access-control-allow-origin", "https://other.example.test");
    let (mut answering, content) = fetched((&mut browser, &mut server), other).await;
    answering
        .send_data(Bytes::from_static(b"hello"), true)
        .expect("sent");
    assert_eq!(whole(content).await, Ok((b"hello".to_vec(), None)));
    let verdict = scene.recorded().judgement.verdict.clone();
    assert_eq!(verdict.answer.outcome, Outcome::Blocked);
    assert_eq!(verdict.confirmed, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_held_back_unless_it_is_asked_for() {
    let scene = Scene::set().await;
    let (mut browser, mut server) = both(&scene).await;
    let (mut answering, content) = fetched((&mut browser, &mut server), ASTERISK).await;
    answering
        .send_data(Bytes::from_static(b"hello"), true)
        .expect("sent");
    assert_eq!(whole(content).await, Ok((b"hello".to_vec(), None)));
    let verdict = scene.recorded().judgement.verdict.clone();
    assert_eq!(verdict.answer.outcome, Outcome::Undecided);
    assert_eq!(verdict.confirmed, None);
}

/// The same fetch over HTTP/1.1, and both ends.
async fn fetched_over_http_1(scene: &Scene, answer: &str) -> (End, End) {
    let (mut client, mut server) = scene.both().await;
    let line = |(name, value): &(&str, &str)| format!("{name}: {value}\r\n");
    let fields: String = FETCH.iter().map(line).collect();
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {}\r\n{fields}\r\n",
        scene.authority()
    );
    client.sends(&request).await;
    server.sees(&request).await;
    server.sends(answer).await;
    (client, server)
}

const ANSWERS: [&str; 2] = [
    "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_1_a_browser_that_closes_has_refused_the_response() {
    for answer in ANSWERS {
        let scene = Scene::set_to_confirm().await;
        let (mut client, _server) = fetched_over_http_1(&scene, answer).await;
        client.sees(&answer[..answer.len() - 1]).await;
        drop(client);
        let verdict = confirmed(&scene);
        assert_eq!(verdict.answer.outcome, Outcome::Blocked);
        assert_eq!(
            verdict.confirmed.map(|it| it.by),
            Some(ConfirmedBy::Cancelled)
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_1_silence_proves_nothing_and_no_octet_changes() {
    for answer in ANSWERS {
        let scene = Scene::set_to_confirm().await;
        let (mut client, _server) = fetched_over_http_1(&scene, answer).await;
        client.sees(answer).await;
        let verdict = scene.recorded().judgement.verdict.clone();
        assert_eq!(verdict.answer.outcome, Outcome::Undecided);
        assert_eq!(verdict.confirmed, None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_octet_is_known_by_the_length_that_the_head_says() {
    let scene = Scene::set_to_confirm().await;
    let (mut browser, mut server) = both(&scene).await;
    let (answer, _) = browser.asks("GET", "/", &FETCH, false).await;
    let (_request, mut respond) = server.sees().await;
    let fields = [ASTERISK, ("content-length", "5")];
    let mut answering = respond
        .send_response(head(200, &fields), false)
        .expect("sent");
    let mut content = within(answer).await.expect("a response").into_body();
    // Nothing says yet that this is all.
    answering
        .send_data(Bytes::from_static(b"hello"), false)
        .expect("sent");
    assert_eq!(piece(&mut content).await, "hell");
    assert_eq!(piece(&mut content).await, "o");
    answering.send_data(Bytes::new(), true).expect("sent");
    assert_eq!(whole(content).await, Ok((Vec::new(), None)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_response_that_is_whole_but_for_its_end_proves_nothing() {
    let scene = Scene::set_to_confirm().await;
    let (mut browser, mut server) = both(&scene).await;
    let (answer, _) = browser.asks("GET", "/", &FETCH, false).await;
    let (_request, mut respond) = server.sees().await;
    let fields = [ASTERISK, ("content-length", "1")];
    let mut answering = respond
        .send_response(head(200, &fields), false)
        .expect("sent");
    answering
        .send_data(Bytes::from_static(b"1"), true)
        .expect("sent");
    let content = within(answer).await.expect("a response").into_body();
    assert_eq!(whole(content).await, Ok((b"1".to_vec(), None)));
    let verdict = scene.recorded().judgement.verdict.clone();
    assert_eq!(verdict.answer.outcome, Outcome::Undecided);
    assert_eq!(verdict.confirmed, None);
}
