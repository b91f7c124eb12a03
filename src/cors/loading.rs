//! Loads that fail although CORS passed, or does not apply: for the status, or for the type of
//! the content. `fetch()` and XMLHttpRequest take any answer; elements, workers and EventSource
//! do not.

use crate::exchange::{Request, Response};

use super::lookalike::{Bar, LookAlike};
use super::media_type::{MediaType, is_nosniff};
use super::{Destination, Engine};

/// How a load from another origin is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// With CORS.
    Cors,
    /// Without.
    NoCors,
}

/// Why a load fails that was not blocked, if it does. What depends on content that is not kept
/// passes.
pub(super) fn check(
    engine: Engine,
    mode: Mode,
    destination: Option<Destination>,
    request: &Request,
    answer: &Response,
) -> Option<Bar> {
    // Firefox looks at the type first, the others at the status.
    let by_type = || of_type(engine, mode, destination, request, answer);
    let by_status = || of_status(destination, request, answer);
    match engine {
        Engine::Firefox => by_type().or_else(by_status),
        Engine::Chromium | Engine::Webkit => by_status().or_else(by_type),
    }
}

/// Why a browser does not take an answer of this type for a script or a style, before anything
/// else is looked at: the [MIME type block](https://fetch.spec.whatwg.org/#should-response-to-request-be-blocked-due-to-mime-type?)
/// and the [nosniff block](https://fetch.spec.whatwg.org/#should-response-to-request-be-blocked-due-to-nosniff?).
pub(super) fn refuses_type(destination: Option<Destination>, answer: &Response) -> bool {
    let Some(destination) = destination else {
        return false;
    };
    let is_style = destination == Destination::Style;
    if !is_style && !is_script_like(destination) {
        return false;
    }
    let kind = MediaType::of(&answer.headers);
    if is_style {
        is_nosniff(&answer.headers) && !kind.is_some_and(|kind| kind.is("text/css"))
    } else {
        kind.is_some_and(MediaType::is_never_script)
            || is_nosniff(&answer.headers) && !kind.is_some_and(MediaType::is_javascript)
    }
}

/// [Script-like](https://fetch.spec.whatwg.org/#request-destination-script-like).
fn is_script_like(destination: Destination) -> bool {
    destination == Destination::Script || is_worker(destination)
}

fn is_worker(destination: Destination) -> bool {
    matches!(
        destination,
        Destination::Audioworklet
            | Destination::Paintworklet
            | Destination::Serviceworker
            | Destination::Sharedworker
            | Destination::Worker
    )
}

/// "response's status is not an ok status": pictures are shown whatever the status is.
fn of_status(
    destination: Option<Destination>,
    request: &Request,
    answer: &Response,
) -> Option<Bar> {
    let status = answer.status;
    let is_ok = (200..300).contains(&status) || status == 304;
    let failed = Some(Bar::failed(LookAlike::LoadStatus));
    match destination? {
        Destination::Audio
        | Destination::Audioworklet
        | Destination::Font
        | Destination::Json
        | Destination::Manifest
        | Destination::Paintworklet
        | Destination::Script
        | Destination::Serviceworker
        | Destination::Sharedworker
        | Destination::Style
        | Destination::Track
        | Destination::Video
        | Destination::Worker
        | Destination::Xslt
            if !is_ok =>
        {
            failed
        }
        Destination::Empty if is_event_source(request) && status != 200 => failed,
        Destination::Image if has_no_content(answer) => failed,
        Destination::Audio
        | Destination::Audioworklet
        | Destination::Document
        | Destination::Embed
        | Destination::Empty
        | Destination::Fencedframe
        | Destination::Font
        | Destination::Frame
        | Destination::Iframe
        | Destination::Image
        | Destination::Json
        | Destination::Manifest
        | Destination::Object
        | Destination::Paintworklet
        | Destination::Report
        | Destination::Script
        | Destination::Serviceworker
        | Destination::Sharedworker
        | Destination::Style
        | Destination::Text
        | Destination::Track
        | Destination::Video
        | Destination::Webidentity
        | Destination::Websocket
        | Destination::Worker
        | Destination::Xslt => None,
    }
}

fn of_type(
    engine: Engine,
    mode: Mode,
    destination: Option<Destination>,
    request: &Request,
    answer: &Response,
) -> Option<Bar> {
    let destination = destination?;
    let kind = MediaType::of(&answer.headers);
    let is_javascript = kind.is_some_and(MediaType::is_javascript);
    if refuses_type(Some(destination), answer) {
        return Some(Bar::wrong_type(engine, mode));
    }
    let is_css = kind.is_none_or(|kind| kind.is("text/css"));
    let is_module = is_javascript || is_wasm(kind);
    match destination {
        Destination::Empty if is_event_source(request) => {
            (!is_event_stream(kind)).then_some(Bar::failed(LookAlike::LoadType))
        }
        Destination::Json => {
            (!kind.is_some_and(MediaType::is_json)).then(|| Bar::wrong_type(engine, mode))
        }
        // Scripts loaded with CORS are modules, or have crossorigin; only the latter may have
        // any type, and rarely have.
        Destination::Script if mode == Mode::Cors && !is_module => {
            Some(Bar::wrong_type(engine, mode))
        }
        Destination::Style if !is_css => Some(Bar::wrong_type(engine, mode)),
        Destination::Audio | Destination::Font | Destination::Image | Destination::Video => {
            is_text(kind).then_some(Bar::failed(LookAlike::LoadType))
        }
        other if is_worker(other) => (!is_javascript).then(|| Bar::wrong_type(engine, mode)),
        Destination::Audioworklet
        | Destination::Document
        | Destination::Embed
        | Destination::Empty
        | Destination::Fencedframe
        | Destination::Frame
        | Destination::Iframe
        | Destination::Manifest
        | Destination::Object
        | Destination::Paintworklet
        | Destination::Report
        | Destination::Script
        | Destination::Serviceworker
        | Destination::Sharedworker
        | Destination::Style
        | Destination::Text
        | Destination::Track
        | Destination::Webidentity
        | Destination::Websocket
        | Destination::Worker
        | Destination::Xslt => None,
    }
}

/// Whether it is a type whose content is no picture, sound, film or font. Servers call these
/// `text/plain` often enough, and browsers look at the content.
fn is_text(kind: Option<MediaType<'_>>) -> bool {
    kind.is_some_and(|kind| {
        kind.is_document_or_data() || kind.is_javascript() || kind.is("text/css")
    })
}

fn is_wasm(kind: Option<MediaType<'_>>) -> bool {
    kind.is_some_and(|kind| kind.is("application/wasm"))
}

fn is_event_stream(kind: Option<MediaType<'_>>) -> bool {
    kind.is_some_and(|kind| kind.is("text/event-stream"))
}

/// Whether it is an [EventSource](https://html.spec.whatwg.org/#the-eventsource-interface)'s:
/// it asks for this one type, past the cache.
fn is_event_source(request: &Request) -> bool {
    request.method == "GET"
        && request.headers.first("accept") == Some(b"text/event-stream")
        && request.headers.first("cache-control") == Some(b"no-cache")
}

fn has_no_content(answer: &Response) -> bool {
    matches!(answer.status, 204 | 205) || answer.headers.first("content-length") == Some(b"0")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cors::Rule;
    use crate::exchange::RequestUrl;

    fn request(lines: &[(&str, &str)]) -> Request {
        Request {
            method: "GET".to_owned(),
            url: RequestUrl::parse("https://api.test/a").expect("valid"),
            headers: lines.iter().copied().collect(),
        }
    }

    fn bar(engine: Engine, destination: Destination, status: u16, kind: &str) -> Option<Bar> {
        let answer = Response {
            status,
            headers: [("Content-Type", kind)].into_iter().collect(),
        };
        check(
            engine,
            Mode::Cors,
            Some(destination),
            &request(&[]),
            &answer,
        )
    }

    #[test]
    fn a_module_that_is_not_there_fails_by_status_but_in_firefox_by_type() {
        let by = |engine| bar(engine, Destination::Script, 404, "text/html").and_then(|bar| bar.by);
        assert_eq!(by(Engine::Chromium), None);
        assert_eq!(by(Engine::Firefox), Some(Rule::MimeType));
        assert_eq!(by(Engine::Webkit), None);
    }

    #[test]
    fn what_is_loaded_has_to_be_of_its_kind() {
        for engine in Engine::ALL {
            for (destination, kind, expected) in [
                (Destination::Script, "text/html", Some(LookAlike::MimeType)),
                (Destination::Script, "", Some(LookAlike::MimeType)),
                (Destination::Script, "text/javascript", None),
                (Destination::Script, "application/wasm", None),
                (Destination::Worker, "text/plain", Some(LookAlike::MimeType)),
                (Destination::Json, "application/json", None),
                (
                    Destination::Json,
                    "text/javascript",
                    Some(LookAlike::MimeType),
                ),
                (Destination::Style, "text/plain", Some(LookAlike::MimeType)),
                (Destination::Style, "", None),
                (
                    Destination::Image,
                    "application/json",
                    Some(LookAlike::LoadType),
                ),
                (Destination::Image, "text/plain", None),
                (Destination::Font, "application/octet-stream", None),
                (Destination::Empty, "text/html", None),
            ] {
                let told = bar(engine, destination, 200, kind).map(|bar| bar.look_alike);
                assert_eq!(told, expected, "{engine:?} {destination:?} {kind}");
            }
        }
    }

    #[test]
    fn pictures_are_shown_whatever_their_status() {
        let at = |destination, kind| bar(Engine::Chromium, destination, 404, kind);
        assert_eq!(at(Destination::Image, "image/png"), None);
        assert!(at(Destination::Font, "font/woff2").is_some());
        assert_eq!(at(Destination::Empty, "application/json"), None);
    }

    #[test]
    fn an_event_source_wants_200_and_its_own_type_which_a_fetch_does_not() {
        let answer = |status, kind| Response {
            status,
            headers: [("Content-Type", kind)].into_iter().collect(),
        };
        let accept = ("Accept", "text/event-stream");
        let source = request(&[accept, ("Cache-Control", "no-cache")]);
        let of = |request: &Request, answer: &Response| {
            let empty = Some(Destination::Empty);
            check(Engine::Webkit, Mode::Cors, empty, request, answer).map(|bar| bar.look_alike)
        };
        assert_eq!(of(&source, &answer(200, "text/event-stream")), None);
        let (not_there, json) = (answer(404, "text/html"), answer(200, "application/json"));
        assert_eq!(of(&source, &not_there), Some(LookAlike::LoadStatus));
        assert_eq!(of(&source, &json), Some(LookAlike::LoadType));
        assert_eq!(of(&request(&[accept]), &json), None);
    }
}
