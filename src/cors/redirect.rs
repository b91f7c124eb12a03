//! Redirects: what follows from a Location
//! ([HTTP-redirect fetch](https://fetch.spec.whatwg.org/#concept-http-redirect-fetch)).

use crate::exchange::{RequestUrl, Response};
use crate::wire::headers::latin1;

use super::check::Finding;
use super::{Cause, Engine};

/// The most redirects a load follows.
pub const MOST_REDIRECTS: u8 = 20;

/// The Location of a response that is a redirect: it has a
/// [redirect status](https://fetch.spec.whatwg.org/#redirect-status) and says where to.
pub fn location(response: &Response) -> Option<&[u8]> {
    is_redirect_status(response.status)
        .then(|| response.headers.first("location"))?
        .filter(|location| !location.is_empty())
}

/// Whether a response is a redirect with a Location that is empty.
pub(super) fn leads_nowhere(response: &Response) -> bool {
    is_redirect_status(response.status) && response.headers.first("location") == Some(b"")
}

fn is_redirect_status(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// The URL a redirect leads to, with whatever scheme it has; nothing if it leads nowhere.
pub fn target(from: &RequestUrl, response: &Response) -> Option<url::Url> {
    location(response).and_then(|location| from.join(&latin1(location)))
}

/// What an engine makes of a redirect it is not going to follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It blocks the load, with a CORS message.
    Blocked(Finding),
    /// The load fails, without one.
    Failed(Cause),
}

/// Checks where a redirect of a request in mode `cors` leads.
pub fn check_target(
    engine: Engine,
    origin: &[u8],
    from: &RequestUrl,
    response: &Response,
) -> Option<Refusal> {
    const FIELD: &str = "location";
    location(response)?;
    let Some(target) = target(from, response) else {
        return Some(match engine {
            Engine::Webkit => Refusal::Blocked(Finding::at(Cause::RedirectBadScheme, FIELD)),
            Engine::Chromium | Engine::Firefox => Refusal::Failed(Cause::RedirectBadScheme),
        });
    };
    if !matches!(target.scheme(), "http" | "https") {
        return Some(odd_scheme(engine, target.scheme()));
    }
    let has_userinfo = !target.username().is_empty() || target.password().is_some();
    let target = RequestUrl::from_url(&target)?;
    let leaves = target.origin().as_bytes() != origin || from.origin().as_bytes() != origin;
    (has_userinfo && leaves).then(|| match engine {
        Engine::Chromium | Engine::Webkit => {
            Refusal::Blocked(Finding::at(Cause::RedirectUserinfo, FIELD))
        }
        Engine::Firefox => Refusal::Failed(Cause::RedirectUserinfo),
    })
}

/// "If locationURL's scheme is not an HTTP(S) scheme, then return a network error."
fn odd_scheme(engine: Engine, scheme: &str) -> Refusal {
    let blocked = Refusal::Blocked(Finding::at(Cause::RedirectBadScheme, "location"));
    let failed = Refusal::Failed(Cause::RedirectBadScheme);
    match engine {
        Engine::Chromium if matches!(scheme, "data" | "file" | "about" | "blob") => failed,
        Engine::Chromium | Engine::Webkit => blocked,
        Engine::Firefox => failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(engine: Engine, location: &str) -> Option<Refusal> {
        let from = RequestUrl::parse("https://api.test/a").expect("valid");
        let headers = [("Location", location)].into_iter().collect();
        check_target(
            engine,
            b"https://app.test",
            &from,
            &Response {
                status: 302,
                headers,
            },
        )
    }

    #[test]
    fn users_and_odd_schemes_are_refused_each_engine_in_its_way() {
        let blocked = |cause| Some(Refusal::Blocked(Finding::at(cause, "location")));
        let failed = |cause| Some(Refusal::Failed(cause));
        let (userinfo, scheme) = (Cause::RedirectUserinfo, Cause::RedirectBadScheme);
        assert_eq!(
            refusal(Engine::Chromium, "https://u:p@api.test/"),
            blocked(userinfo)
        );
        assert_eq!(
            refusal(Engine::Firefox, "https://u:p@api.test/"),
            failed(userinfo)
        );
        assert_eq!(refusal(Engine::Chromium, "myapp://login"), blocked(scheme));
        assert_eq!(refusal(Engine::Chromium, "data:,hi"), failed(scheme));
        assert_eq!(refusal(Engine::Webkit, "data:,hi"), blocked(scheme));
        assert_eq!(refusal(Engine::Chromium, "/b#c"), None);
    }

    #[test]
    fn only_a_redirect_status_with_a_location_is_a_redirect() {
        let response = |status, value| Response {
            status,
            headers: [("Location", value)].into_iter().collect(),
        };
        assert!(location(&response(307, "/")).is_some());
        assert!(location(&response(304, "/")).is_none());
        assert!(location(&response(302, "")).is_none());
    }
}
