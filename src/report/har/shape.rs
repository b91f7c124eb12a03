//! The shape of the file: its entries, one after the other, and no more of them than is needed.

use std::fmt;
use std::ops::ControlFlow;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::lenient;
use crate::exchange::Moment;

/// What is read of an entry. Contents are passed over.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) started_date_time: Option<String>,
    #[serde(default, deserialize_with = "lenient::number")]
    pub(super) time: Option<f64>,
    pub(super) request: HarRequest,
    #[serde(default)]
    pub(super) response: Option<HarResponse>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) connection: Option<String>,
    #[serde(default, rename = "_connectionEnd")]
    pub(super) connection_end: Option<ConnectionEnd>,
    #[serde(default, rename = "_tlsResumed", deserialize_with = "lenient::truth")]
    pub(super) tls_resumed: Option<bool>,
    #[serde(default, rename = "_content", deserialize_with = "lenient::text")]
    pub(super) content: Option<String>,
    #[serde(default, rename = "_cancelled", deserialize_with = "lenient::truth")]
    pub(super) cancelled: Option<bool>,
    /// Whether its tool lists requests before their preflights.
    #[serde(skip)]
    pub(super) may_precede_preflight: bool,
    /// When its preflight was answered, if that stands behind it.
    #[serde(skip)]
    pub(super) moved: Option<Moment>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HarRequest {
    pub(super) method: String,
    pub(super) url: String,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) http_version: Option<String>,
    #[serde(default)]
    pub(super) headers: Option<Vec<Header>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct HarResponse {
    #[serde(default, deserialize_with = "lenient::number")]
    pub(super) status: Option<f64>,
    #[serde(default)]
    pub(super) headers: Option<Vec<Header>>,
    #[serde(default, rename = "_error", deserialize_with = "lenient::text")]
    pub(super) error: Option<String>,
    /// Where Playwright has the error.
    #[serde(default, rename = "_failureText", deserialize_with = "lenient::text")]
    pub(super) failure: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Header {
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) value: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ConnectionEnd {
    Open,
    ClosedByClient,
    ClosedByServer,
    #[serde(other)]
    Unknown,
}

impl Entry {
    /// About how much memory it takes, in octets.
    pub(super) fn weight(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let line = |line: &Header| text(&line.name) + text(&line.value) + size_of::<Header>();
        let lines =
            |lines: Option<&Vec<Header>>| lines.into_iter().flatten().map(line).sum::<usize>();
        let response = self.response.as_ref();
        size_of::<Self>()
            + self.request.url.len()
            + lines(self.request.headers.as_ref())
            + lines(response.and_then(|response| response.headers.as_ref()))
    }
}

/// The tools whose `connection` says which exchanges shared one. In Firefox it is a port.
const NAMES_CONNECTIONS: [&str; 5] = [
    "corstap",
    "WebInspector",
    "mitmproxy",
    "chrome-har",
    "truth",
];

/// What the file says of itself before its entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The tool that wrote it.
    pub creator: Option<String>,
}

impl Source {
    /// Whether it is written as we write it, so that nothing is missing that was there.
    pub(super) fn is_ours(&self) -> bool {
        let ours = ["corstap", "truth"];
        let known = |creator: &String| ours.contains(&creator.as_str());
        self.creator.as_ref().is_none_or(known)
    }

    /// Whether requests stand before their preflights.
    pub(super) fn lists_preflights_behind(&self) -> bool {
        const BROWSERS: [&str; 3] = ["Firefox", "WebInspector", "chrome-har"];
        let creator = self.creator.as_deref().unwrap_or_default();
        BROWSERS.iter().any(|known| creator.starts_with(known))
    }

    /// Whether connections can be told from each other by their names. What a file of an unknown tool
    /// means by them is not known.
    pub(super) fn names_connections(&self) -> bool {
        let Some(creator) = &self.creator else {
            return true;
        };
        NAMES_CONNECTIONS
            .iter()
            .any(|known| creator.starts_with(known))
    }
}

/// Tells the entries of a file as they come. Whoever hears them can break off, which is an error
/// then.
pub fn entries<'de, D: Deserializer<'de>>(
    from: D,
    tell: impl FnMut(&Source, Entry) -> ControlFlow<()>,
) -> Result<(), D::Error> {
    let mut reading = Reading {
        source: Source::default(),
        has_entries: false,
        tell,
    };
    from.deserialize_map(InFile(&mut reading))
}

struct Reading<F> {
    source: Source,
    has_entries: bool,
    tell: F,
}

/// The whole file: an object with a `log`.
struct InFile<'a, F>(&'a mut Reading<F>);
/// The log: an object with `entries`.
struct InLog<'a, F>(&'a mut Reading<F>);
/// The entries: a list.
struct InEntries<'a, F>(&'a mut Reading<F>);

/// The name of a field, of which only some matter.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Field {
    Log,
    Creator,
    Entries,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Creator {
    #[serde(default, deserialize_with = "lenient::text")]
    name: Option<String>,
}

impl<'de, F: FnMut(&Source, Entry) -> ControlFlow<()>> Visitor<'de> for InFile<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a log")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(field) = map.next_key()? {
            match field {
                Field::Log => map.next_value_seed(InLog(&mut *self.0))?,
                Field::Creator | Field::Entries | Field::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if self.0.has_entries {
            Ok(())
        } else {
            Err(serde::de::Error::missing_field("log.entries"))
        }
    }
}

impl<'de, F: FnMut(&Source, Entry) -> ControlFlow<()>> DeserializeSeed<'de> for InLog<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de, F: FnMut(&Source, Entry) -> ControlFlow<()>> Visitor<'de> for InLog<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a log with entries")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(field) = map.next_key()? {
            match field {
                Field::Creator => self.0.source.creator = map.next_value::<Creator>()?.name,
                Field::Entries => map.next_value_seed(InEntries(&mut *self.0))?,
                Field::Log | Field::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

impl<'de, F: FnMut(&Source, Entry) -> ControlFlow<()>> DeserializeSeed<'de> for InEntries<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de, F: FnMut(&Source, Entry) -> ControlFlow<()>> Visitor<'de> for InEntries<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        self.0.has_entries = true;
        while let Some(entry) = seq.next_element()? {
            if (self.0.tell)(&self.0.source, entry).is_break() {
                return Err(serde::de::Error::custom("nobody wants the rest"));
            }
        }
        Ok(())
    }
}
