//! How fast the judge is on the traffic of a busy page, heads already parsed, and that its memory
//! does not grow with the session.
//!
//! `cargo bench --bench judge` measures; `cargo bench --bench judge -- --session` goes through two
//! million exchanges and says what they take; `--count N` goes through N and no more, for a tool that
//! counts instructions.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark that panics has failed"
)]

use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use corstap::cors::Judge;
use corstap::exchange::{
    ConnectionId, Ending, Event, ExchangeId, Moment, Protocol, Request, RequestUrl, Response, Side,
};
use divan::counter::ItemsCount;

/// How many exchanges are made before they repeat, with other numbers.
const DIFFERENT: usize = 4000;
/// How many exchanges are open at a time.
const OPEN: usize = 6;
/// How many exchanges a measured batch has.
const BATCH: usize = 10_000;
/// After how many exchanges a connection is closed and a new one takes its place.
const PER_CONNECTION: u64 = 100;

/// The program's own.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    let mut arguments = std::env::args().skip_while(|argument| !argument.starts_with("--"));
    match arguments.next().as_deref() {
        Some("--session") => long_session(),
        Some("--count") => {
            let count = arguments.next().and_then(|count| count.parse().ok());
            Session::begin().go_on(count.expect("how many"));
        }
        _ => divan::main(),
    }
}

#[divan::bench]
fn exchanges(bencher: divan::Bencher<'_, '_>) {
    let mut session = Session::begin();
    session.go_on(2 * BATCH);
    bencher
        .counter(ItemsCount::new(BATCH))
        .bench_local(|| session.go_on(BATCH));
}

/// Two million exchanges, and the memory they take.
fn long_session() {
    let mut session = Session::begin();
    let started = Instant::now();
    for part in 1..=10_u32 {
        session.go_on(200_000);
        println!(
            "{:>7} exchanges, {:>8.0} a second, {} at most",
            part * 200_000,
            f64::from(part * 200_000) / started.elapsed().as_secs_f64(),
            peak_memory()
        );
    }
}

/// The most memory that was resident so far, where the system tells.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.map_or_else(|| "unknown".to_owned(), |peak| peak.trim().to_owned())
}

/// What is sent and answered, and on which of the browser's connections.
struct Load {
    request: Arc<Request>,
    response: Arc<Response>,
    lane: u64,
}

/// A browser at work, and the judge that watches it.
struct Session {
    judge: Judge,
    traffic: Vec<Load>,
    open: VecDeque<(ExchangeId, Arc<Response>)>,
    next: u64,
}

impl Session {
    fn begin() -> Self {
        Self {
            judge: Judge::new(),
            traffic: traffic(),
            open: VecDeque::new(),
            next: 0,
        }
    }

    /// So many exchanges more, each judged when it is over.
    fn go_on(&mut self, exchanges: usize) {
        for _ in 0..exchanges {
            self.opens();
            if self.open.len() > OPEN {
                self.ends();
            }
        }
    }

    fn now(&self) -> Moment {
        Moment::from_micros(i64::try_from(self.next).expect("small") * 5000)
    }

    fn opens(&mut self) {
        let place = usize::try_from(self.next).expect("small") % DIFFERENT;
        let load = &self.traffic[place];
        let (request, response) = (Arc::clone(&load.request), Arc::clone(&load.response));
        let lane = load.lane;
        self.next += 1;
        let connection = self.connection(lane);
        let id = ExchangeId(self.next);
        self.judge.observe(&Event::Opened {
            id,
            connection,
            at: self.now(),
            protocol: Protocol::Http11,
            client: None,
            request,
        });
        self.open.push_back((id, response));
    }

    /// The connection of a lane, which is closed and opened anew from time to time.
    fn connection(&mut self, lane: u64) -> ConnectionId {
        let round = self.next / PER_CONNECTION;
        let at = self.now();
        if self.next.is_multiple_of(PER_CONNECTION) {
            for lane in 0..LANES {
                let connection = ConnectionId((round - 1) * LANES + lane);
                let by = Side::Server;
                self.judge.observe(&Event::Closed { connection, at, by });
                let connection = ConnectionId(round * LANES + lane);
                let resumed = true;
                self.judge.observe(&Event::Connected {
                    connection,
                    at,
                    resumed: Some(resumed),
                });
            }
        }
        ConnectionId(round * LANES + lane)
    }

    fn ends(&mut self) {
        let Some((id, sent)) = self.open.pop_front() else {
            return;
        };
        let at = self.now();
        self.judge.observe(&Event::Answered { id, at, sent });
        self.judge.observe(&Event::Ended {
            id,
            at,
            ending: Ending::Complete,
            reason: None,
        });
        black_box(self.judge.judgement(id));
    }
}

const APP: &str = "https://app.example.test";
const API: &str = "https://api.example.test";
const CDN: &str = "https://cdn.example.net";
const OTHER: &str = "https://maps.example.org:8443";
const HOSTS: [&str; 4] = [APP, API, CDN, OTHER];

/// Requests to different servers, and those with and without credentials, go on connections of
/// their own.
const LANES: u64 = 2 * HOSTS.len() as u64;

/// The lane of a request. What a page loads without CORS, and its own, goes with credentials.
fn lane(request: &Request) -> u64 {
    let origin = request.url.origin();
    let host = HOSTS.iter().position(|host| *host == origin);
    let is_cors = request.headers.first("sec-fetch-mode") == Some(b"cors");
    let omits = is_cors && !request.headers.contains("cookie");
    2 * host.expect("one of them") as u64 + u64::from(omits)
}

/// The exchanges of a page: of twenty, two are a preflight and its request, which comes when the
/// preflight was answered; the others load what pages load. Two are blocked.
fn traffic() -> Vec<Load> {
    let mut all = Vec::new();
    for page in 0..DIFFERENT / 20 {
        let mut add = |(request, response): (Request, Response)| {
            all.push(Load {
                lane: lane(&request),
                request: Arc::new(request),
                response: Arc::new(response),
            });
        };
        add(navigation(page));
        for part in 0..6 {
            add(own(page, part));
        }
        add(preflight(page));
        for part in 0..5 {
            add(image(page, part));
        }
        for (host, cookie, allow) in [
            (API, None, Some(APP)),
            (
                API,
                Some("sid=3f9a1b2c4d5e6f708192a3b4c5d6e7f8; theme=dark"),
                Some(APP),
            ),
            (CDN, None, Some("*")),
            (OTHER, None, Some("*")),
            (
                API,
                Some("sid=3f9a1b2c4d5e6f708192a3b4c5d6e7f8; theme=dark"),
                Some("*"),
            ),
            (OTHER, None, None),
        ] {
            add(fetched(page, host, cookie, allow));
        }
        add(posted(page));
    }
    assert_eq!(all.len(), DIFFERENT);
    all
}

const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json; charset=utf-8";

type Line<'a> = (&'a str, &'a str);

/// What Chromium sends along with everything.
fn request(method: &str, url: &str, dest: &str, mode: &str, lines: &[Line<'_>]) -> Request {
    let url = RequestUrl::parse(url).expect("a URL");
    let site = match url.origin().as_str() {
        APP => "same-origin",
        API => "same-site",
        _ => "cross-site",
    };
    let host = url.authority.to_string();
    let first = [
        ("Host", host.as_str()),
        ("Connection", "keep-alive"),
        ("sec-ch-ua-platform", "\"Linux\""),
        (
            "User-Agent",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
        ),
        (
            "sec-ch-ua",
            "\"Chromium\";v=\"156\", \"Not_A Brand\";v=\"24\"",
        ),
        ("sec-ch-ua-mobile", "?0"),
    ];
    let last = [
        ("Sec-Fetch-Site", site),
        ("Sec-Fetch-Mode", mode),
        ("Sec-Fetch-Dest", dest),
        ("Referer", "https://app.example.test/"),
        ("Accept-Encoding", "gzip, deflate, br, zstd"),
        ("Accept-Language", "en-US,en;q=0.9"),
    ];
    Request {
        method: method.to_owned(),
        headers: first.iter().chain(lines).chain(&last).copied().collect(),
        url: url.into(),
    }
}

fn response(status: u16, kind: &str, lines: &[Line<'_>]) -> Response {
    let first = [
        ("Server", "nginx/1.26.2"),
        ("Date", "Sun, 22 Nov 2026 13:05:11 GMT"),
        ("Content-Type", kind),
        ("Content-Length", "1543"),
        ("Connection", "keep-alive"),
        ("Cache-Control", "private, max-age=0"),
        ("Vary", "Origin, Accept-Encoding"),
        ("X-Request-Id", "5b0d6b1c-6a0a-4b1e-9a3d-0f4c2b7e8d91"),
        ("Strict-Transport-Security", "max-age=31536000"),
    ];
    Response {
        status,
        headers: first.iter().chain(lines).copied().collect(),
    }
}

fn navigation(page: usize) -> (Request, Response) {
    let lines = [
        ("Upgrade-Insecure-Requests", "1"),
        (
            "Accept",
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
        ),
        ("Sec-Fetch-User", "?1"),
        ("Cookie", "session=90bde3c1"),
    ];
    let request = request(
        "GET",
        &format!("{APP}/page/{page}"),
        "document",
        "navigate",
        &lines,
    );
    (request, response(200, HTML, &[("X-Frame-Options", "DENY")]))
}

fn own(page: usize, part: usize) -> (Request, Response) {
    let url = format!("{APP}/assets/{page}/chunk-{part}.js?v=20261122");
    let lines = [("Accept", "*/*"), ("Cookie", "session=90bde3c1")];
    let request = request("GET", &url, "script", "no-cors", &lines);
    (
        request,
        response(200, "text/javascript", &[("ETag", "\"6741f2d0-607\"")]),
    )
}

fn image(page: usize, part: usize) -> (Request, Response) {
    let url = format!("{CDN}/images/{page}/thumbnail-{part}.webp");
    let accept = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8";
    let lines = [("Accept", accept), ("Sec-Fetch-Storage-Access", "active")];
    let request = request("GET", &url, "image", "no-cors", &lines);
    (
        request,
        response(200, "image/webp", &[("Age", "433"), ("X-Cache", "HIT")]),
    )
}

fn preflight(page: usize) -> (Request, Response) {
    let lines = [
        ("Accept", "*/*"),
        ("Access-Control-Request-Method", "PUT"),
        (
            "Access-Control-Request-Headers",
            "authorization,content-type,x-requested-with",
        ),
        ("Origin", APP),
    ];
    let request = request(
        "OPTIONS",
        &format!("{API}/v1/users/{page}"),
        "empty",
        "cors",
        &lines,
    );
    let allowed = [
        ("Access-Control-Allow-Origin", APP),
        (
            "Access-Control-Allow-Methods",
            "GET, POST, PUT, PATCH, DELETE",
        ),
        (
            "Access-Control-Allow-Headers",
            "Authorization, Content-Type, X-Requested-With",
        ),
        ("Access-Control-Max-Age", "600"),
    ];
    (request, response(204, "text/plain", &allowed))
}

fn posted(page: usize) -> (Request, Response) {
    let lines = [
        ("Content-Length", "230"),
        (
            "Authorization",
            "Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.c2lnbmF0dXJl",
        ),
        ("Content-Type", "application/json"),
        ("X-Requested-With", "XMLHttpRequest"),
        ("Accept", "application/json"),
        ("Origin", APP),
    ];
    let request = request(
        "PUT",
        &format!("{API}/v1/users/{page}"),
        "empty",
        "cors",
        &lines,
    );
    let allowed = [("Access-Control-Allow-Origin", APP)];
    (request, response(200, JSON, &allowed))
}

fn fetched(
    page: usize,
    host: &str,
    cookie: Option<&str>,
    allow: Option<&str>,
) -> (Request, Response) {
    let path = if cookie.is_some() { "me" } else { "items" };
    let url = format!("{host}/v1/{path}/{page}?limit=50&offset=100");
    let mut lines = vec![("Accept", "application/json"), ("Origin", APP)];
    lines.extend(cookie.map(|cookie| ("Cookie", cookie)));
    let mut allowed = vec![("Access-Control-Allow-Credentials", "true")];
    allowed.extend(allow.map(|allow| ("Access-Control-Allow-Origin", allow)));
    let request = request("GET", &url, "empty", "cors", &lines);
    (request, response(200, JSON, &allowed))
}
