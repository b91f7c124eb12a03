//! The requests that show a failure again.

use super::chain::plain;
use super::{Ask, Source, Sources};
use crate::cors::Kind;
use crate::exchange::recorded::Fields;
use crate::exchange::secret::{Value, WITHHELD};
use crate::exchange::word::UNTOLD;
use crate::exchange::{Protocol, RequestUrl};
use crate::report::text::shown;
use crate::wire::is_token;

/// The fields that whoever sends a request makes anew.
const OF_SENDER: [&str; 9] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// The fields that a browser makes by itself.
pub(super) const OF_BROWSER: [&str; 21] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "connection",
    "content-length",
    "cookie",
    "dnt",
    "host",
    "keep-alive",
    "origin",
    "pragma",
    "priority",
    "referer",
    "te",
    "transfer-encoding",
    "upgrade",
    "upgrade-insecure-requests",
    "user-agent",
    "via",
    "x-client-data",
];

/// The requests that show a failure again, in order: the preflight, and the request that it is for.
///
/// Nothing is sent for a URL that is none of the web.
pub(super) fn asks(source: &Source, sources: &Sources) -> Vec<Ask> {
    if RequestUrl::parse(&source.recorded.request.url).is_none() {
        return Vec::new();
    }
    let own = ask(source);
    if source.judgement.kind == Kind::Preflight {
        let actual = source.judgement.links.actual.first();
        let actual = actual.and_then(|id| sources.get(id)).map(ask);
        let actual = actual.or_else(|| unsent(source));
        return std::iter::once(own).chain(actual).collect();
    }
    let preflight = source.judgement.links.preflight;
    let preflight = preflight.and_then(|id| sources.get(&id)).map(ask);
    preflight.into_iter().chain([own]).collect()
}

/// An exchange's own request.
fn ask(source: &Source) -> Ask {
    let recorded = &source.recorded;
    let headers: Vec<(String, String)> = recorded
        .request
        .headers
        .iter()
        .filter(|(name, _)| is_repeatable(name))
        .map(|(name, value)| (name.clone(), shown(value)))
        .collect();
    let id = recorded.id.0;
    let title = if source.judgement.kind == Kind::Preflight {
        format!("The preflight (#{id})")
    } else {
        format!("The request (#{id})")
    };
    let mut notes = reached(source);
    notes.extend(fill_in(&recorded.request.headers, &recorded.request.url));
    if plain(&recorded.request.headers, "content-length").is_some_and(|length| length != "0") {
        notes.push("Its body was not recorded: add one with --data-binary.".to_owned());
    }
    let method = &recorded.request.method;
    if method == UNTOLD {
        notes.push("The browser did not tell its method.".to_owned());
    }
    Ask {
        title,
        notes,
        method: if method == UNTOLD { "GET" } else { method }.to_owned(),
        url: recorded.request.url.clone(),
        headers,
        is_http2: recorded.protocol == Protocol::Http2,
    }
}

/// The request that a preflight asks for and that was never made.
fn unsent(preflight: &Source) -> Option<Ask> {
    let fields = &preflight.recorded.request.headers;
    let method = plain(fields, "access-control-request-method")?;
    let of_preflight = |name: &str| {
        let name = name.to_ascii_lowercase();
        name.starts_with("access-control-request-") || name == "accept"
    };
    let own = ask(preflight);
    let mut headers: Vec<(String, String)> = own
        .headers
        .into_iter()
        .filter(|(name, _)| !of_preflight(name))
        .collect();
    let names = plain(fields, "access-control-request-headers").unwrap_or_default();
    let names = names.split(',').map(|name| name.trim_matches([' ', '\t']));
    for name in names.filter(|name| is_token(name.as_bytes())) {
        headers.push((name.to_owned(), "VALUE-OF-THE-PAGE".to_owned()));
    }
    let mut notes = reached(preflight);
    notes.push(
        "The browser did not send it, so what the page gives it is not known: fill it in."
            .to_owned(),
    );
    Some(Ask {
        title: "The request that the page wanted to make".to_owned(),
        notes,
        method: method.to_owned(),
        headers,
        ..own
    })
}

/// Whether curl sends a field as it is given.
pub(super) fn is_repeatable(name: &str) -> bool {
    is_token(name.as_bytes()) && !OF_SENDER.iter().any(|own| own.eq_ignore_ascii_case(name))
}

/// Where the server was, where its name alone may not lead there.
fn reached(source: &Source) -> Vec<String> {
    let Some(server) = source.recorded.reach.server else {
        return Vec::new();
    };
    let Some(url) = RequestUrl::parse(&source.recorded.request.url) else {
        return Vec::new();
    };
    if !server.ip().is_loopback() || url.authority.host.is_loopback() {
        return Vec::new();
    }
    vec![format!(
        "It was reached at {server}; --resolve {}:{} asks it there.",
        url.authority,
        server.ip()
    )]
}

fn fill_in(fields: &Fields, url: &str) -> Option<String> {
    let withheld = fields
        .iter()
        .filter(|(name, value)| matches!(value, Value::Withheld(_)) && is_repeatable(name));
    let mut names: Vec<String> = withheld
        .map(|(name, _)| name.to_ascii_lowercase())
        .collect();
    if url.contains(WITHHELD) {
        names.push("parts of the URL".to_owned());
    }
    (!names.is_empty()).then(|| format!("Withheld, to be filled in: {}.", names.join(", ")))
}
