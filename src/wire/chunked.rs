//! The chunked coding, followed octet for octet and never undone
//! ([RFC 9112 section 7.1](https://www.rfc-editor.org/rfc/rfc9112#section-7.1)).

use memchr::memchr;

use super::scan::check_octets;
use super::{MAX_CHUNK_LINE, MAX_FIELDS, MAX_HEAD, Violation, is_token, trim_ows};

/// Where in a chunked body the next octet stands.
#[derive(Debug)]
pub struct Chunked {
    state: State,
    trailer_octets: usize,
    trailer_lines: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Size,
    Data(u64),
    DataEnd,
    Trailer,
    Done,
}

impl Chunked {
    /// At the first chunk-size line.
    pub fn new() -> Self {
        Self {
            state: State::Size,
            trailer_octets: 0,
            trailer_lines: 0,
        }
    }

    /// Whether the last octet of the body has passed.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// How many octets at the front are valid and may pass; 0 when more must come before that is
    /// known, because a line passes only as a whole. An error is about the octets that follow
    /// those let through before.
    pub fn pass(&mut self, octets: &[u8]) -> Result<usize, Violation> {
        let mut passed = 0;
        while let Some(rest) = octets.get(passed..).filter(|rest| !rest.is_empty()) {
            match self.step(rest) {
                Ok(0) => break,
                Ok(octets) => passed += octets,
                Err(_) if passed > 0 => break,
                Err(violation) => return Err(violation),
            }
        }
        Ok(passed)
    }

    fn step(&mut self, octets: &[u8]) -> Result<usize, Violation> {
        match self.state {
            State::Size => self.size_line(octets),
            State::Data(left) => Ok(self.data(left, octets.len())),
            State::DataEnd => self.data_end(octets),
            State::Trailer => self.trailer_line(octets),
            State::Done => Ok(0),
        }
    }

    fn size_line(&mut self, octets: &[u8]) -> Result<usize, Violation> {
        starts_with_size(octets)?;
        let Some(line) = line(octets, MAX_CHUNK_LINE, Violation::ChunkLineTooLong)? else {
            return Ok(0);
        };
        self.state = match chunk_size(line)? {
            0 => State::Trailer,
            size => State::Data(size),
        };
        Ok(line.len() + 2)
    }

    fn data(&mut self, left: u64, available: usize) -> usize {
        let taken = usize::try_from(left).map_or(available, |left| left.min(available));
        let left = left - taken as u64;
        self.state = if left == 0 {
            State::DataEnd
        } else {
            State::Data(left)
        };
        taken
    }

    fn data_end(&mut self, octets: &[u8]) -> Result<usize, Violation> {
        match octets {
            [b'\r', b'\n', ..] => {
                self.state = State::Size;
                Ok(2)
            }
            [b'\r'] => Ok(0),
            _ => Err(Violation::ChunkEnd),
        }
    }

    fn trailer_line(&mut self, octets: &[u8]) -> Result<usize, Violation> {
        let room = MAX_HEAD - self.trailer_octets;
        let Some(line) = line(octets, room, Violation::HeadTooLarge)? else {
            return Ok(0);
        };
        if line.is_empty() {
            self.state = State::Done;
            return Ok(2);
        }
        check_field_line(line)?;
        self.trailer_lines += 1;
        self.trailer_octets += line.len() + 2;
        if self.trailer_lines > MAX_FIELDS {
            return Err(Violation::TooManyFields);
        }
        Ok(line.len() + 2)
    }
}

impl Default for Chunked {
    fn default() -> Self {
        Self::new()
    }
}

/// The line at the front without its CRLF, once it is there as a whole. What is wrong with it first,
/// octet by octet, is told, so that it makes no difference in which pieces it came.
fn line(octets: &[u8], most: usize, beyond: Violation) -> Result<Option<&[u8]>, Violation> {
    let end = memchr(b'\n', octets);
    let line = octets
        .get(..end.unwrap_or(octets.len()))
        .unwrap_or_default();
    // With the LF that is not in it.
    let within = line.get(..most.saturating_sub(1)).unwrap_or(line);
    check_octets(within.strip_suffix(b"\r").unwrap_or(within))?;
    if line.len() + 1 > most {
        return Err(beyond);
    }
    match (end, line.strip_suffix(b"\r")) {
        (Some(_), None) => Err(Violation::BareLf),
        (Some(_), content) => Ok(content),
        (None, _) => Ok(None),
    }
}

/// A chunk-size line: 1*HEXDIG, then extensions from a `;` on, which stay as they are.
fn chunk_size(line: &[u8]) -> Result<u64, Violation> {
    let digits = line
        .iter()
        .take_while(|octet| octet.is_ascii_hexdigit())
        .count();
    let (size, rest) = line.split_at_checked(digits).ok_or(Violation::ChunkSize)?;
    let extension = trim_ows(rest);
    let is_extension = matches!(extension, [b';', ..]);
    let plain = extension
        .iter()
        .all(|&octet| octet == b'\t' || (octet >= b' ' && octet != 0x7f));
    let is_whole = plain && ends_its_strings(extension);
    if digits == 0 || !(rest.is_empty() || is_extension && is_whole) {
        return Err(Violation::ChunkSize);
    }
    size.iter().try_fold(0_u64, |size, &octet| {
        let digit = char::from(octet).to_digit(16).ok_or(Violation::ChunkSize)?;
        let size = size.checked_mul(16).ok_or(Violation::ChunkSize)? | u64::from(digit);
        i64::try_from(size)
            .map(i64::unsigned_abs)
            .map_err(|_| Violation::ChunkSize)
    })
}

/// Whether quoted strings end where they began: one that does not goes on beyond the line for some
/// readers, and not for others.
fn ends_its_strings(extension: &[u8]) -> bool {
    let (mut is_quoted, mut octets) = (false, extension.iter());
    while let Some(octet) = octets.next() {
        match octet {
            b'"' => is_quoted = !is_quoted,
            b'\\' if is_quoted => drop(octets.next()),
            _ => {}
        }
    }
    !is_quoted
}

/// Refuses what cannot become a chunk-size line, before its end is there.
fn starts_with_size(octets: &[u8]) -> Result<(), Violation> {
    match octets.first() {
        Some(octet) if !octet.is_ascii_hexdigit() => Err(Violation::ChunkSize),
        _ => Ok(()),
    }
}

/// A trailer field line, by the rules of a head's (RFC 9112 section 7.1.2).
fn check_field_line(line: &[u8]) -> Result<(), Violation> {
    if let [b' ' | b'\t', ..] = line {
        return Err(Violation::ObsFold);
    }
    let colon = memchr(b':', line).ok_or(Violation::FieldName)?;
    let (name, value) = line.split_at_checked(colon).ok_or(Violation::FieldName)?;
    if !is_token(name) {
        return Err(Violation::FieldName);
    }
    let plain = value
        .iter()
        .all(|&octet| octet == b'\t' || (octet >= b' ' && octet != 0x7f));
    if plain {
        Ok(())
    } else {
        Err(Violation::FieldValue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What passes, whether the body is done, and the violation if there is one, for the octets
    /// in one piece; the same is asserted for any cut in two and for single octets.
    fn pass(octets: &[u8]) -> (usize, Result<bool, Violation>) {
        let whole = pass_in(octets, &[octets.len()]);
        for cut in 1..octets.len() {
            assert_eq!(pass_in(octets, &[cut, octets.len()]), whole, "cut at {cut}");
        }
        let single: Vec<usize> = (1..=octets.len()).collect();
        assert_eq!(pass_in(octets, &single), whole, "octet by octet");
        whole
    }

    fn pass_in(octets: &[u8], ends: &[usize]) -> (usize, Result<bool, Violation>) {
        let (mut chunked, mut at) = (Chunked::new(), 0);
        for &end in ends {
            loop {
                match chunked.pass(&octets[at..end]) {
                    Ok(0) => break,
                    Ok(passed) => at += passed,
                    Err(violation) => return (at, Err(violation)),
                }
            }
        }
        (at, Ok(chunked.is_done()))
    }

    #[test]
    fn a_body_ends_with_its_trailers() {
        assert_eq!(pass(b"5\r\nhello\r\n0\r\n\r\nnext"), (15, Ok(true)));
        assert_eq!(
            pass(b"00A;x=y\r\n0123456789\r\n000\r\nX-T: 1\r\n\r\n"),
            (36, Ok(true))
        );
        assert_eq!(
            pass(b"5;a=\"b;\\\"\"\r\nhello\r\n0\r\n\r\n"),
            (24, Ok(true))
        );
        assert_eq!(pass(b"5\r\nhello\r\n0\r\n"), (13, Ok(false)));
    }

    #[test]
    fn nothing_of_a_bad_line_passes() {
        assert_eq!(
            pass(b"5\r\nhello\r\ng\r\n"),
            (10, Err(Violation::ChunkSize))
        );
        assert_eq!(pass(b"0x5\r\n"), (0, Err(Violation::ChunkSize)));
        assert_eq!(pass(b"\r\n"), (0, Err(Violation::ChunkSize)));
        assert_eq!(pass(b"5 5\r\n"), (0, Err(Violation::ChunkSize)));
        assert_eq!(pass(b"5 \r\n"), (0, Err(Violation::ChunkSize)));
        assert_eq!(
            pass(b"8000000000000000\r\n"),
            (0, Err(Violation::ChunkSize))
        );
        assert_eq!(pass(b"5\nhello"), (0, Err(Violation::BareLf)));
        assert_eq!(pass(b"5;a\nb\r\n"), (0, Err(Violation::BareLf)));
        assert_eq!(pass(b"5\rhello"), (0, Err(Violation::BareCr)));
        for open in [&b"5;a=\"\r\n"[..], b"5;a=\"\\\"\r\n", b"5;a=\"b\\\r\n"] {
            assert_eq!(pass(open), (0, Err(Violation::ChunkSize)));
        }
        assert_eq!(
            pass(b"5\r\nhelloXX0\r\n\r\n"),
            (8, Err(Violation::ChunkEnd))
        );
    }

    #[test]
    fn trailers_together_are_no_larger_than_a_head() {
        let line = |octets: usize| [b"X:".as_slice(), &vec![b'a'; octets - 4], b"\r\n"].concat();
        let trailers = |sizes: &[usize]| {
            let lines: Vec<u8> = sizes.iter().flat_map(|size| line(*size)).collect();
            let body = [b"0\r\n", lines.as_slice(), b"\r\n"].concat();
            pass_in(&body, &[body.len()]).1
        };
        assert_eq!(trailers(&[MAX_HEAD / 2, MAX_HEAD / 2 - 2]), Ok(true));
        for sizes in [
            &[MAX_HEAD + 1] as &[usize],
            &[MAX_HEAD, 5],
            &[MAX_HEAD - 1, 5],
        ] {
            assert_eq!(trailers(sizes), Err(Violation::HeadTooLarge), "{sizes:?}");
        }
    }

    #[test]
    fn trailers_follow_the_rules_of_a_head() {
        assert_eq!(
            pass(b"0\r\nX-T : 1\r\n\r\n"),
            (3, Err(Violation::FieldName))
        );
        assert_eq!(
            pass(b"0\r\nnocolon\r\n\r\n"),
            (3, Err(Violation::FieldName))
        );
        assert_eq!(pass(b"0\r\n fold: x\r\n\r\n"), (3, Err(Violation::ObsFold)));
        assert_eq!(pass(b"0\r\nX-T: a\0b\r\n\r\n"), (3, Err(Violation::Nul)));
        assert_eq!(
            pass(b"0\r\nX-T: a\nX-U: b\r\n\r\n"),
            (3, Err(Violation::BareLf))
        );
    }
}
