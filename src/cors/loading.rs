//! Loads that fail although CORS passed, or does not apply: for the status, or for the type of
//! the content. `fetch()` and `XMLHttpRequest` take any answer; elements, workers and `EventSource`
//! do not.

use crate::exchange::{Content, Request, Response};
use crate::wire::headers::latin1;
use crate::wire::trim_ows;

use super::content;
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

/// A load that does not take just any answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Load {
    /// A worklet, or a worker of any kind.
    Worker,
    /// A script or a module.
    Script,
    /// A style sheet.
    Style,
    /// A font.
    Font,
    /// A picture.
    Image,
    /// Sound or film.
    Media,
    /// A JSON module.
    Json,
    /// An [EventSource](https://html.spec.whatwg.org/#the-eventsource-interface).
    EventSource,
    /// Captions.
    Captions,
    /// What looks at the status only: a manifest, a style sheet for XML.
    Plain,
}

impl Load {
    /// What a destination asks for; nothing where any answer will do.
    pub(super) fn of(destination: Option<Destination>, is_event_source: bool) -> Option<Self> {
        match destination? {
            Destination::Audioworklet
            | Destination::Paintworklet
            | Destination::Serviceworker
            | Destination::Sharedworker
            | Destination::Worker => Some(Self::Worker),
            Destination::Script => Some(Self::Script),
            Destination::Style => Some(Self::Style),
            Destination::Font => Some(Self::Font),
            Destination::Image => Some(Self::Image),
            Destination::Audio | Destination::Video => Some(Self::Media),
            Destination::Json => Some(Self::Json),
            Destination::Track => Some(Self::Captions),
            Destination::Manifest | Destination::Xslt => Some(Self::Plain),
            Destination::Empty => is_event_source.then_some(Self::EventSource),
            Destination::Document
            | Destination::Embed
            | Destination::Fencedframe
            | Destination::Frame
            | Destination::Iframe
            | Destination::Object
            | Destination::Report
            | Destination::Text
            | Destination::Webidentity
            | Destination::Websocket => None,
        }
    }

    /// Whether it is taken as it comes from the page's own origin.
    pub(super) fn is_free_at_home(self) -> bool {
        match self {
            Self::Worker | Self::Script | Self::Style | Self::Json | Self::EventSource => false,
            Self::Font | Self::Image | Self::Media | Self::Captions | Self::Plain => true,
        }
    }
}

/// Why a load fails that was not blocked, if it does. Content that was not seen is taken for what its
/// type says.
pub(super) fn check(
    engine: Engine,
    mode: Mode,
    load: Option<Load>,
    request: &Request,
    answer: &Response,
    seen: Option<Content>,
) -> Option<Bar> {
    let load = load?;
    let kind = MediaType::of(&answer.headers);
    let content = seen.or_else(|| content::presumed(kind?, request));
    let by_type = || of_type(engine, mode, load, answer, content);
    let by_status = || of_status(engine, mode, load, request, answer);
    if is_type_first(engine, mode, load) {
        by_type().or_else(by_status)
    } else {
        by_status().or_else(by_type)
    }
}

/// Whether an engine looks at the type first, and at the status then (measured).
fn is_type_first(engine: Engine, mode: Mode, load: Load) -> bool {
    match engine {
        Engine::Chromium => load == Load::Script && mode == Mode::NoCors,
        Engine::Firefox => load != Load::Style,
        Engine::Webkit => false,
    }
}

/// Why a browser does not take an answer of this type for a script or a style, before anything
/// else is looked at: the [MIME type block](https://fetch.spec.whatwg.org/#should-response-to-request-be-blocked-due-to-mime-type?)
/// and the [nosniff block](https://fetch.spec.whatwg.org/#should-response-to-request-be-blocked-due-to-nosniff?).
pub(super) fn refuses_type(load: Load, answer: &Response) -> bool {
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
pub(super) fn is_refused_before_cors(engine: Engine, load: Load, answer: &Response) -> bool {
    let is_no_json = || {
        let kind = MediaType::of(&answer.headers);
        load == Load::Json && !kind.is_some_and(MediaType::is_json)
    };
    engine == Engine::Firefox && (refuses_type(load, answer) || is_no_json())
}

/// "response's status is not an ok status": pictures are shown whatever the status is.
fn of_status(
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
        Load::Image => is_empty,
        Load::EventSource => status != 200,
        // For a redirect that leads nowhere Chromium has a script or a style of its own (measured).
        Load::Script if engine == Engine::Chromium && mode == Mode::NoCors => status >= 400,
        Load::Style if engine == Engine::Chromium => status >= 400,
        // Measured: whatever the status is, they look for captions.
        Load::Captions => is_empty,
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
fn is_unasked_304(request: &Request, answer: &Response) -> bool {
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
pub(super) fn first_of_part(answer: &Response) -> Option<u64> {
    first_octet(&latin1(answer.headers.first("content-range")?), "bytes ")
}

fn first_octet(range: &str, unit: &str) -> Option<u64> {
    let (first, _) = range.strip_prefix(unit)?.split_once('-')?;
    first.parse().ok()
}

fn of_type(
    engine: Engine,
    mode: Mode,
    load: Load,
    answer: &Response,
    content: Option<Content>,
) -> Option<Bar> {
    let kind = MediaType::of(&answer.headers);
    let wrong_type = Bar::wrong_type(engine, mode);
    let predicted = wrong_type.predicted();
    if refuses_type(load, answer) {
        return Some(wrong_type);
    }
    match load {
        // Measured: from their own origin Chromium takes classic workers of nearly any type.
        Load::Worker if engine == Engine::Chromium && mode == Mode::NoCors => None,
        Load::Worker => (!is_javascript(kind)).then(|| match engine {
            Engine::Chromium | Engine::Firefox => predicted,
            // It says nothing of it.
            Engine::Webkit => Bar::failed(LookAlike::MimeType),
        }),
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

/// Whether it is an [EventSource](https://html.spec.whatwg.org/#the-eventsource-interface)'s:
/// it asks for this one type, past the cache.
pub(super) fn is_event_source(request: &Request) -> bool {
    request.method == "GET"
        && request.headers.first("accept") == Some(b"text/event-stream")
        && request.headers.first("cache-control") == Some(b"no-cache")
}

/// Why a frame stays as it was: there is no document, or it is for the disk. In Chromium a 304 that nobody
/// asked for is none (all of it measured).
pub(super) fn of_frame(engine: Engine, request: &Request, answer: &Response) -> Option<Bar> {
    let is_void = matches!(answer.status, 204 | 205)
        || engine == Engine::Chromium && is_unasked_304(request, answer);
    let look_alike = if is_void {
        LookAlike::LoadStatus
    } else if is_download(answer) {
        LookAlike::LoadType
    } else {
        return None;
    };
    Some(Bar::failed(look_alike))
}

/// Whether an answer is for the disk, by its type or by
/// [Content-Disposition](https://www.rfc-editor.org/rfc/rfc6266#section-4.2).
fn is_download(answer: &Response) -> bool {
    let kind = MediaType::of(&answer.headers);
    let disposition = answer.headers.first("content-disposition");
    let disposition = disposition.and_then(|value| value.split(|&octet| octet == b';').next());
    kind.is_some_and(|kind| kind.is("application/octet-stream"))
        || disposition.is_some_and(|word| trim_ows(word).eq_ignore_ascii_case(b"attachment"))
}

pub(super) fn has_no_content(answer: &Response) -> bool {
    matches!(answer.status, 204 | 205) || answer.headers.first("content-length") == Some(b"0")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cors::Rule;
    use crate::exchange::AskedUrl;

    fn request(lines: &[(&str, &str)]) -> Request {
        Request {
            method: "GET".to_owned(),
            url: AskedUrl::parse("https://api.test/a").expect("valid"),
            headers: lines.iter().copied().collect(),
        }
    }

    fn bar(engine: Engine, destination: Destination, status: u16, kind: &str) -> Option<Bar> {
        let answer = Response {
            status,
            headers: [("Content-Type", kind)].into_iter().collect(),
        };
        let load = Load::of(Some(destination), false);
        check(engine, Mode::Cors, load, &request(&[]), &answer, None)
    }

    #[test]
    fn a_module_that_is_not_there_fails_by_status_but_in_firefox_by_type() {
        let by = |engine| bar(engine, Destination::Script, 404, "text/html").and_then(|bar| bar.by);
        assert_eq!(by(Engine::Chromium), None);
        assert_eq!(by(Engine::Firefox), Some(Rule::MimeType));
        assert_eq!(by(Engine::Webkit), None);
    }

    #[test]
    fn firefox_refuses_some_types_before_it_looks_at_cors() {
        let refused = |engine, destination, kind| {
            let answer = Response {
                status: 200,
                headers: [("Content-Type", kind)].into_iter().collect(),
            };
            let load = Load::of(Some(destination), false).expect("a load");
            is_refused_before_cors(engine, load, &answer)
        };
        let firefox = |destination, kind| refused(Engine::Firefox, destination, kind);
        assert!(firefox(Destination::Json, "text/html"));
        assert!(firefox(Destination::Script, "image/png"));
        assert!(!firefox(Destination::Json, "application/json"));
        assert!(!firefox(Destination::Script, "text/html"));
        assert!(!refused(Engine::Chromium, Destination::Json, "text/html"));
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
    fn a_style_sheet_of_another_type_is_refused_and_in_chromium_left_out_without_a_word() {
        let told = |engine| bar(engine, Destination::Style, 200, "text/plain");
        let mime = |engine| told(engine).map(|bar| bar.look_alike);
        assert_eq!(mime(Engine::Chromium), None);
        assert_eq!(mime(Engine::Firefox), Some(LookAlike::MimeType));
        assert_eq!(mime(Engine::Webkit), Some(LookAlike::MimeType));
    }

    #[test]
    fn what_is_not_there_is_not_shown_and_a_part_says_of_what() {
        let asks = request(&[("If-None-Match", "x")]);
        let plain = request(&[]);
        let told = |load, request, status, lines: &[(&str, &str)]| {
            let headers = lines.iter().copied().collect();
            let answer = Response { status, headers };
            check(
                Engine::Chromium,
                Mode::Cors,
                Some(load),
                request,
                &answer,
                None,
            )
            .is_some()
        };
        assert!(told(Load::Image, &plain, 304, &[]) && !told(Load::Image, &asks, 304, &[]));
        assert!(told(Load::Media, &plain, 206, &[]));
        assert!(!told(
            Load::Media,
            &plain,
            206,
            &[("Content-Range", "bytes 0-9/10")]
        ));
        assert!(told(Load::Captions, &plain, 204, &[]));
        assert!(!told(Load::Captions, &plain, 404, &[]));
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
            let load = Load::of(empty, is_event_source(request));
            check(Engine::Webkit, Mode::Cors, load, request, answer, None).map(|bar| bar.look_alike)
        };
        assert_eq!(of(&source, &answer(200, "text/event-stream")), None);
        let latin1 = answer(200, "text/event-stream; charset=latin1");
        assert_eq!(of(&source, &latin1), None, "in WebKit");
        let (not_there, json) = (answer(404, "text/html"), answer(200, "application/json"));
        assert_eq!(of(&source, &not_there), Some(LookAlike::LoadStatus));
        assert_eq!(of(&source, &json), Some(LookAlike::LoadType));
        assert_eq!(of(&request(&[accept]), &json), None);
    }
}
