//! Loads that fail although CORS passed, or does not apply: for the status, or for the type of
//! the content. `fetch()` and `XMLHttpRequest` take any answer; elements, workers and `EventSource`
//! do not.

mod frame;
mod kind;
mod status;

use crate::exchange::{Content, Request, Response};

use super::content;
use super::lookalike::Bar;
use super::media_type::MediaType;
use super::{Destination, Engine};

pub(super) use self::frame::of_frame;
pub(super) use self::kind::{is_refused_before_cors, refuses_type};
pub(super) use self::status::{first_of_part, has_no_content};

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
    let presumed = || content::presumed(MediaType::of(&answer.headers)?, request);
    let content = seen.or_else(presumed);
    let by_type = || kind::of_type(engine, mode, load, answer, content);
    let by_status = || status::of_status(engine, mode, load, request, answer);
    if is_type_first(engine, mode, load, answer) {
        by_type().or_else(by_status)
    } else {
        by_status().or_else(by_type)
    }
}

/// Whether an engine looks at the type first, and at the status then (measured).
fn is_type_first(engine: Engine, mode: Mode, load: Load, answer: &Response) -> bool {
    match engine {
        Engine::Chromium => load == Load::Script && mode == Mode::NoCors,
        Engine::Firefox => load != Load::Style,
        Engine::Webkit => refuses_type(load, answer),
    }
}

/// Whether it is an [EventSource](https://html.spec.whatwg.org/#the-eventsource-interface)'s:
/// it asks for this one type, past the cache.
pub(super) fn is_event_source(request: &Request) -> bool {
    request.method == "GET"
        && request.headers.first("accept") == Some(b"text/event-stream")
        && request.headers.first("cache-control") == Some(b"no-cache")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cors::Rule;
    use crate::cors::lookalike::LookAlike;
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
        let picture = bar(Engine::Webkit, Destination::Script, 404, "image/png");
        assert_eq!(picture.and_then(|bar| bar.by), Some(Rule::MimeType));
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
    fn webkit_takes_what_is_no_error_and_makes_something_of_a_205() {
        for (destination, status, expected) in [
            (Destination::Script, 300, false),
            (Destination::Script, 204, false),
            (Destination::Script, 404, true),
            (Destination::Track, 302, false),
            (Destination::Track, 204, true),
            (Destination::Track, 500, true),
            (Destination::Audio, 205, false),
            (Destination::Image, 205, false),
            (Destination::Image, 204, true),
            (Destination::Style, 300, true),
            (Destination::Style, 304, true),
        ] {
            let kind = if destination == Destination::Script {
                "text/javascript"
            } else {
                ""
            };
            let fails = bar(Engine::Webkit, destination, status, kind).is_some();
            assert_eq!(fails, expected, "{destination:?} {status}");
        }
    }

    #[test]
    fn webkit_says_nothing_of_a_workers_type_and_asks_for_json_modules_as_for_scripts() {
        let told = |destination, kind| bar(Engine::Webkit, destination, 200, kind);
        for kind in ["text/plain", "image/png"] {
            let worker = told(Destination::Worker, kind).expect("failed");
            assert_eq!(worker.by, None, "{kind}");
        }
        assert_eq!(told(Destination::Script, "application/json"), None);
        let chromium = bar(
            Engine::Chromium,
            Destination::Script,
            200,
            "application/json",
        );
        assert_eq!(chromium.and_then(|bar| bar.by), Some(Rule::MimeType));
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
