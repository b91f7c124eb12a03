//! Where a head ends, found line by line as its octets arrive.

use memchr::{memchr, memchr2};

use super::{MAX_EMPTY_LINES, MAX_FIELDS, MAX_HEAD, MAX_START_LINE, Violation, is_token_octet};

/// Whose head is scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A request: empty lines may stand before it (RFC 9112 section 2.2).
    Request,
    /// A response: starts with `HTTP/1.`, which is checked from its first octet on.
    Response,
}

/// Where a head stands in the octets scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its first octet, after empty lines that are not part of it.
    pub start: usize,
    /// The octet after its last.
    pub end: usize,
}

/// Finds the end of a head and checks its lines as such: CRLF and nothing else ends a line, no
/// NUL, no folding, and not too much of anything. It remembers how far it came, so octets may
/// arrive in any pieces.
#[derive(Debug)]
pub struct HeadScanner {
    kind: Kind,
    seen: usize,
    line: usize,
    start: usize,
    empty: usize,
    lines: usize,
}

impl HeadScanner {
    /// A scanner for a head that starts at the first octet of what it will be shown.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            seen: 0,
            line: 0,
            start: 0,
            empty: 0,
            lines: 0,
        }
    }

    /// Whether some octet of the head itself was seen.
    pub fn has_begun(&self) -> bool {
        self.seen > self.start
    }

    /// Scans on. `octets` must start where it started in the calls before, and may be longer.
    /// Nothing comes back until the whole head is there.
    pub fn scan(&mut self, octets: &[u8]) -> Result<Option<Span>, Violation> {
        while let Some(lf) = octets.get(self.seen..).and_then(|rest| memchr(b'\n', rest)) {
            let next = self.seen + lf + 1;
            let line = octets.get(self.line..next).unwrap_or_default();
            self.check(line)?;
            if self.line_ended(line)? {
                return Ok(Some(Span {
                    start: self.start,
                    end: next,
                }));
            }
            self.seen = next;
            self.line = next;
        }
        let line = octets.get(self.line..).unwrap_or_default();
        self.check(line)?;
        // What a CR at the end is, the next octet says.
        self.seen = octets.len() - usize::from(line.ends_with(b"\r"));
        Ok(None)
    }

    /// Checks a line, or what is there of it. What is wrong with it first, octet by octet, is told,
    /// so that it makes no difference in which pieces it came.
    fn check(&self, line: &[u8]) -> Result<(), Violation> {
        let (most, beyond) = if self.lines == 0 {
            (MAX_START_LINE + 2, Violation::StartLineTooLong)
        } else {
            let before = self.line - self.start;
            (MAX_HEAD.saturating_sub(before), Violation::HeadTooLarge)
        };
        let within = line.get(..most).unwrap_or(line);
        let content = within.strip_suffix(b"\n").unwrap_or(within);
        let content = content.strip_suffix(b"\r").unwrap_or(content);
        self.check_beginning(content)?;
        check_octets(content.get(self.seen - self.line..).unwrap_or_default())?;
        if line.len() > most {
            return Err(beyond);
        }
        Ok(())
    }

    /// Takes one line with its LF; true when it is the empty one that ends the head.
    fn line_ended(&mut self, line: &[u8]) -> Result<bool, Violation> {
        let Some(line) = line.strip_suffix(b"\r\n") else {
            return Err(Violation::BareLf);
        };
        if line.is_empty() {
            return if self.lines == 0 {
                self.empty_line()
            } else {
                Ok(true)
            };
        }
        self.lines += 1;
        if self.lines > MAX_FIELDS + 1 {
            return Err(Violation::TooManyFields);
        }
        Ok(false)
    }

    fn empty_line(&mut self) -> Result<bool, Violation> {
        self.empty += 1;
        self.start += 2;
        match self.kind {
            Kind::Response => Err(Violation::NotHttp),
            Kind::Request if self.empty > MAX_EMPTY_LINES => Err(Violation::EmptyLines),
            Kind::Request => Ok(false),
        }
    }

    /// What the first octets of a line give away. A peer that speaks another protocol is told
    /// here, and not after a timeout.
    fn check_beginning(&self, line: &[u8]) -> Result<(), Violation> {
        match (line.first(), self.lines, self.kind) {
            (None, ..) => Ok(()),
            (Some(b' ' | b'\t'), 0, _) => Err(Violation::StartLine),
            (Some(b' ' | b'\t'), 1, _) => Err(Violation::LeadingWhitespace),
            (Some(b' ' | b'\t'), ..) => Err(Violation::ObsFold),
            (_, 0, Kind::Response) if !line.iter().zip(b"HTTP/").all(|(a, b)| a == b) => {
                Err(Violation::NotHttp)
            }
            (Some(&octet), 0, Kind::Request) if !is_token_octet(octet) => Err(Violation::NotHttp),
            _ => Ok(()),
        }
    }
}

/// No NUL, and no CR that no LF follows.
pub(super) fn check_octets(line: &[u8]) -> Result<(), Violation> {
    match memchr2(b'\r', 0, line).and_then(|at| line.get(at)) {
        None => Ok(()),
        Some(0) => Err(Violation::Nul),
        Some(_) => Err(Violation::BareCr),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(kind: Kind, octets: &[u8]) -> Result<Option<Span>, Violation> {
        let whole = HeadScanner::new(kind).scan(octets);
        let mut scanner = HeadScanner::new(kind);
        let mut stepwise = Ok(None);
        for end in 0..=octets.len() {
            stepwise = scanner.scan(&octets[..end]);
            if stepwise != Ok(None) {
                break;
            }
        }
        assert_eq!(whole, stepwise, "octet by octet");
        whole
    }

    #[test]
    fn a_head_ends_after_its_empty_line() {
        let head = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nbody";
        assert_eq!(
            scan(Kind::Request, head),
            Ok(Some(Span { start: 0, end: 27 }))
        );
    }

    #[test]
    fn empty_lines_before_a_request_are_no_part_of_it() {
        let head = b"\r\n\r\nGET / HTTP/1.1\r\n\r\n";
        assert_eq!(
            scan(Kind::Request, head),
            Ok(Some(Span { start: 4, end: 22 }))
        );
        assert_eq!(
            scan(Kind::Request, &b"\r\n".repeat(5)),
            Err(Violation::EmptyLines)
        );
        assert_eq!(
            scan(Kind::Response, b"\r\nHTTP/1.1 200 OK\r\n\r\n"),
            Err(Violation::NotHttp)
        );
    }

    #[test]
    fn only_crlf_ends_a_line() {
        assert_eq!(
            scan(Kind::Request, b"GET / HTTP/1.1\n\r\n"),
            Err(Violation::BareLf)
        );
        assert_eq!(
            scan(Kind::Request, b"GET / HTTP/1.1\r\nA: b\rc\r\n\r\n"),
            Err(Violation::BareCr)
        );
        assert_eq!(
            scan(Kind::Request, b"GET / HTTP/1.1\r\r\n\r\n"),
            Err(Violation::BareCr)
        );
        assert_eq!(
            scan(Kind::Request, b"GET / HTTP/1.1\r\nA: \0\r\n\r\n"),
            Err(Violation::Nul)
        );
    }

    #[test]
    fn what_is_wrong_first_is_told_in_whatever_pieces_it_comes() {
        let long = [b"GET /".as_slice(), &vec![b'a'; MAX_START_LINE], b"\0\r\n"].concat();
        for (octets, violation) in [
            (b"\xff\n".as_slice(), Violation::NotHttp),
            (b"GET / HTTP/1.1\r\nA: \rb\0\n", Violation::BareCr),
            (b"GET / HTTP/1.1\rA", Violation::BareCr),
            (b"GET / HTTP/1.1\r\n A: \0\n", Violation::LeadingWhitespace),
            (&long, Violation::StartLineTooLong),
        ] {
            assert_eq!(scan(Kind::Request, octets), Err(violation), "{octets:?}");
        }
    }

    #[test]
    fn folded_lines_are_told_from_leading_white_space() {
        assert_eq!(
            scan(Kind::Request, b" GET / HTTP/1.1\r\n\r\n"),
            Err(Violation::StartLine)
        );
        assert_eq!(
            scan(Kind::Request, b"GET / HTTP/1.1\r\n A: b\r\n\r\n"),
            Err(Violation::LeadingWhitespace)
        );
        assert_eq!(
            scan(Kind::Request, b"GET / HTTP/1.1\r\nA: b\r\n\tc\r\n\r\n"),
            Err(Violation::ObsFold)
        );
    }

    #[test]
    fn another_protocol_is_told_from_its_first_octets() {
        assert_eq!(scan(Kind::Response, b"SSH-2.0"), Err(Violation::NotHttp));
        assert_eq!(scan(Kind::Response, b"HTT"), Ok(None));
        assert_eq!(
            scan(Kind::Request, b"\x16\x03\x01"),
            Err(Violation::NotHttp)
        );
    }

    #[test]
    fn too_much_is_refused_before_it_is_all_there() {
        let long = [b"GET /".as_slice(), &vec![b'a'; MAX_START_LINE]].concat();
        assert_eq!(scan(Kind::Request, &long), Err(Violation::StartLineTooLong));
        let many = [
            b"GET / HTTP/1.1\r\n".as_slice(),
            &b"A: b\r\n".repeat(MAX_FIELDS + 1),
        ]
        .concat();
        assert_eq!(scan(Kind::Request, &many), Err(Violation::TooManyFields));
        let large = [b"GET / HTTP/1.1\r\nA: ".as_slice(), &vec![b'a'; MAX_HEAD]].concat();
        assert_eq!(
            HeadScanner::new(Kind::Request).scan(&large),
            Err(Violation::HeadTooLarge)
        );
    }
}
