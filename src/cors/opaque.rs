//! [Opaque-response blocking](https://github.com/annevk/orb): answers that no part of a page can
//! be made of are kept from it where they are loaded without CORS. Chromium and Firefox do it,
//! WebKit does not.
//!
//! It looks at the content too, which is not kept; so what is told here is what the head says of
//! it, and whatever passes for want of knowledge passes.

use crate::exchange::{Request, Response};

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
    let Some(kind) = MediaType::of(&answer.headers) else {
        return !is_ok;
    };
    if kind.is_javascript() || kind.is("text/css") || kind.is("image/svg+xml") {
        return false;
    }
    if kind.is_never_opaque() && !is_caption(engine, destination, kind) {
        return true;
    }
    if kind.is_document_or_data() {
        // A script in the clothes of data passes by its content, unless that is not to be looked at.
        return nosniff || !is_ok || answer.status == 206 || !is_padded_json(kind, request);
    }
    if kind.is("text/plain") && nosniff {
        return true;
    }
    if kind.is_media() {
        return false;
    }
    !is_ok || nosniff && part == Part::Text
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

/// Captions are taken for what they are; Chromium has nothing against them anywhere (measured).
fn is_caption(engine: Engine, destination: Option<Destination>, kind: MediaType<'_>) -> bool {
    let is_welcome = engine == Engine::Chromium || destination == Some(Destination::Track);
    is_welcome && kind.is("text/vtt")
}

/// Whether it is JSON wrapped in a call, by the URL: such scripts often have the type of data.
fn is_padded_json(kind: MediaType<'_>, request: &Request) -> bool {
    let query = request.url.path.split_once('?').map(|(_, query)| query);
    let names_call = |pair: &str| {
        let name = pair.split('=').next().unwrap_or_default();
        matches!(name, "callback" | "jsonp" | "cb" | "jsoncallback")
    };
    kind.is_json() && query.is_some_and(|query| query.split('&').any(names_call))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::RequestUrl;

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
            url: RequestUrl::parse(url).expect("valid"),
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
            (Script, 200, "text/plain", false, true),
            (Script, 200, "text/javascript", false, false),
            (Style, 200, "text/xml", true, true),
            (Image, 200, "application/json", true, true),
            (Image, 200, "image/svg+xml", false, false),
            (Image, 200, "", false, false),
            (Image, 404, "", true, true),
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
    fn json_wrapped_in_a_call_is_a_script_unless_it_must_not_be_sniffed() {
        let url = "https://api.test/a?x=1&callback=f";
        let json = ("Content-Type", "application/json");
        let nosniff = ("X-Content-Type-Options", "nosniff");
        assert!(!blocked_at(url, Destination::Script, 200, &[json]));
        assert!(blocked_at(url, Destination::Script, 200, &[json, nosniff]));
    }
}
