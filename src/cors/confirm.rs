//! Which responses are worth holding back for a moment (`--confirm`): those whose verdict hangs on
//! the credentials mode, of engines that then show it. Answered from one exchange alone, because the
//! connection that asks has nothing else.

use crate::exchange::{Ending, Protocol, Request, Response};

use super::around::Around;
use super::classify::{Destination, Kind, Profile};
use super::credentials::{self, CredentialsMode};
use super::loading;
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
    if is_known
        || !shows(engine, profile, protocol)
        || !is_finite(request, response)
        || is_asked_again(response)
    {
        return None;
    }
    let situation = Situation {
        profile,
        protocol,
        request,
        response: Some(response),
        content: None,
        ending: Ending::InProgress,
        redirects: 0,
        is_left: false,
        around: &Around::default(),
    };
    let outcome = |mode| Opinion::of(engine, &situation, mode).outcome();
    // What fails for another reason is cancelled for that one.
    let hangs_on_mode = situation.depends_on_mode()
        && matches!(
            (
                outcome(CredentialsMode::Include),
                outcome(CredentialsMode::Omit)
            ),
            (Outcome::Blocked, Outcome::Allowed) | (Outcome::Allowed, Outcome::Blocked)
        );
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

/// Whether browsers may leave this response for a second request of their own
/// ([HTTP-network-or-cache fetch](https://fetch.spec.whatwg.org/#concept-http-network-or-cache-fetch),
/// RFC 9110 section 15.5.20, RFC 8470 section 5.2).
fn is_asked_again(response: &Response) -> bool {
    matches!(response.status, 401 | 407 | 408 | 421 | 425)
}

/// Whether there is content, and an end to it. An `EventSource` closes what it cannot use, for
/// whatever reason.
fn is_finite(request: &Request, response: &Response) -> bool {
    let media_type = response.headers.first("content-type").unwrap_or_default();
    let is_stream = media_type
        .get(..17)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"text/event-stream"));
    request.method != "HEAD"
        && !loading::is_event_source(request)
        && !matches!(response.status, 204 | 205 | 304)
        && response.headers.first("content-length") != Some(b"0")
        && !has_redirect_status(response)
        && !is_stream
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::AskedUrl;

    const CHROMIUM: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                            Chrome/156.0.0.0 Safari/537.36";

    fn is_held(more: &[(&str, &str)], status: u16, fields: &[(&str, &str)]) -> bool {
        let mut lines = vec![
            ("user-agent", CHROMIUM),
            ("origin", "https://app.example.test"),
            ("sec-fetch-mode", "cors"),
            ("sec-fetch-site", "same-site"),
        ];
        if !more.iter().any(|(name, _)| *name == "sec-fetch-dest") {
            lines.push(("sec-fetch-dest", "empty"));
        }
        lines.extend(more);
        let request = Request {
            method: "GET".to_owned(),
            url: AskedUrl::parse("https://api.example.test/data").expect("a URL"),
            headers: lines.into_iter().collect(),
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
    fn what_browsers_cancel_for_other_reasons_is_not_held() {
        let asterisk = [("access-control-allow-origin", "*")];
        assert!(is_held(&[], 404, &asterisk), "a script may read it");
        assert!(!is_held(&[("sec-fetch-dest", "script")], 404, &asterisk));
        let event_source = [
            ("accept", "text/event-stream"),
            ("cache-control", "no-cache"),
        ];
        assert!(!is_held(&event_source, 404, &asterisk));
        for status in [401, 421] {
            assert!(!is_held(&[], status, &asterisk), "{status}");
        }
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
