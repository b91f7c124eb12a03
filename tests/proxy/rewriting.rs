//! A policy in force: what the server answers, and what the client gets.

use std::net::SocketAddr;

use corstap::cors::verdict::Production;
use corstap::exchange::Moment;
use corstap::policy::Policy;
use corstap::policy::rewrite::Rewriter;
use corstap::proxy::Rewriting;
use corstap::{clock, exchange};

use crate::support::http2::{Browser, Server, both, head, whole, within};
use crate::support::scene::{End, SERVER, Scene, label};

const ORIGIN: &str = "https://app.example.test";
const EVER: Moment = Moment::from_micros(i64::MAX);

fn rewriter(server: SocketAddr, more: &str) -> Rewriter {
    rewriter_named("app", server, more)
}

fn rewriter_named(name: &str, server: SocketAddr, more: &str) -> Rewriter {
    let text = format!(
        "version = 1\n[[rule]]\nname = \"{name}\"\norigins = [\"{ORIGIN}\"]\n\
         targets = [\"https://{SERVER}:{port}/v1\", \"http://{SERVER}:{port}/v1\"]\n\
         methods = [\"PUT\"]\nrequest-headers = [\"x-a\"]\ncredentials = true\n{more}\n",
        port = server.port()
    );
    let now = clock::now();
    Rewriter::of(&Policy::parse(text.as_bytes(), now), now).expect("may be in force")
}

async fn scene_with(more: &'static str) -> Scene {
    let policy = |server| Rewriting::until(EVER, rewriter(server, more));
    Scene::set_to_rewrite(policy).await
}

fn request(scene: &Scene, method: &str, path: &str, more: &str) -> String {
    let host = scene.authority();
    format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: {ORIGIN}\r\n{more}\r\n")
}

fn preflight(scene: &Scene) -> String {
    let asks = "Access-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: x-a\r\n";
    request(scene, "OPTIONS", "/v1/a", asks)
}

/// A request for what a rule is for.
fn asks(scene: &Scene, method: &str) -> String {
    request(scene, method, "/v1/a", "")
}

/// The client asks, the server answers, and the client gets that.
async fn exchange(ends: &mut (End, End), request: &str, sent: &str, delivered: &str) {
    let (client, server) = ends;
    client.sends(request).await;
    server.sees(request).await;
    server.sends(sent).await;
    client.sees(delivered).await;
}

const GRANTS: &str = "Access-Control-Allow-Origin: https://app.example.test\r\n\
                      Access-Control-Allow-Credentials: true\r\n";
const LISTS: &str = "Access-Control-Allow-Methods: PUT\r\nAccess-Control-Allow-Headers: x-a\r\n\
                     Access-Control-Max-Age: 5\r\n";
/// An answer that passes by itself.
const PASSES: &str = "HTTP/1.1 204 Done\r\n\
                      Access-Control-Allow-Origin: https://app.example.test\r\n\
                      Access-Control-Allow-Credentials: true\r\n\r\n";
/// One that a browser blocks.
const BARE: &str = "HTTP/1.1 204 Done\r\n\r\n";
const MARKS: &str = "Vary: Origin\r\nCache-Control: no-store\r\ncorstap-rewrite: app\r\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_response_that_would_be_blocked_passes_with_every_other_octet_as_it_was() {
    let scene = scene_with("").await;
    let mut ends = scene.both().await;
    let head = "HTTP/1.1 404 Not  here\r\nx-ODD:\ta \t\r\n";
    let content = "Transfer-Encoding: chunked\r\n";
    let chunks = "\r\n2;x\r\nhi\r\n0\r\n\r\n";
    let sent = format!("{head}Access-Control-Allow-Origin: null\r\n{content}{chunks}");
    let delivered = format!(
        "{head}Access-Control-Allow-Origin: {ORIGIN}\r\n{content}\
         Access-Control-Allow-Credentials: true\r\n{MARKS}{chunks}"
    );
    exchange(&mut ends, &asks(&scene, "GET"), &sent, &delivered).await;
    let stored = scene.recorded();
    assert_eq!(label(&stored), ("blocked", Some("allow-origin-mismatch")));
    let rewrite = stored.recorded.rewrite.as_ref().expect("rewritten");
    assert_eq!((&*rewrite.rule, rewrite.edits.len()), ("app", 5));
    let [sent, delivered] = [&stored.recorded.sent, &stored.recorded.delivered]
        .map(|response| response.as_ref().expect("there"));
    assert_eq!((sent.headers.len(), delivered.headers.len()), (3, 7));
    let delivered = stored.judgement.delivered.as_ref().expect("judged");
    assert_eq!(delivered.answer.outcome.name(), "allowed");
    // The connection carries the next exchange, which no rule is for.
    let bare = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    exchange(&mut ends, &request(&scene, "GET", "/v10", ""), bare, bare).await;
    assert_eq!(scene.recorded().recorded.rewrite, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preflight_is_repaired_and_what_follows_is_not_sent_in_production() {
    let scene = scene_with("").await;
    let mut ends = scene.both().await;
    let sent = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno";
    let delivered = format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n{GRANTS}{LISTS}{MARKS}\r\nno");
    exchange(&mut ends, &preflight(&scene), sent, &delivered).await;
    let asked = request(&scene, "PUT", "/v1/a", "X-A: b\r\n");
    exchange(&mut ends, &asked, PASSES, PASSES).await;
    let stored = scene.recorded();
    assert_eq!(label(&stored), ("blocked", Some("allow-origin-missing")));
    let actual = scene.recorded();
    assert_eq!(label(&actual), ("allowed", None));
    assert_eq!(actual.recorded.rewrite, None);
    assert_eq!(actual.judgement.production, Some(Production::NotSent));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repaired_304_has_no_content_either() {
    let scene = scene_with("").await;
    let mut ends = scene.both().await;
    let sent = "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n";
    let delivered =
        format!("HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n{GRANTS}{LISTS}{MARKS}\r\n");
    exchange(&mut ends, &preflight(&scene), sent, &delivered).await;
    exchange(&mut ends, &asks(&scene, "PUT"), PASSES, PASSES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_that_answers_keeps_the_preflight_from_the_server() {
    let scene = scene_with("preflight = \"answer\"").await;
    let mut ends = scene.both().await;
    let answer = format!("HTTP/1.1 204 No Content\r\n{GRANTS}{LISTS}{MARKS}\r\n");
    ends.0.sends(preflight(&scene)).await;
    ends.0.sees(&answer).await;
    exchange(&mut ends, &asks(&scene, "PUT"), PASSES, PASSES).await;
    let stored = scene.recorded();
    assert_eq!(label(&stored), ("not-asked", None));
    assert_eq!(stored.recorded.sent, None);
    assert_eq!(
        stored
            .recorded
            .delivered
            .as_ref()
            .map(|answer| answer.status),
        Some(204)
    );
    assert_eq!(
        scene.recorded().judgement.production,
        Some(Production::Unknown)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_the_proxys_port_a_rule_answers_before_anybody_is_dialled() {
    let scene = scene_with("preflight = \"answer\"").await;
    let mut client = scene.client().await;
    let asked = preflight(&scene).replace("/v1/a", &format!("http://{}/v1/a", scene.authority()));
    client.sends(asked).await;
    client.sees("HTTP/1.1 204 No Content\r\n").await;
    assert_eq!(label(&scene.recorded()), ("not-asked", None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_passes_or_is_not_listed_goes_through_as_it_is() {
    let scene = scene_with("").await;
    let mut ends = scene.both().await;
    let passes =
        format!("HTTP/1.1 200 OK\r\n{GRANTS}Cache-Control: public\r\nContent-Length: 0\r\n\r\n");
    exchange(&mut ends, &asks(&scene, "GET"), &passes, &passes).await;
    let wide = "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 0\r\n\r\n";
    for origin in [
        "https://evil.test",
        "null",
        "https://app.example.test.evil.test",
    ] {
        let asked = request(&scene, "GET", "/v1/a", "Cookie: a=b\r\n").replace(ORIGIN, origin);
        exchange(&mut ends, &asked, wide, wide).await;
        assert_eq!(scene.recorded().recorded.rewrite, None);
    }
    for metadata in ["no-cors", "navigate"] {
        let fields = format!("Sec-Fetch-Mode: {metadata}\r\nSec-Fetch-Site: cross-site\r\n");
        let asked = request(
            &scene,
            "POST",
            "/v1/a",
            &format!("{fields}Content-Length: 0\r\n"),
        );
        exchange(&mut ends, &asked, wide, wide).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_policy_counts_from_the_next_response_on_and_none_when_it_is_over() {
    let mut kept = None;
    let policy = |server| {
        let rewriting = Rewriting::until(EVER, rewriter(server, ""));
        kept = Some(rewriting.clone());
        rewriting
    };
    let scene = Scene::set_to_rewrite(policy).await;
    let rewriting = kept.expect("in force");
    let mut ends = scene.both().await;
    let asked = asks(&scene, "GET");
    let with = |name: &str| {
        let marks = MARKS.replace("app", name);
        format!("HTTP/1.1 204 Done\r\n{GRANTS}{marks}\r\n")
    };
    exchange(&mut ends, &asked, BARE, &with("app")).await;
    rewriting.replace(rewriter_named("other", scene.server, ""));
    exchange(&mut ends, &asked, BARE, &with("other")).await;
    rewriting.end();
    exchange(&mut ends, &asked, BARE, BARE).await;
    rewriting.replace(rewriter(scene.server, ""));
    exchange(&mut ends, &asked, BARE, BARE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_rewritten_after_its_time() {
    let policy = |server| Rewriting::until(clock::now(), rewriter(server, ""));
    let scene = Scene::set_to_rewrite(policy).await;
    let mut ends = scene.both().await;
    exchange(&mut ends, &asks(&scene, "GET"), BARE, BARE).await;
}

// Over HTTP/2.

/// A browser and the server, with the proxy between them.
struct Line<'a> {
    scene: &'a Scene,
    browser: Browser,
    server: Server,
}

impl<'a> Line<'a> {
    async fn through(scene: &'a Scene) -> Self {
        let (browser, server) = both(scene).await;
        Self {
            scene,
            browser,
            server,
        }
    }

    /// What the browser sees of the server's answer: status, fields and content.
    async fn carries(
        &mut self,
        (method, fields): (&str, &[(&str, &str)]),
        answer: http::Response<()>,
    ) -> (u16, Vec<(String, String)>) {
        let Self {
            scene,
            browser,
            server,
        } = self;
        let origin = [("origin", ORIGIN)];
        let fields: Vec<_> = origin.iter().chain(fields).copied().collect();
        let (response, _) = browser.asks(method, "/v1/a", &fields, false).await;
        let (_, mut respond) = server.sees().await;
        let has_content = answer.status() != 304;
        let mut content = respond.send_response(answer, !has_content).expect("sent");
        if has_content {
            content.send_data("hi".into(), true).expect("sent");
        }
        let (head, content) = within(response).await.expect("a response").into_parts();
        let (octets, _) = whole(content).await.expect("whole");
        assert_eq!(octets, if has_content { b"hi".as_slice() } else { b"" });
        assert!(scene.rig.told().is_empty());
        let text =
            |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let fields = head.headers.iter();
        let fields = fields.map(|(name, value)| (name.to_string(), text(value)));
        (head.status.as_u16(), fields.collect())
    }
}

fn fields(lines: &[&str]) -> Vec<(String, String)> {
    let lines = lines.iter().flat_map(|text| text.lines());
    let pair = |line: &str| {
        line.split_once(": ")
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
    };
    lines.filter_map(pair).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_2_the_same_fields_change() {
    let scene = scene_with("").await;
    let mut line = Line::through(&scene).await;
    let asks = [
        ("access-control-request-method", "PUT"),
        ("access-control-request-headers", "x-a"),
    ];
    let answer = head(500, &[("x-b", "\u{fc}"), ("vary", "accept"), ("x-c", "d")]);
    let seen = line.carries(("OPTIONS", &asks), answer).await;
    let marks = "Cache-Control: no-store\ncorstap-rewrite: app";
    let expected = fields(&[
        "x-b: \u{fc}\nvary: accept, Origin\nx-c: d",
        GRANTS,
        LISTS,
        marks,
    ]);
    assert_eq!(seen, (200, expected));
    let answer = head(
        200,
        &[
            ("access-control-allow-origin", "*"),
            ("access-control-allow-origin", ORIGIN),
        ],
    );
    let seen = line.carries(("PUT", &[]), answer).await;
    assert_eq!(seen, (200, fields(&[GRANTS, MARKS])));
    let stored = scene.recorded();
    assert_eq!(label(&stored), ("blocked", Some("allow-origin-missing")));
    let actual = scene.recorded();
    assert_eq!(label(&actual), ("blocked", Some("allow-origin-multiple")));
    assert_eq!(actual.judgement.production, Some(Production::NotSent));
    assert_eq!(actual.recorded.protocol, exchange::Protocol::Http2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_2_a_304_becomes_what_has_no_content_either_and_what_passes_stays() {
    let scene = scene_with("").await;
    let mut line = Line::through(&scene).await;
    let asks = [("access-control-request-method", "PUT")];
    let (status, _) = line.carries(("OPTIONS", &asks), head(304, &[])).await;
    assert_eq!(status, 204);
    let passes = fields(&[GRANTS, "cache-control: public\nx-a: b"]);
    let lines: Vec<_> = passes
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    let seen = line.carries(("PUT", &[]), head(201, &lines)).await;
    assert_eq!(seen, (201, passes));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_2_a_rule_answers_too() {
    let scene = scene_with("preflight = \"answer\"").await;
    let mut line = Line::through(&scene).await;
    let asks = [("origin", ORIGIN), ("access-control-request-method", "PUT")];
    let (response, _) = line.browser.asks("OPTIONS", "/v1/a", &asks, false).await;
    let response = within(response).await.expect("an answer");
    assert_eq!(response.status(), 204);
    assert_eq!(response.headers()["corstap-rewrite"], "app");
    let (status, _) = line.carries(("PUT", &[]), head(200, &[])).await;
    assert_eq!(status, 200);
    assert_eq!(label(&scene.recorded()), ("not-asked", None));
}
