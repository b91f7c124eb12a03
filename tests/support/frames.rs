//! HTTP/2 by hand (RFC 9113 section 4): frames as no library writes them, and a client that sends
//! them and takes down what comes back.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::scene::{End, PATIENCE, Stream};

/// What a client says first (RFC 9113 section 3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The types of frames (RFC 9113 section 6).
pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PUSH_PROMISE: u8 = 5;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

/// Flags.
pub const END_STREAM: u8 = 1;
pub const ACK: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// The number of a type of frames.
pub fn kind(name: &str) -> u8 {
    const NAMES: [&str; 10] = [
        "DATA",
        "HEADERS",
        "PRIORITY",
        "RST_STREAM",
        "SETTINGS",
        "PUSH_PROMISE",
        "PING",
        "GOAWAY",
        "WINDOW_UPDATE",
        "CONTINUATION",
    ];
    let known = NAMES.iter().zip(0..).find(|(known, _)| **known == name);
    known.map_or_else(
        || u8::from_str_radix(name.trim_start_matches("0x"), 16).expect("a type"),
        |(_, number)| number,
    )
}

/// A frame.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short");
    let mut frame = length.to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// A field block: every field a literal without indexing and without Huffman (RFC 7541 section
/// 6.2.2), octets as Latin-1.
pub fn block<S: AsRef<str>>(fields: &[(S, S)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        string(&mut block, &latin1(name.as_ref()));
        string(&mut block, &latin1(value.as_ref()));
    }
    block
}

/// The fields of a request.
pub fn request<'a>(
    method: &'a str,
    authority: &'a str,
    path: &'a str,
    more: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let target = [
        (":method", method),
        (":scheme", "https"),
        (":authority", authority),
        (":path", path),
    ];
    [&target, more].concat()
}

/// How a client begins: the preface, and settings that say nothing.
pub fn greeting() -> Vec<u8> {
    [PREFACE, &frame(SETTINGS, 0, 0, b"")].concat()
}

fn latin1(text: &str) -> Vec<u8> {
    text.chars()
        .map(|octet| u8::try_from(octet).expect("Latin-1"))
        .collect()
}

/// A string literal without Huffman (RFC 7541 section 5.2).
pub fn string(block: &mut Vec<u8>, octets: &[u8]) {
    number(block, octets.len(), 7, 0);
    block.extend_from_slice(octets);
}

/// An integer with a prefix of so many bits (RFC 7541 section 5.1).
pub fn number(block: &mut Vec<u8>, value: usize, bits: u32, first: u8) {
    let most = (1 << bits) - 1;
    if value < most {
        block.push(first | u8::try_from(value).expect("it fits"));
        return;
    }
    block.push(first | u8::try_from(most).expect("it fits"));
    let mut rest = value - most;
    while rest >= 0x80 {
        block.push(u8::try_from(rest % 0x80).expect("it fits") | 0x80);
        rest /= 0x80;
    }
    block.push(u8::try_from(rest).expect("it fits"));
}

/// So many streams from this one on, each with a request's head and one more frame.
pub fn streams(
    first: u32,
    count: u32,
    authority: &str,
    then: impl Fn(u32) -> Vec<u8>,
) -> impl Iterator<Item = Vec<u8>> {
    let head = block(&request("POST", authority, "/flood", &[]));
    (0..count).map(move |stream| {
        let stream = first + 2 * stream;
        let mut octets = frame(HEADERS, END_HEADERS, stream, &head);
        octets.extend(then(stream));
        octets
    })
}

/// One field of 3.9 kB in the table, then streams that refer to it over and over.
pub fn bomb(stream: u32, count: u32, authority: &str) -> Vec<Vec<u8>> {
    let head = block(&request("GET", authority, "/bomb", &[]));
    let mut first = head.clone();
    first.push(0x40);
    string(&mut first, b"x-bomb");
    string(&mut first, &[b'a'; 3900]);
    let mut octets = vec![frame(HEADERS, END_HEADERS | END_STREAM, stream, &first)];
    let mut references = head;
    for _ in 0..15_000 {
        number(&mut references, 62, 7, 0x80);
    }
    let flags = END_HEADERS | END_STREAM;
    let streams = (1..=count).map(|number| stream + 2 * number);
    octets.extend(streams.map(|stream| frame(HEADERS, flags, stream, &references)));
    octets
}

/// What a peer has sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// How each stream was answered: with 200 or not.
    pub answers: BTreeMap<u32, bool>,
    /// The streams that were reset, and by which code.
    pub resets: BTreeMap<u32, u32>,
    /// The code of the last GOAWAY.
    pub goaway: Option<u32>,
    /// Frames by type.
    pub frames: BTreeMap<u8, usize>,
    /// The connection is over.
    pub closed: bool,
}

/// A peer that sends octets as it likes.
pub struct Raw {
    reading: ReadHalf<Box<dyn Stream>>,
    writing: Option<WriteHalf<Box<dyn Stream>>>,
    sending: Option<JoinHandle<WriteHalf<Box<dyn Stream>>>>,
    read: Vec<u8>,
    preface: usize,
    pub heard: Heard,
}

impl Raw {
    pub fn new(end: End) -> Self {
        let stream: Box<dyn Stream> = Box::new(end.into_stream());
        let (reading, writing) = split(stream);
        Self {
            reading,
            writing: Some(writing),
            sending: None,
            read: Vec::new(),
            preface: 0,
            heard: Heard::default(),
        }
    }

    /// The other side, which first gets to see the preface.
    pub fn server(end: End) -> Self {
        Self {
            preface: PREFACE.len(),
            ..Self::new(end)
        }
    }

    /// Sends pieces while what comes back is read; it does not matter whether they are taken.
    pub fn sends(&mut self, pieces: Vec<Vec<u8>>) {
        let mut writing = self.writing.take().expect("one at a time");
        self.sending = Some(tokio::spawn(async move {
            for piece in pieces {
                let sent = async {
                    writing.write_all(&piece).await?;
                    writing.flush().await
                };
                if !matches!(timeout(PATIENCE, sent).await, Ok(Ok(()))) {
                    break;
                }
            }
            writing
        }));
    }

    /// Waits until all was sent, and reads meanwhile.
    pub async fn has_sent(&mut self) {
        let Some(mut sending) = self.sending.take() else {
            return;
        };
        loop {
            tokio::select! {
                writing = &mut sending => {
                    self.writing = Some(writing.expect("no panic"));
                    return;
                }
                more = hear(&mut self.reading, &mut self.read, &mut self.preface, &mut self.heard) => {
                    if !more {
                        self.writing = Some(sending.await.expect("no panic"));
                        return;
                    }
                }
            }
        }
    }

    /// Reads until that has been heard, or the connection is over; false if nothing comes for so
    /// long.
    pub async fn hears(&mut self, patience: Duration, enough: impl Fn(&Heard) -> bool) -> bool {
        while !enough(&self.heard) && !self.heard.closed {
            let more = hear(
                &mut self.reading,
                &mut self.read,
                &mut self.preface,
                &mut self.heard,
            );
            if timeout(patience, more).await.is_err() {
                return false;
            }
        }
        true
    }
}

/// Reads once; false at the end.
async fn hear(
    reading: &mut ReadHalf<Box<dyn Stream>>,
    read: &mut Vec<u8>,
    preface: &mut usize,
    heard: &mut Heard,
) -> bool {
    let more = reading.read_buf(read).await;
    heard.closed = !matches!(more, Ok(octets) if octets > 0);
    let skipped = read.len().min(*preface);
    read.drain(..skipped);
    *preface -= skipped;
    while let Some(length) = whole(read) {
        let frame: Vec<u8> = read.drain(..length).collect();
        heard.take(&frame);
    }
    !heard.closed
}

/// How long the frame at the front is, once it is there as a whole.
pub fn whole(octets: &[u8]) -> Option<usize> {
    let (header, payload) = octets.split_first_chunk::<9>()?;
    let length = u32::from_be_bytes([0, header[0], header[1], header[2]]);
    let length = usize::try_from(length).expect("24 bits");
    (payload.len() >= length).then_some(length + 9)
}

impl Heard {
    fn take(&mut self, frame: &[u8]) {
        let word = |at: usize| {
            let octets = frame.get(at..at + 4).expect("a word");
            u32::from_be_bytes(octets.try_into().expect("four"))
        };
        let (kind, stream) = (frame[3], word(5));
        *self.frames.entry(kind).or_default() += 1;
        match kind {
            HEADERS => {
                // `:status: 200` is the eighth of the static table (RFC 7541 appendix A), perhaps
                // after a change of the table's size.
                let status = frame[9..].iter().find(|octet| **octet & 0xe0 != 0x20);
                self.answers.entry(stream).or_insert(status == Some(&0x88));
            }
            RST_STREAM => {
                self.resets.insert(stream, word(9));
            }
            GOAWAY => self.goaway = Some(word(13)),
            _ => {}
        }
    }
}
