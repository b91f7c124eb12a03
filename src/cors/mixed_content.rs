//! [Mixed content](https://w3c.github.io/webappsec-mixed-content/), as far as the wire shows it: a
//! redirect that leads a page over TLS to plain http, where browsers do not follow.

use crate::exchange::{Request, RequestUrl, Response, Scheme};

use super::{Destination, Engine, redirect, resource_policy};

/// Whether an engine does not follow a redirect because it leads to plain http.
pub(super) fn stops(
    engine: Engine,
    destination: Option<Destination>,
    request: &Request,
    answer: &Response,
) -> bool {
    let target = redirect::target(&request.url, answer);
    let target = target.as_ref().and_then(RequestUrl::from_url);
    let is_stopped = target.is_some_and(|target| {
        target.scheme == Scheme::Http
            && is_blockable(engine, destination, target.is_potentially_trustworthy())
    });
    is_stopped && is_of_secure_page(request)
}

/// Pictures, sound and film are asked for over TLS instead, and people may go where they like
/// ([upgradeable](https://w3c.github.io/webappsec-mixed-content/#category-upgradeable)). This machine needs
/// no TLS, but in WebKit, which asks for nothing there instead (measured).
fn is_blockable(engine: Engine, destination: Option<Destination>, is_here: bool) -> bool {
    let needs_tls = !is_here || engine == Engine::Webkit;
    match destination {
        Some(Destination::Document) => false,
        Some(Destination::Audio | Destination::Image | Destination::Video) => is_here && needs_tls,
        Some(_) | None => needs_tls,
    }
}

fn is_of_secure_page(request: &Request) -> bool {
    resource_policy::page(request).is_some_and(|page| page.scheme == Scheme::Https)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::AskedUrl;

    fn stopped(engine: Engine, destination: Destination, page: &str, location: &str) -> bool {
        let request = Request {
            method: "GET".to_owned(),
            url: AskedUrl::parse("https://api.test/a").expect("valid"),
            headers: [("Referer", page)].into_iter().collect(),
        };
        let answer = Response {
            status: 302,
            headers: [("Location", location)].into_iter().collect(),
        };
        stops(engine, Some(destination), &request, &answer)
    }

    #[test]
    fn a_page_over_tls_is_not_led_to_plain_http() {
        let (page, plain) = ("https://app.test/", "http://api.test/b");
        for engine in Engine::ALL {
            let stopped = |destination, page, to| stopped(engine, destination, page, to);
            assert!(stopped(Destination::Empty, page, plain));
            assert!(stopped(Destination::Iframe, page, plain));
            assert!(!stopped(Destination::Image, page, plain));
            assert!(!stopped(Destination::Document, page, plain));
            assert!(!stopped(Destination::Empty, page, "/b"));
            assert!(!stopped(Destination::Empty, "http://app.test/", plain));
            assert!(
                !stopped(Destination::Empty, "", plain),
                "the page is unknown"
            );
        }
    }

    #[test]
    fn this_machine_needs_no_tls() {
        let stopped = |engine, destination| {
            let (page, local) = ("https://app.test/", "http://localhost:3000/b");
            stopped(engine, destination, page, local)
        };
        for destination in [Destination::Empty, Destination::Image] {
            assert!(!stopped(Engine::Chromium, destination), "{destination:?}");
            assert!(!stopped(Engine::Firefox, destination), "{destination:?}");
            assert!(stopped(Engine::Webkit, destination), "{destination:?}");
        }
        assert!(!stopped(Engine::Webkit, Destination::Document));
    }
}
