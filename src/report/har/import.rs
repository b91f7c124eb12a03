//! Entries into events.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::doubts::Doubts;
use super::order::{Bounds, Later, Order};
use super::shape::{ConnectionEnd, Entry, Header, Source};
use crate::exchange::{
    ConnectionId, Content, Ending, Event, ExchangeId, Moment, Protocol, Request, RequestUrl,
    Response, Side,
};
use crate::wire::headers::{HeaderList, from_latin1};

/// How many connections are known by name.
const MOST_NAMED: usize = 64 * 1024;

/// Turns entries into events as they come.
#[derive(Debug)]
pub struct Reader {
    order: Order,
    later: Later,
    doubts: Doubts,
    exchanges: u64,
    connections: u64,
    named: HashMap<String, ConnectionId>,
    /// When the last entry started that was told.
    told: Option<Moment>,
    source: Source,
}

impl Reader {
    /// For a file of which so many octets of heads are put in order.
    pub fn new(octets: usize) -> Self {
        Self {
            order: Order::new(octets),
            later: Later::new(octets),
            doubts: Doubts::default(),
            exchanges: 0,
            connections: 0,
            named: HashMap::new(),
            told: None,
            source: Source::default(),
        }
    }

    /// Takes an entry in, and tells those that have waited long enough.
    pub fn entry(&mut self, source: &Source, mut entry: Entry, tell: &mut impl FnMut(Event)) {
        if self.source != *source {
            self.source = source.clone();
        }
        if !source.names_connections() {
            entry.connection = None;
        }
        entry.may_precede_preflight = source.lists_preflights_behind();
        self.order.put(entry);
        while self.order.is_full() {
            self.overflows(tell);
            self.tell_next(tell);
        }
    }

    /// Tells the rest, and says what was left open.
    pub fn finish(mut self, tell: &mut impl FnMut(Event)) -> Doubts {
        while self.tell_next(tell) {}
        self.later.rest().for_each(tell);
        self.doubts
    }

    /// What was to come is no longer known: from now on connections are not watched.
    fn overflows(&mut self, tell: &mut impl FnMut(Event)) {
        if std::mem::replace(&mut self.doubts.is_partial, true) {
            return;
        }
        let at = self.told.unwrap_or(Moment::from_micros(0));
        for connection in self.named.values().copied() {
            tell(Event::Unwatched { connection, at });
        }
    }

    fn tell_next(&mut self, tell: &mut impl FnMut(Event)) -> bool {
        let Some((entry, mut bounds)) = self.order.take() else {
            return false;
        };
        if self.doubts.is_partial {
            bounds.connection_end = None;
        }
        if entry.moved.is_some() && entry.answer().is_none() {
            self.doubts.unsent += 1;
            return true;
        }
        let started = entry.started();
        if self.told.is_some_and(|told| started < told) {
            self.doubts.late += 1;
        }
        self.told = self.told.max(Some(started));
        self.note(&entry, bounds);
        while let Some(event) = self.later.due(self.told) {
            tell(event);
        }
        self.doubts.is_partial |= self.later.has_hurried();
        true
    }

    fn note(&mut self, entry: &Entry, bounds: Bounds) {
        let Some(url) = RequestUrl::parse(&entry.request.url) else {
            self.doubts.skipped += 1;
            return;
        };
        self.exchanges += 1;
        let (id, started) = (ExchangeId(self.exchanges), entry.started());
        let by = bounds.ended_by.unwrap_or(Moment::from_micros(i64::MAX));
        let ended = entry.ended().min(by);
        let connection = self.connection(entry, bounds);
        let headers = header_list(entry.request.headers.as_ref());
        let (ending, reason) = entry.ending(&self.source);
        self.doubts.silent += usize::from(ending == Ending::InProgress);
        self.doubts.provisional += usize::from(is_provisional(entry, &headers, &self.source));
        self.later.put(Event::Opened {
            id,
            connection,
            at: started,
            protocol: entry.protocol(),
            client: None,
            request: Arc::new(Request {
                method: entry.request.method.clone(),
                url: url.into(),
                headers,
            }),
        });
        if let Some((status, response)) = entry.answer() {
            let headers = header_list(response.headers.as_ref());
            let sent = Arc::new(Response { status, headers });
            self.later.put(Event::Answered {
                id,
                at: ended,
                sent,
            });
        }
        let content = entry.content.as_deref().and_then(Content::of_name);
        if let Some(content) = content {
            let at = ended;
            self.later.put(Event::Glimpsed { id, at, content });
        }
        match entry.cancelled {
            Some(true) => self.later.put(Event::Cancelled { id, at: ended }),
            Some(false) => self.later.put(Event::NotCancelled { id, at: ended }),
            None => {}
        }
        self.later.put(Event::Ended {
            id,
            at: ended,
            ending,
            reason,
        });
        if !bounds.goes_on {
            let closed = closed(connection, bounds.connection_end, ended);
            if let Some(event) = closed {
                self.later.put(event);
            }
        }
    }

    /// The connection of an entry; one of its own where the file does not say.
    fn connection(&mut self, entry: &Entry, bounds: Bounds) -> ConnectionId {
        let name = entry.connection_name();
        if let Some(known) = name.and_then(|name| self.named.get(name)) {
            return *known;
        }
        self.connections += 1;
        let connection = ConnectionId(self.connections);
        let (at, resumed) = (entry.started(), entry.tls_resumed);
        if let Some(name) = name.filter(|_| self.named.len() < MOST_NAMED) {
            self.named.insert(name.to_owned(), connection);
            // Without a name nobody knows when it was opened.
            self.later.put(Event::Connected {
                connection,
                at,
                resumed,
            });
        }
        if bounds.connection_end.is_none() {
            self.later.put(Event::Unwatched { connection, at });
        }
        connection
    }
}

/// A file tells that a connection was closed, and only its last exchange tells about when.
fn closed(connection: ConnectionId, end: Option<ConnectionEnd>, at: Moment) -> Option<Event> {
    let by = match end {
        Some(ConnectionEnd::ClosedByClient) => Side::Client,
        Some(ConnectionEnd::ClosedByServer) => Side::Server,
        Some(ConnectionEnd::Open | ConnectionEnd::Unknown) | None => return None,
    };
    Some(Event::Closed { connection, at, by })
}

/// Whether the fields are those the browser meant to send, before it added its own.
fn is_provisional(entry: &Entry, headers: &HeaderList, source: &Source) -> bool {
    let has_sent = ["host", "origin", "sec-fetch-mode"]
        .iter()
        .any(|name| headers.contains(name));
    let is_multiplexed = entry.protocol() == Protocol::Http2;
    !source.is_ours() && !has_sent && !is_multiplexed && entry.answer().is_none()
}

impl Entry {
    pub(super) fn started(&self) -> Moment {
        self.moved.unwrap_or_else(|| self.listed())
    }

    /// When the file says that it started.
    fn listed(&self) -> Moment {
        let started = self.started_date_time.as_deref().and_then(Moment::parse);
        started.unwrap_or(Moment::from_micros(0))
    }

    pub(super) fn ended(&self) -> Moment {
        let millis = self
            .time
            .filter(|time| time.is_finite() && *time > 0.0)
            .unwrap_or(0.0);
        let took = Duration::try_from_secs_f64(millis / 1000.0).unwrap_or_default();
        self.listed().plus(took).max(self.started())
    }

    pub(super) fn connection_name(&self) -> Option<&str> {
        self.connection.as_deref().filter(|name| !name.is_empty())
    }

    pub(super) fn protocol(&self) -> Protocol {
        let version = self.request.http_version.as_deref().unwrap_or_default();
        match version.to_ascii_lowercase().as_str() {
            "h2" | "http/2" | "http/2.0" | "2" | "2.0" | "h3" | "http/3" | "http/3.0" => {
                Protocol::Http2
            }
            "http/1.0" | "1.0" => Protocol::Http10,
            _ => Protocol::Http11,
        }
    }
}

/// The lines, without the pseudo-header fields of HTTP/2 that some tools list among them.
fn header_list(headers: Option<&Vec<Header>>) -> HeaderList {
    let lines = headers.into_iter().flatten();
    let named = lines.filter_map(|header| {
        let name = header
            .name
            .as_deref()
            .filter(|name| !name.starts_with(':'))?;
        Some((name, header.value.as_deref().unwrap_or_default()))
    });
    named
        .map(|(name, value)| {
            (
                from_latin1(name),
                from_latin1(&unfolded(value)).into_owned(),
            )
        })
        .collect()
}

/// A folded value means the same on one line (RFC 9112 section 5.2).
fn unfolded(value: &str) -> String {
    value.replace("\r\n", " ").replace('\n', " ")
}
