//! [Opaque-response blocking](https://github.com/annevk/orb): answers that no part of a page can
//! be made of are kept from it where they are loaded without CORS. Chromium and Firefox do it, each in
//! its own way; WebKit does not.
//!
//! It looks at the first octets of the content. Where these were not seen, the content is taken for what
//! its type says.

use crate::exchange::{Content, Request, Response};

use super::content;
use super::loading::{first_of_part, has_no_content};
use super::media_type::{MediaType, is_nosniff};
use super::{Destination, Engine};

/// Whether an engine refuses an answer loaded without CORS from another origin.
pub(super) fn blocks(
    engine: Engine,
    destination: Option<Destination>,
    request: &Request,
    answer: &Response,
    seen: Option<Content>,
) -> bool {
    let Some(part) = destination.and_then(Part::of) else {
        return false;
    };
    let kind = MediaType::of(&answer.headers);
    let load = Load {
        part,
        is_played: is_played(destination),
        is_style: destination == Some(Destination::Style),
        kind,
        is_nosniff: is_nosniff(&answer.headers),
        content: seen.or_else(|| content::presumed(kind?, request)),
        request,
        answer,
    };
    match engine {
        Engine::Chromium => load.is_blocked_by_chromium(),
        Engine::Firefox => load.is_blocked_by_firefox(),
        Engine::Webkit => false,
    }
}

/// What the decision hangs on.
struct Load<'a> {
    part: Part,
    is_played: bool,
    is_style: bool,
    kind: Option<MediaType<'a>>,
    is_nosniff: bool,
    content: Option<Content>,
    request: &'a Request,
    answer: &'a Response,
}

impl Load<'_> {
    /// Chromium sniffs scripts rather than parse them, and lets be whatever it does not know to be
    /// data. The status has no part in it: such a load fails by itself.
    fn is_blocked_by_chromium(&self) -> bool {
        let Some(kind) = self.kind else {
            return self.is_middle_of_part();
        };
        if kind.is_let_be_in_chromium() {
            return false;
        }
        let is_blocklisted = kind.is_document_or_data() || kind.is("text/plain");
        if kind.is_never_opaque() || self.is_nosniff && is_blocklisted || self.is_middle_of_part() {
            return true;
        }
        // JSON that may be a script, too, passes.
        self.content
            .is_some_and(|content| content != Content::Json && content::is_data(content))
    }

    /// Firefox does what the proposal says, with exceptions for sound and streams: what it does not
    /// know by its first octets has to be a script.
    fn is_blocked_by_firefox(&self) -> bool {
        if self.part == Part::Media && self.lacks_media() {
            return true;
        }
        if let Some(kind) = self.kind {
            if kind.is_javascript() || kind.is("text/css") || kind.is("image/svg+xml") {
                return false;
            }
            if kind.is_stream_or_captions() && self.is_ok() {
                return false;
            }
            // As in Chromium, it says, which is not so.
            if kind.is("text/plain") && self.is_nosniff {
                return false;
            }
            if kind.is_never_opaque() || self.is_nosniff && kind.is_document_or_data() {
                return true;
            }
        }
        if self.answer.status == 206 && !self.is_first_part() {
            return true;
        }
        match self.content {
            Some(Content::Image | Content::Media | Content::Miscoded) => false,
            Some(content) => self.is_played || self.is_no_script(content),
            None => !self.is_ok() || self.is_style && self.kind.is_some(),
        }
    }

    /// What Firefox makes of content that is neither picture nor sound nor film.
    fn is_no_script(&self, content: Content) -> bool {
        if self.is_nosniff || !self.is_ok() {
            return true;
        }
        let Some(kind) = self.kind else {
            return false;
        };
        // Style sheets and the like do not parse as scripts.
        let is_script = content == Content::Text && self.part == Part::Text && !self.is_style;
        kind.is_media() || content != Content::Empty && !is_script
    }

    fn is_ok(&self) -> bool {
        (200..300).contains(&self.answer.status)
    }

    /// Whether it is a part of something from its middle on, which nothing but a player asks for.
    fn is_middle_of_part(&self) -> bool {
        let first = first_of_part(self.answer);
        self.answer.status == 206 && first.is_some_and(|first| first > 0) && !self.is_played
    }

    /// Whether it is the first part of something, or one that a player has asked for after that.
    fn is_first_part(&self) -> bool {
        let range = self.request.headers.first("range");
        let is_later = range.is_some_and(|range| !range.starts_with(b"bytes=0-"));
        first_of_part(self.answer) == Some(0) || self.is_played && is_later
    }

    /// Where there is nothing to look at, or no success to play, Firefox blocks media (measured).
    fn lacks_media(&self) -> bool {
        let fails = self.is_played && !self.is_ok();
        let is_empty = has_no_content(self.answer) || self.answer.status == 304;
        fails || is_empty && (self.is_played || self.kind.is_some())
    }
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
        let by = |engine| blocks(engine, Some(destination), &request, &answer, None);
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
            (Script, 200, "text/vtt", false, false),
            (Video, 200, "image/png", false, false),
            (Video, 200, "application/jsonl", true, true),
            (Video, 200, "application/octet-stream", false, false),
            (Script, 200, "text/javascript", false, false),
            (Style, 200, "text/xml", true, true),
            (Image, 200, "application/json", true, true),
            (Image, 200, "image/svg+xml", false, false),
            (Image, 200, "", false, false),
            (Image, 404, "image/png", false, false),
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
            blocks(engine, Some(destination), &request, &answer, None)
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
            blocks(engine, Some(destination), &request, &answer, None)
        };
        for (destination, status, kind, chromium, firefox) in [
            (Destination::Style, 200, "text/css", false, false),
            (Destination::Style, 200, "text/javascript", false, false),
            (Destination::Style, 200, "text/vtt", false, false),
            (Destination::Style, 200, "text/plain", false, true),
            (Destination::Style, 200, "image/png", false, false),
            (Destination::Audio, 200, "text/javascript", false, false),
            (Destination::Script, 404, "text/vtt", false, true),
            (Destination::Video, 206, "video/mp4", false, true),
            (Destination::Image, 206, "image/png", false, true),
            (Destination::Image, 404, "", false, true),
        ] {
            let by = |engine| blocked(engine, destination, status, kind);
            let told = (by(Engine::Chromium), by(Engine::Firefox));
            assert_eq!(told, (chromium, firefox), "{destination:?} {status} {kind}");
        }
    }

    #[test]
    fn content_that_was_seen_counts_for_more_than_its_type() {
        use Destination::{Audio, Image, Script, Style};
        let request = Request {
            method: "GET".to_owned(),
            url: AskedUrl::parse("https://api.test/a").expect("valid"),
            headers: [("Accept", "*/*")].into_iter().collect(),
        };
        for (destination, kind, content, chromium, firefox) in [
            (Image, "text/html", Content::Image, false, false),
            (Image, "image/png", Content::Html, true, true),
            (Image, "image/svg+xml", Content::Html, false, false),
            (Image, "", Content::Html, false, false),
            (Image, "text/plain", Content::Text, false, true),
            (Script, "text/html", Content::Text, false, false),
            (Script, "text/javascript", Content::JsonObject, true, false),
            (Script, "text/plain", Content::Json, false, true),
            (Script, "text/plain", Content::Guarded, true, true),
            (Script, "application/pdf", Content::Text, true, true),
            (Style, "application/json", Content::Text, false, true),
            (Style, "text/css", Content::Html, false, false),
            (Audio, "image/png", Content::Media, false, false),
            (Audio, "text/plain", Content::Text, false, true),
        ] {
            let headers = [("Content-Type", kind)].into_iter().collect();
            let answer = Response {
                status: 200,
                headers,
            };
            let by = |engine| blocks(engine, Some(destination), &request, &answer, Some(content));
            let told = (by(Engine::Chromium), by(Engine::Firefox));
            assert_eq!(
                told,
                (chromium, firefox),
                "{destination:?} {kind} {content}"
            );
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
