//! How fast a policy of 1,000 rules is read and linted, how fast the rule for a request is found, and
//! how fast a capture is replayed.
//!
//! `cargo bench --bench policy` measures.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark that panics has failed"
)]

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use corstap::exchange::secret::{Redactor, Values};
use corstap::exchange::{AskedUrl, Ending, Moment, Protocol, Request, RequestUrl, Response};
use corstap::policy::Policy;
use corstap::policy::replay::Replay;
use corstap::policy::seen::Rows;
use corstap::store::recorder::Arrival;
use corstap::store::{self, Capture, Writer};
use divan::counter::ItemsCount;

const RULES: usize = 1000;

/// The program's own.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    divan::main();
}

fn now() -> Moment {
    Moment::parse("2026-11-27T12:00:00Z").expect("valid")
}

/// Rules for many servers, each with a path, or all for one server and its paths.
fn text(servers: usize) -> String {
    let mut text = "version = 1\n".to_owned();
    for number in 0..RULES {
        let server = number % servers;
        let _ = write!(
            text,
            "[[rule]]\nname = \"rule {number}\"\norigins = [\"https://app{number}.example.test\", \"http://localhost:*\", \
             \"https://*.apps{number}.example.test\"]\ntargets = [\"https://api{server}.example.test/v1/area{number}\"]\n\
             methods = [\"PUT\", \"DELETE\"]\nrequest-headers = [\"authorization\", \"content-type\"]\ncredentials = false\n"
        );
    }
    text
}

#[divan::bench(args = [1, RULES])]
fn lint_of_1000_rules(bencher: divan::Bencher<'_, '_>, servers: usize) {
    let text = text(servers);
    bencher.bench_local(|| Policy::parse(text.as_bytes(), now()).findings.len());
}

#[divan::bench(args = [1, RULES])]
fn rule_for_among_1000(bencher: divan::Bencher<'_, '_>, servers: usize) {
    let policy = Policy::parse(text(servers).as_bytes(), now()).policy;
    let now = now();
    let requests: Vec<(String, RequestUrl)> = (0..RULES)
        .map(|number| {
            let server = number % servers;
            let url = format!("https://api{server}.example.test/v1/area{number}/users?page=2");
            let origin = match number % 3 {
                0 => format!("https://app{number}.example.test"),
                1 => "http://localhost:5173".to_owned(),
                _ => format!("https://pr-7.apps{number}.example.test"),
            };
            (origin, RequestUrl::parse(&url).expect("valid"))
        })
        .collect();
    let mut next = requests.iter().cycle();
    bencher.bench_local(|| {
        let (origin, url) = next.next().expect("endless");
        policy
            .rule_for(origin.as_bytes(), url, now)
            .expect("a rule")
            .max_age
    });
}

/// How many exchanges the capture has that is replayed.
const EXCHANGES: u64 = 20_000;

/// A capture of a browser at work, with pages of so many origins, written as a run writes it.
fn capture(dir: &Path, pages: u64) -> Capture {
    let path = dir.join("bench.corstap");
    let redactor = Redactor::new(&[7; 32], Values::Harmless);
    let (writer, recorder, shown) = Writer::start(&path, redactor).expect("started");
    let client = "127.0.0.1:1".parse().expect("an address");
    let line = recorder.connected(Arrival::now(client), None);
    for number in 0..EXCHANGES {
        let url = format!(
            "https://api{}.example.test/v1/area{}/users?page={number}",
            number % pages,
            number % pages
        );
        let origin = format!("https://app{}.example.test", number % pages);
        let lines = [
            ("Host", "api.example.test"),
            (
                "User-Agent",
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
            ),
            ("Accept", "application/json"),
            ("Accept-Encoding", "gzip, deflate, br, zstd"),
            ("Accept-Language", "en-GB,en;q=0.9"),
            ("Authorization", "Bearer something-long-that-is-withheld"),
            ("Origin", &origin),
            ("Referer", "https://app.example.test/"),
            ("Sec-Fetch-Dest", "empty"),
            ("Sec-Fetch-Mode", "cors"),
            ("Sec-Fetch-Site", "same-site"),
        ];
        let request = Request {
            method: if number % 4 == 0 { "PUT" } else { "GET" }.to_owned(),
            url: AskedUrl::parse(&url).expect("valid"),
            headers: lines.into_iter().collect(),
        };
        let mut ticket = recorder.open(line.id(), Protocol::Http2, client, Arc::new(request));
        ticket.answered(Arc::new(Response {
            status: 200,
            headers: [
                ("Content-Type", "application/json"),
                ("Access-Control-Allow-Origin", "*"),
            ]
            .into_iter()
            .collect(),
        }));
        ticket.ended(Ending::Complete, None);
        // No faster than it is written: what is too much is dropped.
        if number % 1000 == 999 {
            while shown.recv().expect("shown").recorded.id.0 <= number {}
        }
    }
    drop((line, recorder));
    assert_eq!(writer.finish().lost, 0);
    Capture::open(&path).expect("a capture")
}

/// Few origins ask for much, as they do on a developer's machine, or a thousand for twenty things each.
#[divan::bench(args = [20, 1000])]
fn replay_of_a_capture(bencher: divan::Bencher<'_, '_>, pages: u64) {
    let dir = tempfile::tempdir().expect("a directory");
    let capture = capture(dir.path(), pages);
    let policy = Policy::parse(text(RULES).as_bytes(), now()).policy;
    bencher.counter(ItemsCount::new(EXCHANGES)).bench_local(|| {
        let (mut replay, mut rows) = (Replay::of(&policy, now()), Rows::default());
        let played = capture.columns::<store::Error>(|columns| {
            let seen = rows.read(columns);
            replay.play(&seen.expect("whole").expect("of another origin"));
            Ok(())
        });
        played.expect("read");
        replay.groups().len()
    });
}
