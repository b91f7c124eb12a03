//! A header list as the Fetch Standard has it: names and values in order, spelt as sent.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};

use serde::ser::{Serialize, SerializeSeq, Serializer};

use super::trim_ows;

pub use super::known::{NameSet, Tag};

/// Fetch's [header list](https://fetch.spec.whatwg.org/#concept-header-list), in one buffer:
/// lines in order, names in the spelling and values with the octets they had on the wire (white
/// space at the ends of a value excepted, which is not part of it: RFC 9112 section 5.1).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct HeaderList {
    octets: Vec<u8>,
    lines: Vec<Line>,
    firsts: Firsts,
}

/// Where, from 1, the first line stands whose name has this number; 0 where there is none. Nearly all names
/// are found, or missed, without a search.
#[derive(Clone, PartialEq, Eq)]
struct Firsts([u8; 64]);

impl Default for Firsts {
    fn default() -> Self {
        Self([0; 64])
    }
}

/// Where a line's name and value stand in the buffer.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Line {
    tag: Tag,
    name: u32,
    value: u32,
    end: u32,
}

/// What takes a name is inlined always, and does little more than find its tag: mostly the name is a
/// literal, of which the compiler knows it.
#[expect(clippy::inline_always, reason = "see above")]
impl HeaderList {
    /// An empty list with room for `lines` lines of `octets` octets in all.
    pub fn with_capacity(lines: usize, octets: usize) -> Self {
        Self {
            octets: Vec::with_capacity(octets),
            lines: Vec::with_capacity(lines),
            firsts: Firsts::default(),
        }
    }

    /// Adds a line at the end.
    ///
    /// A list holds less than 4 GiB; a line that would not fit is left out, which heads, bounded
    /// by [`MAX_HEAD`](super::MAX_HEAD), never reach.
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        let value = trim_ows(value);
        let Ok(end) = u32::try_from(self.octets.len() + name.len() + value.len()) else {
            return;
        };
        let start = u32::try_from(self.octets.len()).unwrap_or(end);
        let split = start + u32::try_from(name.len()).unwrap_or(0);
        self.octets.extend_from_slice(name);
        self.octets.extend_from_slice(value);
        let tag = Tag::of(name);
        self.firsts.note(tag, self.lines.len());
        self.lines.push(Line {
            tag,
            name: start,
            value: split,
            end,
        });
    }

    /// How much memory the lines take, in octets.
    pub fn weight(&self) -> usize {
        self.octets.capacity() + self.lines.capacity() * size_of::<Line>()
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is no line.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The lines in order whose names `are_wanted`: the tag of the name, the name and the value.
    #[inline]
    pub fn tagged(
        &self,
        are_wanted: impl Fn(Tag) -> bool,
    ) -> impl Iterator<Item = (Tag, &[u8], &[u8])> {
        let wanted = self.lines.iter().filter(move |line| are_wanted(line.tag));
        wanted.map(|line| {
            let (name, value) = self.pair(*line);
            (line.tag, name, value)
        })
    }

    /// The lines in order: name as spelt, value without white space at its ends.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> {
        self.lines.iter().map(|line| self.pair(*line))
    }

    /// The values of every line of that name (case-insensitively), in order.
    #[inline(always)]
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.lines(name).map(|(_, value)| value)
    }

    /// The lines of that name (case-insensitively) with their places in the list.
    #[inline(always)]
    pub fn lines<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (usize, &'a [u8])> {
        let tag = Tag::of(name.as_bytes());
        let (first, lines) = self.since_first(tag);
        let all = lines.iter().enumerate();
        all.filter(move |(_, line)| self.is_named(line, tag, name))
            .map(move |(place, line)| (first + place, self.octets(line.value, line.end)))
    }

    /// The value of the first line of that name.
    #[inline(always)]
    pub fn first(&self, name: &str) -> Option<&[u8]> {
        let tag = Tag::of(name.as_bytes());
        let (_, lines) = self.since_first(tag);
        match lines {
            [] => None,
            [first, ..] if tag.is_known() && first.tag == tag => {
                Some(self.octets(first.value, first.end))
            }
            lines => self.find(lines, tag, name),
        }
    }

    /// Whether a line of that name exists.
    #[inline(always)]
    pub fn contains(&self, name: &str) -> bool {
        self.first(name).is_some()
    }

    /// [Get](https://fetch.spec.whatwg.org/#concept-header-list-get): the values of all lines of
    /// that name joined with `, `, or nothing if there is none.
    #[inline(always)]
    pub fn combined(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        let tag = Tag::of(name.as_bytes());
        match self.since_first(tag) {
            (_, []) => None,
            (_, lines) => self.join(lines, tag, name),
        }
    }

    fn find(&self, lines: &[Line], tag: Tag, name: &str) -> Option<&[u8]> {
        let mut lines = lines.iter();
        let line = lines.find(|line| self.is_named(line, tag, name))?;
        Some(self.octets(line.value, line.end))
    }

    fn join(&self, lines: &[Line], tag: Tag, name: &str) -> Option<Cow<'_, [u8]>> {
        let mut values = lines
            .iter()
            .filter(|line| self.is_named(line, tag, name))
            .map(|line| self.octets(line.value, line.end));
        let mut combined = Cow::Borrowed(values.next()?);
        for value in values {
            let all = combined.to_mut();
            all.extend_from_slice(b", ");
            all.extend_from_slice(value);
        }
        Some(combined)
    }

    /// The lines from the first on that may have that name, and the place of that one.
    #[inline]
    fn since_first(&self, name: Tag) -> (usize, &[Line]) {
        let first = self.firsts.of(name);
        first.map_or((0, &[]), |first| {
            (first, self.lines.get(first..).unwrap_or_default())
        })
    }

    #[inline]
    fn is_named(&self, line: &Line, tag: Tag, name: &str) -> bool {
        line.tag == tag
            && (tag.is_known() || self.pair(*line).0.eq_ignore_ascii_case(name.as_bytes()))
    }

    #[inline]
    fn pair(&self, line: Line) -> (&[u8], &[u8]) {
        (
            self.octets(line.name, line.value),
            self.octets(line.value, line.end),
        )
    }

    #[inline]
    fn octets(&self, from: u32, to: u32) -> &[u8] {
        self.octets
            .get(from as usize..to as usize)
            .unwrap_or_default()
    }
}

impl Firsts {
    /// The place of the first line that may have that name; a line before it where there are many.
    #[inline]
    fn of(&self, name: Tag) -> Option<usize> {
        let first = self.0.get(name.bucket()).copied().unwrap_or_default();
        usize::from(first).checked_sub(1)
    }

    #[inline]
    fn note(&mut self, name: Tag, place: usize) {
        if let Some(first @ 0) = self.0.get_mut(name.bucket()) {
            *first = u8::try_from(place + 1).unwrap_or(u8::MAX);
        }
    }
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>> FromIterator<(N, V)> for HeaderList {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(lines: I) -> Self {
        let mut list = Self::default();
        for (name, value) in lines {
            list.push(name.as_ref(), value.as_ref());
        }
        list
    }
}

/// The octets tell lists apart well enough.
impl Hash for HeaderList {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.octets.hash(state);
    }
}

/// Names only: values may be secrets.
impl fmt::Debug for HeaderList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.iter().map(|(name, _)| String::from_utf8_lossy(name)))
            .finish()
    }
}

/// `[[name, value], …]`, with octets that are not ASCII read as Latin-1.
impl Serialize for HeaderList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.len()))?;
        for (name, value) in self.iter() {
            list.serialize_element(&(latin1(name), latin1(value)))?;
        }
        list.end()
    }
}

/// Octets as text, one character each (isomorphic decode of the Infra Standard).
pub fn latin1(octets: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(octets) {
        Ok(text) if text.is_ascii() => Cow::Borrowed(text),
        _ => octets.iter().map(|&octet| char::from(octet)).collect(),
    }
}

/// Text as octets, one each (isomorphic encode); a character above U+00FF becomes its UTF-8.
pub fn from_latin1(text: &str) -> Cow<'_, [u8]> {
    if text.is_ascii() {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut octets = Vec::with_capacity(text.len());
    for character in text.chars() {
        match u8::try_from(character) {
            Ok(octet) => octets.push(octet),
            Err(_) => octets.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Cow::Owned(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> HeaderList {
        HeaderList::from_iter([
            ("Vary", "Origin"),
            ("X-A", " \t1 "),
            ("vary", ""),
            ("X-B", "\u{e9}"),
        ])
    }

    #[test]
    fn names_are_found_in_any_case_and_kept_in_their_own() {
        assert_eq!(
            list().all("VARY").collect::<Vec<_>>(),
            [b"Origin".as_slice(), b""]
        );
        assert_eq!(
            list().iter().nth(2).map(|(name, _)| name),
            Some(b"vary".as_slice())
        );
    }

    #[test]
    fn names_are_found_behind_many_others() {
        let mut many: HeaderList = (0..300).map(|n| (format!("X-{n}"), "a")).collect();
        many.push(b"Vary", b"Origin");
        many.push(b"VARY", b"*");
        let vary: Vec<_> = many.lines("vary").collect();
        assert_eq!(vary, [(300, b"Origin".as_slice()), (301, b"*")]);
        assert_eq!(many.first("x-299"), Some(b"a".as_slice()));
        assert_eq!(
            many.combined("vary").as_deref(),
            Some(b"Origin, *".as_slice())
        );
        assert_eq!(many.first("age"), None);
    }

    #[test]
    fn white_space_at_the_ends_is_no_part_of_a_value() {
        assert_eq!(list().first("x-a"), Some(b"1".as_slice()));
    }

    #[test]
    fn values_of_one_name_are_joined_as_fetch_joins_them() {
        assert_eq!(
            list().combined("Vary").as_deref(),
            Some(b"Origin, ".as_slice())
        );
        assert_eq!(list().combined("x-none"), None);
    }

    #[test]
    fn debug_shows_no_value() {
        assert_eq!(format!("{:?}", list()), r#"["Vary", "X-A", "vary", "X-B"]"#);
    }

    #[test]
    fn octets_and_latin1_text_are_each_others_inverse() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(from_latin1(&latin1(&all)), all);
    }
}
