//! What a probe asks for, and what it never does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use corstap::exchange::RequestUrl;
use corstap::probe::{Error, Fetch, Probe};
use corstap::proxy::{Asker, Route};
use hyper::http::header::HeaderValue;
use hyper::http::{Response, StatusCode};
use tokio::net::TcpListener;

use crate::site::{Site, page};

const RULE: &str = "origins = [\"https://app.example.com\"]\nmethods = [\"PUT\", \"DELETE\"]";

fn probe(url: &str, pace: Duration) -> Probe<'static> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Probe {
        asker: Asker::new(Route::default(), provider),
        url: RequestUrl::parse(url).expect("valid"),
        fetch: Fetch::Head,
        rules: Vec::new(),
        pace,
    }
}

#[tokio::test]
async fn nothing_but_pages_and_preflights_is_asked_for_once_and_without_cookies() {
    let site = Site::answering(page).await;
    let (cells, _) = site.probed(RULE).await;
    let asked = site.asked.lock().expect("not poisoned").clone();
    assert_eq!(asked.len(), cells.len());
    for head in &asked {
        assert!(
            head.starts_with("GET /api") || head.starts_with("OPTIONS /api"),
            "{head}"
        );
        assert!(!head.contains("cookie="), "{head}");
    }
    let mut once = asked.clone();
    once.sort();
    once.dedup();
    let nearly = asked.len() - 1;
    assert!(once.len() >= nearly, "{asked:#?}");
    for origin in [
        "null",
        "https://app.example.com.",
        "https://APP.EXAMPLE.COM",
        "https://app.example.com`.corstap-probe.example",
    ] {
        let exact = format!("GET /api origin={origin}");
        assert!(asked.contains(&exact), "{origin} is missing in {asked:#?}");
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let site = Site::answering(|_| {
        let mut response = Response::default();
        *response.status_mut() = StatusCode::FOUND;
        let elsewhere = HeaderValue::from_static("/api/elsewhere");
        response.headers_mut().insert("location", elsewhere);
        response
    })
    .await;
    let (cells, _) = site.probed(RULE).await;
    let asked = site.asked.lock().expect("not poisoned").clone();
    assert_eq!(asked.len(), cells.len());
    assert!(
        !asked.iter().any(|head| head.contains("elsewhere")),
        "{asked:#?}"
    );
}

#[tokio::test]
async fn requests_keep_their_distance() {
    let site = Site::answering(page).await;
    let probe = probe(&site.url, Duration::from_millis(20));
    let begun = Instant::now();
    let cells = probe.run(probe.matrix(5), |_| ()).await.expect("answered");
    assert_eq!(cells.len(), 5);
    assert!(begun.elapsed() >= Duration::from_millis(80));
    let asked = site.asked.lock().expect("not poisoned").clone();
    assert_eq!(asked.first().map(String::as_str), Some("HEAD /api"));
}

#[tokio::test]
async fn a_server_that_is_not_there_or_does_not_answer_ends_the_probe() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let url = format!("http://{}/", listener.local_addr().expect("bound"));
    let deaf = tokio::spawn(async move {
        let mut accepted = 0;
        while accepted < 3 {
            drop(listener.accept().await);
            accepted += 1;
        }
    });
    let closing = probe(&url, Duration::ZERO);
    let failed = closing
        .run(closing.matrix(100), |_| ())
        .await
        .expect_err("deaf");
    assert!(matches!(failed, Error::Silent(_)), "{failed}");
    deaf.await.expect("ended");
    let failed = closing
        .run(closing.matrix(100), |_| ())
        .await
        .expect_err("gone");
    let Error::NotReached(why) = failed else {
        panic!("{failed}");
    };
    assert!(
        why.remedy("corstap check a.toml")
            .contains("Is the server running"),
        "{why}"
    );
}
