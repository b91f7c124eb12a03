//! [Opaque-response blocking](https://github.com/annevk/orb): answers that no part of a page can
//! be made of are kept from it where they are loaded without CORS. Chromium and Firefox do it,
//! WebKit does not.
//!
//! It looks at the content too, which is not kept; so what is told here is what the head says of
//! it, and whatever passes for want of knowledge passes.

use crate::exchange::{Request, Response};

use super::loading::has_no_content;
use super::media_type::{MediaType, is_nosniff};
use super::{Destination, Engine};

/// Whether an engine refuses an answer loaded without CORS from another origin.
pub(super) fn blocks(
    engine: Engine,
    destination: Option<Destination>,
    request: &Request,
    answer: &Response,
) -> bool {
    match engine {
        Engine::Chromium | Engine::Firefox => {}
        Engine::Webkit => return false,
    }
    let Some(part) = destination.and_then(Part::of) else {
        return false;
    };
    let nosniff = is_nosniff(&answer.headers);
    let is_ok = (200..300).contains(&answer.status);
    let is_played = is_played(destination);
    if engine == Engine::Firefox && part == Part::Media && lacks_media(is_played, answer) {
        return true;
    }
    // Measured: in Chromium such a load fails for its status, if at all.
    let is_looked_for = is_ok || engine == Engine::Chromium;
    let Some(kind) = MediaType::of(&answer.headers) else {
        return !is_looked_for;
    };
    if kind.is_javascript() || kind.is("text/css") || kind.is("image/svg+xml") {
        return is_played && engine == Engine::Chromium;
    }
    if kind.is_never_opaque() || is_played && kind.is_never_played() {
        return true;
    }
    if kind.is_document_or_data() {
        // A script in the clothes of data passes by its content, unless that is not to be looked at.
        return nosniff || !is_ok || answer.status == 206 || !is_padded_json(kind, request);
    }
    if kind.is("text/plain") && nosniff {
        return true;
    }
    // Measured: Firefox looks for a script in whatever may be one, and a style sheet is none.
    let is_style = destination == Some(Destination::Style) && engine == Engine::Firefox;
    if is_style && !kind.is_stream_or_captions() {
        return true;
    }
    !kind.is_media() && !is_looked_for
}

/// Whether a destination is sound or film.
fn is_played(destination: Option<Destination>) -> bool {
    matches!(destination, Some(Destination::Audio | Destination::Video))
}

/// What the content has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Scripts and styles.
    Text,
    /// Pictures, sound and film.
    Media,
}

impl Part {
    /// What a destination asks for; nothing where the page gets an opaque answer in any case, or
    /// another rule holds.
    fn of(destination: Destination) -> Option<Self> {
        match destination {
            Destination::Script | Destination::Style => Some(Self::Text),
            Destination::Audio | Destination::Image | Destination::Track | Destination::Video => {
                Some(Self::Media)
            }
            Destination::Audioworklet
            | Destination::Document
            | Destination::Embed
            | Destination::Empty
            | Destination::Fencedframe
            | Destination::Font
            | Destination::Frame
            | Destination::Iframe
            | Destination::Json
            | Destination::Manifest
            | Destination::Object
            | Destination::Paintworklet
            | Destination::Report
            | Destination::Serviceworker
            | Destination::Sharedworker
            | Destination::Text
            | Destination::Webidentity
            | Destination::Websocket
            | Destination::Worker
            | Destination::Xslt => None,
        }
    }
}

/// Where there is nothing to look at, or no success to play, Firefox blocks media (measured).
fn lacks_media(is_played: bool, answer: &Response) -> bool {
    let fails = is_played && !(200..300).contains(&answer.status);
    let is_typed = MediaType::of(&answer.headers).is_some();
    fails || has_no_content(answer) && (is_played || is_typed)
}

/// Whether it is JSON wrapped in a call, by the URL: such scripts often have the type of data.
fn is_padded_json(kind: MediaType<'_>, request: &Request) -> bool {
    let query = request.url.path().split_once('?').map(|(_, query)| query);
    let names_call = |pair: &str| {
        let name = pair.split('=').next().unwrap_or_default();
        matches!(name, "callback" | "jsonp" | "cb" | "jsoncallback")
    };
    kind.is_json() && query.is_some_and(|query| query.split('&').any(names_call))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::AskedUrl;

    fn blocked(destination: Destination, status: u16, lines: &[(&str, &str)]) -> bool {
        blocked_at("https://api.test/a", destination, status, lines)
    }

    fn blocked_at(
        url: &str,
        destination: Destination,
        status: u16,
        lines: &[(&str, &str)],
    ) -> bool {
        let request = Request {
            method: "GET".to_owned(),
            url: AskedUrl::parse(url).expect("valid"),
            headers: [("Accept", "*/*")].into_iter().collect(),
        };
        let answer = Response {
            status,
            headers: lines.iter().copied().collect(),
        };
        let by = |engine| blocks(engine, Some(destination), &request, &answer);
        assert_eq!(by(Engine::Chromium), by(Engine::Firefox));
        assert!(!by(Engine::Webkit));
        by(Engine::Chromium)
    }

    #[test]
    fn what_no_part_of_a_page_is_made_of_is_kept_from_it() {
        use Destination::{Empty, Image, Script, Style, Video};
        for (destination, status, kind, plain, nosniff) in [
            (Script, 200, "text/html", true, true),
            (Script, 200, "text/csv", true, true),
            (Script, 200, "application/x-ndjson", true, true),
            (Script, 200, "text/plain", false, true),
            (Script, 200, "text/vtt", false, false),
            (Video, 200, "image/png", true, true),
            (Video, 200, "application/jsonl", true, true),
            (Video, 200, "application/octet-stream", false, false),
            (Script, 200, "text/javascript", false, false),
            (Style, 200, "text/xml", true, true),
            (Image, 200, "application/json", true, true),
            (Image, 200, "image/svg+xml", false, false),
            (Image, 200, "", false, false),
            (Image, 404, "image/png", false, false),
            (Video, 206, "video/mp4", false, false),
            (Empty, 200, "text/html", false, false),
        ] {
            let lines = [
                ("Content-Type", kind),
                ("X-Content-Type-Options", "nosniff"),
            ];
            let told = format!("{destination:?} {status} {kind}");
            assert_eq!(blocked(destination, status, &lines[..1]), plain, "{told}");
            assert_eq!(blocked(destination, status, &lines), nosniff, "{told}");
        }
    }

    #[test]
    fn firefox_blocks_media_that_are_not_there() {
        let request = Request {
            method: "GET".to_owned(),
            url: AskedUrl::parse("https://api.test/a").expect("valid"),
            headers: [("Accept", "*/*")].into_iter().collect(),
        };
        let blocked = |engine, destination, status, kind| {
            let headers = [("Content-Type", kind)].into_iter().collect();
            let answer = Response { status, headers };
            blocks(engine, Some(destination), &request, &answer)
        };
        for (destination, status, kind) in [
            (Destination::Audio, 404, "audio/wav"),
            (Destination::Video, 204, "video/mp4"),
            (Destination::Image, 204, "image/png"),
        ] {
            assert!(blocked(Engine::Firefox, destination, status, kind));
            assert!(!blocked(Engine::Chromium, destination, status, kind));
        }
        assert!(!blocked(
            Engine::Firefox,
            Destination::Image,
            404,
            "image/png"
        ));
    }

    #[test]
    fn engines_differ_in_style_sheets_in_sound_and_in_failures() {
        let request = Request {
            method: "GET".to_owned(),
            url: AskedUrl::parse("https://api.test/a").expect("valid"),
            headers: [("Accept", "*/*")].into_iter().collect(),
        };
        let blocked = |engine, destination, status, kind| {
            let headers = [("Content-Type", kind)].into_iter().collect();
            let answer = Response { status, headers };
            blocks(engine, Some(destination), &request, &answer)
        };
        for (destination, status, kind, chromium, firefox) in [
            (Destination::Style, 200, "text/css", false, false),
            (Destination::Style, 200, "text/javascript", false, false),
            (Destination::Style, 200, "text/vtt", false, false),
            (Destination::Style, 200, "text/plain", false, true),
            (Destination::Style, 200, "image/png", false, true),
            (Destination::Audio, 200, "text/javascript", true, false),
            (Destination::Script, 404, "text/vtt", false, true),
            (Destination::Image, 404, "", false, true),
        ] {
            let by = |engine| blocked(engine, destination, status, kind);
            let told = (by(Engine::Chromium), by(Engine::Firefox));
            assert_eq!(told, (chromium, firefox), "{destination:?} {status} {kind}");
        }
    }

    #[test]
    fn json_wrapped_in_a_call_is_a_script_unless_it_must_not_be_sniffed() {
        let url = "https://api.test/a?x=1&callback=f";
        let json = ("Content-Type", "application/json");
        let nosniff = ("X-Content-Type-Options", "nosniff");
        assert!(!blocked_at(url, Destination::Script, 200, &[json]));
        assert!(blocked_at(url, Destination::Script, 200, &[json, nosniff]));
    }
}
