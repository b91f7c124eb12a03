//! A glimpse of content as it passes: its first octets, decoded, and let go of as soon as they have
//! shown what it is.

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use flate2::{Decompress, FlushDecompress, Status};

use super::content::{Content, LOOKED_AT};
use super::framing::Framing;
use super::headers::HeaderList;
use super::trim_ows;

/// How many octets are taken in: chunk sizes stand between those of the content.
const MOST: usize = 2 * LOOKED_AT;
/// How many show the coding.
const OF_CODING: usize = 64;

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// What the content is.
    Content,
    /// Only whether it is coded as its head says.
    Coding,
}

/// The first octets of one message's content, in its framing and coding.
#[derive(Debug)]
pub struct Glimpse {
    octets: Vec<u8>,
    most: usize,
    is_chunked: bool,
    coding: Coding,
    depth: Depth,
}

/// A content coding (RFC 9110 section 8.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Identity,
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

impl Glimpse {
    /// Of content with these fields before it; nothing where there is nothing to find out.
    pub fn of(headers: &HeaderList, framing: Option<Framing>, depth: Depth) -> Option<Self> {
        let coding = Coding::of(headers)?;
        let most = match depth {
            Depth::Content => MOST,
            Depth::Coding => OF_CODING,
        };
        (depth == Depth::Content || coding.magic().is_some()).then(|| Self {
            octets: Vec::new(),
            most,
            is_chunked: framing == Some(Framing::Chunked),
            coding,
            depth,
        })
    }

    /// Looks at octets that pass.
    pub fn see(&mut self, octets: &[u8]) {
        let room = self.most - self.octets.len();
        self.octets.extend(octets.iter().take(room));
    }

    /// Whether it has seen enough.
    pub fn is_full(&self) -> bool {
        self.octets.len() >= self.most
    }

    /// What the content is, of which there may be more if it is not whole.
    pub fn content(&self, is_whole: bool) -> Option<Content> {
        let is_whole = is_whole && !self.is_full();
        if self.is_chunked {
            self.of_octets(&unchunked(&self.octets), is_whole)
        } else {
            self.of_octets(&self.octets, is_whole)
        }
    }

    fn of_octets(&self, octets: &[u8], is_whole: bool) -> Option<Content> {
        if octets.is_empty() && is_whole {
            return (self.depth == Depth::Content).then_some(Content::Empty);
        }
        let begins = |magic: &[u8]| octets.starts_with(magic) || magic.starts_with(octets);
        if self.coding.magic().is_some_and(|magic| !begins(magic)) {
            return Some(Content::Miscoded);
        }
        match self.depth {
            Depth::Content => self.decoded(octets, is_whole),
            Depth::Coding => None,
        }
    }

    fn decoded(&self, octets: &[u8], is_whole: bool) -> Option<Content> {
        let mut decoded = [0; LOOKED_AT + 1];
        let (length, end) = match self.coding {
            Coding::Identity => return Content::of(octets, is_whole),
            Coding::Gzip => inflate(behind_gzip_header(octets)?, false, &mut decoded),
            Coding::Deflate => inflate(octets, is_zlib(octets), &mut decoded),
            Coding::Brotli => unbrotli(octets, &mut decoded),
            Coding::Zstd => return None,
        };
        let has_room = length < decoded.len();
        let decoded = decoded.get(..length)?;
        match end {
            End::Broken if length == 0 => Some(Content::Miscoded),
            // Browsers are lenient with all others.
            End::Ahead if self.coding == Coding::Brotli && is_whole && has_room => {
                Some(Content::Miscoded)
            }
            End::Reached => Content::of(decoded, is_whole),
            End::Ahead | End::Broken => Content::of(decoded, false),
        }
    }
}

impl Coding {
    fn of(headers: &HeaderList) -> Option<Self> {
        let mut codings = headers
            .all("content-encoding")
            .flat_map(|value| value.split(|octet| *octet == b','))
            .map(trim_ows)
            .filter(|coding| !coding.is_empty());
        let Some(coding) = codings.next() else {
            return Some(Self::Identity);
        };
        let is = |name: &str| coding.eq_ignore_ascii_case(name.as_bytes());
        let known = if is("identity") {
            Self::Identity
        } else if is("gzip") || is("x-gzip") {
            Self::Gzip
        } else if is("deflate") {
            Self::Deflate
        } else if is("br") {
            Self::Brotli
        } else if is("zstd") {
            Self::Zstd
        } else {
            return None;
        };
        codings.next().is_none().then_some(known)
    }

    /// What everything of this coding begins with (RFC 1952 section 2.3.1, RFC 8878 section 3.1.1), if
    /// there is such a thing.
    fn magic(self) -> Option<&'static [u8]> {
        match self {
            Self::Gzip => Some(b"\x1f\x8b"),
            Self::Zstd => Some(b"\x28\xb5\x2f\xfd"),
            Self::Identity | Self::Deflate | Self::Brotli => None,
        }
    }
}

/// How decoding ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// There was no more.
    Reached,
    /// There is more than there was room for, or than was there to be decoded.
    Ahead,
    /// It cannot be decoded.
    Broken,
}

/// Decodes as much as there is and as there is room for (RFC 1951); says how much it was.
fn inflate(octets: &[u8], has_header: bool, into: &mut [u8]) -> (usize, End) {
    let mut state = Decompress::new(has_header);
    let result = state.decompress(octets, into, FlushDecompress::None);
    let length = usize::try_from(state.total_out()).unwrap_or(into.len());
    let end = match result {
        Ok(Status::StreamEnd) => End::Reached,
        Ok(Status::Ok | Status::BufError) => End::Ahead,
        Err(_) => End::Broken,
    };
    (length.min(into.len()), end)
}

/// What stands behind the header of gzip (RFC 1952 section 2.3), once that is there as a whole.
fn behind_gzip_header(octets: &[u8]) -> Option<&[u8]> {
    const HEADER_CRC: u8 = 2;
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    let flags = *octets.get(3)?;
    let mut rest = octets.get(10..)?;
    if flags & EXTRA != 0 {
        let length = u16::from_le_bytes(*rest.first_chunk()?);
        rest = rest.get(2 + usize::from(length)..)?;
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            let end = memchr::memchr(0, rest)?;
            rest = rest.get(end + 1..)?;
        }
    }
    if flags & HEADER_CRC == 0 {
        Some(rest)
    } else {
        rest.get(2..)
    }
}

/// The same of brotli, with no larger windows than browsers take (RFC 7932 section 9.1).
fn unbrotli(octets: &[u8], into: &mut [u8]) -> (usize, End) {
    let standard = StandardAlloc::default;
    let mut state = BrotliState::new_strict(standard(), standard(), standard());
    let (mut left, mut read, mut room, mut length, mut total) = (octets.len(), 0, into.len(), 0, 0);
    let result = BrotliDecompressStream(
        &mut left,
        &mut read,
        octets,
        &mut room,
        &mut length,
        into,
        &mut total,
        &mut state,
    );
    let end = match result {
        BrotliResult::ResultSuccess => End::Reached,
        BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => End::Ahead,
        BrotliResult::ResultFailure => End::Broken,
    };
    (length, end)
}

/// Whether it has the header of zlib (RFC 1950 section 2.2): some servers leave it out.
fn is_zlib(octets: &[u8]) -> bool {
    match octets {
        [method, flags, ..] => {
            method & 0x0f == 8 && u16::from_be_bytes([*method, *flags]).is_multiple_of(31)
        }
        [] | [_] => false,
    }
}

/// The data of the chunks, which are valid as far as they go.
fn unchunked(mut octets: &[u8]) -> Vec<u8> {
    let mut data = Vec::new();
    while let Some((size, rest)) = chunk_size(octets).filter(|(size, _)| *size > 0) {
        data.extend(rest.iter().take(size));
        octets = rest.get(size.saturating_add(2)..).unwrap_or_default();
    }
    data
}

/// The size at the front, and what stands behind its line.
fn chunk_size(octets: &[u8]) -> Option<(usize, &[u8])> {
    let end = memchr::memchr(b'\n', octets)?;
    let digits = octets.iter().take_while(|octet| octet.is_ascii_hexdigit());
    let digits = octets.get(..digits.count())?;
    let size = usize::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    Some((size, octets.get(end + 1..)?))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::write::{DeflateEncoder, ZlibEncoder};
    use flate2::{Compression, GzBuilder};

    use super::*;

    const PAGE: &[u8] = b"<!doctype html><title>an error</title>";

    fn seen(coding: &str, framing: Framing, octets: &[u8]) -> Option<Content> {
        let headers = [("Content-Encoding", coding)].into_iter().collect();
        let mut glimpse = Glimpse::of(&headers, Some(framing), Depth::Content)?;
        // However it comes in pieces.
        octets.chunks(7).for_each(|piece| glimpse.see(piece));
        glimpse.content(true)
    }

    fn all(octets: &[u8]) -> Framing {
        Framing::Length(octets.len() as u64)
    }

    #[test]
    fn content_is_seen_through_its_chunks() {
        let chunks = b"5\r\n<!doc\r\n9;x=y\r\ntype html\r\n1\r\n>\r\n0\r\n\r\n";
        assert_eq!(seen("", Framing::Chunked, chunks), Some(Content::Html));
        assert_eq!(
            seen("", Framing::Chunked, b"0\r\n\r\n"),
            Some(Content::Empty)
        );
        assert_eq!(seen("", all(PAGE), PAGE), Some(Content::Html));
    }

    #[test]
    fn content_is_seen_through_its_coding() {
        let header = GzBuilder::new()
            .filename("a.html")
            .comment("x")
            .extra(*b"abc");
        let mut gzip = header.write(Vec::new(), Compression::default());
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        let mut bare = DeflateEncoder::new(Vec::new(), Compression::default());
        for to in [&mut gzip as &mut dyn Write, &mut zlib, &mut bare] {
            to.write_all(PAGE).expect("written");
        }
        let (gzip, zlib, bare) = (gzip.finish(), zlib.finish(), bare.finish());
        for (coding, coded) in [("gzip", gzip), ("deflate", zlib), ("Deflate", bare)] {
            let coded = coded.expect("coded");
            assert_eq!(
                seen(coding, all(&coded), &coded),
                Some(Content::Html),
                "{coding}"
            );
        }
        let brotli = [
            0x1b, 0x25, 0x00, 0xf0, 0x8d, 0x54, 0xb5, 0xbf, 0x7c, 0x09, 0x73, 0x2b, 0x10, 0x9e,
            0x2e, 0x84, 0x92, 0x4d, 0x84, 0xd1, 0x03, 0x30, 0xa8, 0x50, 0xe2, 0xa4, 0xda, 0x06,
        ];
        assert_eq!(seen("br", all(&brotli), &brotli), Some(Content::Html));
    }

    #[test]
    fn what_is_not_coded_as_it_says_is_found_out() {
        for coding in ["gzip", "x-gzip", "zstd", "deflate", "br"] {
            let miscoded = Some(Content::Miscoded);
            assert_eq!(seen(coding, all(PAGE), PAGE), miscoded, "{coding}");
        }
        assert_eq!(seen("gzip, br", all(PAGE), PAGE), None);
        // Brotli begins like this, and does not come to an end.
        let script = b"void 0;";
        assert_eq!(seen("br", all(script), script), Some(Content::Miscoded));
        assert_eq!(
            seen("zstd", all(b"\x28\xb5\x2f\xfd"), b"\x28\xb5\x2f\xfd\0"),
            None
        );
        assert_eq!(seen("gzip", all(b""), b""), Some(Content::Empty));
    }

    #[test]
    fn where_only_the_coding_matters_nothing_else_is_told() {
        let seen = |coding, octets| {
            let headers = [("Content-Encoding", coding)].into_iter().collect();
            let mut glimpse = Glimpse::of(&headers, None, Depth::Coding)?;
            glimpse.see(octets);
            glimpse.content(true)
        };
        assert_eq!(seen("gzip", PAGE), Some(Content::Miscoded));
        assert_eq!(seen("gzip", b"\x1f\x8b\x08\0"), None);
        assert_eq!((seen("gzip", b""), seen("", PAGE)), (None, None));
    }

    #[test]
    fn no_more_is_kept_than_is_looked_at() {
        let mut glimpse =
            Glimpse::of(&HeaderList::default(), None, Depth::Content).expect("no coding");
        let json = [b"[".to_vec(), b"1,".repeat(10_000)].concat();
        glimpse.see(&json);
        assert!(glimpse.is_full() && glimpse.octets.len() == MOST);
        assert_eq!(glimpse.content(true), Some(Content::Json));
    }
}
