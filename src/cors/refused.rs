//! Answers that an engine's network layer refuses, before any rule of Fetch's is looked at.

use crate::exchange::{Request, Response, Scheme};
use crate::wire::headers::HeaderList;

use super::{Engine, redirect};

/// Whether the load fails in the network layer although there is an answer (measured).
pub(super) fn refuses(engine: Engine, request: &Request, answer: &Response) -> bool {
    match engine {
        Engine::Chromium => {
            is_contradictory(&answer.headers)
                || leads_nowhere(request, answer) && !has_odd_name(answer)
                || is_from_no_proxy(request, answer)
        }
        Engine::Firefox => {
            is_contradictory(&answer.headers)
                || leads_nowhere(request, answer)
                || leads_to_data(request, answer)
        }
        Engine::Webkit => false,
    }
}

/// Two lines of a field that can only be there once, and that differ: a sign of a response that was
/// split.
fn is_contradictory(headers: &HeaderList) -> bool {
    headers.contains("location") && differ(headers.all("location"))
        || headers.contains("content-disposition") && differ(headers.all("content-disposition"))
}

fn differ<'a>(mut lines: impl Iterator<Item = &'a [u8]>) -> bool {
    let first = lines.next();
    lines.any(|other| Some(other) != first)
}

/// A redirect to what is no URL.
fn leads_nowhere(request: &Request, answer: &Response) -> bool {
    redirect::location(answer).is_some() && redirect::target(&request.url, answer).is_none()
}

/// Chromium takes names with blanks, and does not look into those that are in ASCII already.
fn has_odd_name(answer: &Response) -> bool {
    redirect::location(answer).is_some_and(|location| {
        location.contains(&b' ') || memchr::memmem::find(location, b"xn--").is_some()
    })
}

/// A redirect to a `data:` URL.
fn leads_to_data(request: &Request, answer: &Response) -> bool {
    redirect::target(&request.url, answer).is_some_and(|target| target.scheme() == "data")
}

/// A server behind TLS that asks for a proxy's password.
fn is_from_no_proxy(request: &Request, answer: &Response) -> bool {
    answer.status == 407 && request.url.scheme() == Some(Scheme::Https)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::AskedUrl;

    fn refused(engine: Engine, status: u16, lines: &[(&str, &str)]) -> bool {
        let request = Request {
            method: "GET".to_owned(),
            url: AskedUrl::parse("https://api.test/a").expect("valid"),
            headers: HeaderList::default(),
        };
        let headers = lines.iter().copied().collect();
        refuses(engine, &request, &Response { status, headers })
    }

    #[test]
    fn locations_that_differ_and_lead_nowhere_are_refused() {
        let two = [("Location", "/a"), ("Location", "/b")];
        let same = [("Location", "/a"), ("Location", "/a")];
        let nowhere = [("Location", "http://[")];
        for (engine, by_two, by_nowhere) in [
            (Engine::Chromium, true, true),
            (Engine::Firefox, true, true),
            (Engine::Webkit, false, false),
        ] {
            assert_eq!(refused(engine, 302, &two), by_two, "{engine:?}");
            assert_eq!(refused(engine, 302, &nowhere), by_nowhere, "{engine:?}");
            assert!(!refused(engine, 302, &same), "{engine:?}");
        }
        assert!(!refused(Engine::Chromium, 201, &nowhere));
        let odd = [("Location", "http://a b")];
        assert!(refused(Engine::Firefox, 302, &odd));
        assert!(!refused(Engine::Chromium, 302, &odd));
        let data = [("Location", "data:,x")];
        assert!(refused(Engine::Firefox, 302, &data));
        assert!(!refused(Engine::Chromium, 302, &data));
    }

    #[test]
    fn only_a_proxy_asks_for_a_proxys_password() {
        assert!(refused(Engine::Chromium, 407, &[]));
        assert!(!refused(Engine::Firefox, 407, &[]));
        assert!(!refused(Engine::Chromium, 401, &[]));
    }
}
