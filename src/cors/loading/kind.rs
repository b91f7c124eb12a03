//! Loads that fail for the type of their content, or for what it is.

use crate::cors::Engine;
use crate::cors::content;
use crate::cors::lookalike::{Bar, LookAlike};
use crate::cors::media_type::{MediaType, is_nosniff};
use crate::exchange::{Content, Response};

use super::{Load, Mode};

/// Why a browser does not take an answer of this type for a script or a style, before anything
/// else is looked at: the [MIME type block](https://fetch.spec.whatwg.org/#should-response-to-request-be-blocked-due-to-mime-type?)
/// and the [nosniff block](https://fetch.spec.whatwg.org/#should-response-to-request-be-blocked-due-to-nosniff?).
pub(in crate::cors) fn refuses_type(load: Load, answer: &Response) -> bool {
    let (is_nosniff, kind) = match load {
        Load::Worker | Load::Script | Load::Style => {
            (is_nosniff(&answer.headers), MediaType::of(&answer.headers))
        }
        Load::Font
        | Load::Image
        | Load::Media
        | Load::Json
        | Load::EventSource
        | Load::Captions
        | Load::Plain => {
            return false;
        }
    };
    if load == Load::Style {
        is_nosniff && !is_css(kind)
    } else {
        kind.is_some_and(MediaType::is_never_script) || is_nosniff && !is_javascript(kind)
    }
}

/// Whether Firefox refuses the type before it does the CORS check, of which it says nothing then
/// (measured).
pub(in crate::cors) fn is_refused_before_cors(
    engine: Engine,
    load: Load,
    answer: &Response,
) -> bool {
    let is_no_json = || {
        let kind = MediaType::of(&answer.headers);
        load == Load::Json && !kind.is_some_and(MediaType::is_json)
    };
    engine == Engine::Firefox && (refuses_type(load, answer) || is_no_json())
}

pub(super) fn of_type(
    engine: Engine,
    mode: Mode,
    load: Load,
    answer: &Response,
    content: Option<Content>,
) -> Option<Bar> {
    let kind = MediaType::of(&answer.headers);
    // WebKit says nothing of a worker's (measured).
    let is_silent = engine == Engine::Webkit && load == Load::Worker;
    let wrong_type = if is_silent {
        Bar::failed(LookAlike::MimeType)
    } else {
        Bar::wrong_type(engine, mode)
    };
    let predicted = wrong_type.predicted();
    if refuses_type(load, answer) {
        return Some(wrong_type);
    }
    match load {
        // Measured: from their own origin Chromium takes classic workers of nearly any type.
        Load::Worker if engine == Engine::Chromium && mode == Mode::NoCors => None,
        Load::Worker if is_silent => (!is_javascript(kind)).then_some(wrong_type),
        Load::Worker => (!is_javascript(kind)).then_some(predicted),
        // Scripts loaded with CORS are modules, or have crossorigin; only the latter may have
        // any type, and rarely have. JSON modules are asked for as scripts in WebKit.
        Load::Script if mode == Mode::Cors => {
            let is_json = || engine == Engine::Webkit && kind.is_some_and(MediaType::is_json);
            (!is_javascript(kind) && !is_wasm(kind) && !is_json()).then_some(wrong_type)
        }
        // Measured: Chromium says nothing of it, and leaves out what is in it.
        Load::Style if engine == Engine::Chromium => None,
        // Only pages in quirks mode are lenient, and only within their origin.
        Load::Style => (kind.is_some() && !is_css(kind)).then_some(wrong_type),
        Load::Json => (!kind.is_some_and(MediaType::is_json)).then_some(predicted),
        Load::Font | Load::Image | Load::Media => {
            let is_drawing = kind.is_some_and(|kind| kind.is("image/svg+xml"));
            is_of_no_use(engine, load, is_drawing, content?)
                .then_some(Bar::failed(LookAlike::LoadType))
        }
        Load::EventSource => {
            let is_read = is_event_stream(kind) && (engine != Engine::Chromium || is_utf8(answer));
            (!is_read).then_some(Bar::failed(LookAlike::LoadType))
        }
        Load::Script | Load::Captions | Load::Plain => None,
    }
}

fn is_javascript(kind: Option<MediaType<'_>>) -> bool {
    kind.is_some_and(MediaType::is_javascript)
}

fn is_css(kind: Option<MediaType<'_>>) -> bool {
    kind.is_some_and(|kind| kind.is("text/css"))
}

/// Whether a picture, sound or film, or a font cannot be made of this content. The type decides only
/// whether a picture is a drawing.
fn is_of_no_use(engine: Engine, load: Load, is_drawing: bool, content: Content) -> bool {
    match (load, content) {
        (Load::Image, Content::Svg | Content::Xml) => !is_drawing,
        (Load::Image, Content::Image) => is_drawing && engine != Engine::Firefox,
        // WebKit shows films as pictures.
        (Load::Image, Content::Media) => engine != Engine::Webkit,
        (Load::Media, content) => content != Content::Media,
        // What servers answer with that have no such font.
        (Load::Font, content) => content::is_data(content),
        (Load::Image, _) => true,
        (
            Load::Worker
            | Load::Script
            | Load::Style
            | Load::Json
            | Load::EventSource
            | Load::Captions
            | Load::Plain,
            _,
        ) => false,
    }
}

fn is_wasm(kind: Option<MediaType<'_>>) -> bool {
    kind.is_some_and(|kind| kind.is("application/wasm"))
}

fn is_event_stream(kind: Option<MediaType<'_>>) -> bool {
    kind.is_some_and(|kind| kind.is("text/event-stream"))
}

/// Whether it claims no encoding but UTF-8: Chromium wants no other one here (measured).
fn is_utf8(answer: &Response) -> bool {
    let kind = answer.headers.first("content-type").unwrap_or_default();
    let kind = kind.to_ascii_lowercase();
    let encoding = memchr::memmem::find(&kind, b"charset=").and_then(|at| kind.get(at + 8..));
    encoding.is_none_or(|name| name.starts_with(b"utf-8") || name.starts_with(b"\"utf-8"))
}
