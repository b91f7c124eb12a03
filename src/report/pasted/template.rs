//! Templates: literal pieces of text with something between them.

use super::plain::plain;

/// A text with holes in it, which are written `…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    /// Its pieces, in small letters.
    pieces: Vec<String>,
}

/// Where a template was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) start: usize,
    pub(super) end: usize,
    /// How much of it is not holes.
    pub(super) literal: usize,
    /// What is in its first hole.
    pub(super) parameter: Option<String>,
    /// All of it.
    pub(super) text: String,
}

/// How far apart pieces may be: a URL has its length.
const MOST_BETWEEN: usize = 8 * 1024;

impl Template {
    /// Of a text as an engine prints it.
    pub(super) fn of(says: &str) -> Self {
        let says = plain(says).to_ascii_lowercase();
        let says = says.trim_end_matches('.');
        let pieces = says.split('…').map(str::to_owned).collect();
        Self { pieces }
    }

    /// Everywhere it is.
    pub(super) fn find_all(&self, text: &str) -> Vec<Found> {
        let lower = text.to_ascii_lowercase();
        let mut all = Vec::new();
        let mut from = 0;
        while let Some(found) = self.find(text, &lower, from) {
            from = found.end.max(from + 1);
            all.push(found);
        }
        all
    }

    fn find(&self, text: &str, lower: &str, from: usize) -> Option<Found> {
        let (first, others) = self.pieces.split_first()?;
        let mut start = from + lower.get(from..)?.find(first.as_str())?;
        if let Some(second) = others.first().filter(|second| !second.is_empty()) {
            // What is in the hole does not begin like the template.
            let hole = start + first.len();
            let until = hole + lower.get(hole..)?.find(second.as_str())?;
            start += lower.get(start..until)?.rfind(first.as_str())?;
        }
        let mut end = start + first.len();
        let mut parameter = None;
        for piece in others {
            let rest = lower.get(end..)?;
            let length = if piece.is_empty() {
                word(rest)
            } else {
                place(rest, piece).filter(|far| *far < MOST_BETWEEN)?
            };
            let hole = text.get(end..end + length)?.trim();
            parameter.get_or_insert_with(|| hole.to_owned());
            end += length + piece.len();
        }
        Some(Found {
            start,
            end,
            literal: self.pieces.iter().map(String::len).sum(),
            parameter: parameter.filter(|parameter| !parameter.is_empty()),
            text: text.get(start..end)?.to_owned(),
        })
    }
}

impl Found {
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }
}

/// How long what fills a hole at the end is: a value may have blanks in it, and ends with the text or
/// where the next sentence or place in a file begins.
fn word(rest: &str) -> usize {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    if digits > 0
        && !rest
            .get(digits..)
            .is_some_and(|rest| rest.starts_with(is_of_word))
    {
        return digits;
    }
    let ends = [
        ". ",
        " at ",
        " (",
        " fetch api cannot load ",
        " xmlhttprequest cannot load ",
    ];
    let end = ends.iter().filter_map(|end| rest.find(end)).min();
    let whole = end.unwrap_or(rest.len());
    let kept = rest.get(..whole).unwrap_or_default();
    kept.trim_end_matches(['.', ',']).len()
}

/// Where a piece is. A quote at the end may stand in the value too: it counts where a sentence or a
/// quotation ends behind it.
fn place(rest: &str, piece: &str) -> Option<usize> {
    const ENDS: [char; 6] = ['.', ',', ' ', ')', '"', '}'];
    let mut all = rest.match_indices(piece);
    if !matches!(piece, "'" | "\"" | "`") {
        return all.next().map(|(place, _)| place);
    }
    let ends = all.find(|(place, _)| {
        let behind = rest.get(place + piece.len()..).unwrap_or_default();
        behind.is_empty() || behind.starts_with(ENDS)
    });
    ends.map(|(place, _)| place)
}

fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '-' | '_')
}

/// The first URL of a text.
pub(super) fn url(text: &str) -> Option<String> {
    let start = [
        "https://", "http://", "wss://", "ws://", "file://", "ftp://",
    ]
    .iter()
    .filter_map(|scheme| text.find(scheme))
    .min()?;
    address(text.get(start..)?)
}

/// The address that stands behind some words.
pub(super) fn after(text: &str, words: &str) -> Option<String> {
    let (_, rest) = text.rsplit_once(words)?;
    address(rest.trim_start_matches(['\'', '"']))
}

fn address(text: &str) -> Option<String> {
    let end = text
        .find(['\'', '"', ' ', '<', '>', '`'])
        .unwrap_or(text.len());
    let address = text.get(..end)?.trim_end_matches(['.', ',', ')', ':', ';']);
    (!address.is_empty()).then(|| address.to_owned())
}

/// The status that a text tells.
pub(super) fn status(text: &str) -> Option<u16> {
    let lower = text.to_ascii_lowercase();
    let rest = ["status code: ", "response code: "]
        .iter()
        .find_map(|words| lower.split_once(words))?
        .1;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits
        .parse()
        .ok()
        .filter(|status| (100..=999).contains(status))
}
