//! Exchanges as a HAR file ([version 1.2](http://www.softwareishard.com/blog/har-12-spec/)):
//! standard fields that other programs read, and beside them `_corstap` with the record that
//! `corstap log --json` has. What is withheld stays withheld.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use super::{About, Source};
use crate::cors::verdict::ConfirmedBy;
use crate::exchange::recorded::{Fields, Recorded, RecordedResponse};
use crate::exchange::secret::WITHHELD;
use crate::exchange::{Ending, Protocol};
use crate::report::record::Record;
use crate::report::text::shown;

/// The exchanges as a HAR file.
pub fn har<'a>(about: &About, sources: impl IntoIterator<Item = &'a Source>) -> String {
    let entries: Vec<Json> = sources
        .into_iter()
        .map(|source| entry(about, source))
        .collect();
    let file = json!({
        "log": {
            "version": "1.2",
            "creator": { "name": "corstap", "version": env!("CARGO_PKG_VERSION") },
            "pages": [],
            "entries": entries,
            "comment": "Values are withheld; bodies were never recorded.",
            "_corstap": { "capture": about.capture, "included": about.included },
        }
    });
    super::inert::json(&serde_json::to_string_pretty(&file).unwrap_or_default())
}

fn entry(about: &About, source: &Source) -> Json {
    let (recorded, judgement) = source.pair();
    let elapsed = recorded.elapsed_ms.unwrap_or(0.0).max(0.0);
    let mut entry = json!({
        "startedDateTime": recorded.started.rfc3339(),
        "time": elapsed,
        "request": request(recorded),
        "response": response(recorded),
        "cache": {},
        "timings": { "send": 0, "wait": elapsed, "receive": 0 },
        "connection": recorded.connection.0.to_string(),
        "_corstap": Record::new(&about.capture, source.rev, recorded, judgement),
    });
    let Some(fields) = entry.as_object_mut() else {
        return entry;
    };
    if let Some(server) = recorded.reach.server {
        let address = server.ip().to_string();
        fields.insert("serverIPAddress".to_owned(), Json::String(address));
    }
    if let Some(content) = recorded.content {
        fields.insert("_content".to_owned(), json!(content));
    }
    // What the browser showed of its own verdict, by the names that our reader knows.
    let confirmed = judgement.verdict.confirmed.as_ref();
    let (name, value) = match confirmed.map(|confirmed| confirmed.by) {
        Some(ConfirmedBy::Cancelled) => ("_cancelled", Json::Bool(true)),
        Some(ConfirmedBy::NotCancelled) => ("_cancelled", Json::Bool(false)),
        Some(ConfirmedBy::Closed) => ("_connectionEnd", json!("closed-by-client")),
        Some(ConfirmedBy::ActualRequest | ConfirmedBy::DevTools | ConfirmedBy::BiDi) | None => {
            return entry;
        }
    };
    fields.insert(name.to_owned(), value);
    entry
}

fn request(recorded: &Recorded) -> Json {
    let request = &recorded.request;
    json!({
        "method": request.method,
        "url": uri(&request.url),
        "httpVersion": version(recorded.protocol),
        "cookies": [],
        "headers": headers(&request.headers),
        "queryString": query(&request.url),
        "headersSize": -1,
        "bodySize": -1,
    })
}

fn response(recorded: &Recorded) -> Json {
    let none = RecordedResponse {
        status: 0,
        headers: Arc::default(),
    };
    let sent = recorded.sent.as_ref().unwrap_or(&none);
    let plain = |name| super::chain::plain(&sent.headers, name).unwrap_or_default();
    let mut response = json!({
        "status": sent.status,
        "statusText": "",
        "httpVersion": version(recorded.protocol),
        "cookies": [],
        "headers": headers(&sent.headers),
        "content": { "size": 0, "mimeType": plain("content-type"), "comment": "not recorded" },
        "redirectURL": plain("location"),
        "headersSize": -1,
        "bodySize": -1,
    });
    if let (Some(fields), Some(error)) = (response.as_object_mut(), error(recorded.ending)) {
        fields.insert("_error".to_owned(), Json::String(error.to_owned()));
    }
    response
}

/// How an exchange broke off, by the name that our reader knows.
fn error(ending: Ending) -> Option<&'static str> {
    match ending {
        Ending::Complete => None,
        Ending::InProgress
        | Ending::Truncated
        | Ending::ResetByClient
        | Ending::ResetByServer
        | Ending::NoResponse
        | Ending::NotHttp
        | Ending::Refused
        | Ending::Dns
        | Ending::Tls
        | Ending::Timeout
        | Ending::NeverSent => Some(ending.name()),
    }
}

fn version(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Http10 => "HTTP/1.0",
        Protocol::Http11 => "HTTP/1.1",
        Protocol::Http2 => "HTTP/2",
    }
}

fn headers(fields: &Fields) -> Vec<Json> {
    let line = |name: &str, value: &str| json!({ "name": name, "value": value });
    let lines = fields.iter();
    lines
        .map(|(name, value)| line(name, &shown(value)))
        .collect()
}

/// A URL with the braces of what is withheld percent-encoded: they may stand in no URI.
fn uri(url: &str) -> String {
    let mut parts = url.split(WITHHELD);
    let mut uri = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        uri.push_str("%7Bwithheld:");
        uri.push_str(&part.replacen('}', "%7D", 1));
    }
    uri
}

/// The parameters of a URL, as they stand in it.
fn query(url: &str) -> Vec<Json> {
    let query = url.split_once('?').map(|(_, query)| query);
    let pairs = query
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty());
    let parameter = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let mut parameter = Map::new();
        parameter.insert("name".to_owned(), Json::String(name.to_owned()));
        parameter.insert("value".to_owned(), Json::String(value.to_owned()));
        Json::Object(parameter)
    };
    pairs.map(parameter).collect()
}
