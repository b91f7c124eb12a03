//! Conversations over HTTP/2: what a browser sends on a stream reaches the server on one of its
//! own, and the answer likewise.

use bytes::Bytes;
use corstap::exchange::Protocol;
use corstap::wire::MAX_INTERIM;
use corstap::wire::alpn::Alpn;
use h2::Reason;
use http::{HeaderMap, Request};

use crate::support::http2::{Order, both, both_as, deserted, head, piece, whole, within};
use crate::support::scene::{Scene, label};

const CHROMIUM: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                        Chrome/156.0.0.0 Safari/537.36";

fn ending(scene: &Scene) -> &'static str {
    scene.recorded().recorded.ending.name()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_speak_what_the_server_has_chosen() {
    let scene = Scene::set().await;
    let offers = [Alpn::Http2, Alpn::Http11];
    let (mut client, mut server) = scene.both_with(&offers, Alpn::Http11).await;
    let request = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", scene.authority());
    client.sends(&request).await;
    server.sees(&request).await;
    let (mut browser, mut server) = both(&scene).await;
    let (_answer, _) = browser.asks("GET", "/", &[], false).await;
    server.sees().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_arrive_octet_for_octet_and_in_order_among_equals() {
    let scene = Scene::set().await;
    let (mut browser, mut server) = both(&scene).await;
    let fields = [
        ("origin", "https://app.example.test"),
        ("cookie", "a=1"),
        ("x-a", "\u{e9} \t ,\""),
        ("cookie", "b=2"),
        ("te", "trailers"),
    ];
    let (answer, _) = browser
        .asks("GET", "/a//../b?c=%20|{}", &fields, false)
        .await;
    let (request, mut respond) = server.sees().await;
    assert_eq!(
        request.uri().path_and_query().expect("a path"),
        "/a//../b?c=%20|{}"
    );
    assert_eq!(
        request.uri().authority().expect("one").as_str(),
        scene.authority()
    );
    let cookies: Vec<_> = request.headers().get_all("cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    assert_eq!(
        request.headers()["x-a"].as_bytes(),
        "\u{e9} \t ,\"".as_bytes()
    );
    assert_eq!(request.headers()["te"], "trailers");
    let fields = [
        ("set-cookie", "c=3"),
        ("x-b", "\u{fc}"),
        ("set-cookie", "d=4"),
    ];
    respond
        .send_response(head(299, &fields), true)
        .expect("sent");
    let response = within(answer).await.expect("a response");
    assert_eq!(response.status(), 299);
    let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["c=3", "d=4"]);
    assert_eq!(response.headers()["x-b"].as_bytes(), "\u{fc}".as_bytes());
    let stored = scene.recorded();
    assert_eq!(stored.recorded.protocol, Protocol::Http2);
    assert_eq!(label(&stored), ("blocked", Some("allow-origin-missing")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interim_answers_and_trailers_pass_in_both_directions() {
    let scene = Scene::set().await;
    let (mut browser, mut server) = both(&scene).await;
    let expects = [("expect", "100-continue"), ("trailer", "x-sum")];
    let (mut answer, mut content) = browser.asks("PUT", "/", &expects, true).await;
    let (request, mut respond) = server.sees().await;
    for (status, fields) in [(100, &[] as &[_]), (103, &[("link", "</a>; rel=preload")])] {
        respond
            .send_informational(head(status, fields))
            .expect("sent");
        let interim = within(std::future::poll_fn(|cx| answer.poll_informational(cx))).await;
        assert_eq!(interim.expect("one").expect("intact").status(), status);
    }
    content
        .send_data(Bytes::from_static(b"up"), false)
        .expect("sent");
    let trailers = |value: &str| -> HeaderMap {
        [(
            http::HeaderName::from_static("x-sum"),
            value.parse().expect("a value"),
        )]
        .into_iter()
        .collect()
    };
    content.send_trailers(trailers("1")).expect("sent");
    let (octets, trailer) = whole(request.into_body()).await.expect("whole");
    assert_eq!(
        (octets.as_slice(), trailer),
        (b"up".as_slice(), Some(trailers("1")))
    );
    let mut answering = respond.send_response(head(200, &[]), false).expect("sent");
    answering
        .send_data(Bytes::from_static(b"down"), false)
        .expect("sent");
    answering.send_trailers(trailers("2")).expect("sent");
    let response = within(answer).await.expect("a response");
    let (octets, trailer) = whole(response.into_body()).await.expect("whole");
    assert_eq!(
        (octets.as_slice(), trailer),
        (b"down".as_slice(), Some(trailers("2")))
    );
    assert_eq!(ending(&scene), "complete");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_piece_leaves_as_it_comes_in_both_directions() {
    let scene = Scene::set().await;
    let (mut browser, mut server) = both(&scene).await;
    let (answer, mut content) = browser.asks("POST", "/grpc", &[], true).await;
    let (request, mut respond) = server.sees().await;
    let mut request = request.into_body();
    let mut answering = respond.send_response(head(200, &[]), false).expect("sent");
    let mut response = within(answer).await.expect("a response").into_body();
    for octets in ["one", "two", "three"] {
        content.send_data(Bytes::from(octets), false).expect("sent");
        assert_eq!(piece(&mut request).await, octets);
        answering
            .send_data(Bytes::from(octets), false)
            .expect("sent");
        assert_eq!(piece(&mut response).await, octets);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resets_pass_with_their_reason() {
    let scene = Scene::set().await;
    let (mut browser, mut server) = both(&scene).await;
    let (answer, _) = browser
        .asks(
            "GET",
            "/",
            &[("user-agent", CHROMIUM), ("sec-fetch-mode", "cors")],
            false,
        )
        .await;
    let (_request, mut respond) = server.sees().await;
    respond.send_reset(Reason::INADEQUATE_SECURITY);
    let error = within(answer).await.expect_err("a reset");
    assert_eq!(error.reason(), Some(Reason::INADEQUATE_SECURITY));
    assert_eq!(ending(&scene), "reset-by-server");

    let response = browser.asks("GET", "/", &[], false).await.0;
    let (_request, mut respond) = server.sees().await;
    let mut answering = respond.send_response(head(200, &[]), false).expect("sent");
    answering
        .send_data(Bytes::from_static(b"half"), false)
        .expect("sent");
    let mut content = within(response).await.expect("a response").into_body();
    piece(&mut content).await;
    answering.send_reset(Reason::INTERNAL_ERROR);
    assert_eq!(whole(content).await, Err(Some(Reason::INTERNAL_ERROR)));
    assert_eq!(ending(&scene), "truncated");

    let (_answer, mut asking) = browser.asks("POST", "/", &[], true).await;
    let (request, _respond) = server.sees().await;
    asking.send_reset(Reason::CANCEL);
    assert_eq!(whole(request.into_body()).await, Err(Some(Reason::CANCEL)));
    assert_eq!(ending(&scene), "reset-by-client");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_slows_its_own_stream_only() {
    let scene = Scene::set().await;
    let mut wide = h2::client::Builder::new();
    wide.initial_connection_window_size(1 << 24);
    let (mut browser, mut server) = both_as(&scene, wide, h2::server::Builder::new()).await;
    let (slow, _) = browser.asks("GET", "/slow", &[], false).await;
    let (_request, mut respond) = server.sees().await;
    let mut flood = respond.send_response(head(200, &[]), false).expect("sent");
    let mut sent = 0;
    // Nobody reads: the server runs out of window, long before it has sent everything.
    flood.reserve_capacity(64 << 20);
    while let Ok(granted) = tokio::time::timeout(
        std::time::Duration::from_millis(500),
        std::future::poll_fn(|cx| flood.poll_capacity(cx)),
    )
    .await
    {
        let granted = granted.expect("open").expect("intact");
        flood
            .send_data(vec![0; granted].into(), false)
            .expect("sent");
        sent += granted;
    }
    assert!(sent < 4 << 20, "{sent} octets were taken that nobody reads");
    let (quick, _) = browser.asks("GET", "/quick", &[], false).await;
    let (_request, mut respond) = server.sees().await;
    let mut answering = respond.send_response(head(200, &[]), false).expect("sent");
    answering
        .send_data(vec![1; 60_000].into(), true)
        .expect("sent");
    let (octets, _) = whole(within(quick).await.expect("a response").into_body())
        .await
        .expect("whole");
    assert_eq!(octets.len(), 60_000);
    drop(slow);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_drains_finishes_what_is_under_way_and_the_browser_is_told() {
    let scene = Scene::set().await;
    let (mut browser, mut server) = both(&scene).await;
    let (answer, _) = browser.asks("GET", "/", &[], false).await;
    let (_request, mut respond) = server.sees().await;
    server.is_told(Order::Drain).await;
    respond.send_response(head(204, &[]), true).expect("sent");
    assert_eq!(within(answer).await.expect("a response").status(), 204);
    // Our last frame may cross the browser's own.
    if let Err(error) = within(browser.driving).await.expect("no panic") {
        assert!(error.is_io(), "an end, and no violation: {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_breaks_off_breaks_the_browsers_connection() {
    let scene = Scene::set().await;
    let (mut browser, mut server) = both(&scene).await;
    let fields = [
        ("origin", "https://app.example.test"),
        ("user-agent", CHROMIUM),
    ];
    let (answer, _) = browser.asks("GET", "/", &fields, false).await;
    let _unanswered = server.sees().await;
    server.is_told(Order::Break).await;
    let error = within(answer).await.expect_err("no response");
    assert!(
        !error.is_reset(),
        "the connection is gone, not the stream alone: {error}"
    );
    assert_eq!(ending(&scene), "no-response");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_gets_a_page_where_the_server_gave_no_answer() {
    let scene = Scene::set().await;
    let (mut browser, mut server) = both(&scene).await;
    let fields = [
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
        ("user-agent", CHROMIUM),
    ];
    let (answer, _) = browser.asks("GET", "/", &fields, false).await;
    let _unanswered = server.sees().await;
    server.is_told(Order::Break).await;
    let response = within(answer).await.expect("a page");
    assert_eq!(response.status(), 502);
    let (page, _) = whole(response.into_body()).await.expect("whole");
    let page = String::from_utf8(page).expect("text");
    assert!(
        page.contains("<h1>The server gave no answer</h1>"),
        "{page}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_websocket_is_opened_over_a_stream_and_its_octets_pass() {
    let scene = Scene::set().await;
    let mut extended = h2::server::Builder::new();
    extended.enable_connect_protocol();
    let (mut browser, mut server) = both_as(&scene, h2::client::Builder::new(), extended).await;
    let mut request = Request::builder()
        .method("CONNECT")
        .uri(format!("https://{}/chat", scene.authority()))
        .header("sec-websocket-version", "13")
        .header("origin", "https://app.example.test")
        .header("user-agent", CHROMIUM)
        .body(())
        .expect("a request");
    request
        .extensions_mut()
        .insert(h2::ext::Protocol::from_static("websocket"));
    let (answer, mut up) = browser.sends(request, false).await;
    let (request, mut respond) = server.sees().await;
    let protocol = request
        .extensions()
        .get::<h2::ext::Protocol>()
        .expect("one");
    assert_eq!(protocol.as_str(), "websocket");
    let mut down = respond.send_response(head(200, &[]), false).expect("sent");
    let mut response = within(answer).await.expect("a response").into_body();
    let stored = scene.recorded();
    assert_eq!(label(&stored), ("exempt", None));
    let mut request = request.into_body();
    up.send_data(Bytes::from_static(b"ping"), false)
        .expect("sent");
    assert_eq!(piece(&mut request).await, "ping");
    down.send_data(Bytes::from_static(b"pong"), true)
        .expect("sent");
    assert_eq!(piece(&mut response).await, "pong");
    up.send_data(Bytes::new(), true).expect("sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn extended_connect_is_offered_only_where_the_server_takes_it() {
    let scene = Scene::set().await;
    let (browser, _server) = both(&scene).await;
    assert!(!browser.requests.is_extended_connect_protocol_enabled());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_may_open_as_many_streams_as_the_server_takes() {
    let scene = Scene::set().await;
    let mut narrow = h2::server::Builder::new();
    narrow.max_concurrent_streams(3);
    let (mut browser, mut server) = both_as(&scene, h2::client::Builder::new(), narrow).await;
    let first = browser.asks("GET", "/", &[], false).await;
    server
        .sees()
        .await
        .1
        .send_response(head(204, &[]), true)
        .expect("sent");
    within(first.0).await.expect("a response");
    assert_eq!(browser.requests.current_max_send_streams(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_closes_before_it_is_asked_is_seen_by_the_first_request() {
    let scene = Scene::set().await;
    let fields = [
        ("origin", "https://app.example.test"),
        ("user-agent", CHROMIUM),
    ];
    let (answer, _) = deserted(&scene)
        .await
        .asks("GET", "/", &fields, false)
        .await;
    let error = within(answer).await.expect_err("no response");
    assert!(!error.is_reset(), "the connection is gone: {error}");
    assert_eq!(ending(&scene), "no-response");
    let fields = [("sec-fetch-mode", "navigate"), ("user-agent", CHROMIUM)];
    let (answer, _) = deserted(&scene)
        .await
        .asks("GET", "/", &fields, false)
        .await;
    assert_eq!(within(answer).await.expect("a page").status(), 502);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interim_answers_without_end_are_no_answer() {
    let scene = Scene::set().await;
    let (mut browser, mut server) = both(&scene).await;
    let fields = [
        ("origin", "https://app.example.test"),
        ("user-agent", CHROMIUM),
    ];
    let (mut answer, _) = browser.asks("GET", "/", &fields, false).await;
    let (_request, mut respond) = server.sees().await;
    for number in 0..MAX_INTERIM {
        respond.send_informational(head(103, &[])).expect("sent");
        let interim = within(std::future::poll_fn(|cx| answer.poll_informational(cx))).await;
        assert!(matches!(interim, Some(Ok(_))), "number {number}");
    }
    respond.send_informational(head(103, &[])).expect("sent");
    let error = within(answer).await.expect_err("a reset");
    assert_eq!(error.reason(), Some(Reason::PROTOCOL_ERROR));
    assert_eq!(ending(&scene), "not-http");
}
