//! HPACK ([RFC 7541](https://www.rfc-editor.org/rfc/rfc7541)) read in passing, as far as the h2 crate
//! does not tell what was there: the fragment of a `:path`, and a pseudo-header field among trailers.

use std::collections::VecDeque;

use memchr::memchr;

use super::huffman::decoded;

/// The size of the dynamic table, of which nobody is told otherwise (RFC 9113 section 6.5.2).
const MOST: usize = 4096;
/// What an entry costs beside its name and value (section 4.1).
const OVERHEAD: usize = 32;
/// The last entry of the static table whose name is a pseudo-header field's (appendix A).
const LAST_PSEUDO: usize = 14;
/// Those with the name `:path`.
const PATHS: std::ops::RangeInclusive<usize> = 4..=5;
/// How long the names of the static table are (appendix A).
#[rustfmt::skip]
const NAMES: [usize; 61] = [
    10, 7, 7, 5, 5, 7, 7, 7, 7, 7, 7, 7, 7, 7, 14, 15, 15, 13, 6, 27,
    3, 5, 13, 13, 19, 16, 16, 14, 16, 13, 12, 6, 4, 4, 6, 7, 4, 4, 8, 17,
    13, 8, 19, 13, 4, 8, 12, 18, 19, 5, 7, 7, 11, 6, 10, 25, 17, 10, 4, 3,
    16,
];

/// What a field is, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// Whether it is a pseudo-header field.
    pub(super) is_pseudo: bool,
    /// Whether it is a `:path` with a fragment.
    pub(super) has_fragment: bool,
}

/// The dynamic table of a peer's field blocks.
#[derive(Debug)]
pub(super) struct Table {
    /// The youngest first.
    entries: VecDeque<Entry>,
    size: usize,
    most: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    name: Name,
    has_fragment: bool,
    size: usize,
}

#[derive(Clone, Copy, Debug)]
struct Name {
    kind: Kind,
    length: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Path,
    Pseudo,
    Regular,
}

/// A string literal (section 5.2).
#[derive(Clone, Copy)]
struct Text<'a> {
    is_huffman: bool,
    octets: &'a [u8],
}

/// What is left of a block.
struct Rest<'a>(&'a [u8]);

impl Table {
    /// Before the first block.
    pub(super) fn new() -> Self {
        Self {
            entries: VecDeque::new(),
            size: 0,
            most: MOST,
        }
    }

    /// Reads a field block, and has `see` look at its fields. Nothing if it is none: the connection
    /// cannot go on then.
    pub(super) fn read(&mut self, block: &[u8], mut see: impl FnMut(Field)) -> Option<()> {
        let mut rest = Rest(block);
        while let Some(first) = rest.0.first() {
            match first {
                0x80.. => {
                    let index = rest.number(0x7f)?;
                    see(self.entry(index)?.field());
                }
                0x40.. => {
                    let (entry, value) = self.literal(&mut rest, 0x3f)?;
                    see(entry.field());
                    self.insert(Entry {
                        size: entry.name.length + value.length() + OVERHEAD,
                        ..entry
                    });
                }
                0x20.. => {
                    self.most = rest.number(0x1f).filter(|size| *size <= MOST)?;
                    self.evict(0);
                }
                _ => see(self.literal(&mut rest, 0x0f)?.0.field()),
            }
        }
        Some(())
    }

    /// A literal field line (section 6.2), of no size yet, and its value.
    fn literal<'a>(&self, rest: &mut Rest<'a>, prefix: u8) -> Option<(Entry, Text<'a>)> {
        let name = match rest.number(prefix)? {
            0 => Name::of(rest.text()?),
            index => self.entry(index)?.name,
        };
        let value = rest.text()?;
        let entry = Entry {
            name,
            has_fragment: name.kind == Kind::Path && value.has_fragment(),
            size: 0,
        };
        Some((entry, value))
    }

    /// The entry at an index of both tables (section 2.3.3).
    fn entry(&self, index: usize) -> Option<Entry> {
        let place = index.checked_sub(1)?;
        let Some(length) = NAMES.get(place) else {
            return self.entries.get(place - NAMES.len()).copied();
        };
        let kind = match index {
            _ if PATHS.contains(&index) => Kind::Path,
            ..=LAST_PSEUDO => Kind::Pseudo,
            _ => Kind::Regular,
        };
        Some(Entry {
            name: Name {
                kind,
                length: *length,
            },
            has_fragment: false,
            size: 0,
        })
    }

    fn insert(&mut self, entry: Entry) {
        self.evict(entry.size);
        if entry.size <= self.most {
            self.size += entry.size;
            self.entries.push_front(entry);
        }
    }

    /// Makes room, as far as there is some (section 4.4).
    fn evict(&mut self, needed: usize) {
        while self.size + needed > self.most
            && let Some(oldest) = self.entries.pop_back()
        {
            self.size -= oldest.size;
        }
    }
}

impl Default for Table {
    fn default() -> Self {
        Self::new()
    }
}

impl Entry {
    fn field(self) -> Field {
        Field {
            is_pseudo: self.name.kind != Kind::Regular,
            has_fragment: self.has_fragment,
        }
    }
}

impl Name {
    fn of(text: Text<'_>) -> Self {
        let kind = if text.decoded().eq(*b":path") {
            Kind::Path
        } else if text.decoded().next() == Some(b':') {
            Kind::Pseudo
        } else {
            Kind::Regular
        };
        Self {
            kind,
            length: text.length(),
        }
    }
}

impl Text<'_> {
    fn decoded(&self) -> impl Iterator<Item = u8> {
        let plain = self.octets.iter().copied().filter(|_| !self.is_huffman);
        let encoded = if self.is_huffman { self.octets } else { &[] };
        plain.chain(decoded(encoded))
    }

    fn length(&self) -> usize {
        if self.is_huffman {
            decoded(self.octets).count()
        } else {
            self.octets.len()
        }
    }

    fn has_fragment(&self) -> bool {
        if self.is_huffman {
            decoded(self.octets).any(|octet| octet == b'#')
        } else {
            memchr(b'#', self.octets).is_some()
        }
    }
}

impl<'a> Rest<'a> {
    /// A number whose first octet has these bits of it (section 5.1).
    fn number(&mut self, prefix: u8) -> Option<usize> {
        let mut number = usize::from(self.octet()? & prefix);
        if number < usize::from(prefix) {
            return Some(number);
        }
        for shift in [0, 7, 14, 21] {
            let octet = self.octet()?;
            number += usize::from(octet & 0x7f) << shift;
            if octet & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn text(&mut self) -> Option<Text<'a>> {
        let is_huffman = self.0.first()? & 0x80 != 0;
        let length = self.number(0x7f)?;
        let (octets, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(Text { is_huffman, octets })
    }

    fn octet(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fields of blocks, read one after the other: `p` a pseudo-header field, `#` a path with a
    /// fragment, `-` any other.
    fn fields(table: &mut Table, block: &[u8]) -> Option<String> {
        let mut seen = String::new();
        table.read(block, |field| {
            seen.push(match (field.has_fragment, field.is_pseudo) {
                (true, _) => '#',
                (false, true) => 'p',
                (false, false) => '-',
            });
        })?;
        Some(seen)
    }

    fn alone(block: &[u8]) -> Option<String> {
        fields(&mut Table::new(), block)
    }

    #[test]
    fn fields_are_told_by_index_and_by_name_in_both_codes() {
        for (block, expected) in [
            (&[0x82, 0x86, 0x84, 0x8f][..], "ppp-"),
            (b"\x44\x02/a", "p"),
            (b"\x04\x04/a#b", "#"),
            (b"\x00\x05:path\x04/a#b", "#"),
            (b"\x10\x05:path\x01/", "p"),
            // `:path` and `/#` in Huffman's code.
            (b"\x00\x84\xb9\x58\xd3\x3f\x01/", "p"),
            (b"\x04\x83\x63\xfe\xbf", "#"),
            (b"\x40\x05x-sum\x01#", "-"),
            (b"\x40\x06:other\x01#", "p"),
            (b"\x20\x3f\xe1\x1f\x84", "p"),
            (b"", ""),
        ] {
            assert_eq!(alone(block).as_deref(), Some(expected), "{block:02x?}");
        }
    }

    #[test]
    fn what_was_said_before_is_remembered() {
        let mut table = Table::new();
        assert_eq!(
            fields(&mut table, b"\x44\x04/a#b\x40\x01x\x01y").as_deref(),
            Some("#-")
        );
        assert_eq!(fields(&mut table, b"\xbe\xbf").as_deref(), Some("-#"));
        // Its name with another value.
        assert_eq!(fields(&mut table, b"\x0f\x30\x01/").as_deref(), Some("p"));
        assert_eq!(fields(&mut table, b"\xc0"), None);
    }

    #[test]
    fn the_oldest_entries_go_when_the_table_is_full_or_made_smaller() {
        let mut table = Table::new();
        let long = [b"\x40\x01x\x7f\xf1\x1d", vec![b'a'; 3952].as_slice()].concat();
        assert_eq!(fields(&mut table, b"\x44\x04/a#b").as_deref(), Some("#"));
        assert_eq!(fields(&mut table, &long).as_deref(), Some("-"));
        assert_eq!(fields(&mut table, b"\xbf").as_deref(), Some("#"));
        let next = [b"\x40\x01x\x28", [b'a'; 40].as_slice()].concat();
        assert_eq!(fields(&mut table, &next).as_deref(), Some("-"));
        assert_eq!(fields(&mut table, b"\xbf").as_deref(), Some("-"));
        assert_eq!(fields(&mut table, b"\xc0"), None);
        let mut table = Table::new();
        assert_eq!(
            fields(&mut table, b"\x44\x04/a#b\x20").as_deref(),
            Some("#")
        );
        assert_eq!(fields(&mut table, b"\xbe"), None);
        assert_eq!(
            fields(&mut table, b"\x44\x04/a#b\xbe"),
            None,
            "there is no room"
        );
    }

    #[test]
    fn what_is_no_block_is_none() {
        for block in [
            &[0x80][..],
            &[0xbe],
            &[0x44],
            b"\x44\x05/a",
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            &[0x3f, 0xe2, 0x1f],
        ] {
            assert_eq!(alone(block), None, "{block:02x?}");
        }
    }
}
