//! The dashboard: who gets what of it, and what it tells.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::running::{PATIENCE, Running, fetch, server};
use super::{corstap, stderr};

/// A run with a dashboard on a port of its own.
pub(super) struct Shown {
    pub(super) running: Running,
    pub(super) address: SocketAddr,
    token: String,
    _home: tempfile::TempDir,
}

impl Shown {
    pub(super) fn start() -> Self {
        let home = tempfile::tempdir().expect("a directory");
        let capture = home.path().join("one.corstap");
        let mut command = corstap(home.path());
        command
            .args([
                "run",
                "--json",
                "--listen",
                "127.0.0.1:0",
                "--dashboard",
                "127.0.0.1:0",
                "--capture",
            ])
            .arg(&capture)
            .env("CORSTAP_LOG", "trace");
        let running = Running::of(&mut command, capture);
        let url = loop {
            let told = running.told();
            let mut lines = told.lines();
            let found =
                lines.find_map(|line| Some(line.strip_prefix("dashboard: http://")?.to_owned()));
            match found {
                Some(found) => break found,
                None => std::thread::yield_now(),
            }
        };
        let (address, token) = url.split_once("/#").expect("a token in the fragment");
        Self {
            address: address.parse().expect("an address"),
            token: token.to_owned(),
            running,
            _home: home,
        }
    }

    /// What is answered to a request with these fields beside Host and Connection.
    pub(super) fn asks(&self, line: &str, fields: &[(&str, &str)]) -> String {
        let host = self.address.to_string();
        let mut all = vec![("Host", host.as_str())];
        all.extend(fields.iter().filter(|(name, _)| *name != "Host"));
        if let Some((_, host)) = fields.iter().find(|(name, _)| *name == "Host") {
            all[0].1 = host;
        }
        let fields = all
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"));
        let fields = fields.collect::<Vec<_>>().concat();
        let mut stream = self.connect();
        let request = format!("{line} HTTP/1.1\r\n{fields}Connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("written");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("read");
        answer
    }

    pub(super) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time");
        stream
    }

    pub(super) fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }

    pub(super) fn json(&self, path: &str) -> Value {
        let answer = self.asks(&format!("GET {path}"), &[("Authorization", &self.bearer())]);
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.1 200 "), "{answer}");
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"))
    }
}

pub(super) fn status(answer: &str) -> u16 {
    let word = answer.split(' ').nth(1).and_then(|word| word.parse().ok());
    word.unwrap_or_else(|| panic!("no status: {answer}"))
}

const OPEN: [&str; 6] = [
    "/",
    "/app.css",
    "/main.js",
    "/session.js",
    "/story.js",
    "/proxy.pac",
];
const CLOSED: [&str; 11] = [
    "/api/exchanges",
    "/api/exchanges?limit=1",
    "/api/exchanges/1",
    "/api/changes",
    "/api/changes?after=0",
    "/api/rows",
    "/api/captures",
    "/api/status",
    "/api/findings",
    "/api/report?ids=1&format=har",
    "/api/nothing",
];

#[test]
fn what_tells_something_needs_the_token_of_the_run() {
    let shown = Shown::start();
    fetch(shown.running.address, server(), "a?secret=hunter2");
    shown.running.logs(1);
    for path in CLOSED {
        let line = format!("GET {path}");
        let wrong = "x".repeat(shown.token.len());
        for fields in [
            vec![],
            vec![("Authorization", format!("Bearer {wrong}"))],
            vec![("Authorization", format!("Basic {}", shown.token))],
            vec![("Cookie", format!("corstap={0}; token={0}", shown.token))],
            vec![
                ("Authorization", shown.bearer()),
                ("Authorization", shown.bearer()),
            ],
        ] {
            let fields: Vec<(&str, &str)> = fields
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            let answer = shown.asks(&line, &fields);
            assert_eq!(status(&answer), 401, "{path}: {answer}");
            assert!(!answer.contains("127.0.0.1"), "{answer}");
        }
    }
    // Nor is it taken from the address, which ends up in logs and in Referer.
    let answer = shown.asks(&format!("GET /api/exchanges?token={}", shown.token), &[]);
    assert_eq!(status(&answer), 401);
    for path in OPEN {
        let answer = shown.asks(&format!("GET {path}"), &[]);
        assert_eq!(status(&answer), 200, "{path}");
        assert!(
            !answer.contains("hunter2") && !answer.contains(&shown.token),
            "{answer}"
        );
    }
    assert_eq!(
        shown.running.told().matches(&shown.token).count(),
        1,
        "it is told once"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn nothing_listens_but_the_proxy_and_the_dashboard() {
    let shown = Shown::start();
    let mut listening = super::listening::listening(shown.running.child.id());
    listening.sort();
    let mut announced = [shown.running.address, shown.address];
    announced.sort();
    assert_eq!(listening, announced);
}

#[test]
fn a_name_that_was_rebound_gets_nothing() {
    let shown = Shown::start();
    let (bearer, port) = (shown.bearer(), shown.address.port());
    for host in [
        "evil.test",
        "evil.test:80",
        "127.0.0.1",
        "127.0.0.1:1",
        "localhost",
        "[::1]",
        "",
    ] {
        for path in OPEN.iter().chain(&CLOSED) {
            let answer = shown.asks(
                &format!("GET {path}"),
                &[("Host", host), ("Authorization", &bearer)],
            );
            assert_eq!(status(&answer), 421, "{host}{path}: {answer}");
        }
    }
    for host in ["localhost", "LOCALHOST", "[::1]"] {
        let host = format!("{host}:{port}");
        let answer = shown.asks(
            "GET /api/exchanges",
            &[("Host", &host), ("Authorization", &bearer)],
        );
        assert_eq!(status(&answer), 200, "{host}: {answer}");
    }
}

#[test]
fn a_page_of_another_site_gets_nothing() {
    let shown = Shown::start();
    let bearer = shown.bearer();
    for fields in [
        &[
            ("Sec-Fetch-Site", "cross-site"),
            ("Sec-Fetch-Mode", "no-cors"),
        ][..],
        &[("Sec-Fetch-Site", "same-site"), ("Sec-Fetch-Mode", "cors")],
        &[("Origin", "http://evil.test")],
        &[("Origin", "null")],
        &[("Origin", "http://127.0.0.1:1")],
    ] {
        for path in OPEN.iter().chain(&CLOSED) {
            let all = [fields, &[("Authorization", bearer.as_str())]].concat();
            let answer = shown.asks(&format!("GET {path}"), &all);
            assert_eq!(status(&answer), 403, "{path}: {answer}");
        }
    }
    // A link to the page is none of these.
    let link = [
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Mode", "navigate"),
        ("Sec-Fetch-Dest", "document"),
    ];
    assert_eq!(status(&shown.asks("GET /", &link)), 200);
    let framed = [
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Mode", "navigate"),
        ("Sec-Fetch-Dest", "iframe"),
    ];
    assert_eq!(status(&shown.asks("GET /", &framed)), 403);
}

#[test]
fn a_forged_form_changes_nothing() {
    let shown = Shown::start();
    let bearer = shown.bearer();
    let own = format!("http://{}", shown.address);
    let json = ("Content-Type", "application/json");
    let token = ("Authorization", bearer.as_str());
    for fields in [
        vec![token],
        vec![token, json],
        vec![token, json, ("Origin", "http://evil.test")],
        vec![
            token,
            ("Origin", own.as_str()),
            ("Content-Type", "text/plain"),
        ],
        vec![token, ("Origin", own.as_str())],
    ] {
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
            let answer = shown.asks(&format!("{method} /api/exchanges"), &fields);
            assert_eq!(status(&answer), 403, "{method} {fields:?}: {answer}");
        }
    }
    let answer = shown.asks("POST /api/exchanges", &[token, json, ("Origin", &own)]);
    assert_eq!(status(&answer), 405, "{answer}");
}

#[test]
fn every_answer_says_what_it_may_do_and_none_shares_itself() {
    let shown = Shown::start();
    let mut answers: Vec<String> = OPEN
        .iter()
        .chain(&CLOSED[..3])
        .map(|path| shown.asks(&format!("GET {path}"), &[]))
        .collect();
    answers.push(shown.asks("GET /", &[("Host", "evil.test")]));
    answers.push(shown.asks("GET /nothing", &[]));
    answers.push(shown.asks(
        "OPTIONS /api/exchanges",
        &[
            ("Origin", "http://evil.test"),
            ("Access-Control-Request-Method", "GET"),
        ],
    ));
    for answer in answers {
        let head = answer
            .split("\r\n\r\n")
            .next()
            .expect("a head")
            .to_ascii_lowercase();
        for field in [
            "content-security-policy: default-src 'none'; script-src 'self';",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "cross-origin-resource-policy: same-origin",
            "cache-control: no-store",
        ] {
            assert!(head.contains(field), "{field}: {head}");
        }
        assert!(
            !head.contains("access-control-")
                && !head.contains("unsafe-inline")
                && !head.contains("set-cookie"),
            "{head}"
        );
    }
}

#[test]
fn no_asset_has_script_or_style_in_its_markup() {
    let shown = Shown::start();
    let page = shown.asks("GET /", &[]);
    for odd in ["<style", "style=", " onclick", " onload", "javascript:"] {
        assert!(!page.contains(odd), "{odd}");
    }
    assert_eq!(
        page.matches("<script").count(),
        page.matches("<script type=\"module\" src=").count()
    );
    for path in &OPEN[2..5] {
        let script = shown.asks(&format!("GET {path}"), &[]);
        assert!(
            !script.contains("innerHTML") && !script.contains("eval("),
            "{path}"
        );
    }
}

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
fn no_spelling_of_its_address_leads_through_the_proxy_to_the_dashboard() {
    let shown = Shown::start();
    let (proxy, port) = (shown.running.address, shown.address.port());
    for name in [
        "127.0.0.1",
        "localhost",
        "127.1",
        "0x7f000001",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
    ] {
        let mut stream = TcpStream::connect(proxy).expect("it listens");
        let own = format!("{name}:{port}");
        let request =
            format!("GET http://{own}/ HTTP/1.1\r\nHost: {own}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("written");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("read");
        assert!(
            status(&answer) == 403 && answer.contains("is corstap itself"),
            "{own}: {answer}"
        );
    }
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

fn refused(home: &Path, arguments: &[&str]) -> String {
    let output = corstap(home)
        .arg("run")
        .args(arguments)
        .output()
        .expect("run");
    assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    stderr(&output)
}

#[test]
fn where_there_can_be_none_it_is_refused_with_what_to_do() {
    let home = tempfile::tempdir().expect("a directory");
    let taken = TcpListener::bind("127.0.0.1:0").expect("bound");
    let taken = taken.local_addr().expect("bound").to_string();
    let own = ["--listen", "127.0.0.1:0", "--dashboard"];
    let told = refused(home.path(), &[&own[..], &[&taken]].concat());
    assert!(
        told.contains(&format!(
            "cannot listen on {taken}; `--dashboard 127.0.0.1:0`"
        )),
        "{told}"
    );
    let told = refused(home.path(), &[&own[..], &["0.0.0.0:0"]].concat());
    assert!(
        told.contains("0.0.0.0:0 is not a loopback address"),
        "{told}"
    );
    let told = refused(home.path(), &[&own[..], &["on"]].concat());
    assert!(told.contains("it is like 127.0.0.1:2678, or off"), "{told}");
    let told = refused(
        home.path(),
        &["--listen", "0.0.0.0:0", "--dashboard", "127.0.0.1:0"],
    );
    assert!(
        told.contains("while the proxy listens beyond this machine"),
        "{told}"
    );
}
