//! How a field block of HTTP/2 begins
//! ([RFC 7541 section 6](https://www.rfc-editor.org/rfc/rfc7541#section-6)), as far as that shows
//! without the fields of the blocks before it.

/// The last entry of the static table whose name is a pseudo-header field's (RFC 7541 appendix A).
const LAST_PSEUDO: u8 = 14;
/// The colon in the Huffman code, in the seven highest bits (RFC 7541 appendix B).
const COLON: u8 = 0b101_1100;

/// The first octets of a field block, which say whether its first field is a pseudo-header field:
/// none may stand after another field, so that no later one needs to be looked at. One of the
/// dynamic table's entries is not told.
#[derive(Debug)]
pub struct Opening(State);

#[derive(Clone, Copy, Debug)]
enum State {
    /// Before a representation.
    Start,
    /// In a number that goes on.
    SizeUpdate,
    /// Before the length of a name.
    NameLength,
    /// Before the first octet of a name.
    Name {
        is_huffman: bool,
    },
    Told {
        is_pseudo: bool,
    },
}

impl Opening {
    /// Before the first octet.
    pub fn new() -> Self {
        Self(State::Start)
    }

    /// Takes the next octet in; says whether the first field is a pseudo-header field, once that
    /// shows.
    pub fn take(&mut self, octet: u8) -> Option<bool> {
        self.0 = match self.0 {
            State::Start => first(octet),
            State::SizeUpdate if octet & 0x80 == 0 => State::Start,
            State::SizeUpdate => State::SizeUpdate,
            // Of no octets, or of more than any pseudo-header field's.
            State::NameLength if matches!(octet & 0x7f, 0 | 0x7f) => {
                State::Told { is_pseudo: false }
            }
            State::NameLength => State::Name {
                is_huffman: octet & 0x80 != 0,
            },
            State::Name { is_huffman: true } => State::Told {
                is_pseudo: octet >> 1 == COLON,
            },
            State::Name { is_huffman: false } => State::Told {
                is_pseudo: octet == b':',
            },
            told @ State::Told { .. } => told,
        };
        match self.0 {
            State::Told { is_pseudo } => Some(is_pseudo),
            State::Start | State::SizeUpdate | State::NameLength | State::Name { .. } => None,
        }
    }
}

/// What the first octet of a representation says.
fn first(octet: u8) -> State {
    let index = match octet {
        0x80.. => octet & 0x7f,
        0x40.. => octet & 0x3f,
        0x3f => return State::SizeUpdate,
        0x20.. => return State::Start,
        _ => octet & 0x0f,
    };
    if index == 0 && octet < 0x80 {
        return State::NameLength;
    }
    State::Told {
        is_pseudo: (1..=LAST_PSEUDO).contains(&index),
    }
}

impl Default for Opening {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(octets: &[u8]) -> Option<bool> {
        let mut opening = Opening::new();
        octets.iter().find_map(|&octet| opening.take(octet))
    }

    #[test]
    fn a_pseudo_header_field_is_known_by_its_index_or_the_colon_of_its_name() {
        for octets in [
            // An entry of the static table, and its name with another value.
            &[0x84][..],
            &[0x44],
            &[0x04],
            &[0x1e],
            // A name of its own, plain and in Huffman's code.
            b"\x00\x05:path",
            b"\x40\x05:path",
            b"\x10\x85\xb9\x58\xd3\x3f\x7f",
            // After changes of the table's size.
            &[0x20, 0x3f, 0xe1, 0x1f, 0x84],
        ] {
            assert_eq!(told(octets), Some(true), "{octets:02x?}");
        }
    }

    #[test]
    fn other_fields_are_none() {
        for octets in [
            &[0x8f][..],
            &[0x4f],
            &[0x0f, 0x00],
            &[0x1f, 0x00],
            &[0xbe],
            b"\x00\x05x-sum",
            b"\x40\x85\xf2\xb4\x2d\xa6\x9f",
            b"\x00\x00",
            &[0x80],
        ] {
            assert_eq!(told(octets), Some(false), "{octets:02x?}");
        }
        assert_eq!(told(&[]), None);
        assert_eq!(told(&[0x00, 0x05]), None);
    }
}
