//! Frames of HTTP/2 as they pass, by their headers alone
//! ([RFC 9113 section 4.1](https://www.rfc-editor.org/rfc/rfc9113#section-4.1)).

use super::opening::Opening;

/// The octets of a client's connection preface that come before its first frame (RFC 9113 section
/// 3.4).
const PREFACE: usize = 24;
/// The octets of a frame's header.
const HEADER: usize = 9;
/// The types of frames that are told apart (RFC 9113 section 6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

/// Flags of HEADERS (RFC 9113 section 6.2).
const END_HEADERS: u8 = 0x04;
const PADDED: u8 = 0x08;
const WITH_PRIORITY: u8 = 0x20;

/// The frames of one direction of a connection.
#[derive(Debug)]
pub struct Frames {
    header: [u8; HEADER],
    read: usize,
    /// The type of the last frame that began, and how much of it is still to come.
    kind: u8,
    skip: usize,
    /// How many have begun; CONTINUATION belongs to the frame before it.
    begun: u64,
    is_block_open: bool,
    /// The last stream that the client has opened; nothing for what a server sends.
    last_stream: Option<u32>,
    trailers: Option<Trailers>,
    has_pseudo_trailer: bool,
}

/// What a frame's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    length: usize,
}

/// Trailers whose first field is not known yet.
#[derive(Debug)]
struct Trailers {
    opening: Opening,
    is_padded: bool,
    /// How many octets come before those of the field block, and after them.
    lead: usize,
    padding: usize,
}

impl Frame {
    fn of(header: [u8; HEADER]) -> Self {
        let [high, middle, low, kind, flags, stream @ ..] = header;
        let length = u32::from_be_bytes([0, high, middle, low]);
        Self {
            kind,
            flags,
            stream: u32::from_be_bytes(stream) & !(1 << 31),
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
    pub fn is_idle(self) -> bool {
        !self.is_data() && self.kind != HEADERS
    }
}

impl Frames {
    /// What a server sends.
    pub fn of_server() -> Self {
        Self {
            header: [0; HEADER],
            read: 0,
            kind: SETTINGS,
            skip: 0,
            begun: 0,
            is_block_open: false,
            last_stream: None,
            trailers: None,
            has_pseudo_trailer: false,
        }
    }

    /// What a client sends.
    pub fn of_client() -> Self {
        Self {
            skip: PREFACE,
            last_stream: Some(0),
            ..Self::of_server()
        }
    }

    /// Takes octets in, and says which frames begin in them.
    pub fn follow<'a>(&'a mut self, octets: &'a [u8]) -> impl Iterator<Item = Frame> + 'a {
        let mut rest = octets;
        std::iter::from_fn(move || self.next(&mut rest))
    }

    /// Something that has begun and is to be whole soon, by its number: a field block, or a frame of
    /// anything but content.
    pub fn unfinished(&self) -> Option<u64> {
        let is_within = self.skip > 0 && self.kind != DATA;
        if self.is_block_open || is_within {
            Some(self.begun)
        } else if self.read > 0 {
            Some(self.begun + 1)
        } else {
            None
        }
    }

    /// Whether there was a pseudo-header field among the trailers of a request. The h2 crate drops
    /// it.
    pub fn has_pseudo_trailer(&self) -> bool {
        self.has_pseudo_trailer
    }

    fn next(&mut self, octets: &mut &[u8]) -> Option<Frame> {
        let (payload, rest) = octets.split_at_checked(self.skip.min(octets.len()))?;
        self.look_at(payload);
        self.skip -= payload.len();
        let missing = self.header.get_mut(self.read..)?;
        let taken = missing.len().min(rest.len());
        let (header, rest) = rest.split_at_checked(taken)?;
        missing.get_mut(..taken)?.copy_from_slice(header);
        *octets = rest;
        self.read += taken;
        if self.read < HEADER {
            return None;
        }
        let frame = Frame::of(self.header);
        self.begin(frame);
        Some(frame)
    }

    fn begin(&mut self, frame: Frame) {
        (self.read, self.kind, self.skip) = (0, frame.kind, frame.length);
        if frame.kind != CONTINUATION {
            self.begun += 1;
            self.trailers = None;
        }
        if let HEADERS | PUSH_PROMISE | CONTINUATION = frame.kind {
            self.is_block_open = frame.flags & END_HEADERS == 0;
        }
        if let (HEADERS, Some(last)) = (frame.kind, self.last_stream) {
            // Streams are opened in order (RFC 9113 section 5.1.1).
            self.last_stream = Some(last.max(frame.stream));
            self.trailers = (frame.stream <= last).then(|| Trailers::begin(frame.flags));
        }
    }

    /// Looks for the first field of trailers.
    fn look_at(&mut self, payload: &[u8]) {
        let mut left = self.skip;
        for &octet in payload {
            let Some(trailers) = &mut self.trailers else {
                return;
            };
            if let Some(is_pseudo) = trailers.take(octet, left) {
                self.has_pseudo_trailer |= is_pseudo;
                self.trailers = None;
            }
            left -= 1;
        }
    }
}

impl Trailers {
    fn begin(flags: u8) -> Self {
        let is_padded = flags & PADDED != 0;
        let priority = if flags & WITH_PRIORITY == 0 { 0 } else { 5 };
        Self {
            opening: Opening::new(),
            is_padded,
            lead: usize::from(is_padded) + priority,
            padding: 0,
        }
    }

    /// Takes an octet in with which so many are left of its frame.
    fn take(&mut self, octet: u8, left: usize) -> Option<bool> {
        if self.lead > 0 {
            self.lead -= 1;
            if self.is_padded {
                (self.is_padded, self.padding) = (false, usize::from(octet));
            }
            return None;
        }
        if left > self.padding {
            return self.opening.take(octet);
        }
        if left == 1 {
            // What follows in CONTINUATION has no padding.
            self.padding = 0;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        flagged(kind, 0, 1, payload)
    }

    fn flagged(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(payload.len()).expect("short");
        [&[0, 0, length, kind, flags, 0, 0, 0, stream], payload].concat()
    }

    /// What is left unfinished after these frames of a client's.
    fn unfinished(frames: &[Vec<u8>]) -> Option<u64> {
        let mut seen = Frames {
            skip: 0,
            ..Frames::of_client()
        };
        assert_eq!(seen.follow(&frames.concat()).count(), frames.len());
        seen.unfinished()
    }

    #[test]
    fn a_field_block_is_unfinished_until_it_ends() {
        let head = flagged(HEADERS, 0, 1, b"a");
        let more = flagged(CONTINUATION, 0, 1, b"");
        let last = flagged(CONTINUATION, END_HEADERS, 1, b"b");
        assert_eq!(unfinished(std::slice::from_ref(&head)), Some(1));
        assert_eq!(
            unfinished(&[head.clone(), more.clone(), more.clone()]),
            Some(1)
        );
        assert_eq!(unfinished(&[head.clone(), more, last.clone()]), None);
        let cut = last[..9].to_vec();
        assert_eq!(
            unfinished(&[head, cut]),
            Some(1),
            "its last octets are missing"
        );
    }

    #[test]
    fn content_may_take_its_time_and_all_else_may_not() {
        assert_eq!(unfinished(&[frame(DATA, b"hello")[..11].to_vec()]), None);
        assert_eq!(
            unfinished(&[frame(SETTINGS, b"hello")[..11].to_vec()]),
            Some(1)
        );
        let mut part = Frames::of_client();
        assert_eq!(part.unfinished(), Some(0), "the preface");
        assert_eq!(part.follow(&[0; PREFACE]).count(), 0);
        assert_eq!(part.unfinished(), None);
        assert_eq!(part.follow(&[0, 0]).count(), 0);
        assert_eq!(part.unfinished(), Some(1), "the header of a frame");
    }

    #[test]
    fn a_pseudo_header_field_is_found_in_trailers_only_and_in_any_split() {
        let head = flagged(HEADERS, END_HEADERS, 1, &[0x82]);
        let padded = [&[2, 0, 0, 0, 0, 0][..], &[0x82, 0, 0]].concat();
        let empty = [&[2][..], &[0x82, 0x82]].concat();
        for (trailers, has_pseudo) in [
            (vec![flagged(HEADERS, END_HEADERS, 1, &[0x84])], true),
            (
                vec![flagged(HEADERS, END_HEADERS, 1, b"\x00\x05x-sum")],
                false,
            ),
            // The head of another stream.
            (vec![flagged(HEADERS, END_HEADERS, 3, &[0x84])], false),
            (
                vec![flagged(
                    HEADERS,
                    END_HEADERS | PADDED | WITH_PRIORITY,
                    1,
                    &padded,
                )],
                true,
            ),
            // Padding is none of it, and the block goes on.
            (
                vec![
                    flagged(HEADERS, PADDED, 1, &empty),
                    flagged(CONTINUATION, 0, 1, b""),
                    flagged(CONTINUATION, END_HEADERS, 1, b"\x00\x05:path"),
                ],
                true,
            ),
            (
                vec![
                    flagged(HEADERS, PADDED, 1, &empty),
                    flagged(CONTINUATION, END_HEADERS, 1, &[0x8f]),
                ],
                false,
            ),
        ] {
            let octets = [head.clone(), trailers.concat()].concat();
            for size in 1..=octets.len() {
                let mut frames = Frames {
                    skip: 0,
                    ..Frames::of_client()
                };
                for piece in octets.chunks(size) {
                    frames.follow(piece).for_each(drop);
                }
                assert_eq!(
                    frames.has_pseudo_trailer(),
                    has_pseudo,
                    "{trailers:02x?} in {size}"
                );
            }
        }
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
}
