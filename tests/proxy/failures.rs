//! No forged failures: what goes wrong on the way to a server looks to the page as it would
//! without a proxy, and the record says what it was.

use crate::support::scene::{Scene, label};

const FETCH: &str = "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0\r\n\
    Origin: https://app.example.test\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Site: same-site\r\nSec-Fetch-Dest: empty\r\n";
const VISIT: &str = "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0\r\n\
    Sec-Fetch-Mode: navigate\r\nSec-Fetch-Site: none\r\nSec-Fetch-Dest: document\r\n";

fn get(authority: &str, fields: &str) -> String {
    format!("GET http://{authority}/ HTTP/1.1\r\nHost: {authority}\r\n{fields}\r\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fetch_from_a_server_that_is_not_there_gets_a_close_and_a_visit_gets_a_page() {
    let scene = Scene::set().await;
    let nowhere = "nosuch.test:80";
    let mut fetch = scene.client().await;
    fetch.sends(&get(nowhere, FETCH)).await;
    fetch.sees_the_end().await;
    let stored = scene.recorded();
    assert_eq!(label(&stored), ("failed", Some("no-response")));
    assert_eq!(stored.recorded.ending.name(), "dns");
    assert!(
        stored
            .recorded
            .reason
            .as_deref()
            .is_some_and(|reason| reason.starts_with("nosuch.test does not resolve"))
    );

    let mut visit = scene.client().await;
    visit.sends(&get(nowhere, VISIT)).await;
    visit
        .sees("HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tool_that_is_no_browser_gets_a_page_in_plain_text() {
    let scene = Scene::set().await;
    let mut tool = scene.client().await;
    tool.sends(&get("nosuch.test:80", "User-Agent: curl/8\r\n"))
        .await;
    tool.sees("HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pages_fetch_gets_no_page_whatever_name_the_browser_gives_itself() {
    let scene = Scene::set().await;
    for fields in [
        "User-Agent: my-sdk/1.0\r\nSec-Fetch-Mode: cors\r\n",
        "User-Agent: my-sdk/1.0\r\nOrigin: https://app.example.test\r\n",
    ] {
        let mut fetch = scene.client().await;
        fetch.sends(&get("nosuch.test:80", fields)).await;
        fetch.sees_the_end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_tls_the_handshake_succeeds_before_the_close() {
    let scene = Scene::set().await;
    // The server takes the connection and is not one for TLS.
    let (mut client, ()) = tokio::join!(scene.tls_client(), async {
        let mut server = scene.server().await;
        server.sends("HTTP/1.1 400 Bad Request\r\n\r\n").await;
    });
    client
        .sends(&format!(
            "GET / HTTP/1.1\r\nHost: {}\r\n{FETCH}\r\n",
            scene.authority()
        ))
        .await;
    client.sees_the_end().await;
    let stored = scene.recorded();
    assert_eq!(stored.recorded.ending.name(), "tls");
    assert_eq!(label(&stored), ("failed", Some("no-response")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repeats_of_an_unanswered_request_are_one_story() {
    let scene = Scene::set().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        let mut client = scene.client().await;
        client.sends(&get("nosuch.test:80", FETCH)).await;
        client.sees_the_end().await;
        let stored = scene.recorded();
        ids.push((
            stored.recorded.id.0,
            stored.judgement.retry_of.map(|first| first.0),
        ));
    }
    assert_eq!(ids, [(1, None), (2, Some(1)), (3, Some(1))]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_closes_without_an_answer_is_passed_on_as_that() {
    let scene = Scene::set().await;
    let (mut client, mut server) = scene.both().await;
    client
        .sends(&format!(
            "GET / HTTP/1.1\r\nHost: {}\r\n{FETCH}\r\n",
            scene.authority()
        ))
        .await;
    server.sees("GET / HTTP/1.1\r\n").await;
    server.ends().await;
    client.sees_the_end().await;
    assert_eq!(scene.recorded().recorded.ending.name(), "no-response");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_not_http_does_not_reach_the_page() {
    let scene = Scene::set().await;
    for garbage in [
        "SSH-2.0-OpenSSH\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    ] {
        let (mut client, mut server) = scene.both().await;
        client
            .sends(&format!(
                "GET / HTTP/1.1\r\nHost: {}\r\n{FETCH}\r\n",
                scene.authority()
            ))
            .await;
        server.sees("GET / HTTP/1.1\r\n").await;
        server.sends(garbage).await;
        client.sees_the_end().await;
        assert_eq!(scene.recorded().recorded.ending.name(), "not-http");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_truncated_answer_stays_truncated() {
    let scene = Scene::set().await;
    let (mut client, mut server) = scene.both().await;
    client
        .sends(&format!(
            "GET / HTTP/1.1\r\nHost: {}\r\n{FETCH}\r\n",
            scene.authority()
        ))
        .await;
    server.sees("GET / HTTP/1.1\r\n").await;
    let half = "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: https://app.example.test\r\n\
        Access-Control-Allow-Credentials: true\r\nContent-Length: 10\r\n\r\nhello";
    server.sends(half).await;
    server.ends().await;
    client.sees(half).await;
    client.sees_the_end().await;
    let stored = scene.recorded();
    assert_eq!(
        (stored.recorded.ending.name(), label(&stored)),
        ("truncated", ("failed", None))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_request_is_refused_with_a_reason_and_recorded() {
    let scene = Scene::set().await;
    let mut client = scene.client().await;
    let authority = scene.authority();
    client
        .sends(&format!(
            "GET http://{authority}/ HTTP/1.1\r\nHost: {authority}\r\nA: b\n\r\n"
        ))
        .await;
    client.sees("HTTP/1.1 400 Bad Request\r\n").await;
    let page = String::from_utf8(client.reads_to_end().await).expect("text");
    assert!(page.contains("a line ends in LF without CR"), "{page}");
    let stored = scene.recorded();
    assert_eq!(stored.recorded.ending.name(), "never-sent");
    assert_eq!(
        stored.recorded.reason.as_deref(),
        Some("a line ends in LF without CR")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_whose_content_turns_bad_was_sent_that_far() {
    let scene = Scene::set().await;
    let (mut client, mut server) = scene.both().await;
    let good = format!(
        "POST / HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        scene.authority()
    );
    client.sends(&good).await;
    server.sees(&good).await;
    client.sends("zz\r\n").await;
    client.sees("HTTP/1.1 400 Bad Request\r\n").await;
    let page = String::from_utf8(client.reads_to_end().await).expect("text");
    assert!(
        page.contains("What came before it went to the server"),
        "{page}"
    );
    let stored = scene.recorded();
    assert_eq!(stored.recorded.ending.name(), "no-response");
    assert_eq!(
        stored.recorded.reason.as_deref(),
        Some("the content of the request is not valid: a chunk size is malformed")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_request_to_a_host_that_is_not_read_is_not_recorded() {
    let scene = Scene::set().await;
    let mut client = scene.client().await;
    client
        .sends("GET http://outside.example.com/private HTTP/1.1\r\nHost: u:p@outside.example.com\r\n\r\n")
        .await;
    client.sees("HTTP/1.1 400 Bad Request\r\n").await;
    let (capture, _dir) = scene.rig.finish().await;
    let mut recorded = 0;
    let count = |_| {
        recorded += 1;
        Ok::<(), corstap::store::Error>(())
    };
    capture
        .exchanges(corstap::store::capture::Which::All, count)
        .expect("read");
    assert_eq!(recorded, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_proxys_own_port_is_no_site_and_no_server() {
    let scene = Scene::set().await;
    let mut visitor = scene.client().await;
    visitor
        .sends("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        .await;
    visitor.sees("HTTP/1.1 400 Bad Request\r\n").await;
    for name in [
        "127.0.0.1",
        "localhost",
        "127.1",
        "2130706433",
        "[::ffff:127.0.0.1]",
        "a.localhost",
    ] {
        let own = format!("{name}:{}", scene.rig.proxy.port());
        let mut client = scene.client().await;
        client.sends(&get(&own, "User-Agent: curl/8\r\n")).await;
        client.sees("HTTP/1.1 403 Forbidden\r\n").await;
    }
}
