//! Which responses are worth holding back for a moment (`--confirm`): those whose verdict hangs on
//! the credentials mode, of engines that then show it. Answered from one exchange alone, because the
//! connection that asks has nothing else.

use crate::exchange::{Ending, Protocol, Request, Response};

use super::around::Around;
use super::classify::{Destination, Kind, Profile};
use super::credentials::{self, CredentialsMode};
use super::opinion::{Opinion, Situation};
use super::redirect::has_redirect_status;
use super::{Engine, Outcome};

/// The engine that asked, if it blocks this response in one credentials mode only, and shows by
/// cancelling what it blocks.
pub fn who_shows(request: &Request, response: &Response, protocol: Protocol) -> Option<Engine> {
    let profile = Profile::of(request, protocol);
    let engine = profile
        .engine
        .filter(|_| profile.kind == Kind::CrossOrigin)?;
    let is_known = credentials::of_request(profile, request).mode.is_some();
    if is_known || !shows(engine, profile, protocol) || !is_finite(request, response) {
        return None;
    }
    let situation = Situation {
        profile,
        protocol,
        request,
        response: Some(response),
        ending: Ending::InProgress,
        redirects: 0,
        is_left: false,
        around: &Around::default(),
    };
    let blocks = |mode| Opinion::of(engine, &situation, mode).outcome() == Outcome::Blocked;
    let hangs_on_mode = situation.depends_on_mode()
        && blocks(CredentialsMode::Include) != blocks(CredentialsMode::Omit);
    hangs_on_mode.then_some(engine)
}

/// Whether an engine cancels at once what it blocks of this kind (measured: WebKit waits for the end
/// of a short element over HTTP/2, and tells by itself over HTTP/1.1; Chromium and Firefox cancel
/// everything over HTTP/2).
fn shows(engine: Engine, profile: Profile, protocol: Protocol) -> bool {
    match engine {
        Engine::Chromium | Engine::Firefox => true,
        Engine::Webkit => {
            protocol == Protocol::Http2 && profile.destination == Some(Destination::Empty)
        }
    }
}

/// Whether there is content, and an end to it.
fn is_finite(request: &Request, response: &Response) -> bool {
    let media_type = response.headers.first("content-type").unwrap_or_default();
    let is_stream = media_type
        .get(..17)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"text/event-stream"));
    request.method != "HEAD"
        && !matches!(response.status, 204 | 205 | 304)
        && response.headers.first("content-length") != Some(b"0")
        && !has_redirect_status(response)
        && !is_stream
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::RequestUrl;
    use crate::wire::headers::HeaderList;

    const CHROMIUM: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                            Chrome/156.0.0.0 Safari/537.36";

    fn is_held(more: &[(&str, &str)], status: u16, fields: &[(&str, &str)]) -> bool {
        let mut headers = HeaderList::from_iter([
            ("user-agent", CHROMIUM),
            ("origin", "https://app.example.test"),
            ("sec-fetch-mode", "cors"),
            ("sec-fetch-site", "same-site"),
            ("sec-fetch-dest", "empty"),
        ]);
        for (name, value) in more {
            headers.push(name.as_bytes(), value.as_bytes());
        }
        let request = Request {
            method: "GET".to_owned(),
            url: RequestUrl::parse("https://api.example.test/data").expect("a URL"),
            headers,
        };
        let headers = fields.iter().copied().collect();
        who_shows(&request, &Response { status, headers }, Protocol::Http2).is_some()
    }

    #[test]
    fn an_asterisk_hangs_on_the_credentials_mode() {
        let asterisk = [("access-control-allow-origin", "*")];
        assert!(is_held(&[], 200, &asterisk));
        assert!(
            !is_held(&[("cookie", "a=b")], 200, &asterisk),
            "the mode is known"
        );
        assert!(!is_held(&[], 204, &asterisk), "there is no content");
    }

    #[test]
    fn what_both_modes_agree_on_is_not_held() {
        assert!(!is_held(&[], 200, &[]));
        let echo = [
            ("access-control-allow-origin", "https://app.example.test"),
            ("access-control-allow-credentials", "true"),
        ];
        assert!(!is_held(&[], 200, &echo));
        assert!(is_held(&[], 200, &echo[..1]));
    }

    #[test]
    fn a_stream_without_end_is_not_held() {
        let events = [
            ("access-control-allow-origin", "*"),
            ("content-type", "text/event-stream; charset=utf-8"),
        ];
        assert!(!is_held(&[], 200, &events));
    }
}
