//! The first octets of content are looked at where browsers look at them, and pass unchanged.

use std::io::Write;

use bytes::Bytes;
use corstap::cors::lookalike::LookAlike;
use corstap::cors::{Outcome, Rule};
use corstap::exchange::Content;
use corstap::store::Shown;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::support::http2::{both, head, whole, within};
use crate::support::scene::{SERVER, Scene};

const CHROMIUM: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                        Chrome/156.0.0.0 Safari/537.36";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
const PAGE: &[u8] = b"<!doctype html><title>hunter2-in-the-content</title>";

/// Content that a capture must not hold any of.
const SECRET: &[u8] = b"hunter2-in-the-content";

/// What becomes of an answer to a request for such a part of a page of another site.
async fn answered(destination: &str, mode: &str, answer: &[u8]) -> Shown {
    let scene = Scene::set().await;
    let (mut client, mut server) = scene.both().await;
    let request = format!(
        "GET /a HTTP/1.1\r\nHost: {SERVER}\r\nUser-Agent: {CHROMIUM}\r\nOrigin: https://app.test\r\n\
         Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: {mode}\r\nSec-Fetch-Dest: {destination}\r\n\r\n"
    );
    client.sends(&request).await;
    server.sees(&request).await;
    server.sends(answer).await;
    client.sees(answer).await;
    let recorded = scene.recorded();
    assert!(memchr::memmem::find(&scene.capture_octets(), SECRET).is_none());
    recorded
}

fn message(fields: &str, content: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\n{fields}Content-Length: {}\r\n\r\n",
        content.len()
    );
    [head.as_bytes(), content].concat()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut coder = GzEncoder::new(Vec::new(), Compression::default());
    coder.write_all(content).expect("coded");
    coder.finish().expect("coded")
}

/// The content, the outcome, whose rule, and what it is that is no matter of CORS.
fn told(stored: &Shown) -> (Option<Content>, Outcome, Option<Rule>, Option<LookAlike>) {
    let verdict = &stored.judgement.verdict;
    let not_cors = verdict.not_cors.first().map(|one| one.code);
    let answer = &verdict.answer;
    (stored.recorded.content, answer.outcome, answer.by, not_cors)
}

#[tokio::test]
async fn a_picture_is_shown_whatever_its_server_calls_it() {
    let answer = message("Content-Type: text/html\r\n", PNG);
    let stored = answered("image", "no-cors", &answer).await;
    let image = Some(Content::Image);
    assert_eq!(told(&stored), (image, Outcome::Exempt, None, None));
}

#[tokio::test]
async fn a_page_in_the_clothes_of_a_picture_is_kept_from_others() {
    let orb = (
        Some(Content::Html),
        Outcome::Blocked,
        Some(Rule::Orb),
        Some(LookAlike::OrbSuspected),
    );
    let plain = message("Content-Type: image/png\r\n", PAGE);
    assert_eq!(told(&answered("image", "no-cors", &plain).await), orb);
    let fields = "Content-Type: image/png\r\nContent-Encoding: gzip\r\n";
    let coded = message(fields, &gzip(PAGE));
    assert_eq!(told(&answered("image", "no-cors", &coded).await), orb);
    let mut chunked =
        b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n"
            .to_vec();
    for piece in PAGE.chunks(6) {
        write!(chunked, "{:x}\r\n", piece.len()).expect("written");
        chunked.extend([piece, b"\r\n"].concat());
    }
    chunked.extend(b"0\r\n\r\n");
    assert_eq!(told(&answered("image", "no-cors", &chunked).await), orb);
}

#[tokio::test]
async fn content_that_is_not_coded_as_it_says_fails_for_that() {
    let answer = message("Content-Encoding: gzip\r\n", b"{\"ok\":true}");
    let stored = answered("empty", "cors", &answer).await;
    let miscoded = (
        Some(Content::Miscoded),
        Outcome::Failed,
        None,
        Some(LookAlike::ContentCoding),
    );
    assert_eq!(told(&stored), miscoded);
}

#[tokio::test]
async fn what_a_script_asks_for_is_not_looked_at() {
    let answer = message("Content-Type: application/json\r\n", b"{\"ok\":true}");
    let stored = answered("empty", "cors", &answer).await;
    assert_eq!(stored.recorded.content, None);
    assert_eq!(stored.judgement.verdict.answer.outcome, Outcome::Allowed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_is_looked_at_over_http_2_as_well() {
    let scene = Scene::set().await;
    let (mut browser, mut server) = both(&scene).await;
    let fields = [
        ("user-agent", CHROMIUM),
        ("sec-fetch-mode", "no-cors"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-dest", "script"),
    ];
    let (answer, _) = browser.asks("GET", "/a.js", &fields, false).await;
    let (_request, mut respond) = server.sees().await;
    let head = head(200, &[("content-type", "text/javascript")]);
    let mut answering = respond.send_response(head, false).expect("sent");
    for piece in [&b"{\"user"[..], b"\":1}"] {
        let is_last = piece.ends_with(b"}");
        answering
            .send_data(Bytes::from_static(piece), is_last)
            .expect("sent");
    }
    let content = within(answer).await.expect("a response").into_body();
    assert_eq!(whole(content).await, Ok((b"{\"user\":1}".to_vec(), None)));
    let object = Some(Content::JsonObject);
    let (content, outcome, rule, _) = told(&scene.recorded());
    assert_eq!(
        (content, outcome, rule),
        (object, Outcome::Blocked, Some(Rule::Orb))
    );
}
