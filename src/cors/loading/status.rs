//! Loads that fail for their status, or because there is no content.

use crate::cors::Engine;
use crate::cors::lookalike::{Bar, LookAlike};
use crate::exchange::{Request, Response};
use crate::wire::headers::latin1;

use super::{Load, Mode};

/// "response's status is not an ok status": pictures are shown whatever the status is.
pub(super) fn of_status(
    engine: Engine,
    mode: Mode,
    load: Load,
    request: &Request,
    answer: &Response,
) -> Option<Bar> {
    let fails = match engine {
        Engine::Chromium | Engine::Firefox => {
            is_refused_status(engine, mode, load, request, answer)
        }
        Engine::Webkit => webkit_refuses_status(load, request, answer),
    };
    fails.then_some(Bar::failed(LookAlike::LoadStatus))
}

/// WebKit has one rule for nearly all: an error is refused, what is none is taken (measured). It looks at the
/// content of a 205.
fn webkit_refuses_status(load: Load, request: &Request, answer: &Response) -> bool {
    let status = answer.status;
    let is_empty = status == 204 || is_unasked_304(request, answer);
    match load {
        Load::EventSource => status != 200,
        Load::Image => is_empty,
        Load::Script => status >= 400,
        Load::Captions | Load::Font | Load::Json | Load::Media => is_empty || status >= 400,
        Load::Plain | Load::Style | Load::Worker => {
            !(200..300).contains(&status) && (status != 304 || is_empty)
        }
    }
}

/// What Chromium and Firefox refuse, of most loads all that is not an
/// [ok status](https://fetch.spec.whatwg.org/#ok-status).
fn is_refused_status(
    engine: Engine,
    mode: Mode,
    load: Load,
    request: &Request,
    answer: &Response,
) -> bool {
    let status = answer.status;
    let is_empty = has_no_content(answer) || is_unasked_304(request, answer);
    match load {
        // Whatever the status is, they are looked for (measured for captions).
        Load::Captions | Load::Image => is_empty,
        Load::EventSource => status != 200,
        // For a redirect that leads nowhere Chromium has a script or a style of its own (measured).
        Load::Script if engine == Engine::Chromium && mode == Mode::NoCors => status >= 400,
        Load::Style if engine == Engine::Chromium => status >= 400,
        Load::Script | Load::Style
            if engine == Engine::Firefox && is_unasked_304(request, answer) =>
        {
            true
        }
        Load::Media if is_empty || is_another_part(engine, request, answer) => true,
        Load::Font | Load::Json if is_empty => true,
        Load::Worker
        | Load::Script
        | Load::Style
        | Load::Font
        | Load::Media
        | Load::Json
        | Load::Plain => !(200..300).contains(&status) && status != 304,
    }
}

/// A 304 that nobody asked for stands for nothing.
pub(super) fn is_unasked_304(request: &Request, answer: &Response) -> bool {
    let asks = |name| request.headers.contains(name);
    answer.status == 304 && !asks("if-none-match") && !asks("if-modified-since")
}

/// A part that is not the one that was asked for, or does not say which it is, which only Firefox takes
/// for the right one (measured).
fn is_another_part(engine: Engine, request: &Request, answer: &Response) -> bool {
    let is_silent = !answer.headers.contains("content-range");
    let asked = request.headers.first("range").map(latin1);
    let asked = asked
        .as_deref()
        .and_then(|range| first_octet(range, "bytes="));
    answer.status == 206
        && !(is_silent && engine == Engine::Firefox)
        && first_of_part(answer) != Some(asked.unwrap_or(0))
}

/// Where a part begins, by its
/// [Content-Range](https://www.rfc-editor.org/rfc/rfc9110#section-14.4).
pub(in crate::cors) fn first_of_part(answer: &Response) -> Option<u64> {
    first_octet(&latin1(answer.headers.first("content-range")?), "bytes ")
}

fn first_octet(range: &str, unit: &str) -> Option<u64> {
    let (first, _) = range.strip_prefix(unit)?.split_once('-')?;
    first.parse().ok()
}

pub(in crate::cors) fn has_no_content(answer: &Response) -> bool {
    matches!(answer.status, 204 | 205) || answer.headers.first("content-length") == Some(b"0")
}
