//! The field blocks of a client's HTTP/2 connection
//! ([RFC 9113 section 4.3](https://www.rfc-editor.org/rfc/rfc9113#section-4.3)), held against the
//! rules that the h2 crate applies by leaving out what breaks them.

use super::frames::END_HEADERS;
use super::hpack::{Field, Table};
use super::{MAX_HEAD, Violation};

/// Flags of HEADERS (RFC 9113 section 6.2).
const PADDED: u8 = 0x08;
const WITH_PRIORITY: u8 = 0x20;
/// The octets of a block that are read at most: more than its fields may come to.
const MOST: usize = 2 * MAX_HEAD;

/// The field blocks, one after the other.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    table: Table,
    /// The last stream that was opened.
    last_stream: u32,
    open: Option<Block>,
    violation: Option<Violation>,
}

/// A block under way.
#[derive(Debug, Default)]
struct Block {
    octets: Vec<u8>,
    is_of_trailers: bool,
    /// Whether it ends with the frame that is being read.
    ends: bool,
    /// Whether the next octet tells how much of the frame is padding.
    is_padded: bool,
    /// How many octets of the frame come before those of the block, and after them.
    lead: usize,
    padding: usize,
}

impl Blocks {
    /// The first rule that was broken.
    pub(super) fn violation(&self) -> Option<Violation> {
        self.violation
    }

    /// HEADERS begin a block: a head, or trailers where the stream is open already, for streams are
    /// opened in order (RFC 9113 section 5.1.1).
    pub(super) fn begin(&mut self, stream: u32, flags: u8) {
        let is_padded = flags & PADDED != 0;
        let priority = if flags & WITH_PRIORITY == 0 { 0 } else { 5 };
        self.open = Some(Block {
            is_of_trailers: stream <= self.last_stream,
            ends: flags & END_HEADERS != 0,
            is_padded,
            lead: usize::from(is_padded) + priority,
            ..Block::default()
        });
        self.last_stream = self.last_stream.max(stream);
    }

    /// CONTINUATION, which has no padding, goes on with it.
    pub(super) fn go_on(&mut self, flags: u8) {
        if let Some(block) = &mut self.open {
            (block.ends, block.lead, block.padding) = (flags & END_HEADERS != 0, 0, 0);
        }
    }

    /// Another frame begins.
    pub(super) fn are_left(&mut self) {
        self.open = None;
    }

    /// Takes octets of a frame in, of which so many were left before.
    pub(super) fn take(&mut self, payload: &[u8], left: usize) {
        let Some(block) = &mut self.open else {
            return;
        };
        let octets = block.content(payload, left);
        if !block.ends || payload.len() < left {
            block.octets.extend_from_slice(octets);
            if block.octets.len() > MOST {
                self.broke(Violation::HeadTooLarge);
                self.open = None;
            }
        } else if let Some(mut block) = self.open.take() {
            if block.octets.is_empty() {
                self.read(octets, block.is_of_trailers);
            } else {
                block.octets.extend_from_slice(octets);
                self.read(&block.octets, block.is_of_trailers);
            }
        }
    }

    fn read(&mut self, block: &[u8], is_of_trailers: bool) {
        let mut broken = None;
        let see = |field: Field| {
            if field.is_pseudo && is_of_trailers {
                broken = Some(Violation::PseudoTrailer);
            } else if field.has_fragment {
                broken = Some(Violation::Target);
            }
        };
        // What is no block ends the connection: the crate sees it, too.
        let _ = self.table.read(block, see);
        if let Some(violation) = broken {
            self.broke(violation);
        }
    }

    fn broke(&mut self, violation: Violation) {
        self.violation.get_or_insert(violation);
    }
}

impl Block {
    /// What of a frame's octets is the block's.
    fn content<'a>(&mut self, payload: &'a [u8], left: usize) -> &'a [u8] {
        let (mut octets, mut left) = (payload, left);
        while self.lead > 0
            && let Some((first, rest)) = octets.split_first()
        {
            if std::mem::take(&mut self.is_padded) {
                self.padding = usize::from(*first);
            }
            (octets, left) = (rest, left - 1);
            self.lead -= 1;
        }
        let content = left.saturating_sub(self.padding);
        octets.get(..content).unwrap_or(octets)
    }
}
