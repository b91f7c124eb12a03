//! A truth case as a play: what its servers answer, and why some cannot be put on.

use std::collections::BTreeMap;
use std::path::Path;

use corstap::cors::Engine;
use corstap::wire::headers::from_latin1;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::support::strict::{self, Message, Read};
use crate::support::truth::{Case, header};

/// What a server does when it has read a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Answers, and waits for more.
    Answer(Vec<u8>),
    /// Answers in part, and closes.
    Part(Vec<u8>),
    /// Closes without an answer.
    Close,
    /// Resets the connection.
    Reset,
    /// Says nothing.
    Silence,
}

/// Why a case cannot be played through the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Obstacle {
    /// The browser asks for nothing, so that there is nothing to judge.
    NothingOnTheWire,
    /// A strict tap does not pass the answer.
    NotStrict,
    /// Its page is on the default port, which a test cannot take.
    DefaultPort,
    /// Its server has no name that could be looked up without asking the network.
    NoSuchHost,
}

#[derive(Deserialize)]
struct File {
    not_played: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    obstacle: Obstacle,
    reason: String,
    #[serde(default)]
    chromium: Vec<String>,
    #[serde(default)]
    firefox: Vec<String>,
    #[serde(default)]
    webkit: Vec<String>,
}

/// The cases that are listed as not played in an engine.
pub fn listed(engine: Engine) -> BTreeMap<String, Obstacle> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/not-played.toml");
    let text = std::fs::read_to_string(path).expect("the list is there");
    let file: File = toml::from_str(&text).expect("the list is TOML");
    let of_engine = |entry: Entry| {
        assert!(!entry.reason.is_empty(), "every entry has a reason");
        let cases = match engine {
            Engine::Chromium => entry.chromium,
            Engine::Firefox => entry.firefox,
            Engine::Webkit => entry.webkit,
        };
        cases.into_iter().map(move |case| (case, entry.obstacle))
    };
    file.not_played.into_iter().flat_map(of_engine).collect()
}

impl Case {
    /// Why it cannot be played in an engine, if so.
    pub fn obstacle(&self, engine: Engine) -> Option<Obstacle> {
        let is_strict = |entry: &Value| match reply(entry, None) {
            Reply::Answer(octets) | Reply::Part(octets) => {
                let method = entry["request"]["method"].as_str().unwrap_or_default();
                !matches!(strict::response(&octets, method, true), Read::Malformed(_))
            }
            Reply::Close | Reply::Reset | Reply::Silence => true,
        };
        let is_plain = |entry: &Value| {
            let lines = entry["response"]["headers"].as_array();
            let mut values = lines
                .into_iter()
                .flatten()
                .filter_map(|line| line[1].as_str());
            values.all(|value| !value.contains(|c: char| c.is_control() && c != '\t'))
        };
        let is_http = |entry: &Value| {
            let error = entry["response"]["error"].as_str();
            !matches!(error, Some("not-http" | "closed-in-headers"))
        };
        // Pages are of our own making.
        let mut recorded = self
            .wire(engine)
            .iter()
            .filter(|entry| entry["role"] != "page");
        if self.page_kind() == "www443" {
            Some(Obstacle::DefaultPort)
        } else if self.upstream_failure() == Some("dnsfail") {
            Some(Obstacle::NoSuchHost)
        } else if !self.has_wire(engine) && !self.is_network_error(engine) {
            Some(Obstacle::NothingOnTheWire)
        } else if !recorded.all(|entry| is_http(entry) && is_plain(entry) && is_strict(entry)) {
            Some(Obstacle::NotStrict)
        } else {
            None
        }
    }

    /// The page's URL.
    pub fn page_url(&self, engine: Engine) -> String {
        let page = self
            .wire(engine)
            .iter()
            .find(|entry| entry["role"] == "page");
        page.and_then(|page| page["request"]["url"].as_str())
            .expect("a page")
            .to_owned()
    }

    /// The page, with its headers and the script that makes its requests, or hands them on to its
    /// frame or worker.
    pub fn page(&self, engine: Engine) -> Vec<u8> {
        let by_itself = match engine {
            Engine::Chromium | Engine::Firefox => "",
            Engine::Webkit => include_str!("by_itself.js"),
        };
        let (runner, bridge) = (include_str!("runner.js"), include_str!("bridge.js"));
        let through = |inner: &str| {
            format!(
                "<script type=text/plain id=runner>{runner}</script><script>{bridge}{inner}{by_itself}</script>"
            )
        };
        let content = match self.page_kind() {
            "sandbox" => through("inFrame({ sandbox: 'allow-scripts', src: '_frame' });"),
            "data" => through("inFrame({ src: inData() });"),
            "worker" => through("inWorker();"),
            _ => format!("<script>{runner}{by_itself}</script>"),
        };
        html(&lines(self.page_headers()), self.id(), &content)
    }

    /// The document in the page's frame.
    pub fn frame(&self) -> Vec<u8> {
        let runner = include_str!("runner.js");
        html("", self.id(), &format!("<script>{runner}</script>"))
    }

    /// What the script does, cookies first, and which step is judged.
    pub fn steps(&self, engine: Engine) -> (Vec<Value>, usize) {
        let setups = self
            .wire(engine)
            .iter()
            .filter(|entry| entry["role"] == "setup");
        let mut steps: Vec<Value> = setups
            .map(|entry| json!({"kind": "fetch", "url": entry["request"]["url"], "credentials": "include"}))
            .collect();
        let before = steps.len();
        let (own, judged) = self.own_steps();
        steps.extend(own);
        (steps, before + judged)
    }

    /// The recorded reply to a request, in its turn.
    pub fn reply(&self, engine: Engine, asked: &Asked, turn: usize) -> Reply {
        let is_it = |entry: &&Value| {
            let url = entry["request"]["url"].as_str().unwrap_or_default();
            entry["request"]["method"] == asked.method && url.ends_with(&asked.path)
        };
        let matching: Vec<&Value> = self.wire(engine).iter().filter(is_it).collect();
        match matching.get(turn).or(matching.last()) {
            Some(entry) => reply(entry, asked.websocket_key.as_deref()),
            None => Reply::Answer(NOT_FOUND.to_vec()),
        }
    }

    /// The hosts of the case's URLs.
    pub fn hosts(&self) -> Vec<String> {
        let text = self.to_string();
        let after_scheme = text.split("://").skip(1);
        after_scheme
            .filter_map(|rest| rest.split([':', '/', '"']).next().map(str::to_owned))
            .collect()
    }
}

/// The answer to what nobody asked for in the recorded case.
pub const NOT_FOUND: &[u8] = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";

/// What a request asks for.
pub struct Asked {
    pub method: String,
    pub path: String,
    websocket_key: Option<String>,
}

impl Asked {
    pub fn new(method: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            websocket_key: None,
        }
    }

    pub fn of(message: &Message) -> Option<Self> {
        let mut words = message.start_line.split(' ');
        let key = message
            .fields
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key"));
        Some(Self {
            method: words.next()?.to_owned(),
            path: words.next()?.to_owned(),
            websocket_key: key.map(|(_, value)| String::from_utf8_lossy(value).trim().to_owned()),
        })
    }
}

/// The reply that was recorded.
fn reply(entry: &Value, websocket_key: Option<&str>) -> Reply {
    let response = &entry["response"];
    match response["error"].as_str() {
        None => Reply::Answer(answer(entry, websocket_key)),
        Some("truncated-body") => Reply::Part(answer(entry, None)),
        Some("reset") => Reply::Reset,
        Some("no-response") => Reply::Silence,
        // The last two have an obstacle.
        Some("closed-without-response" | "not-http" | "closed-in-headers") => Reply::Close,
        Some(other) => panic!("what is {other}?"),
    }
}

fn answer(entry: &Value, websocket_key: Option<&str>) -> Vec<u8> {
    let response = &entry["response"];
    let status = &response["status"];
    let mut fields = lines(&response["headers"]);
    if let Some(key) = websocket_key {
        let (recorded, ours) = ("Sec-WebSocket-Accept: ", derive_accept_key(key.as_bytes()));
        fields = fields.replace(&format!("{recorded}*"), &format!("{recorded}{ours}"));
    }
    let told = header(response, "content-type").unwrap_or_default();
    // What it is, where that is not what it is called.
    let kind = response["content"].as_str().unwrap_or(told);
    let size = response["body_length"]
        .as_u64()
        .and_then(|size| usize::try_from(size).ok());
    let head = format!("HTTP/1.1 {status} X\r\n{fields}\r\n");
    let mut answer = from_latin1(&head).into_owned();
    if entry["request"]["method"] != "HEAD" {
        let content = match response["body"].as_str() {
            Some(body) => from_latin1(body).into_owned(),
            None => content(kind, size.unwrap_or(0)),
        };
        answer.extend(if header(response, "transfer-encoding").is_some() {
            chunked(&content)
        } else {
            content
        });
    }
    answer
}

fn html(fields: &str, title: &str, content: &str) -> Vec<u8> {
    let body = format!("<!doctype html><meta charset=utf-8><title>{title}</title><body>{content}");
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n{fields}\r\n",
        body.len()
    );
    [head, body].concat().into_bytes()
}

/// Header lines as they go over the wire.
fn lines(headers: &Value) -> String {
    let lines = headers.as_array().map_or(&[] as &[Value], Vec::as_slice);
    let line = |line: &Value| Some([line[0].as_str()?, ": ", line[1].as_str()?, "\r\n"].concat());
    lines.iter().filter_map(line).collect()
}

/// Content of a kind and a size.
fn content(kind: &str, size: usize) -> Vec<u8> {
    const PIXEL: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\x9cc\xf8\xff\xff\xff\x7f\0\x09\xfb\x03\xfd*\x86\xe3\x8a\0\0\0\0IEND\xaeB`\x82";
    let mut content = match kind.split(';').next().unwrap_or_default() {
        "image/png" => PIXEL.to_vec(),
        "application/json" => b"{\"ok\":true}".to_vec(),
        "text/event-stream" => b"data: 1\n\n".to_vec(),
        "text/javascript" => b"void 0;".to_vec(),
        "text/html" => b"<!doctype html><title>found</title>".to_vec(),
        "application/xml" => b"<?xml version=\"1.0\"?><found/>".to_vec(),
        "text/vtt" => b"WEBVTT\n\n".to_vec(),
        "audio/wav" => silence(size),
        _ => b"ok".to_vec(),
    };
    content.resize(size, b' ');
    content
}

/// A sound file of that size.
fn silence(size: usize) -> Vec<u8> {
    const FORMAT: &[u8] = b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data";
    let length = |size: usize| u32::try_from(size).expect("a small file").to_le_bytes();
    let samples = size.saturating_sub(44);
    let head: [&[u8]; 4] = [b"RIFF", &length(samples + 36), FORMAT, &length(samples)];
    [&head.concat()[..], &vec![0x80; samples]].concat()
}

fn chunked(content: &[u8]) -> Vec<u8> {
    let size = format!("{:x}\r\n", content.len());
    [size.as_bytes(), content, b"\r\n0\r\n\r\n"].concat()
}
