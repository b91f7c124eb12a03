//! Frames of HTTP/2 as they pass, by their headers alone
//! ([RFC 9113 section 4.1](https://www.rfc-editor.org/rfc/rfc9113#section-4.1)).

use super::Violation;
use super::blocks::Blocks;

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

/// The flag of the last frame of a field block (RFC 9113 section 6.2).
pub(super) const END_HEADERS: u8 = 0x04;

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
    /// The field blocks of a client.
    blocks: Option<Box<Blocks>>,
}

/// What a frame's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    length: usize,
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
            blocks: None,
        }
    }

    /// What a client sends.
    pub fn of_client() -> Self {
        Self {
            skip: PREFACE,
            blocks: Some(Box::default()),
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

    /// The first rule that the client's field blocks broke, of those that the h2 crate hides.
    pub fn violation(&self) -> Option<Violation> {
        self.blocks.as_ref()?.violation()
    }

    fn next(&mut self, octets: &mut &[u8]) -> Option<Frame> {
        let (payload, rest) = octets.split_at_checked(self.skip.min(octets.len()))?;
        if let Some(blocks) = &mut self.blocks {
            blocks.take(payload, self.skip);
        }
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
        }
        if let HEADERS | PUSH_PROMISE | CONTINUATION = frame.kind {
            self.is_block_open = frame.flags & END_HEADERS == 0;
        }
        if let Some(blocks) = &mut self.blocks {
            match frame.kind {
                HEADERS => blocks.begin(frame.stream, frame.flags),
                CONTINUATION => blocks.go_on(frame.flags),
                _ => blocks.are_left(),
            }
        }
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

    /// The rule that a client's frames break, in whatever pieces they come.
    fn broken(frames: &[Vec<u8>]) -> Option<Violation> {
        let octets = frames.concat();
        let in_pieces = |size: usize| {
            let mut frames = Frames {
                skip: 0,
                ..Frames::of_client()
            };
            for piece in octets.chunks(size) {
                frames.follow(piece).for_each(drop);
            }
            frames.violation()
        };
        let whole = in_pieces(octets.len());
        for size in 1..octets.len() {
            assert_eq!(in_pieces(size), whole, "{octets:02x?} in {size}");
        }
        whole
    }

    #[test]
    fn a_pseudo_header_field_may_not_stand_among_trailers() {
        let head = flagged(HEADERS, END_HEADERS, 1, &[0x82, 0x40, 2, b':', b'x', 0]);
        let trailers = |block: &[u8]| vec![head.clone(), flagged(HEADERS, END_HEADERS, 1, block)];
        let pseudo = Some(Violation::PseudoTrailer);
        assert_eq!(broken(&trailers(&[0x84])), pseudo);
        assert_eq!(broken(&trailers(&[0xbe])), pseudo, "it was said before");
        assert_eq!(broken(&trailers(b"\x00\x05x-sum\x00\x84")), pseudo);
        assert_eq!(broken(&trailers(b"\x00\x05x-sum\x00")), None);
        let other = flagged(HEADERS, END_HEADERS, 3, &[0x84]);
        assert_eq!(broken(&[head, other]), None, "the head of another stream");
    }

    #[test]
    fn a_path_has_no_fragment() {
        let fragment = Some(Violation::Target);
        let head = |block: &[u8]| flagged(HEADERS, END_HEADERS, 1, block);
        assert_eq!(broken(&[head(b"\x82\x04\x02/#")]), fragment);
        assert_eq!(broken(&[head(b"\x82\x04\x02/a\x00\x01x\x01#")]), None);
        let padded = [&[3, 0, 0, 0, 0, 0][..], b"\x04\x02/#", &[0; 3]].concat();
        let flags = END_HEADERS | 0x08 | 0x20;
        assert_eq!(broken(&[flagged(HEADERS, flags, 1, &padded)]), fragment);
        let parts = [
            flagged(HEADERS, 0x08, 1, b"\x02\x04\x02\x00\x00"),
            flagged(CONTINUATION, 0, 1, b""),
            flagged(CONTINUATION, 0, 1, b"/"),
            flagged(CONTINUATION, END_HEADERS, 1, b"#"),
        ];
        assert_eq!(broken(&parts), fragment);
        let ends_empty = [
            flagged(HEADERS, 0, 1, b"\x04\x02/#"),
            flagged(CONTINUATION, END_HEADERS, 1, b""),
        ];
        assert_eq!(broken(&ends_empty), fragment);
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
