//! The Huffman code of HPACK ([RFC 7541 appendix B](https://www.rfc-editor.org/rfc/rfc7541#appendix-B)).
//! It is canonical: the lengths of the codes say all of it.

/// The length of the code of each octet, in bits.
#[rustfmt::skip]
const LENGTHS: [u8; 256] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
];
/// The longest code.
const MOST: usize = 30;

/// The codes of one length: they follow each other.
#[derive(Clone, Copy)]
struct Codes {
    /// The first of them.
    first: u32,
    /// How many there are.
    count: u32,
    /// Where in `OCTETS` the first one's octet stands.
    place: u32,
}

/// The codes by their length.
const CODES: [Codes; MOST + 1] = codes();
/// The octets in the order of their codes.
const OCTETS: [u8; 256] = octets();

#[expect(
    clippy::indexing_slicing,
    reason = "done by the compiler, which would see an index that is too large"
)]
const fn codes() -> [Codes; MOST + 1] {
    let none = Codes {
        first: 0,
        count: 0,
        place: 0,
    };
    let mut codes = [none; MOST + 1];
    let mut octet = 0;
    while octet < LENGTHS.len() {
        codes[LENGTHS[octet] as usize].count += 1;
        octet += 1;
    }
    let mut length = 1;
    while length <= MOST {
        let shorter = codes[length - 1];
        codes[length].first = (shorter.first + shorter.count) << 1;
        codes[length].place = shorter.place + shorter.count;
        length += 1;
    }
    codes
}

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "done by the compiler, for 256 octets"
)]
const fn octets() -> [u8; 256] {
    let mut octets = [0; 256];
    let (mut length, mut place) = (1, 0);
    while length <= MOST {
        let mut octet = 0;
        while octet < LENGTHS.len() {
            if LENGTHS[octet] as usize == length {
                octets[place] = octet as u8;
                place += 1;
            }
            octet += 1;
        }
        length += 1;
    }
    octets
}

/// The codes that fit into an octet, which are those of nearly all text: for each octet of bits the octet whose
/// code it begins with, and the length of that; 0 where the code is longer.
const SHORT: [(u8, u8); 256] = short();

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "done by the compiler, for 256 octets"
)]
const fn short() -> [(u8, u8); 256] {
    let mut short = [(0, 0); 256];
    let mut length = 1;
    while length <= 8 {
        let codes = CODES[length];
        let mut nth = 0;
        while nth < codes.count {
            let from = ((codes.first + nth) << (8 - length)) as usize;
            let mut bits = from;
            while bits < from + (1 << (8 - length)) {
                short[bits] = (OCTETS[(codes.place + nth) as usize], length as u8);
                bits += 1;
            }
            nth += 1;
        }
        length += 1;
    }
    short
}

/// The octets that were encoded. What is no code ends them, as padding does.
pub(super) fn decoded(encoded: &[u8]) -> impl Iterator<Item = u8> {
    let mut bits = Bits {
        rest: encoded,
        held: 0,
        many: 0,
    };
    std::iter::from_fn(move || bits.next())
}

/// Bits on their way through.
struct Bits<'a> {
    rest: &'a [u8],
    /// Those that are next, the first of them at the top; zeros follow.
    held: u64,
    many: u32,
}

impl Bits<'_> {
    fn next(&mut self) -> Option<u8> {
        while self.many <= 56
            && let Some((first, rest)) = self.rest.split_first()
        {
            self.held |= u64::from(*first) << (56 - self.many);
            self.many += 8;
            self.rest = rest;
        }
        let (octet, length) = *SHORT.get((self.held >> 56) as usize)?;
        if length == 0 {
            return self.next_long();
        }
        self.take(u32::from(length))?;
        Some(octet)
    }

    fn next_long(&mut self) -> Option<u8> {
        let codes = (1_u32..).zip(CODES.iter().skip(1));
        for (length, codes) in codes {
            let code = u32::try_from(self.held >> (64 - length)).ok()?;
            let nth = code.checked_sub(codes.first);
            if let Some(nth) = nth.filter(|nth| *nth < codes.count) {
                self.take(length)?;
                return OCTETS.get((codes.place + nth) as usize).copied();
            }
        }
        None
    }

    /// Goes on after so many bits; nothing where there are fewer.
    fn take(&mut self, bits: u32) -> Option<()> {
        self.many = self.many.checked_sub(bits)?;
        self.held <<= bits;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(encoded: &[u8]) -> String {
        decoded(encoded).map(char::from).collect()
    }

    #[test]
    fn what_the_standard_encodes_is_decoded() {
        // RFC 7541 appendix C.4 and C.6.
        let host = b"\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff";
        assert_eq!(text(host), "www.example.com");
        assert_eq!(text(b"\xa8\xeb\x10\x64\x9c\xbf"), "no-cache");
        let date = b"\xd0\x7a\xbe\x94\x10\x54\xd4\x44\xa8\x20\x05\x95\x04\x0b\x81\x66\xe0\x82\xa6\x2d\x1b\xff";
        assert_eq!(text(date), "Mon, 21 Oct 2013 20:13:21 GMT");
        assert_eq!(text(b"\xff\xa0"), "#");
        assert_eq!(text(b""), "");
    }

    #[test]
    fn the_code_is_whole() {
        // The lengths of all codes and of the one that ends a string fill the tree.
        let one = |length: usize| 1_u64 << (MOST - length);
        let filled: u64 = LENGTHS.iter().map(|length| one(usize::from(*length))).sum();
        assert_eq!(filled + one(MOST), one(0));
        assert_eq!(decoded(&[0xff; 4]).count(), 0, "the end of a string");
    }

    /// Each octet with its code: the bits, and how many they are.
    fn codes() -> Vec<(u8, u32, usize)> {
        let of_length = |(length, codes): (usize, &Codes)| {
            let Codes {
                first,
                count,
                place,
            } = *codes;
            (0..count).map(move |nth| (OCTETS[(place + nth) as usize], first + nth, length))
        };
        CODES.iter().enumerate().flat_map(of_length).collect()
    }

    fn encoded(text: &[u8]) -> Vec<u8> {
        let codes = codes();
        let mut bits = Vec::new();
        for octet in text {
            let (_, code, length) = codes.iter().find(|(of, ..)| of == octet).expect("a code");
            bits.extend((0..*length).rev().map(|place| code >> place & 1 == 1));
        }
        let padded = bits.chunks(8).map(|octet| {
            let bit = |place: usize| octet.get(place).copied().unwrap_or(true);
            (0..8).fold(0, |octet, place| octet << 1 | u8::from(bit(place)))
        });
        padded.collect()
    }

    #[test]
    fn octets_with_long_codes_and_short_ones_stand_beside_each_other() {
        for first in 0..=u8::MAX {
            for second in 0..=u8::MAX {
                let text = [b'a', first, second, b'a', second];
                let decoded: Vec<u8> = decoded(&encoded(&text)).collect();
                assert_eq!(decoded, text);
            }
        }
    }
}
