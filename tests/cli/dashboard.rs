//! The dashboard: who gets what of it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;

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
        Self::with(&[])
    }

    /// The same with these options more.
    pub(super) fn with(options: &[&str]) -> Self {
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
            .args(options)
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
