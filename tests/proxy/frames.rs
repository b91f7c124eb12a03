//! The hostile frames of `tests/hostile/`, and a server that takes down what arrives of them.

use std::path::Path;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use serde::Deserialize;
use tokio::task::{JoinHandle, JoinSet};

use crate::support::frames::{
    CONTINUATION, DATA, END_HEADERS, HEADERS, RST_STREAM, WINDOW_UPDATE, block, bomb, frame,
    greeting, kind, streams,
};
use crate::support::http2::head;
use crate::support::scene::End;

/// Some frames, and what is expected of a proxy.
#[derive(Clone, Deserialize)]
pub(crate) struct Vector {
    pub(crate) id: String,
    frames: Vec<Sent>,
    pub(crate) expect: String,
    #[serde(default)]
    pub(crate) forbid: Vec<String>,
    #[serde(default)]
    pub(crate) survive: bool,
    #[serde(default)]
    pub(crate) accept_timeout: bool,
    main_stream: Option<u32>,
    body: Option<String>,
}

/// A frame, or a flood of them.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Sent {
    Frame(Frame),
    Preface { raw_preface: String },
    RapidReset { rapid_reset: u32 },
    MadeYouReset { made_you_reset: u32 },
    OpenStreams { open_streams: u32 },
    HpackBomb { hpack_bomb: u32 },
}

#[derive(Clone, Deserialize)]
struct Frame {
    #[serde(rename = "type")]
    kind: String,
    flags: u8,
    stream: u32,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    payload_b64: String,
    split: Option<usize>,
    repeat: Option<usize>,
    fake_length: Option<usize>,
}

/// All vectors.
pub(crate) fn vectors() -> Vec<Vector> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile/h2_frames.jsonl");
    let text = std::fs::read_to_string(path).expect("the vectors are there");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a vector"))
        .collect()
}

impl Vector {
    fn heads(&self) -> impl Iterator<Item = &Frame> {
        let frames = self.frames.iter().filter_map(|sent| match sent {
            Sent::Frame(frame) => Some(frame),
            Sent::Preface { .. }
            | Sent::RapidReset { .. }
            | Sent::MadeYouReset { .. }
            | Sent::OpenStreams { .. }
            | Sent::HpackBomb { .. } => None,
        });
        frames.filter(|frame| frame.kind == "HEADERS")
    }

    /// The stream whose outcome counts.
    pub(crate) fn main_stream(&self) -> u32 {
        let first = || self.heads().next().map_or(1, |frame| frame.stream);
        self.main_stream.unwrap_or_else(first)
    }

    /// How many requests come before the one that counts.
    pub(crate) fn before_main_stream(&self) -> usize {
        let main = self.main_stream();
        self.heads()
            .take_while(|frame| frame.stream != main)
            .filter(|_| self.main_stream.is_some())
            .count()
    }

    /// Whether its octets can be sent one by one in no time.
    pub(crate) fn is_short(&self) -> bool {
        self.octets("api.example.test:1")
            .iter()
            .map(Vec::len)
            .sum::<usize>()
            < 16 * 1024
    }

    /// What the client sends, frame by frame.
    pub(crate) fn octets(&self, authority: &str) -> Vec<Vec<u8>> {
        let mut octets = vec![greeting()];
        for sent in &self.frames {
            match sent {
                Sent::Frame(frame) => octets.extend(frame.octets(authority)),
                Sent::Preface { raw_preface } => octets[0] = raw_preface.clone().into_bytes(),
                Sent::RapidReset { rapid_reset } => {
                    octets.extend(streams(1, *rapid_reset, authority, |stream| {
                        frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])
                    }));
                }
                Sent::MadeYouReset { made_you_reset } => {
                    octets.extend(streams(1, *made_you_reset, authority, |stream| {
                        frame(WINDOW_UPDATE, 0, stream, &[0; 4])
                    }));
                }
                Sent::OpenStreams { open_streams } => {
                    octets.extend(streams(1, *open_streams, authority, |_| Vec::new()));
                }
                Sent::HpackBomb { hpack_bomb } => octets.extend(bomb(1, *hpack_bomb, authority)),
            }
        }
        octets
    }
}

impl Frame {
    fn octets(&self, authority: &str) -> Vec<Vec<u8>> {
        if let Some(length) = self.fake_length {
            return vec![frame(DATA, self.flags, self.stream, &vec![0; length])];
        }
        let payload = if self.headers.is_empty() {
            STANDARD.decode(&self.payload_b64).expect("base64")
        } else {
            let filled = |text: &String| text.replace("@@HOST@@", authority);
            let fields: Vec<(String, String)> = self
                .headers
                .iter()
                .map(|(name, value)| (filled(name), filled(value)))
                .collect();
            block(&fields)
        };
        let Some(split) = self.split else {
            let frame = frame(kind(&self.kind), self.flags, self.stream, &payload);
            return vec![frame; self.repeat.unwrap_or(1)];
        };
        let mut pieces = payload.chunks(split).peekable();
        let (mut octets, mut kind, mut flags) = (Vec::new(), HEADERS, self.flags & !END_HEADERS);
        while let Some(piece) = pieces.next() {
            if pieces.peek().is_none() {
                flags |= END_HEADERS;
            }
            octets.push(frame(kind, flags, self.stream, piece));
            (kind, flags) = (CONTINUATION, 0);
        }
        octets
    }
}

/// A request as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    method: String,
    target: String,
    fields: Vec<(String, Vec<u8>)>,
    trailers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    pub(crate) is_complete: bool,
}

impl Seen {
    /// Whether nobody can take it for anything else.
    pub(crate) fn is_plain(&self, authority: &str) -> Result<(), String> {
        let path = self.target.strip_prefix(&format!("https://{authority}"));
        let is_token =
            |octet: u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet);
        let is_value = |value: &[u8]| !value.iter().any(|octet| b"\r\n\0".contains(octet));
        let is_path = |path: &str| path.starts_with('/') && !path.contains([' ', '#', '\r', '\n']);
        if !path.is_some_and(is_path) || !self.method.bytes().all(is_token) {
            return Err(format!("an odd target: {self:?}"));
        }
        for (name, value) in self.fields.iter().chain(&self.trailers) {
            if !name.bytes().all(is_token) || name.is_empty() || !is_value(value) {
                return Err(format!("an odd field: {name:?}: {value:?}"));
            }
        }
        Ok(())
    }
}

impl Vector {
    /// Whether a request is the one that was sent, its fields in order among those of one name.
    pub(crate) fn is_same(&self, authority: &str, seen: &Seen) -> Result<(), String> {
        let head = self.heads().next().expect("a request");
        let filled = |value: &str| value.replace("@@HOST@@", authority);
        let pseudo = |name: &str| {
            let found = head.headers.iter().find(|(known, _)| known == name);
            filled(&found.expect("there").1)
        };
        let target = format!("https://{}{}", pseudo(":authority"), pseudo(":path"));
        if (&seen.method, &seen.target) != (&pseudo(":method"), &target) {
            return Err(format!("another request: {seen:?}"));
        }
        let mut sent: Vec<(String, Vec<u8>)> = head
            .headers
            .iter()
            .filter(|(name, _)| !name.starts_with(':'))
            .map(|(name, value)| (name.clone(), filled(value).into_bytes()))
            .collect();
        let mut arrived = seen.fields.clone();
        // Stable: the order among those of one name stays.
        sent.sort_by(|one, other| one.0.cmp(&other.0));
        arrived.sort_by(|one, other| one.0.cmp(&other.0));
        if sent != arrived {
            return Err(format!("other fields: {arrived:?}, not {sent:?}"));
        }
        if seen.body != self.body.clone().unwrap_or_default().as_bytes() {
            return Err(format!("other content: {:?}", seen.body));
        }
        Ok(())
    }
}

/// A server that takes down what arrives, and answers every complete request with 200.
pub(crate) struct Origin {
    seen: Arc<Mutex<Vec<Seen>>>,
    serving: JoinHandle<()>,
}

impl Origin {
    pub(crate) fn serve(end: End) -> Self {
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let all = Arc::clone(&seen);
        let serving = tokio::spawn(async move {
            let Ok(mut connection) = h2::server::handshake(end.into_stream()).await else {
                return;
            };
            let mut streams = JoinSet::new();
            while let Some(Ok((request, respond))) = connection.accept().await {
                let all = Arc::clone(&all);
                streams.spawn(async move {
                    let seen = take_down(request, respond).await;
                    all.lock().expect("one at a time").push(seen);
                });
            }
            drop(connection);
            streams.join_all().await;
        });
        Self { seen, serving }
    }

    /// Everything that has arrived, once the connection is over.
    pub(crate) async fn seen(self) -> Vec<Seen> {
        self.serving.await.expect("no panic");
        self.seen.lock().expect("one at a time").clone()
    }
}

async fn take_down(request: http::Request<RecvStream>, mut respond: SendResponse<Bytes>) -> Seen {
    let (head_of, mut content) = request.into_parts();
    let list = |fields: &http::HeaderMap| {
        let field = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            (name.as_str().to_owned(), value.as_bytes().to_vec())
        };
        fields.iter().map(field).collect()
    };
    let mut seen = Seen {
        method: head_of.method.to_string(),
        target: head_of.uri.to_string(),
        fields: list(&head_of.headers),
        trailers: Vec::new(),
        body: Vec::new(),
        is_complete: false,
    };
    while let Some(data) = content.data().await {
        let Ok(data) = data else {
            return seen;
        };
        // It can fail only where more is released than was received.
        let _ = content.flow_control().release_capacity(data.len());
        seen.body.extend_from_slice(&data);
    }
    match content.trailers().await {
        Ok(trailers) => seen.trailers = trailers.as_ref().map(list).unwrap_or_default(),
        Err(_) => return seen,
    }
    seen.is_complete = true;
    // A client that is gone needs no answer.
    let _ = respond.send_response(head(200, &[]), true);
    seen
}
