//! Frames of HTTP/2 as they pass, by their headers alone
//! ([RFC 9113 section 4.1](https://www.rfc-editor.org/rfc/rfc9113#section-4.1)), and how many of
//! them that move nothing a peer may send. The h2 crate bounds the floods that cost memory; it
//! answers or ignores the others for as long as they go on.

use std::time::Duration;

/// The octets of a client's connection preface that come before its first frame (RFC 9113 section
/// 3.4).
const PREFACE: usize = 24;
/// The octets of a frame's header.
const HEADER: usize = 9;
/// How many idle frames a peer may send at once, and how many more each second: no browser sends a
/// tenth of that.
const MOST_IDLE: u32 = 10_000;
const IDLE_A_SECOND: u32 = 1_000;

/// The types of frames that are told apart (RFC 9113 section 6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const GOAWAY: u8 = 7;

/// The frames of one direction of a connection.
#[derive(Debug)]
pub struct Frames {
    header: [u8; HEADER],
    read: usize,
    skip: usize,
}

/// What a frame's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    kind: u8,
    length: usize,
}

impl Frame {
    fn of(header: [u8; HEADER]) -> Self {
        let [high, middle, low, kind, ..] = header;
        let length = u32::from_be_bytes([0, high, middle, low]);
        Self {
            kind,
            length: usize::try_from(length).unwrap_or(usize::MAX),
        }
    }

    /// Whether it is DATA with octets in it.
    pub fn is_data(self) -> bool {
        self.kind == DATA && self.length > 0
    }

    /// Whether the peer opens no more streams, or takes none (RFC 9113 section 6.8).
    pub fn is_go_away(self) -> bool {
        self.kind == GOAWAY
    }

    /// Whether it moves nothing of a message.
    fn is_idle(self) -> bool {
        !self.is_data() && self.kind != HEADERS
    }
}

impl Frames {
    /// What a server sends.
    pub fn of_server() -> Self {
        Self {
            header: [0; HEADER],
            read: 0,
            skip: 0,
        }
    }

    /// What a client sends.
    pub fn of_client() -> Self {
        Self {
            skip: PREFACE,
            ..Self::of_server()
        }
    }

    /// Takes octets in, and says which frames begin in them.
    pub fn follow<'a>(&'a mut self, octets: &'a [u8]) -> impl Iterator<Item = Frame> + 'a {
        let mut rest = octets;
        std::iter::from_fn(move || self.next(&mut rest))
    }

    fn next(&mut self, octets: &mut &[u8]) -> Option<Frame> {
        let skipped = self.skip.min(octets.len());
        self.skip -= skipped;
        *octets = octets.get(skipped..)?;
        let missing = self.header.get_mut(self.read..)?;
        let taken = missing.len().min(octets.len());
        let (header, rest) = octets.split_at_checked(taken)?;
        missing.get_mut(..taken)?.copy_from_slice(header);
        *octets = rest;
        self.read += taken;
        if self.read < HEADER {
            return None;
        }
        let frame = Frame::of(self.header);
        (self.read, self.skip) = (0, frame.length);
        Some(frame)
    }
}

/// How many frames that move nothing a peer may still send.
#[derive(Debug)]
pub struct Allowance {
    left: u32,
    since: Duration,
}

impl Allowance {
    /// A full one, for a connection that has just begun.
    pub fn new() -> Self {
        Self {
            left: MOST_IDLE,
            since: Duration::ZERO,
        }
    }

    /// The peer was sent that many frames of DATA, each of which it may answer by window updates for
    /// the stream and the connection.
    pub fn grant(&mut self, data: usize) {
        let more = u32::try_from(data).unwrap_or(MOST_IDLE).saturating_mul(2);
        self.left = self.left.saturating_add(more).min(MOST_IDLE);
    }

    /// The peer has sent a frame, that long after the connection began; false when it was one too
    /// many.
    pub fn spend(&mut self, frame: Frame, now: Duration) -> bool {
        if !frame.is_idle() {
            return true;
        }
        if self.left == 0 {
            let passed = now.saturating_sub(self.since).as_secs();
            let passed = u32::try_from(passed).unwrap_or(u32::MAX);
            self.left = IDLE_A_SECOND.saturating_mul(passed).min(MOST_IDLE);
            self.since = now;
        }
        let is_granted = self.left > 0;
        self.left = self.left.saturating_sub(1);
        is_granted
    }
}

impl Default for Allowance {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(payload.len()).expect("short");
        [&[0, 0, length, kind, 0, 0, 0, 0, 1], payload].concat()
    }

    #[test]
    fn frames_are_found_in_any_split() {
        let frames = [frame(4, b""), frame(DATA, b"hello"), frame(GOAWAY, &[0; 8])].concat();
        let octets = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &frames].concat();
        for size in 1..octets.len() {
            let mut frames = Frames::of_client();
            let seen: Vec<(u8, usize)> = octets
                .chunks(size)
                .flat_map(|piece| frames.follow(piece).collect::<Vec<_>>())
                .map(|frame| (frame.kind, frame.length))
                .collect();
            assert_eq!(
                seen,
                [(4, 0), (DATA, 5), (GOAWAY, 8)],
                "in pieces of {size}"
            );
        }
    }

    #[test]
    fn frames_that_move_nothing_are_granted_up_to_a_limit() {
        let start = Duration::ZERO;
        let mut allowance = Allowance::new();
        let ping = Frame { kind: 6, length: 8 };
        let granted = (0..2 * MOST_IDLE)
            .filter(|_| allowance.spend(ping, start))
            .count();
        assert_eq!(granted, MOST_IDLE as usize);
        let later = Duration::from_secs(3);
        let granted = (0..2 * MOST_IDLE)
            .filter(|_| allowance.spend(ping, later))
            .count();
        assert_eq!(granted, 3 * IDLE_A_SECOND as usize);
    }

    #[test]
    fn what_carries_messages_is_free_and_earns_window_updates() {
        let now = Duration::ZERO;
        let mut allowance = Allowance::new();
        let (data, update) = (
            Frame {
                kind: DATA,
                length: 1,
            },
            Frame { kind: 8, length: 4 },
        );
        for _ in 0..2 * MOST_IDLE {
            assert!(allowance.spend(data, now));
            allowance.grant(1);
            assert!(allowance.spend(update, now) && allowance.spend(update, now));
        }
    }
}
