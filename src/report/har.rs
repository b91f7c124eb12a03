//! HAR files ([version 1.2](http://www.softwareishard.com/blog/har-12-spec/)): read into the events
//! they tell of.
//!
//! Beside the standard fields, ours are understood: a broken exchange has `response.status` 0 and
//! `response._error`; `_connectionEnd` is `open`, `closed-by-client` or `closed-by-server`;
//! `_tlsResumed` says whether the connection resumed a TLS session; `_cancelled`, whether the browser
//! cancelled the response while its end was held back.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use crate::exchange::{
    ConnectionId, Ending, Event, ExchangeId, Moment, Protocol, Request, RequestUrl, Response, Side,
};
use crate::wire::headers::{HeaderList, from_latin1};

/// What a HAR file tells.
#[derive(Debug)]
pub struct Imported {
    /// The events in the order of their times.
    pub events: Vec<Event>,
    /// How many entries were left out because their URL is not http or https.
    pub skipped: usize,
}

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not JSON, or not of the shape that HAR has.
    #[error("not a HAR file")]
    Shape(#[from] serde_json::Error),
}

#[derive(Deserialize)]
struct Har {
    log: Log,
}

#[derive(Deserialize)]
struct Log {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(default)]
    started_date_time: Option<String>,
    #[serde(default)]
    time: Option<f64>,
    request: HarRequest,
    #[serde(default)]
    response: Option<HarResponse>,
    #[serde(default)]
    connection: Option<serde_json::Value>,
    #[serde(default, rename = "_connectionEnd")]
    connection_end: Option<ConnectionEnd>,
    #[serde(default, rename = "_tlsResumed")]
    tls_resumed: Option<bool>,
    #[serde(default, rename = "_cancelled")]
    cancelled: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HarRequest {
    method: String,
    url: String,
    #[serde(default)]
    http_version: String,
    #[serde(default)]
    headers: Vec<Header>,
}

#[derive(Deserialize)]
struct HarResponse {
    status: i64,
    #[serde(default)]
    headers: Vec<Header>,
    #[serde(default, rename = "_error")]
    error: Option<String>,
}

#[derive(Deserialize)]
struct Header {
    name: String,
    value: String,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum ConnectionEnd {
    Open,
    ClosedByClient,
    ClosedByServer,
}

/// Reads a HAR file.
pub fn parse(file: &[u8]) -> Result<Imported, Error> {
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    let mut entries = serde_json::from_slice::<Har>(file)?.log.entries;
    entries.sort_by_key(Entry::started);
    let mut import = Import::default();
    for (entry, bounds) in entries.iter().zip(bounds(&entries)) {
        import.entry(entry, bounds);
    }
    import.events.sort_by_key(Event::at);
    Ok(Imported {
        events: import.events,
        skipped: import.skipped,
    })
}

/// A file being read.
#[derive(Default)]
struct Import {
    events: Vec<Event>,
    skipped: usize,
    exchanges: u64,
    connections: u64,
    named: HashMap<String, ConnectionId>,
}

/// What later entries tell of one.
#[derive(Clone, Copy, Default)]
struct Bounds {
    /// It has ended by then: something comes after it that does so only when it is over.
    ended_by: Option<Moment>,
    /// Its connection carries another one.
    goes_on: bool,
    /// How its connection ends, where this entry or another one of it tells.
    connection_end: Option<ConnectionEnd>,
}

/// Finds what comes after each entry and cannot come before its end: the next one on its HTTP/1.x
/// connection, the request that a preflight is for, the one that a redirect leads to. The times of
/// some files are not exact enough for that.
fn bounds(entries: &[Entry]) -> Vec<Bounds> {
    let told = |entry: &Entry| Some((entry.connection_name()?, entry.connection_end?));
    let ends: HashMap<String, ConnectionEnd> = entries.iter().filter_map(told).collect();
    let mut on_connection: HashMap<String, Moment> = HashMap::new();
    let mut to_url: HashMap<String, Moment> = HashMap::new();
    let mut all = Vec::with_capacity(entries.len());
    for entry in entries.iter().rev() {
        let name = entry.connection_name();
        let end = name.as_ref().and_then(|name| ends.get(name).copied());
        let next = name.and_then(|name| on_connection.insert(name, entry.started()));
        let is_multiplexed = protocol(&entry.request.http_version) == Protocol::Http2;
        let follower = entry.leads_to().and_then(|url| to_url.get(&url).copied());
        to_url.insert(entry.request.url.clone(), entry.started());
        let after = next.filter(|_| !is_multiplexed);
        all.push(Bounds {
            ended_by: after.into_iter().chain(follower).min(),
            goes_on: next.is_some(),
            connection_end: end.or(entry.connection_end),
        });
    }
    all.reverse();
    all
}

impl Import {
    fn entry(&mut self, entry: &Entry, bounds: Bounds) {
        let Some(url) = RequestUrl::parse(&entry.request.url) else {
            self.skipped += 1;
            return;
        };
        self.exchanges += 1;
        let (id, started) = (ExchangeId(self.exchanges), entry.started());
        let by = bounds.ended_by.unwrap_or(Moment::from_micros(i64::MAX));
        let ended = entry.ended().min(by);
        let connection = self.connection(entry, bounds);
        self.events.push(Event::Opened {
            id,
            connection,
            at: started,
            protocol: protocol(&entry.request.http_version),
            client: None,
            request: Arc::new(Request {
                method: entry.request.method.clone(),
                url,
                headers: header_list(&entry.request.headers),
            }),
        });
        if let Some((status, response)) = entry.answer() {
            let headers = header_list(&response.headers);
            let sent = Arc::new(Response { status, headers });
            self.events.push(Event::Answered {
                id,
                at: ended,
                sent,
            });
        }
        match entry.cancelled {
            Some(true) => self.events.push(Event::Cancelled { id, at: ended }),
            Some(false) => self.events.push(Event::NotCancelled { id, at: ended }),
            None => {}
        }
        let (ending, reason) = entry.ending();
        self.events.push(Event::Ended {
            id,
            at: ended,
            ending,
            reason,
        });
        if !bounds.goes_on {
            self.closed(connection, bounds.connection_end, ended);
        }
    }

    /// The connection of an entry; one of its own where the file does not say.
    fn connection(&mut self, entry: &Entry, bounds: Bounds) -> ConnectionId {
        let name = entry.connection_name();
        if let Some(known) = name.as_ref().and_then(|name| self.named.get(name)) {
            return *known;
        }
        self.connections += 1;
        let connection = ConnectionId(self.connections);
        let (at, resumed) = (entry.started(), entry.tls_resumed);
        if let Some(name) = name {
            self.named.insert(name, connection);
            // Without a name nobody knows when it was opened.
            self.events.push(Event::Connected {
                connection,
                at,
                resumed,
            });
        }
        if bounds.connection_end.is_none() {
            self.events.push(Event::Unwatched { connection, at });
        }
        connection
    }

    /// A file tells that a connection was closed, and only its last exchange tells about when.
    fn closed(&mut self, connection: ConnectionId, end: Option<ConnectionEnd>, at: Moment) {
        let by = match end {
            Some(ConnectionEnd::ClosedByClient) => Side::Client,
            Some(ConnectionEnd::ClosedByServer) => Side::Server,
            Some(ConnectionEnd::Open) | None => return,
        };
        self.events.push(Event::Closed { connection, at, by });
    }
}

impl Entry {
    fn started(&self) -> Moment {
        let started = self.started_date_time.as_deref().and_then(Moment::parse);
        started.unwrap_or(Moment::from_micros(0))
    }

    fn ended(&self) -> Moment {
        let millis = self
            .time
            .filter(|time| time.is_finite() && *time > 0.0)
            .unwrap_or(0.0);
        self.started()
            .plus(Duration::try_from_secs_f64(millis / 1000.0).unwrap_or_default())
    }

    fn connection_name(&self) -> Option<String> {
        match &self.connection {
            Some(serde_json::Value::String(name)) if !name.is_empty() => Some(name.clone()),
            Some(serde_json::Value::Number(number)) => Some(number.to_string()),
            _ => None,
        }
    }

    /// The URL of the request that only comes once this one is answered: a preflight's own, a
    /// redirect's target.
    fn leads_to(&self) -> Option<String> {
        if self.request.method == "OPTIONS" {
            return Some(self.request.url.clone());
        }
        let (status, response) = self.answer()?;
        let location = response
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case("location"))?;
        let url = RequestUrl::parse(&self.request.url)?.join(&location.value)?;
        (300..400).contains(&status).then(|| url.into())
    }

    fn answer(&self) -> Option<(u16, &HarResponse)> {
        let response = self.response.as_ref()?;
        let status = u16::try_from(response.status)
            .ok()
            .filter(|status| *status >= 100)?;
        Some((status, response))
    }

    fn ending(&self) -> (Ending, Option<String>) {
        let error = self
            .response
            .as_ref()
            .and_then(|response| response.error.as_deref());
        let by_client = self.connection_end == Some(ConnectionEnd::ClosedByClient);
        let ending = match error {
            None if self.answer().is_some() => Ending::Complete,
            Some("truncated-body" | "truncated") => Ending::Truncated,
            Some("reset" | "reset-by-server") => Ending::ResetByServer,
            Some("not-http" | "closed-in-headers") => Ending::NotHttp,
            Some("no-response" | "timeout") if by_client => Ending::ResetByClient,
            Some("no-response" | "timeout") => Ending::Timeout,
            Some("reset-by-client") => Ending::ResetByClient,
            Some("refused") => Ending::Refused,
            Some("dns") => Ending::Dns,
            Some("tls") => Ending::Tls,
            Some("never-sent") => Ending::NeverSent,
            Some(_) if self.answer().is_some() => Ending::Truncated,
            Some(_) | None => Ending::NoResponse,
        };
        (ending, error.map(str::to_owned))
    }
}

fn protocol(http_version: &str) -> Protocol {
    match http_version.to_ascii_lowercase().as_str() {
        "h2" | "http/2" | "http/2.0" | "2" | "2.0" | "h3" | "http/3" | "http/3.0" => {
            Protocol::Http2
        }
        "http/1.0" | "1.0" => Protocol::Http10,
        _ => Protocol::Http11,
    }
}

/// The lines, without the pseudo-header fields of HTTP/2 that some tools list among them.
fn header_list(headers: &[Header]) -> HeaderList {
    headers
        .iter()
        .filter(|header| !header.name.starts_with(':'))
        .map(|header| {
            (
                from_latin1(&header.name),
                from_latin1(&unfolded(&header.value)).into_owned(),
            )
        })
        .collect()
}

/// A folded value means the same on one line (RFC 9112 section 5.2).
fn unfolded(value: &str) -> String {
    value.replace("\r\n", " ").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn har(entries: &str) -> Result<Imported, Error> {
        parse(format!(r#"{{"log":{{"version":"1.2","entries":[{entries}]}}}}"#).as_bytes())
    }

    fn entry(second: u8, url: &str, rest: &str) -> String {
        format!(
            r#"{{"startedDateTime":"2026-11-22T00:00:{second:02}Z","time":5,
               "request":{{"method":"GET","url":"{url}","httpVersion":"HTTP/1.1","headers":[]}}{rest}}}"#
        )
    }

    #[test]
    fn entries_are_told_in_the_order_of_their_starts() {
        let response = r#","response":{"status":200,"headers":[{"name":"A","value":"b"}]}"#;
        let entries = [
            entry(2, "http://b.test/", response),
            entry(1, "http://a.test/", response),
        ];
        let imported = har(&entries.join(",")).expect("valid");
        let opened: Vec<String> = imported
            .events
            .iter()
            .filter_map(|event| {
                let Event::Opened { request, .. } = event else {
                    return None;
                };
                Some(request.url.to_string())
            })
            .collect();
        assert_eq!(opened, ["http://a.test/", "http://b.test/"]);
    }

    #[test]
    fn our_own_fields_tell_how_exchanges_and_connections_end() {
        let rest = r#","response":{"status":0,"_error":"reset"},"connection":"7","_connectionEnd":"closed-by-client""#;
        let imported = har(&entry(1, "https://a.test/", rest)).expect("valid");
        let ended = imported.events.iter().any(|event| {
            matches!(
                event,
                Event::Ended {
                    ending: Ending::ResetByServer,
                    ..
                }
            )
        });
        let closed = matches!(
            imported.events.last(),
            Some(Event::Closed {
                by: Side::Client,
                ..
            })
        );
        assert!(ended && closed);
    }

    #[test]
    fn what_is_not_http_is_counted_and_left_out() {
        let imported = har(&entry(1, "data:,x", "")).expect("valid");
        assert_eq!((imported.events.len(), imported.skipped), (0, 1));
    }

    #[test]
    fn what_is_not_har_is_an_error() {
        assert_eq!(
            parse(b"{}").expect_err("no log").to_string(),
            "not a HAR file"
        );
    }
}
