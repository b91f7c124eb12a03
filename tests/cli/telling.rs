//! What the dashboard tells those who may have it: exchanges, changes as they come, what may be in the way, and
//! where the proxy is.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;

use serde_json::Value;

use super::dashboard::{Shown, status};
use super::running::{PATIENCE, fetch, server};

/// What the page is told while nothing has come: the legs that are not as they ought to be.
fn amiss(shown: &Shown) -> Vec<(String, String)> {
    let found = shown.json("/api/findings");
    let found = found.as_array().expect("a list").iter();
    let amiss = found.filter(|found| found["level"] != "ok");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let told = amiss.map(|found| {
        let said = format!("{} → {}", text(&found["said"]), text(&found["remedy"]));
        (text(&found["leg"]), said)
    });
    told.collect()
}

#[test]
fn what_may_keep_exchanges_from_coming_is_told_as_far_as_it_is_known() {
    let shown = Shown::start();
    let says = |leg: &str, word: &str| {
        let amiss = amiss(&shown);
        let is_it = |(of, said): &(String, String)| of == leg && said.contains(word);
        assert!(amiss.iter().any(is_it), "{leg}, {word}: {amiss:?}");
    };
    says("browser", "nothing has come to the proxy at");
    says("set-up", "open http://corstap.invalid/ in the browser");
    let signs = shown.json("/api/status")["signs"].clone();
    // A host that is not read is tunnelled to a server.
    let elsewhere = TcpListener::bind("127.0.0.2:0").expect("bound");
    let port = elsewhere.local_addr().expect("bound").port();
    let mut stream = TcpStream::connect(shown.running.address).expect("it listens");
    let connect = format!("CONNECT 127.0.0.2:{port} HTTP/1.1\r\nHost: 127.0.0.2\r\n\r\n");
    stream.write_all(connect.as_bytes()).expect("written");
    stream.read_exact(&mut [0; 12]).expect("answered");
    says(
        "hosts",
        "nothing of it is listed: 127.0.0.2 → start with --host NAME",
    );
    assert!(amiss(&shown).iter().all(|(leg, _)| leg != "browser"));
    assert_ne!(shown.json("/api/status")["signs"], signs);
}

#[test]
fn pages_go_back_from_the_newest_in_the_form_of_the_log() {
    let shown = Shown::start();
    let at = server();
    for path in ["a", "b", "c"] {
        fetch(shown.running.address, at, path);
    }
    shown.running.logs(3);
    let page = shown.json("/api/exchanges?limit=2");
    let ids = |page: &Value| -> Vec<u64> {
        let exchanges = page["exchanges"].as_array().expect("a list");
        exchanges
            .iter()
            .map(|exchange| exchange["id"].as_u64().expect("a number"))
            .collect()
    };
    assert_eq!(ids(&page), [3, 2]);
    let rest = shown.json(&format!("/api/exchanges?before={}", page["next"]));
    assert_eq!((ids(&rest), &rest["next"]), (vec![1], &Value::Null));
    assert_eq!(ids(&shown.json("/api/exchanges?failed=true")), [3, 2, 1]);
    let one = shown.json("/api/exchanges/2");
    assert_eq!(
        (&one["v"], &one["verdict"]["outcome"]),
        (&Value::from(1), &Value::from("blocked"))
    );
    for odd in [
        "/api/exchanges?before=x",
        "/api/exchanges?limit=-1",
        "/api/exchanges?path=/etc/passwd",
        "/api/exchanges/x",
        "/api/exchanges/-1",
        "/api/changes?after=x",
    ] {
        let answer = shown.asks(&format!("GET {odd}"), &[("Authorization", &shown.bearer())]);
        assert_eq!(status(&answer), 400, "{odd}: {answer}");
    }
    let none = shown.asks(
        "GET /api/exchanges/99",
        &[("Authorization", &shown.bearer())],
    );
    assert_eq!(status(&none), 404);
}

/// Reads events until one tells of this exchange, and gives the changes and exchanges told till then.
fn events(address: SocketAddr, bearer: &str, from: &str, last: u64) -> Vec<(u64, Value)> {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time");
    let request = format!(
        "GET /api/changes HTTP/1.0\r\nHost: {address}\r\nAuthorization: {bearer}\r\n{from}\r\n"
    );
    stream.write_all(request.as_bytes()).expect("written");
    let (mut id, mut told) = (0, Vec::new());
    for line in BufReader::new(stream).lines() {
        let line = line.expect("read");
        if let Some(number) = line.strip_prefix("id: ") {
            id = number.parse().expect("a number");
        } else if let Some(data) = line.strip_prefix("data: ") {
            let exchange: Value = serde_json::from_str(data).expect("JSON");
            let is_last = exchange["id"] == last && !exchange["elapsed_ms"].is_null();
            told.push((id, exchange));
            if is_last {
                break;
            }
        }
    }
    told
}

#[test]
fn what_comes_is_told_in_order_without_a_gap_and_once_wherever_one_goes_on() {
    let shown = Shown::start();
    let at = server();
    fetch(shown.running.address, at, "before");
    shown.running.logs(1);
    let (address, bearer) = (shown.address, shown.bearer());
    let (told, rest) = std::thread::scope(|scope| {
        let hearing = scope.spawn(|| events(address, &bearer, "", 20));
        for number in 1..20 {
            fetch(shown.running.address, at, &number.to_string());
        }
        let told = hearing.join().expect("no panic");
        let middle = told[told.len() / 2].0;
        let rest = events(
            address,
            &bearer,
            &format!("Last-Event-ID: {middle}\r\n"),
            20,
        );
        (told, rest)
    });
    let changes: Vec<u64> = told.iter().map(|(change, _)| *change).collect();
    assert!(changes.windows(2).all(|two| two[0] < two[1]), "{changes:?}");
    for id in 1..=20 {
        let mut revisions = told
            .iter()
            .filter(|(_, exchange)| exchange["id"] == id)
            .map(|(_, exchange)| (exchange["rev"].as_u64(), exchange["ending"].to_string()));
        let first = revisions
            .next()
            .unwrap_or_else(|| panic!("{id} is missing"));
        let mut all: Vec<_> = std::iter::once(first).chain(revisions).collect();
        let count = all.len();
        all.dedup();
        assert_eq!(all.len(), count, "{id} was told twice: {all:?}");
    }
    let middle = told[told.len() / 2].0;
    assert!(rest.iter().all(|(change, _)| *change > middle));
    let ids = |told: &[(u64, Value)]| -> std::collections::BTreeSet<u64> {
        let later = told.iter().filter(|(change, _)| *change > middle);
        later
            .filter_map(|(_, exchange)| exchange["id"].as_u64())
            .collect()
    };
    assert_eq!(ids(&rest), ids(&told));
}

#[test]
fn the_pac_file_sends_what_is_read_through_the_proxy_and_nothing_else() {
    let shown = Shown::start();
    let pac = shown.asks("GET /proxy.pac", &[]);
    let (head, script) = pac.split_once("\r\n\r\n").expect("a head");
    assert!(head.contains("application/x-ns-proxy-autoconfig"), "{head}");
    let proxy = format!("PROXY {}", shown.running.address);
    let dashboard = format!("http://{}/", shown.address);
    let cases = [
        ("http://localhost:3000/", "localhost", proxy.as_str()),
        ("https://app.test/", "app.test", &proxy),
        ("https://A.B.TEST./", "A.B.TEST.", &proxy),
        ("http://127.0.0.1:8000/", "127.0.0.1", &proxy),
        ("http://[::1]:8000/", "[::1]", &proxy),
        ("http://corstap.invalid/", "corstap.invalid", &proxy),
        (&dashboard, "127.0.0.1", "DIRECT"),
        ("https://example.com/", "example.com", "DIRECT"),
        ("https://latest/", "latest", "DIRECT"),
        ("https://test.example.com/", "test.example.com", "DIRECT"),
    ];
    for (url, host, way) in cases {
        let ask = format!("{script}; console.log(FindProxyForURL({url:?}, {host:?}))");
        let output = Command::new("node")
            .args(["-e", &ask])
            .output()
            .expect("node");
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), way, "{url}");
    }
}
