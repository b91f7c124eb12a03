//! Frames that stay as they were.

use crate::cors::Engine;
use crate::cors::lookalike::{Bar, LookAlike};
use crate::cors::media_type::MediaType;
use crate::exchange::{Request, Response};
use crate::wire::trim_ows;

use super::status::is_unasked_304;

/// Why a frame stays as it was: there is no document, or it is for the disk. In Chromium a 304 that nobody
/// asked for is none (all of it measured).
pub(in crate::cors) fn of_frame(
    engine: Engine,
    request: &Request,
    answer: &Response,
) -> Option<Bar> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::AskedUrl;
    use crate::wire::headers::HeaderList;

    fn stays(engine: Engine, status: u16, lines: &[(&str, &str)]) -> Option<LookAlike> {
        let request = Request {
            method: "GET".to_owned(),
            url: AskedUrl::parse("https://api.test/a").expect("valid"),
            headers: HeaderList::default(),
        };
        let headers = lines.iter().copied().collect();
        of_frame(engine, &request, &Response { status, headers }).map(|bar| bar.look_alike)
    }

    #[test]
    fn a_frame_stays_as_it_was_where_there_is_no_document_for_it() {
        for engine in Engine::ALL {
            let html = [("Content-Type", "text/html")];
            let told = |status, lines: &[(&str, &str)]| stays(engine, status, lines);
            assert_eq!(told(204, &html), Some(LookAlike::LoadStatus));
            assert_eq!(told(205, &html), Some(LookAlike::LoadStatus));
            assert_eq!(told(404, &html), None);
            let octets = [("Content-Type", "application/octet-stream")];
            assert_eq!(told(200, &octets), Some(LookAlike::LoadType));
            let attached = [html[0], ("Content-Disposition", "Attachment; filename=a")];
            assert_eq!(told(200, &attached), Some(LookAlike::LoadType));
            let inline = [html[0], ("Content-Disposition", "inline")];
            assert_eq!(told(200, &inline), None);
            let unasked = told(304, &html).is_some();
            assert_eq!(unasked, engine == Engine::Chromium, "{engine:?}");
        }
    }
}
