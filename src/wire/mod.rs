//! Bytes to messages and back: what RFC 9112 says of octets on a connection, and nothing about
//! sockets. Everything here is a function of the bytes it is given, so it can be tried on any
//! split of them.
//!
//! The policy is *strict in, exact out*: a message that is not strictly valid is a [`Violation`]
//! and is never repaired; a valid one leaves with the octets it came with.

pub mod allowance;
pub mod alpn;
mod blocks;
pub mod chunked;
pub mod content;
pub mod edit;
pub mod fields;
pub mod frames;
pub mod framing;
pub mod glimpse;
pub mod head;
pub mod headers;
pub mod hello;
mod hpack;
mod huffman;
mod known;
pub mod scan;
pub mod tap;
pub mod target;

use std::fmt;

/// Most octets of a head, and of a trailer section (431 beyond).
pub const MAX_HEAD: usize = 128 * 1024;
/// Most octets of a start line (414 beyond, for a request).
pub const MAX_START_LINE: usize = 32 * 1024;
/// Most field lines of a head or trailer section (431 beyond).
pub const MAX_FIELDS: usize = 256;
/// Most octets of a chunk-size line with its extensions.
pub const MAX_CHUNK_LINE: usize = 8 * 1024;
/// Most interim (1xx) responses before the final one.
pub const MAX_INTERIM: usize = 32;
/// Most empty lines skipped before a start line (RFC 9112 section 2.2).
pub const MAX_EMPTY_LINES: usize = 4;

/// Why a message is refused: the rule of RFC 9112 or RFC 9110 that its octets break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Violation {
    /// A line ends in LF alone (RFC 9112 section 2.2).
    BareLf,
    /// A CR that no LF follows (RFC 9112 section 2.2).
    BareCr,
    /// A NUL octet in a head or trailer (RFC 9110 section 5.5).
    Nul,
    /// A field line continued on the next one (RFC 9112 section 5.2).
    ObsFold,
    /// White space before the first field line (RFC 9112 section 2.2).
    LeadingWhitespace,
    /// More empty lines before a start line than [`MAX_EMPTY_LINES`].
    EmptyLines,
    /// The start line is not method, target and version, or version, status and reason.
    StartLine,
    /// The method is not a token (RFC 9110 section 9.1).
    Method,
    /// The version is not HTTP/1.0 or HTTP/1.1 (RFC 9112 section 2.3).
    Version,
    /// The status is not three digits from 100 to 599 (RFC 9110 section 15).
    Status,
    /// What arrived does not start like HTTP at all.
    NotHttp,
    /// A field name is not a token, or white space stands before its colon (RFC 9112 section 5.1).
    FieldName,
    /// A field value holds a control octet (RFC 9110 section 5.5).
    FieldValue,
    /// More field lines than [`MAX_FIELDS`].
    TooManyFields,
    /// A head longer than [`MAX_HEAD`].
    HeadTooLarge,
    /// A start line longer than [`MAX_START_LINE`].
    StartLineTooLong,
    /// Both Content-Length and Transfer-Encoding (RFC 9112 section 6.3).
    LengthAndCoding,
    /// Content-Length repeated, a list, or not 1*DIGIT below 2^63 (RFC 9112 section 6.3).
    ContentLength,
    /// Transfer-Encoding other than one field of the single coding chunked (RFC 9112 section 6.1).
    TransferEncoding,
    /// Transfer-Encoding where none may be: HTTP/1.0, 1xx or 204 (RFC 9112 section 6.1).
    CodingNotAllowed,
    /// A chunk size that is not 1*HEXDIG below 2^63, or a line around it that is not one
    /// (RFC 9112 section 7.1).
    ChunkSize,
    /// A chunk-size line longer than [`MAX_CHUNK_LINE`].
    ChunkLineTooLong,
    /// Chunk data that CRLF does not follow (RFC 9112 section 7.1).
    ChunkEnd,
    /// No Host, more than one, or one that is not a host and port (RFC 9112 section 3.2).
    Host,
    /// A Host that is not the authority of the absolute-form target (RFC 9112 section 3.2.2).
    HostMismatch,
    /// A request target in a form, or with parts, that may not stand there (RFC 9112 section 3.2).
    Target,
    /// A scheme that a plain-HTTP proxy request cannot have.
    Scheme,
    /// CONNECT without a host and a port from 1 to 65535 (RFC 9112 section 3.2.3).
    ConnectTarget,
    /// CONNECT that declares content (RFC 9110 section 9.3.6).
    ConnectContent,
    /// More interim responses than [`MAX_INTERIM`].
    TooManyInterim,
    /// 101 without an Upgrade that was asked for (RFC 9110 section 15.2.2).
    SwitchNotAsked,
    /// A pseudo-header field among the trailers (RFC 9113 section 8.1).
    PseudoTrailer,
    /// More frames of HTTP/2 that move nothing than anybody needs (RFC 9113 section 10.5).
    TooManyFrames,
    /// A field block of HTTP/2, or a frame that is no content, that began and does not end.
    SlowFrame,
}

impl Violation {
    /// The status a client gets for it (RFC 9110 section 15.5, RFC 6585 section 5).
    pub fn status(self) -> u16 {
        if self == Self::Version {
            505
        } else if self == Self::StartLineTooLong {
            414
        } else if matches!(self, Self::HeadTooLarge | Self::TooManyFields) {
            431
        } else {
            400
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BareLf => "a line ends in LF without CR",
            Self::BareCr => "a CR stands without LF",
            Self::Nul => "a NUL octet",
            Self::ObsFold => "a field line is folded onto the next line",
            Self::LeadingWhitespace => "white space before the first field line",
            Self::EmptyLines => "too many empty lines before the start line",
            Self::StartLine => "the start line is malformed",
            Self::Method => "the method is not a token",
            Self::Version => "the HTTP version is not 1.0 or 1.1",
            Self::Status => "the status is not three digits from 100 to 599",
            Self::NotHttp => "what arrived is not HTTP",
            Self::FieldName => "a field name is not a token followed at once by a colon",
            Self::FieldValue => "a field value holds a control octet",
            Self::TooManyFields => "too many field lines",
            Self::HeadTooLarge => "the head is too large",
            Self::StartLineTooLong => "the start line is too long",
            Self::LengthAndCoding => "Content-Length stands beside Transfer-Encoding",
            Self::ContentLength => "Content-Length is not one valid number",
            Self::TransferEncoding => "Transfer-Encoding is not the single coding chunked",
            Self::CodingNotAllowed => "Transfer-Encoding where none may be",
            Self::ChunkSize => "a chunk size is malformed",
            Self::ChunkLineTooLong => "a chunk-size line is too long",
            Self::ChunkEnd => "chunk data is not followed by CRLF",
            Self::Host => "Host is missing, repeated or malformed",
            Self::HostMismatch => "Host is not the authority of the target",
            Self::Target => "the request target is malformed or of the wrong form",
            Self::Scheme => "the scheme of the target is not http",
            Self::ConnectTarget => "CONNECT needs a host and a port from 1 to 65535",
            Self::ConnectContent => "CONNECT declares content",
            Self::TooManyInterim => "too many interim responses",
            Self::SwitchNotAsked => "101 without an upgrade that was asked for",
            Self::PseudoTrailer => "a pseudo-header field stands in the trailers",
            Self::TooManyFrames => "too many frames that move nothing",
            Self::SlowFrame => "a frame or field block was begun and not ended",
        })
    }
}

impl std::error::Error for Violation {}

/// Whether an octet may stand in a token (RFC 9110 section 5.6.2).
pub fn is_token_octet(octet: u8) -> bool {
    octet.is_ascii() && TOKEN_OCTETS >> octet & 1 == 1
}

/// A bit for each ASCII character that may stand in a token.
const TOKEN_OCTETS: u128 = {
    let (mut all, mut octet) = (0, 0_u8);
    while octet < 128 {
        let is_one = octet.is_ascii_alphanumeric()
            || matches!(
                octet,
                b'!' | b'#'
                    | b'$'
                    | b'%'
                    | b'&'
                    | b'\''
                    | b'*'
                    | b'+'
                    | b'-'
                    | b'.'
                    | b'^'
                    | b'_'
                    | b'`'
                    | b'|'
                    | b'~'
            );
        all |= (is_one as u128) << octet;
        octet += 1;
    }
    all
};

/// Whether the octets are a token: one or more token octets (RFC 9110 section 5.6.2).
pub fn is_token(octets: &[u8]) -> bool {
    !octets.is_empty() && octets.iter().copied().all(is_token_octet)
}

/// The octets without optional white space, SP and HTAB, at either end (RFC 9110 section 5.6.3).
pub fn trim_ows(mut octets: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = octets {
        octets = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = octets {
        octets = rest;
    }
    octets
}
