//! Redirects: what follows from a Location
//! ([HTTP-redirect fetch](https://fetch.spec.whatwg.org/#concept-http-redirect-fetch)).

use crate::exchange::{AskedUrl, RequestUrl, Response};
use crate::wire::headers::latin1;

use super::check::Finding;
use super::{Cause, Engine};

/// The most redirects a load follows.
pub const MOST_REDIRECTS: u8 = 20;

/// The Location of a response that is a redirect: it has a
/// [redirect status](https://fetch.spec.whatwg.org/#redirect-status) and says where to.
pub fn location(response: &Response) -> Option<&[u8]> {
    locations(response).find(|location| !location.is_empty())
}

/// Whether a response has a [redirect status](https://fetch.spec.whatwg.org/#redirect-status).
pub(super) fn has_redirect_status(response: &Response) -> bool {
    matches!(response.status, 301 | 302 | 303 | 307 | 308)
}

/// The Locations of a response with a redirect status.
fn locations(response: &Response) -> impl Iterator<Item = &[u8]> {
    let lines = has_redirect_status(response).then(|| response.headers.all("location"));
    lines.into_iter().flatten()
}

/// Whether an engine takes a response for a redirect. By the standard an empty Location leads back
/// to where it stands; Chromium takes it for none.
pub(super) fn leads_on(engine: Engine, response: &Response) -> bool {
    match engine {
        Engine::Chromium => location(response).is_some(),
        Engine::Firefox | Engine::Webkit => locations(response).next().is_some(),
    }
}

/// "If the ABNF … allows a single header and list contains more than one, then return failure."
/// Lines that say the same are one to the engines.
fn is_contradictory(response: &Response) -> bool {
    let mut all = locations(response);
    let first = all.next();
    all.any(|other| Some(other) != first)
}

/// The URL a redirect leads to, with whatever scheme it has; nothing if it leads nowhere.
pub fn target(from: &AskedUrl, response: &Response) -> Option<url::Url> {
    location(response).and_then(|location| from.join(&latin1(location)))
}

/// The URL that an engine goes on to, whatever it then makes of it. An empty Location leads Firefox back
/// to where it stands, until it has had enough.
pub(super) fn goes_on(engine: Engine, from: &AskedUrl, response: &Response) -> Option<RequestUrl> {
    let is_empty = location(response).is_none() && leads_on(engine, response);
    if engine == Engine::Firefox && is_empty {
        return from.web().cloned();
    }
    RequestUrl::from_url(&target(from, response)?)
}

/// Whether a redirect leads to where HTTP does not.
pub(super) fn has_odd_scheme(from: &AskedUrl, response: &Response) -> bool {
    target(from, response).is_some_and(|target| !is_http(&target))
}

/// Whether a redirect leads to a scheme that an engine knows, and keeps pages from before it looks at
/// anything else (measured).
pub(super) fn has_closed_scheme(engine: Engine, from: &AskedUrl, response: &Response) -> bool {
    let closed: &[&str] = match engine {
        Engine::Chromium => &[],
        Engine::Firefox => &["chrome", "file", "resource", "ws", "wss"],
        Engine::Webkit => &["ftp"],
    };
    !closed.is_empty()
        && target(from, response).is_some_and(|target| closed.contains(&target.scheme()))
}

fn is_http(url: &url::Url) -> bool {
    matches!(url.scheme(), "http" | "https")
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
    from: &AskedUrl,
    response: &Response,
) -> Option<Refusal> {
    const FIELD: &str = "location";
    if !leads_on(engine, response) {
        return None;
    }
    if is_contradictory(response) {
        return Some(Refusal::Failed(Cause::RedirectBadScheme));
    }
    if location(response).is_none() {
        let is_followed = engine != Engine::Webkit;
        return (!is_followed).then_some(Refusal::Failed(Cause::RedirectBadScheme));
    }
    let Some(target) = target(from, response) else {
        return Some(match engine {
            Engine::Webkit => Refusal::Blocked(Finding::at(Cause::RedirectBadScheme, FIELD)),
            Engine::Chromium | Engine::Firefox => Refusal::Failed(Cause::RedirectBadScheme),
        });
    };
    if !is_http(&target) {
        return Some(odd_scheme(engine, target.scheme()));
    }
    if target.port().is_some_and(is_bad_port) {
        return Some(Refusal::Failed(Cause::NoResponse));
    }
    let has_userinfo = !target.username().is_empty() || target.password().is_some();
    let is_origin = |serialized: String| serialized.as_bytes() == origin;
    let leaves = !is_origin(target.origin().ascii_serialization()) || !is_origin(from.origin());
    (has_userinfo && leaves).then(|| match engine {
        Engine::Chromium | Engine::Webkit => {
            Refusal::Blocked(Finding::at(Cause::RedirectUserinfo, FIELD))
        }
        Engine::Firefox => Refusal::Failed(Cause::RedirectUserinfo),
    })
}

/// A [bad port](https://fetch.spec.whatwg.org/#bad-port), which browsers do not connect to.
fn is_bad_port(port: u16) -> bool {
    const BAD: [u16; 83] = [
        0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95,
        101, 102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179,
        389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601,
        636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566,
        6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
    ];
    BAD.binary_search(&port).is_ok()
}

/// "If locationURL's scheme is not an HTTP(S) scheme, then return a network error."
fn odd_scheme(engine: Engine, scheme: &str) -> Refusal {
    let blocked = Refusal::Blocked(Finding::at(Cause::RedirectBadScheme, "location"));
    let failed = Refusal::Failed(Cause::RedirectBadScheme);
    match engine {
        Engine::Chromium if matches!(scheme, "data" | "file" | "about" | "blob" | "chrome") => {
            failed
        }
        Engine::Webkit if scheme == "ftp" => failed,
        Engine::Chromium | Engine::Webkit => blocked,
        Engine::Firefox => failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(engine: Engine, location: &str) -> Option<Refusal> {
        let from = AskedUrl::parse("https://api.test/a").expect("valid");
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
    fn bad_ports_are_not_asked() {
        for engine in Engine::ALL {
            let failed = Some(Refusal::Failed(Cause::NoResponse));
            assert_eq!(refusal(engine, "https://b.test:6667/"), failed);
            assert_eq!(refusal(engine, "https://b.test:6664/"), None);
        }
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
        assert_eq!(refusal(Engine::Webkit, "ftp://a.test/"), failed(scheme));
        assert_eq!(refusal(Engine::Chromium, "ftp://a.test/"), blocked(scheme));
        assert_eq!(refusal(Engine::Chromium, "/b#c"), None);
        assert_eq!(
            refusal(Engine::Chromium, "https://u:p@a!b.test/"),
            blocked(userinfo),
            "a host that no DNS name has"
        );
    }

    #[test]
    fn an_empty_location_leads_nowhere_back_or_to_an_error() {
        assert_eq!(refusal(Engine::Chromium, ""), None);
        assert_eq!(refusal(Engine::Firefox, ""), None);
        let failed = Refusal::Failed(Cause::RedirectBadScheme);
        assert_eq!(refusal(Engine::Webkit, ""), Some(failed));
        let from = AskedUrl::parse("https://api.test/a").expect("valid");
        let response = Response {
            status: 302,
            headers: [("Location", "")].into_iter().collect(),
        };
        let next = |engine| goes_on(engine, &from, &response);
        assert_eq!(next(Engine::Firefox).as_ref(), from.web());
        assert_eq!((next(Engine::Chromium), next(Engine::Webkit)), (None, None));
    }

    #[test]
    fn locations_that_contradict_each_other_are_an_error() {
        let from = AskedUrl::parse("https://api.test/a").expect("valid");
        let refusal = |locations: [&str; 2]| {
            let headers = locations.map(|value| ("Location", value)).into_iter();
            let response = Response {
                status: 302,
                headers: headers.collect(),
            };
            check_target(Engine::Chromium, b"https://app.test", &from, &response)
        };
        assert_eq!(refusal(["/b", "/b"]), None);
        let failed = Refusal::Failed(Cause::RedirectBadScheme);
        assert_eq!(refusal(["/b", "/c"]), Some(failed));
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
