//! Exchanges as the columns of a capture have them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;

use foldhash::fast::RandomState;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use super::head::Head;
use super::slim::Slim;
use super::{Asked, Seen};
use crate::exchange::columns::{Columns, Text};

/// How large the texts may be, in octets, of which it is known what was read.
const MOST_OCTETS: usize = 4 * 1024 * 1024;

/// Reads exchanges out of the columns of one capture. What many of them have in common is read once.
#[derive(Debug, Default)]
pub struct Rows {
    heads: Known<Head>,
    judgements: Known<Slim>,
}

impl Rows {
    /// Reads a row; nothing where a policy decides nothing.
    pub fn read<'a>(
        &'a mut self,
        columns: Columns<'a>,
    ) -> Result<Option<Seen<'a>>, serde_json::Error> {
        let slim = self.judgements.of(columns.judgement, Slim::read)?;
        if !slim.is_decided_by_policies() {
            return Ok(None);
        }
        let asked = Asked {
            method: columns.method,
            url: columns.url,
            protocol: columns.protocol,
        };
        let head = self.heads.of(columns.request_headers, head)?;
        Ok(Seen::from_parts(slim, asked, head))
    }
}

/// What was read of texts, by their numbers.
#[derive(Debug)]
struct Known<V> {
    numbered: HashMap<i64, V, RandomState>,
    /// How large these texts are, in octets.
    octets: usize,
    /// What was read of a text without a number.
    last: Option<V>,
}

impl<V> Default for Known<V> {
    fn default() -> Self {
        Self {
            numbered: HashMap::default(),
            octets: 0,
            last: None,
        }
    }
}

impl<V> Known<V> {
    fn of<E>(&mut self, text: Text<'_>, read: impl FnOnce(&str) -> Result<V, E>) -> Result<&V, E> {
        let Some(number) = text.number else {
            return Ok(self.last.insert(read(text.json)?));
        };
        if self.octets > MOST_OCTETS {
            self.numbered.clear();
            self.octets = 0;
        }
        Ok(match self.numbered.entry(number) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let read = read(text.json)?;
                self.octets += text.json.len();
                new.insert(read)
            }
        })
    }
}

fn head(headers: &str) -> Result<Head, serde_json::Error> {
    let lines: Vec<(Name<'_>, Value<'_>)> = serde_json::from_str(headers)?;
    let lines = lines.iter();
    Ok(Head::of(
        lines.map(|(Name(name), Value(value))| (&**name, &**value)),
    ))
}

/// Text that is copied only where it has escapes in it.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// The value of a field; one that is withheld is empty.
struct Value<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(OfValue)
    }
}

struct OfValue;

impl<'de> Visitor<'de> for OfValue {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value, or what stands in its place")
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Value(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Value(Cow::Owned(value.to_owned())))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value(Cow::Borrowed("")))
    }
}
