//! Stories: which exchanges belong together, told by what browsers repeat from one to the next.

use std::hash::{BuildHasher, Hash};
use std::time::Duration;

use foldhash::quality::RandomState;

use crate::exchange::{ExchangeId, Moment, Request, RequestUrl};

use super::super::recent::Recent;

/// How many entries each index holds.
const MOST: usize = 4096;
/// How many preflights of one URL are remembered: pages ask for few methods and headers.
const MOST_PREFLIGHTS: usize = 8;
/// How long after an unanswered request the same one is a repeat of it: browsers repeat at once,
/// and the server is asked again once a second at most.
const REPEATS_WITHIN: Duration = Duration::from_secs(5);

/// What exchanges have in common: the same client, the same URL and the like, hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key(pub(super) u64);

/// A preflight that an actual request may follow.
#[derive(Clone, Copy, Debug)]
struct Asked {
    id: ExchangeId,
    used: bool,
}

/// The preflight found for an actual request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It was sent for this request.
    Sent(ExchangeId),
    /// It was sent for an earlier one, and still holds.
    Cached(ExchangeId),
}

/// Where a request comes from, and goes to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whence {
    pub(super) agent: Key,
    pub(super) page: Key,
    pub(super) server: Key,
    pub(super) page_and_server: Key,
}

/// The indexes by which the exchanges of a story find each other. Each holds a bounded number of
/// entries; the oldest go first.
#[derive(Debug, Default)]
pub(super) struct Stories {
    hasher: RandomState,
    preflights: Recent<Key, Vec<Asked>, MOST>,
    redirects: Recent<Key, ExchangeId, MOST>,
    unanswered: Recent<Key, (ExchangeId, Moment), MOST>,
}

impl Stories {
    /// Remembers a preflight.
    pub(super) fn asked(&mut self, id: ExchangeId, request: &Request) {
        let key = self.key(request, &request.url);
        let mut all = self.preflights.remove(key).unwrap_or_default();
        if all.len() >= MOST_PREFLIGHTS {
            all.remove(0);
        }
        all.push(Asked { id, used: false });
        self.preflights.insert(key, all);
    }

    /// Finds the preflight of a request: the earliest that `was_asked` for it and that no request
    /// has followed yet, else the latest that still `holds`.
    pub(super) fn preflight_of(
        &mut self,
        request: &Request,
        was_asked: impl Fn(ExchangeId) -> bool,
        holds: impl Fn(ExchangeId) -> bool,
    ) -> Option<Found> {
        let key = self.key(request, &request.url);
        let all = self.preflights.get_mut(key)?;
        let fresh = all
            .iter_mut()
            .find(|asked| !asked.used && was_asked(asked.id));
        if let Some(fresh) = fresh {
            fresh.used = true;
            return Some(Found::Sent(fresh.id));
        }
        let cached = all.iter().rev().find(|asked| holds(asked.id))?;
        Some(Found::Cached(cached.id))
    }

    /// Remembers that a response leads to `target`.
    pub(super) fn redirects_to(&mut self, id: ExchangeId, request: &Request, target: &RequestUrl) {
        let key = self.key(request, Some(target));
        self.redirects.insert(key, id);
    }

    /// Finds the redirect that led to this request; only one request follows from it, whose
    /// preflight may come first.
    pub(super) fn redirect_to(
        &mut self,
        request: &Request,
        is_preflight: bool,
    ) -> Option<ExchangeId> {
        if self.redirects.is_empty() {
            return None;
        }
        let key = self.key(request, request.url.web());
        if is_preflight {
            self.redirects.get(key).copied()
        } else {
            self.redirects.remove(key)
        }
    }

    /// Remembers a request that was not answered, or a repeat of one.
    pub(super) fn not_answered(&mut self, first: ExchangeId, at: Moment, request: &Request) {
        let key = self.key(request, (&request.url, &request.method));
        self.unanswered.insert(key, (first, at));
    }

    /// Finds the first of the unanswered requests that this one repeats.
    pub(super) fn repeats(&mut self, at: Moment, request: &Request) -> Option<ExchangeId> {
        if self.unanswered.is_empty() {
            return None;
        }
        let key = self.key(request, (&request.url, &request.method));
        let (first, ended) = self.unanswered.remove(key)?;
        (at.since(ended) <= REPEATS_WITHIN).then_some(first)
    }

    /// The browser that makes a request, the page in it, and that page with the server it asks;
    /// nothing where the page is not told. A document is its own page.
    pub(super) fn whence(&self, request: &Request, is_document: bool) -> Option<Whence> {
        let own;
        let page = if is_document {
            own = request.url.origin();
            own.as_bytes()
        } else {
            page(request)?
        };
        let agent = self.agent(request);
        let page = self.of_agent(agent, page);
        let server = self.of_agent(agent, server(request));
        Some(Whence {
            agent,
            page,
            server,
            page_and_server: Key(self.hasher.hash_one((page, server))),
        })
    }

    /// The page that a document is.
    pub(super) fn own_page(&self, request: &Request) -> Key {
        self.key(request, request.url.origin().as_bytes())
    }

    /// The server that a browser asks.
    pub(super) fn server(&self, request: &Request) -> Key {
        self.key(request, server(request))
    }

    /// What a browser has seen with this in common.
    fn key(&self, request: &Request, what: impl Hash) -> Key {
        self.of_agent(self.agent(request), what)
    }

    fn agent(&self, request: &Request) -> Key {
        let agent = request.headers.first("user-agent").unwrap_or_default();
        Key(self.hasher.hash_one(agent))
    }

    fn of_agent(&self, agent: Key, what: impl Hash) -> Key {
        Key(self.hasher.hash_one((agent, what)))
    }
}

/// What a request is sent to.
fn server(request: &Request) -> impl Hash {
    (request.url.scheme(), request.url.authority())
}

/// The origin of the page that makes a request.
fn page(request: &Request) -> Option<&[u8]> {
    if let Some(referer) = request.headers.first("referer") {
        return Some(origin_part(referer));
    }
    request
        .headers
        .first("origin")
        .filter(|origin| *origin != b"null")
}

/// What comes before the path of a URL.
fn origin_part(url: &[u8]) -> &[u8] {
    match memchr::memchr_iter(b'/', url).nth(2) {
        Some(end) => url.get(..end).unwrap_or(url),
        None => url,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::AskedUrl;

    fn request(lines: &[(&str, &str)]) -> Request {
        Request {
            method: "GET".to_owned(),
            url: AskedUrl::parse("https://api.test/a").expect("valid"),
            headers: lines.iter().copied().collect(),
        }
    }

    #[test]
    fn the_page_is_told_by_referer_or_origin() {
        let told = |lines: &[(&str, &str)]| page(&request(lines)).map(<[u8]>::to_vec);
        let app = Some(b"https://app.test".to_vec());
        assert_eq!(told(&[("Referer", "https://app.test/a?b=/c")]), app);
        assert_eq!(told(&[("Referer", "https://app.test")]), app);
        assert_eq!(told(&[("Origin", "https://app.test")]), app);
        assert_eq!(told(&[("Origin", "null")]), None);
    }

    #[test]
    fn a_repeat_comes_soon() {
        let at = |seconds: i64| Moment::from_micros(seconds * 1_000_000);
        let mut stories = Stories::default();
        stories.not_answered(ExchangeId(1), at(0), &request(&[]));
        assert_eq!(stories.repeats(at(1), &request(&[])), Some(ExchangeId(1)));
        stories.not_answered(ExchangeId(1), at(1), &request(&[]));
        assert_eq!(stories.repeats(at(60), &request(&[])), None);
    }
}
