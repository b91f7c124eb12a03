//! Exchanges as the columns of a capture have them.

use std::borrow::Cow;
use std::fmt;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use hashbrown::hash_map::EntryRef;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use super::head::Head;
use super::slim::{Slim, Text};
use super::{Asked, Seen};
use crate::exchange::Protocol;

/// How much memory the texts of the known heads may take, in octets.
const MOST_OCTETS: usize = 4 * 1024 * 1024;

/// Reads exchanges out of columns. The fields of a request are read once where they are the same in
/// many rows, as they are where a page asks for one thing after the other.
#[derive(Debug, Default)]
pub struct Rows {
    heads: HashMap<String, Head, RandomState>,
    octets: usize,
}

impl Rows {
    /// Reads a row; nothing where a policy decides nothing.
    pub fn read<'a>(
        &'a mut self,
        method: &'a str,
        url: &'a str,
        protocol: Protocol,
        headers: &str,
        judgement: &'a str,
    ) -> Result<Option<Seen<'a>>, serde_json::Error> {
        let slim: Slim<'a> = serde_json::from_str(judgement)?;
        if !slim.is_decided_by_policies() {
            return Ok(None);
        }
        let asked = Asked {
            method,
            url,
            protocol,
        };
        Ok(Seen::from_parts(&slim, asked, self.head(headers)?))
    }

    fn head(&mut self, headers: &str) -> Result<&Head, serde_json::Error> {
        if self.octets > MOST_OCTETS {
            self.heads.clear();
            self.octets = 0;
        }
        match self.heads.entry_ref(headers) {
            EntryRef::Occupied(known) => Ok(known.into_mut()),
            EntryRef::Vacant(new) => {
                self.octets += headers.len();
                Ok(new.insert(head(headers)?))
            }
        }
    }
}

fn head(headers: &str) -> Result<Head, serde_json::Error> {
    let lines: Vec<(Text<'_>, Value<'_>)> = serde_json::from_str(headers)?;
    let lines = lines.iter();
    Ok(Head::of(
        lines.map(|(Text(name), Value(value))| (&**name, &**value)),
    ))
}

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
