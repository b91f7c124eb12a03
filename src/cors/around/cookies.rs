//! Cookies that hosts set, as far as it is told by their attributes whether they go with requests
//! from other sites. Values are not looked at.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;

use crate::cors::Engine;
use crate::cors::recent::Recent;
use crate::exchange::{ExchangeId, Request, Response};
use crate::wire::trim_ows;

/// How many hosts' cookies are remembered.
const MOST: usize = 1024;

/// The same client and host, hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key(u64);

/// What a host has set.
#[derive(Clone, Copy, Debug, Default)]
struct Set {
    withheld: Option<ExchangeId>,
    csrf: Option<ExchangeId>,
    /// Whether one of its cookies does go with requests from other sites.
    goes_along: bool,
}

/// The cookies of late, by client and host.
#[derive(Debug, Default)]
pub(super) struct Cookies {
    hasher: RandomState,
    of_hosts: Recent<Key, Set, MOST>,
}

impl Cookies {
    /// Takes note of the cookies an answer sets.
    pub(super) fn note(
        &mut self,
        id: ExchangeId,
        engine: Option<Engine>,
        request: &Request,
        answer: &Response,
    ) {
        let Some(engine) = engine else { return };
        if !answer.headers.contains("set-cookie") {
            return;
        }
        let key = self.key(request);
        let mut set = self.of_hosts.get(key).copied().unwrap_or_default();
        for cookie in answer.headers.all("set-cookie") {
            set.note(id, engine, cookie);
        }
        self.of_hosts.insert(key, set);
    }

    /// Where this host set the cookies that do not go with requests from other sites, if it has
    /// set no other.
    pub(super) fn withheld(&self, request: &Request) -> Option<ExchangeId> {
        let set = self.of_hosts.get(self.key(request))?;
        set.withheld.filter(|_| !set.goes_along)
    }

    /// Where this host set a cookie that guards against forged requests.
    pub(super) fn csrf(&self, request: &Request) -> Option<ExchangeId> {
        self.of_hosts.get(self.key(request))?.csrf
    }

    fn key(&self, request: &Request) -> Key {
        let agent = request.headers.first("user-agent").unwrap_or_default();
        Key(self.hasher.hash_one((agent, request.url.host())))
    }
}

impl Set {
    fn note(&mut self, id: ExchangeId, engine: Engine, cookie: &[u8]) {
        let mut parts = cookie.split(|&octet| octet == b';').map(trim_ows);
        let name = parts.next().unwrap_or_default();
        let name = name.split(|&octet| octet == b'=').next();
        if name.is_some_and(is_csrf) {
            self.csrf = Some(id);
        }
        let (mut same_site, mut is_secure): (Option<&[u8]>, _) = (None, false);
        for part in parts {
            let mut pair = part.splitn(2, |&octet| octet == b'=').map(trim_ows);
            match pair.next() {
                Some(name) if name.eq_ignore_ascii_case(b"samesite") => same_site = pair.next(),
                Some(name) if name.eq_ignore_ascii_case(b"secure") => is_secure = true,
                Some(name) if name.eq_ignore_ascii_case(b"max-age") && is_over(pair.next()) => {
                    return;
                }
                Some(_) | None => {}
            }
        }
        if goes_along(engine, same_site, is_secure) {
            self.goes_along = true;
        } else {
            self.withheld = Some(id);
        }
    }
}

/// Whether a cookie goes with a request that a page of another site makes. Without an attribute
/// Chromium takes it for `Lax`.
fn goes_along(engine: Engine, same_site: Option<&[u8]>, is_secure: bool) -> bool {
    let is = |value: &[u8]| same_site.is_some_and(|other| other.eq_ignore_ascii_case(value));
    if is(b"lax") || is(b"strict") {
        return false;
    }
    match engine {
        Engine::Chromium => is(b"none") && is_secure,
        Engine::Firefox | Engine::Webkit => true,
    }
}

fn is_over(max_age: Option<&[u8]>) -> bool {
    max_age.is_some_and(|age| age == b"0" || age.starts_with(b"-"))
}

/// Whether a name is one that frameworks give to the token against forged requests.
fn is_csrf(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    ["csrf", "xsrf"]
        .iter()
        .any(|part| memchr::memmem::find(&name, part.as_bytes()).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::AskedUrl;

    fn withheld(engine: Engine, cookies: &[&str]) -> bool {
        let request = Request {
            method: "POST".to_owned(),
            url: AskedUrl::parse("https://api.test/login").expect("valid"),
            headers: [("User-Agent", "x")].into_iter().collect(),
        };
        let answer = Response {
            status: 200,
            headers: cookies
                .iter()
                .map(|cookie| ("Set-Cookie", cookie))
                .collect(),
        };
        let mut jar = Cookies::default();
        jar.note(ExchangeId(1), Some(engine), &request, &answer);
        jar.withheld(&request).is_some()
    }

    #[test]
    fn attributes_tell_whether_a_cookie_goes_with_requests_from_other_sites() {
        for (cookie, in_chromium, in_firefox) in [
            ("a=b; SameSite=Lax", true, true),
            ("a=b; samesite = strict; Secure", true, true),
            ("a=b; SameSite=None; Secure", false, false),
            ("a=b; SameSite=None", true, false),
            ("a=b; Path=/", true, false),
            ("a=; SameSite=Lax; Max-Age=0", false, false),
        ] {
            assert_eq!(
                withheld(Engine::Chromium, &[cookie]),
                in_chromium,
                "{cookie}"
            );
            assert_eq!(withheld(Engine::Firefox, &[cookie]), in_firefox, "{cookie}");
        }
        let both = ["a=b; SameSite=Lax", "c=d; SameSite=None; Secure"];
        assert!(!withheld(Engine::Chromium, &both));
    }
}
