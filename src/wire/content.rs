//! What content is, by its first octets, as far as browsers look at them
//! ([MIME Sniffing](https://mimesniff.spec.whatwg.org/), and what opaque-response blocking adds to it).
//! The octets are looked at in passing, and not kept.

use std::fmt;

use memchr::memmem;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

/// How many octets of content are looked at, as many as browsers do
/// ([resource header](https://mimesniff.spec.whatwg.org/#resource-header)).
pub const LOOKED_AT: usize = 1024;

/// What the first octets of some content show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// There is none.
    Empty,
    /// A picture of pixels, which every browser shows.
    Image,
    /// A drawing.
    Svg,
    /// Sound or film, which every browser plays.
    Media,
    /// A font.
    Font,
    /// HTML.
    Html,
    /// XML.
    Xml,
    /// JSON: an object with something in it, which no script begins with.
    JsonObject,
    /// Other JSON, which may be a script too.
    Json,
    /// Something that begins so that no script can go on with it.
    Guarded,
    /// Other text: a script, a style sheet, or just text.
    Text,
    /// No text, and of no form that a page has a use for.
    Binary,
    /// It is not coded as Content-Encoding says.
    Miscoded,
}

impl Content {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Empty,
        Self::Image,
        Self::Svg,
        Self::Media,
        Self::Font,
        Self::Html,
        Self::Xml,
        Self::JsonObject,
        Self::Json,
        Self::Guarded,
        Self::Text,
        Self::Binary,
        Self::Miscoded,
    ];

    /// What content that begins with these octets is, which may be all of it; nothing where browsers differ
    /// in what they take, or where it takes more to tell.
    pub fn of(octets: &[u8], is_whole: bool) -> Option<Self> {
        let first = octets.get(..LOOKED_AT).unwrap_or(octets);
        let is_whole = is_whole && first.len() == octets.len();
        if first.is_empty() {
            return is_whole.then_some(Self::Empty);
        }
        match by_signature(first) {
            Signature::Of(content) => Some(content),
            Signature::Disputed => None,
            Signature::Unknown => by_text(first, is_whole),
        }
    }

    /// The name used in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Image => "image",
            Self::Svg => "svg",
            Self::Media => "media",
            Self::Font => "font",
            Self::Html => "html",
            Self::Xml => "xml",
            Self::JsonObject => "json-object",
            Self::Json => "json",
            Self::Guarded => "guarded",
            Self::Text => "text",
            Self::Binary => "binary",
            Self::Miscoded => "miscoded",
        }
    }

    /// The content of that name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }
}

/// What it is, in words that follow "it is".
impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "empty",
            Self::Image => "a picture",
            Self::Svg => "an SVG drawing",
            Self::Media => "sound or film",
            Self::Font => "a font",
            Self::Html => "HTML",
            Self::Xml => "XML",
            Self::JsonObject | Self::Json => "JSON",
            Self::Guarded => "data with a prefix that stops scripts",
            Self::Text => "text",
            Self::Binary => "no text, and of no form that a page can use",
            Self::Miscoded => "not coded as Content-Encoding says",
        })
    }
}

/// What the octets that a format begins with tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signature {
    Of(Content),
    /// A format that some browsers take and others do not.
    Disputed,
    Unknown,
}

/// Octets that a format begins with, `.` standing for any
/// ([matching an image type pattern](https://mimesniff.spec.whatwg.org/#matching-an-image-type-pattern)
/// and the like for sound, film and fonts). The first that fits counts.
const SIGNATURES: [(&[u8], Signature); 43] = {
    use Content::{Binary, Font, Image, Media};
    use Signature::{Disputed, Of};
    [
        (b"GIF87a", Of(Image)),
        (b"GIF89a", Of(Image)),
        (b"\x89PNG\r\n\x1a\n", Of(Image)),
        (b"\xff\xd8\xff", Of(Image)),
        (b"RIFF....WEBPVP", Of(Image)),
        (b"\0\0\x01\0", Of(Image)),
        (b"\0\0\x02\0", Of(Image)),
        (b"....ftypavif", Of(Image)),
        (b"....ftypavis", Of(Image)),
        (b"....ftyphei", Disputed),
        (b"....ftyphev", Disputed),
        (b"....ftypmif", Disputed),
        (b"....ftypqt", Disputed),
        (b"....ftyp", Of(Media)),
        (b"....moov", Disputed),
        (b"\x1a\x45\xdf\xa3", Of(Media)),
        (b"OggS\0", Of(Media)),
        (b"RIFF....WAVE", Of(Media)),
        (b"fLaC", Of(Media)),
        (b"ID3", Of(Media)),
        (b"\xff\xfb", Of(Media)),
        (b"\xff\xfa", Of(Media)),
        (b"\xff\xf3", Of(Media)),
        (b"\xff\xf2", Of(Media)),
        (b"\xff\xf1", Of(Media)),
        (b"\xff\xf9", Of(Media)),
        (b"wOFF", Of(Font)),
        (b"wOF2", Of(Font)),
        (b"OTTO", Of(Font)),
        (b"ttcf", Of(Font)),
        (b"\0\x01\0\0", Of(Font)),
        // Other pictures, sound and film.
        (b"BM", Disputed),
        (b"II*\0", Disputed),
        (b"MM\0*", Disputed),
        (b"\xff\x0a", Disputed),
        (b"\0\0\0\x0cJXL ", Disputed),
        (b"RIFF", Disputed),
        (b"FLV", Disputed),
        (b"MThd", Disputed),
        (b"\0\0\x01", Disputed),
        (b"#EXTM3U", Disputed),
        (b"%PDF-", Of(Binary)),
        // What cannot begin UTF-8, and begins UTF-16.
        (b"\xff\xfe", Disputed),
    ]
};

fn by_signature(first: &[u8]) -> Signature {
    let fits = |pattern: &[u8]| {
        let octets = first.get(..pattern.len()).unwrap_or_default();
        let fits = |(octet, wanted): (&u8, &u8)| *wanted == b'.' || octet == wanted;
        octets.len() == pattern.len() && octets.iter().zip(pattern).all(fits)
    };
    let found = SIGNATURES.iter().find(|(pattern, _)| fits(pattern));
    found.map_or(Signature::Unknown, |(_, signature)| *signature)
}

fn by_text(first: &[u8], is_whole: bool) -> Option<Content> {
    if first.iter().copied().any(is_binary) {
        return Some(Content::Binary);
    }
    let Some(marked) = first.strip_prefix(b"\xef\xbb\xbf") else {
        return by_beginning(first, is_whole);
    };
    // Browsers differ in whether they see what stands behind a byte order mark.
    by_beginning(marked, is_whole).filter(|content| *content == Content::Text)
}

fn by_beginning(text: &[u8], is_whole: bool) -> Option<Content> {
    let Some(markup) = behind_comments(text) else {
        return is_whole.then_some(Content::Text);
    };
    if let Some(content) = by_markup(markup) {
        return Some(content);
    }
    if GUARDS.iter().any(|guard| text.starts_with(guard)) {
        return Some(Content::Guarded);
    }
    by_json(text, is_whole)
}

/// [Binary data byte](https://mimesniff.spec.whatwg.org/#binary-data-byte).
fn is_binary(octet: u8) -> bool {
    matches!(octet, 0..=8 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f)
}

/// [Whitespace byte](https://mimesniff.spec.whatwg.org/#whitespace-byte), but for the form feed, which
/// Chromium does not skip.
fn trimmed(text: &[u8]) -> &[u8] {
    let is_space = |octet: &u8| matches!(octet, b' ' | b'\t' | b'\r' | b'\n');
    let start = text.iter().position(|octet| !is_space(octet));
    start
        .and_then(|start| text.get(start..))
        .unwrap_or_default()
}

/// What stands behind white space and HTML comments, which scripts may begin with too; each takes the
/// rest of its line with it. Nothing where a comment does not end.
fn behind_comments(text: &[u8]) -> Option<&[u8]> {
    let mut rest = trimmed(text);
    while rest.starts_with(b"<!--") {
        let end = memmem::find(rest, b"-->")?;
        let line = rest.get(end..)?;
        let end = line
            .iter()
            .position(|octet| matches!(octet, b'\r' | b'\n'))?;
        rest = trimmed(line.get(end..)?);
    }
    Some(rest)
}

/// What HTML begins with, as opaque-response blocking has it, in any letter case.
const HTML: [&[u8]; 14] = [
    b"<!doctype html",
    b"<script",
    b"<html",
    b"<head",
    b"<iframe",
    b"<h1",
    b"<div",
    b"<font",
    b"<table",
    b"<a",
    b"<style",
    b"<title",
    // And with it `<body` and `<br`.
    b"<b",
    b"<p",
];

fn by_markup(text: &[u8]) -> Option<Content> {
    let begins = |with: &[u8]| {
        let start = text.get(..with.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(with))
    };
    if begins(b"<svg") || begins(b"<!doctype svg") {
        Some(Content::Svg)
    } else if text.starts_with(b"<?xml") {
        Some(Content::Xml)
    } else {
        HTML.iter()
            .any(|start| begins(start))
            .then_some(Content::Html)
    }
}

/// What servers put before data so that it is no script.
const GUARDS: [&[u8]; 7] = [
    b")]}'",
    b"{}&&",
    b"{} &&",
    b"for(;;);",
    b"while(1);",
    b"for (;;);",
    b"while (1);",
];

fn by_json(text: &[u8], is_whole: bool) -> Option<Content> {
    let start = trimmed(text);
    if let Some(inner) = start.strip_prefix(b"{")
        && let Some(key) = trimmed(inner).strip_prefix(b"\"")
    {
        return match behind_string(key).map(trimmed) {
            Some([b':', ..]) => Some(Content::JsonObject),
            Some([]) | None if !is_whole => None,
            Some(_) | None => Some(Content::Text),
        };
    }
    let is_json = if is_whole {
        serde_json::from_slice::<IgnoredAny>(start).is_ok()
    } else {
        // Scripts begin with a list as well, but hardly ever.
        start.starts_with(b"[")
    };
    Some(if is_json {
        Content::Json
    } else {
        Content::Text
    })
}

/// What stands behind the string that these octets are in.
fn behind_string(text: &[u8]) -> Option<&[u8]> {
    let mut is_escaped = false;
    let end = text.iter().position(|octet| {
        let is_end = *octet == b'"' && !is_escaped;
        is_escaped = *octet == b'\\' && !is_escaped;
        is_end
    })?;
    text.get(end + 1..)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(octets: &[u8]) -> Option<Content> {
        Content::of(octets, true)
    }

    #[test]
    fn formats_are_known_by_what_they_begin_with() {
        let pieces: [(&[u8], Content); 14] = [
            (b"", Content::Empty),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", Content::Image),
            (b"RIFF\0\0\0\0WEBPVP8 ", Content::Image),
            (b"\0\0\0\x1cftypavif\0\0", Content::Image),
            (b"\0\0\0\x1cftypisom\0\0", Content::Media),
            (b"RIFF\0\0\0\0WAVEfmt ", Content::Media),
            (b"wOF2\0\x01\0\0", Content::Font),
            (b"\0\x01\0\0\0\x0b", Content::Font),
            (b"  <!DOCTYPE HTML><p>", Content::Html),
            (b"<?xml version='1.0'?><a/>", Content::Xml),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", Content::Svg),
            (b"body { margin: 0 }", Content::Text),
            (b"PK\x03\x04", Content::Binary),
            (b"%PDF-1.4\n", Content::Binary),
        ];
        for (octets, content) in pieces {
            assert_eq!(whole(octets), Some(content), "{content}");
        }
    }

    #[test]
    fn what_browsers_differ_in_is_left_open() {
        for octets in [&b"BMW is a car"[..], b"II*\0", b"\xff\x0a", b"#EXTM3U\n"] {
            assert_eq!(whole(octets), None);
        }
        assert_eq!(whole(b"\xef\xbb\xbf<html>"), None);
        assert_eq!(whole(b"\xef\xbb\xbfvoid 0;"), Some(Content::Text));
    }

    #[test]
    fn json_is_no_script_where_it_is_an_object_with_a_key() {
        assert_eq!(whole(b" { \"a\\\"\" : 1"), Some(Content::JsonObject));
        assert_eq!(whole(b"{}"), Some(Content::Json));
        assert_eq!(whole(b"[1,2]"), Some(Content::Json));
        assert_eq!(whole(b"[1,2].map(f)"), Some(Content::Text));
        assert_eq!(whole(b"\"use strict\"; f()"), Some(Content::Text));
        assert_eq!(whole(b"{\"a\"; f()}"), Some(Content::Text));
        assert_eq!(whole(b")]}',\n{\"a\":1}"), Some(Content::Guarded));
    }

    #[test]
    fn a_beginning_that_may_go_on_either_way_is_left_open() {
        assert_eq!(Content::of(b"{\"key", false), None);
        assert_eq!(Content::of(b"<!-- no end", false), None);
        assert_eq!(Content::of(b"", false), None);
        assert_eq!(Content::of(b"[{\"a\":", false), Some(Content::Json));
        // More than is looked at.
        let list = [b"[", "1,".repeat(LOOKED_AT).as_bytes(), b"1]"].concat();
        assert_eq!(whole(&list), Some(Content::Json));
    }

    #[test]
    fn comments_of_html_may_stand_before_a_script() {
        assert_eq!(whole(b"<!-- x -->\nvoid 0;"), Some(Content::Text));
        assert_eq!(whole(b"<!-- x --> void 0;\n<html>"), Some(Content::Html));
        assert_eq!(whole(b"<!-- x --><script>"), Some(Content::Text));
    }

    #[test]
    fn names_are_stable_and_found_again() {
        for known in Content::ALL {
            assert_eq!(serde_json::to_value(known).expect("plain"), known.name());
            assert_eq!(Content::of_name(known.name()), Some(known));
        }
    }
}
