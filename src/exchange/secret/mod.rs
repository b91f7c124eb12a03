//! Secrets: what a capture must not hold, and what stands there instead.
//!
//! The rule is an allowlist. Values of fields known to be harmless stay; every other value becomes
//! its length and a keyed digest, so that equal values can be told from different ones within a
//! run, and nothing else can. The key lives in memory only.

mod fields;
mod opaque;
mod reference;
mod value;

use std::fmt::{self, Write};

use self::fields::Holds;
use self::opaque::{is_made_of_words, is_opaque};
use self::reference::{Parts, without_userinfo};
use self::value::True;
pub use self::value::{Value, WITHHELD, Withheld};
use crate::wire::headers::{from_latin1, latin1};
use aws_lc_rs::hmac;

/// Header names longer than this are withheld.
const MOST_NAME: usize = 64;

/// What a capture holds of the values that cross it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// Those known to be harmless.
    Harmless,
    /// All of them: the explicit exception, marked in the capture.
    All,
}

/// Withholds what a capture must not hold.
pub struct Redactor {
    key: hmac::Key,
    values: Values,
    /// The fields whose values stay all the same, because the user named them: lower case.
    included: Vec<String>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor")
            .field("values", &self.values)
            .finish_non_exhaustive()
    }
}

impl Redactor {
    /// With a key that no one else knows.
    pub fn new(key: &[u8; 32], values: Values) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
            values,
            included: Vec::new(),
        }
    }

    /// The same, which lets the values of these fields stand.
    #[must_use]
    pub fn including(mut self, fields: &[String]) -> Self {
        self.included = fields
            .iter()
            .map(|field| field.to_ascii_lowercase())
            .collect();
        self
    }

    /// What a capture holds by this.
    pub fn values(&self) -> Values {
        self.values
    }

    /// A field as a capture holds it.
    pub fn field(&self, name: &[u8], value: &[u8]) -> (String, Value) {
        let text = || latin1(value).into_owned();
        let lower = String::from_utf8_lossy(name).to_ascii_lowercase();
        let is_included = self.included.contains(&lower);
        let is_mark = std::str::from_utf8(value).is_ok_and(is_mark);
        let kept = if self.values == Values::All || is_included || is_mark {
            Value::Plain(text())
        } else {
            match Holds::of(&lower) {
                Holds::Harmless => Value::Plain(text()),
                // What has a user in it, or a fragment, is none.
                Holds::Origins if !value.iter().any(|octet| b"@#".contains(octet)) => {
                    Value::Plain(self.origins(&text()))
                }
                Holds::Names => Value::Plain(self.names(&text())),
                Holds::Url => Value::Plain(self.url(&text())),
                Holds::Origins | Holds::Anything if value.is_empty() => Value::Plain(String::new()),
                Holds::Origins | Holds::Anything => Value::Withheld(self.withheld(value)),
            }
        };
        (self.name(&latin1(name)), kept)
    }

    /// A header name: withheld if it is longer than 64 octets or holds an opaque run.
    pub fn name(&self, name: &str) -> String {
        let is_secret = (name.len() > MOST_NAME || is_opaque(name)) && !is_mark(name);
        if self.values == Values::Harmless && is_secret {
            self.withheld(&from_latin1(name)).to_string()
        } else {
            name.to_owned()
        }
    }

    /// A comma-separated list of header names.
    pub fn names(&self, list: &str) -> String {
        let names: Vec<String> = list
            .split(',')
            .map(|part| {
                let name = part.trim_matches([' ', '\t']);
                let lead = part.len() - part.trim_start_matches([' ', '\t']).len();
                format!(
                    "{}{}",
                    part.get(..lead).unwrap_or_default(),
                    self.name(name)
                )
            })
            .collect();
        names.join(",")
    }

    /// Origins with commas or blanks between them, and whole URLs in their places.
    fn origins(&self, origins: &str) -> String {
        if !origins.split([',', ' ']).any(is_longer_than_origin) {
            return origins.to_owned();
        }
        let parts = origins.split_inclusive([',', ' ']).map(|part| {
            let origin = part.trim_end_matches([',', ' ']);
            let end = part.get(origin.len()..).unwrap_or_default();
            [&*self.url(origin), end].concat()
        });
        parts.collect()
    }

    /// A URL or a reference to one: user, password and fragment dropped, names of parameters kept
    /// and their values withheld, opaque path segments withheld.
    pub fn url(&self, url: &str) -> String {
        if self.values == Values::All {
            return url.to_owned();
        }
        let parts = Parts::of(url);
        // Room for what is withheld, too.
        let mut kept = String::with_capacity(url.len() + 64);
        for part in [parts.scheme, parts.slashes, parts.host] {
            kept.push_str(part);
        }
        for segment in parts.path.split_inclusive(['/', '\\']) {
            let name = segment.trim_end_matches(['/', '\\']);
            self.segment(&mut kept, name);
            kept.push_str(segment.get(name.len()..).unwrap_or_default());
        }
        if let Some(query) = parts.query {
            for (place, pair) in query.split('&').enumerate() {
                kept.push(if place == 0 { '?' } else { '&' });
                self.parameter(&mut kept, pair);
            }
        }
        kept
    }

    /// A path segment, with its parameters (`;name=value`).
    fn segment(&self, kept: &mut String, segment: &str) {
        let mut parts = without_userinfo(segment).split(';');
        self.word(kept, parts.next().unwrap_or_default());
        for parameter in parts {
            kept.push(';');
            self.parameter(kept, parameter);
        }
    }

    /// `name=value`, where the sign may be percent-encoded.
    fn parameter(&self, kept: &mut String, pair: &str) {
        let Some((name, sign, value)) = split_parameter(pair) else {
            return self.word(kept, pair);
        };
        self.word(kept, name);
        kept.push_str(sign);
        if !value.is_empty() {
            self.withhold_text(kept, value);
        }
    }

    fn word(&self, kept: &mut String, word: &str) {
        let is_secret = is_opaque(word) || word.len() > MOST_NAME && !is_made_of_words(word);
        if is_secret {
            self.withhold_text(kept, word);
        } else {
            kept.push_str(word);
        }
    }

    /// Puts what stands for text that was read as Latin-1; a mark stands for itself.
    fn withhold_text(&self, kept: &mut String, text: &str) {
        // A string takes whatever is written to it.
        let _ = match mark(text) {
            Some(mark) => write!(kept, "{{{mark}}}"),
            None => write!(kept, "{}", self.withheld(&from_latin1(text))),
        };
    }

    fn withheld(&self, value: &[u8]) -> Withheld {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digest = hmac::sign(&self.key, value);
        let (start, _) = digest.as_ref().split_at(8);
        let mut text = String::with_capacity(3 + 2 * start.len());
        text.push_str("k1:");
        for octet in start {
            let halves = [octet >> 4, octet & 15].map(usize::from);
            let digits = halves.map(|half| DIGITS.get(half).copied().map_or('0', char::from));
            text.extend(digits);
        }
        Withheld {
            mark: True,
            length: value.len(),
            digest: text,
        }
    }
}

/// Name, sign and value; nothing where there is no sign.
fn split_parameter(pair: &str) -> Option<(&str, &str, &str)> {
    let sign = |octets: &[u8]| match octets {
        [b'=', ..] => Some(1),
        [b'%', b'3', b'd' | b'D', ..] => Some(3),
        _ => None,
    };
    let mut rest = pair.as_bytes();
    while let [_, after @ ..] = rest {
        if let Some(length) = sign(rest) {
            let (name, rest) = pair.split_at_checked(pair.len() - rest.len())?;
            let (sign, value) = rest.split_at_checked(length)?;
            return Some((name, sign, value));
        }
        rest = after;
    }
    None
}

/// Whether a path or a query follows what would be an origin.
fn is_longer_than_origin(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else {
        return false;
    };
    rest.trim_end_matches('/').contains(['/', '\\', '?'])
}

/// Whether text is a mark that stands for what was withheld before.
fn is_mark(text: &str) -> bool {
    mark(text).is_some()
}

/// The inner part of `{withheld:LEN:k1:DIGEST}`, if that is what the text is. URLs may have the braces
/// percent-encoded.
fn mark(text: &str) -> Option<&str> {
    let within = |start, end| text.strip_prefix(start)?.strip_suffix(end);
    let mark = within("{", "}").or_else(|| within("%7B", "%7D"))?;
    let (length, digest) = mark.strip_prefix("withheld:")?.split_once(":k1:")?;
    let is_length = !length.is_empty() && length.bytes().all(|octet| octet.is_ascii_digit());
    let is_digit = |octet: u8| matches!(octet, b'0'..=b'9' | b'a'..=b'f');
    let is_digest = digest.len() == 16 && digest.bytes().all(is_digit);
    (is_length && length.len() < 10 && is_digest).then_some(mark)
}

#[cfg(test)]
mod tests;
