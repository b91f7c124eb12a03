//! Captures at size: how fast they are written and read, and how large they become.
//!
//! `cargo bench --bench captures` makes one of a million exchanges (`CORSTAP_EXCHANGES=N` of another
//! number) in a temporary directory, which needs some 3 GiB, and prints a line a measurement.
#![allow(
    clippy::expect_used,
    clippy::cast_precision_loss,
    reason = "a measurement that cannot be made is none"
)]

use std::env;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use corstap::exchange::secret::{Redactor, Values};
use corstap::exchange::{AskedUrl, ConnectionId, Ending, Protocol, Request, Response};
use corstap::store::recorder::{Arrival, ConnectionTicket};
use corstap::store::writer::Size;
use corstap::store::{Recorder, Writer};

/// What Chromium sends with a fetch.
const FIELDS: [(&str, &str); 14] = [
    ("Host", "api.example.test"),
    ("Connection", "keep-alive"),
    ("sec-ch-ua-platform", "\"Linux\""),
    (
        "User-Agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
    ),
    (
        "sec-ch-ua",
        "\"Chromium\";v=\"156\", \"Not)A;Brand\";v=\"8\"",
    ),
    ("sec-ch-ua-mobile", "?0"),
    ("Accept", "*/*"),
    ("Origin", "https://app.example.test"),
    ("Sec-Fetch-Site", "same-site"),
    ("Sec-Fetch-Mode", "cors"),
    ("Sec-Fetch-Dest", "empty"),
    ("Referer", "https://app.example.test/"),
    ("Accept-Encoding", "gzip, deflate, br, zstd"),
    ("Accept-Language", "en-US,en;q=0.9"),
];

/// Of how many exchanges one fails.
const FAILS: u64 = 100;

/// The program's own.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    let asked = env::var("CORSTAP_EXCHANGES").ok();
    let many = asked
        .and_then(|many| many.parse().ok())
        .unwrap_or(1_000_000);
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("many.corstap");
    write(&path, many);
    let octets = std::fs::metadata(&path).expect("there").len();
    println!(
        "file: {} MiB, {} octets an exchange",
        octets >> 20,
        octets / many
    );
    let of = ["--capture", path.to_str().expect("text")];
    let middle = (many / 2).to_string();
    first(
        "show, in the middle",
        &[&["show", &middle], &of[..]].concat(),
    );
    first(
        "log --failed, first line",
        &[&["log", "--failed"], &of[..]].concat(),
    );
    first(
        "log --failed --last 100",
        &[&["log", "--failed", "--last", "100"], &of[..]].concat(),
    );
    first(
        "log --last 100",
        &[&["log", "--last", "100"], &of[..]].concat(),
    );
    first("log, first line", &[&["log"], &of[..]].concat());
    whole(
        "log --failed, whole",
        &[&["log", "--failed"], &of[..]].concat(),
    );
    whole(
        "log --failed --json, whole",
        &[&["log", "--failed", "--json"], &of[..]].concat(),
    );
    // All that failed, or the newest 10,000 of it.
    for format in ["markdown", "html", "json", "curl"] {
        let what = format!("report --format {format}");
        whole(&what, &[&["report", "--format", format], &of[..]].concat());
    }
    whole(
        "report --since 1h --target api.example.test",
        &[
            &["report", "--since", "1h", "--target", "api.example.test"],
            &of[..],
        ]
        .concat(),
    );
}

/// Writes the capture, at 20,000 exchanges a second, then as fast as it goes.
fn write(path: &Path, many: u64) {
    const PACE: u64 = 20_000;
    let size = Size::of(1 << 40).expect("enough");
    let redactor = Redactor::new(&[7; 32], Values::Harmless);
    let (writer, recorder, shown) = Writer::start_within(size, path, redactor).expect("started");
    let mut browser = Browser {
        recorder,
        line: None,
    };
    let looking = thread::spawn(move || shown.iter().count());
    let losses = writer.losses();
    let (paced, started) = (many / 2, Instant::now());
    let mut longest = Duration::ZERO;
    for number in 0..paced {
        let due = started + Duration::from_micros(number * 1_000_000 / PACE);
        if number.is_multiple_of(200) {
            thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        let before = Instant::now();
        browser.exchange(number);
        longest = longest.max(before.elapsed());
    }
    let took = started.elapsed().as_secs_f64();
    println!(
        "handed in: {:.0} a second, {} lost, the longest hand-in took {} µs",
        paced as f64 / took,
        losses.count(),
        longest.as_micros()
    );
    let mut number = paced;
    let pressed = Instant::now();
    while number < many {
        let lost = losses.count();
        browser.exchange(number);
        if losses.count() > lost {
            // The queue is full: what is measured now is the writer.
            thread::sleep(Duration::from_millis(20));
        } else {
            number += 1;
        }
    }
    drop(browser);
    let finished = writer.finish();
    let took = pressed.elapsed().as_secs_f64();
    println!(
        "as fast as it goes: {:.0} a second, {} refused meanwhile",
        (many - paced) as f64 / took,
        finished.lost
    );
    looking.join().expect("looked");
}

/// A browser: it has some connections, and each carries many requests.
struct Browser {
    recorder: Recorder,
    line: Option<ConnectionTicket>,
}

impl Browser {
    fn exchange(&mut self, number: u64) {
        let client = "127.0.0.1:1".parse().expect("an address");
        if number.is_multiple_of(100) {
            self.line = Some(self.recorder.connected(Arrival::now(client), Some(false)));
        }
        let line = self.line.as_ref().expect("opened at the first").id();
        exchange(&self.recorder, line, client, number);
    }
}

fn exchange(recorder: &Recorder, line: ConnectionId, client: SocketAddr, number: u64) {
    let url = format!("https://api.example.test/v1/items/{number}?page=2&size=50");
    let request = Arc::new(Request {
        method: "GET".to_owned(),
        url: AskedUrl::parse(&url).expect("valid"),
        headers: FIELDS.into_iter().collect(),
    });
    let mut ticket = recorder.open(line, Protocol::Http11, client, request);
    let mut headers = vec![
        ("Date", "Fri, 27 Nov 2026 15:00:00 GMT"),
        ("Content-Type", "application/json"),
        ("Content-Length", "1234"),
        ("Server", "nginx"),
        ("Vary", "Origin"),
    ];
    if !number.is_multiple_of(FAILS) {
        headers.push(("Access-Control-Allow-Origin", "https://app.example.test"));
        headers.push(("Access-Control-Allow-Credentials", "true"));
    }
    ticket.answered(Arc::new(Response {
        status: 200,
        headers: headers.into_iter().collect(),
    }));
    ticket.ended(Ending::Complete, None);
}

/// How long the program takes to its first line, the best of five.
fn first(what: &str, arguments: &[&str]) {
    let took = (0..5).map(|_| {
        let started = Instant::now();
        let mut child = program(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("run");
        let mut line = String::new();
        let output = child.stdout.take().expect("piped");
        BufReader::new(output).read_line(&mut line).expect("read");
        let took = started.elapsed();
        let _ = child.kill();
        let _ = child.wait();
        assert!(line.contains('#'), "{what}: {line}");
        took
    });
    tell(what, took.min().expect("five"));
}

/// How long the program takes to say everything, the best of three.
fn whole(what: &str, arguments: &[&str]) {
    let took = (0..3).map(|_| {
        let started = Instant::now();
        let output = program(arguments).output().expect("run");
        assert!(!output.stdout.is_empty(), "{what}");
        started.elapsed()
    });
    tell(what, took.min().expect("three"));
}

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_corstap"));
    command.args(arguments);
    command
}

fn tell(what: &str, took: Duration) {
    println!("{what}: {:.1} ms", took.as_secs_f64() * 1000.0);
}
