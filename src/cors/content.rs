//! Content that browsers look at, whatever type it is said to have: that of pictures, sound and film, and
//! of all that is loaded without CORS.

use crate::exchange::{Content, Request, Response};
use crate::wire::glimpse::Depth;

use super::classify::accepted_destination;
use super::media_type::MediaType;

/// What is to be found out of this answer's content: what it is, where browsers look at that before they
/// give it to a page of another origin; else whether it can be decoded. Nothing where there is none.
pub fn looked_for(request: &Request, answer: &Response) -> Option<Depth> {
    const PARTS: [&[u8]; 7] = [
        b"image", b"script", b"style", b"font", b"audio", b"video", b"track",
    ];
    if request.method == "HEAD" || matches!(answer.status, 204 | 205 | 300..400) {
        return None;
    }
    let field = |name| request.headers.first(name).unwrap_or_default();
    let is_part = match request.headers.first("sec-fetch-dest") {
        Some(destination) => PARTS.contains(&destination),
        None => accepted_destination(&request.headers).is_some(),
    };
    Some(if is_part && field("sec-fetch-site") != b"same-origin" {
        Depth::Content
    } else {
        Depth::Coding
    })
}

/// What content of a type is, as long as nobody has seen it; nothing where the type does not tell, as
/// servers have it for all they do not know.
pub(super) fn presumed(kind: MediaType<'_>, request: &Request) -> Option<Content> {
    if is_padded_json(kind, request) || kind.is_javascript() || kind.is("text/css") {
        Some(Content::Text)
    } else if kind.is_html() {
        Some(Content::Html)
    } else if kind.is_json() || kind.is("application/x-ndjson") || kind.is("application/jsonl") {
        Some(Content::JsonObject)
    } else if kind.is_xml() {
        Some(Content::Xml)
    } else if kind.is("image/svg+xml") {
        Some(Content::Svg)
    } else if kind.begins("image/") {
        Some(Content::Image)
    } else if kind.begins("audio/") || kind.begins("video/") {
        Some(Content::Media)
    } else {
        None
    }
}

/// Whether it is data, or a document: nothing that a script, a style sheet or a picture is made of.
pub(super) fn is_data(content: Content) -> bool {
    match content {
        Content::Html | Content::Xml | Content::JsonObject | Content::Json | Content::Guarded => {
            true
        }
        Content::Empty
        | Content::Image
        | Content::Svg
        | Content::Media
        | Content::Font
        | Content::Text
        | Content::Binary
        | Content::Miscoded => false,
    }
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

    #[test]
    fn parts_of_pages_of_other_origins_are_looked_at() {
        let found_out = |dest: &str, site: &str, status| {
            let lines = [("Sec-Fetch-Dest", dest), ("Sec-Fetch-Site", site)];
            let request = Request {
                method: "GET".to_owned(),
                url: AskedUrl::parse("https://cdn.test/a").expect("valid"),
                headers: lines.into_iter().collect(),
            };
            let headers = [("Content-Type", "text/html")].into_iter().collect();
            looked_for(&request, &Response { status, headers })
        };
        assert_eq!(found_out("image", "cross-site", 200), Some(Depth::Content));
        assert_eq!(found_out("script", "same-site", 404), Some(Depth::Content));
        assert_eq!(found_out("image", "same-origin", 200), Some(Depth::Coding));
        assert_eq!(found_out("empty", "cross-site", 200), Some(Depth::Coding));
        assert_eq!(found_out("image", "cross-site", 304), None);
    }

    #[test]
    fn over_plain_http_parts_of_pages_are_known_by_what_they_accept() {
        let found_out = |fields: &[(&str, &str)]| {
            let request = Request {
                method: "GET".to_owned(),
                url: AskedUrl::parse("http://cdn.test/a").expect("valid"),
                headers: fields.iter().copied().collect(),
            };
            let headers = [("Content-Type", "text/plain")].into_iter().collect();
            let status = 200;
            looked_for(&request, &Response { status, headers })
        };
        let picture = [("Accept", "image/avif,image/webp,*/*;q=0.8")];
        assert_eq!(found_out(&picture), Some(Depth::Content));
        let film = [
            ("Accept", "*/*"),
            ("Range", "bytes=0-"),
            ("Accept-Encoding", "identity;q=1, *;q=0"),
        ];
        assert_eq!(found_out(&film), Some(Depth::Content));
        assert_eq!(found_out(&film[..2]), Some(Depth::Coding));
    }
}
