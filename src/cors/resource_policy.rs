//! [Cross-Origin-Resource-Policy](https://fetch.spec.whatwg.org/#cross-origin-resource-policy-header):
//! whom a server lets load its answers without CORS.

use crate::exchange::{Request, RequestUrl, Scheme};
use crate::wire::headers::HeaderList;
use crate::wire::target::Host;

use super::Engine;
use super::classify::{Profile, Site};
use super::embedder::Policy;

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ResourcePolicy {
    SameOrigin,
    SameSite,
    CrossOrigin,
}

impl ResourcePolicy {
    /// "If policy is neither `same-origin`, `same-site`, nor `cross-origin`, then set policy to
    /// null": values are compared letter by letter, and two lines are no value.
    fn of(headers: &HeaderList) -> Option<Self> {
        match headers.combined("cross-origin-resource-policy")?.as_ref() {
            b"same-origin" => Some(Self::SameOrigin),
            b"same-site" => Some(Self::SameSite),
            b"cross-origin" => Some(Self::CrossOrigin),
            _ => None,
        }
    }
}

/// Why an answer is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Forbids {
    /// It is for its own origin only.
    OtherOrigins,
    /// It is for its own site only.
    OtherSites,
    /// It says nothing, and the page takes only what is for it
    /// ([embedder policy](https://html.spec.whatwg.org/#coep)).
    Unasked,
}

/// Whether a frame's document is asked for, or a part of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A part of a page, loaded without CORS.
    Part,
    /// The document of a frame.
    Frame,
}

/// The [cross-origin resource policy check](https://fetch.spec.whatwg.org/#cross-origin-resource-policy-check),
/// for a page with this embedder policy; nothing is a pass, or what cannot be known.
pub(super) fn check(
    engine: Engine,
    relation: Option<Site>,
    request: &Request,
    answer: &HeaderList,
    embedder: Policy,
    purpose: Purpose,
) -> Option<Forbids> {
    if purpose == Purpose::Frame && embedder == Policy::UnsafeNone {
        return None;
    }
    let (policy, forbids) = match (ResourcePolicy::of(answer), embedder) {
        (Some(policy), _) => (policy, Forbids::OtherOrigins),
        // Measured: a value that nobody knows is a value to Firefox, and forbids nothing.
        (None, Policy::RequireCorp) if engine == Engine::Firefox && says_something(answer) => {
            return None;
        }
        (None, Policy::RequireCorp) => (ResourcePolicy::SameOrigin, Forbids::Unasked),
        // What is loaded as a part goes out without credentials under this policy.
        (None, Policy::Credentialless) if purpose == Purpose::Frame => {
            (ResourcePolicy::SameOrigin, Forbids::Unasked)
        }
        (None, Policy::Credentialless | Policy::UnsafeNone) => return None,
    };
    match (policy, relation?) {
        (ResourcePolicy::CrossOrigin, _)
        | (_, Site::SameOrigin | Site::None)
        | (ResourcePolicy::SameSite, Site::SameSite) => None,
        (ResourcePolicy::SameOrigin, Site::SameSite | Site::CrossSite) => Some(forbids),
        (ResourcePolicy::SameSite, Site::CrossSite) => {
            differs_in_more_than_scheme(request).then_some(Forbids::OtherSites)
        }
    }
}

fn says_something(answer: &HeaderList) -> bool {
    let mut values = answer.all("cross-origin-resource-policy");
    values.any(|value| !value.is_empty())
}

/// "origin's scheme is `https` or response's URL's scheme is not `https`": a page may be of
/// another scheme than what it loads, if the latter is the less safe one.
fn differs_in_more_than_scheme(request: &Request) -> bool {
    request.url.scheme() == Some(Scheme::Https)
        || page(request).is_none_or(|page| of_hosts(&page, request) == Some(Site::CrossSite))
}

/// How the page and what it asks for are related, where that is certain: fetch metadata tells
/// directly; after a redirect they speak of the whole way, and the page is told by Referer. Two
/// hosts with a common end may be of one site or of two, which a list of public suffixes would
/// tell and nothing else does.
pub(super) fn relation(profile: Profile, request: &Request, redirects: u8) -> Option<Site> {
    match profile.site {
        Some(site @ (Site::SameOrigin | Site::SameSite)) => Some(site),
        Some(Site::CrossSite) if redirects == 0 => Some(Site::CrossSite),
        Some(Site::CrossSite | Site::None) | None => {
            let page = page(request)?;
            if page.origin() == request.url.origin() {
                Some(Site::SameOrigin)
            } else {
                of_hosts(&page, request)
            }
        }
    }
}

/// Whether what is asked for is certainly of another origin than the page.
pub(super) fn is_of_other_origin(profile: Profile, request: &Request, redirects: u8) -> bool {
    match profile.site {
        Some(Site::SameOrigin) => false,
        Some(Site::SameSite) => true,
        Some(Site::CrossSite) if redirects == 0 => true,
        Some(Site::CrossSite | Site::None) | None => {
            page(request).is_some_and(|page| page.origin() != request.url.origin())
        }
    }
}

/// The page's URL, or only its origin.
pub(super) fn page(request: &Request) -> Option<RequestUrl> {
    let told = request
        .headers
        .first("referer")
        .or_else(|| request.headers.first("origin"))?;
    RequestUrl::parse(std::str::from_utf8(told).ok()?)
}

/// How two hosts of different origins are related, if schemes are left out of it.
fn of_hosts(page: &RequestUrl, request: &Request) -> Option<Site> {
    let (page, target) = (&page.authority.host, request.url.host()?);
    if page == target {
        return Some(Site::SameSite);
    }
    let (Host::Name(page), Host::Name(target)) = (page, target) else {
        return Some(Site::CrossSite);
    };
    (last_two(page) != last_two(target)).then_some(Site::CrossSite)
}

/// The last two labels: sites have at least these in common.
fn last_two(name: &str) -> &str {
    let mut dots = name.trim_end_matches('.').rmatch_indices('.');
    match dots.nth(1) {
        Some((dot, _)) => name.get(dot + 1..).unwrap_or(name),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cors::{Destination, Kind, classify};
    use crate::exchange::AskedUrl;

    fn request(url: &str, lines: &[(&str, &str)]) -> Request {
        Request {
            method: "GET".to_owned(),
            url: AskedUrl::parse(url).expect("valid"),
            headers: lines.iter().copied().collect(),
        }
    }

    fn profile(site: Option<Site>) -> Profile {
        Profile {
            engine: None,
            kind: Kind::NoCors,
            because: classify::Because::NoOrigin,
            destination: Some(Destination::Image),
            site,
        }
    }

    fn forbids(value: &str, site: Site, embedder: Policy) -> Option<Forbids> {
        let answer = [("Cross-Origin-Resource-Policy", value)];
        let answer = answer.into_iter().filter(|_| !value.is_empty()).collect();
        let request = request("https://b.test/", &[]);
        let by = |engine| {
            check(
                engine,
                Some(site),
                &request,
                &answer,
                embedder,
                Purpose::Part,
            )
        };
        assert_eq!(by(Engine::Chromium), by(Engine::Webkit));
        by(Engine::Chromium)
    }

    #[test]
    fn an_unknown_value_is_none_but_to_firefox() {
        let answer = [("Cross-Origin-Resource-Policy", "foo")]
            .into_iter()
            .collect();
        let request = request("https://b.test/", &[]);
        let by = |engine| {
            let site = Some(Site::CrossSite);
            let policy = Policy::RequireCorp;
            check(engine, site, &request, &answer, policy, Purpose::Part)
        };
        assert_eq!(by(Engine::Chromium), Some(Forbids::Unasked));
        assert_eq!(by(Engine::Firefox), None);
    }

    #[test]
    fn a_policy_shuts_out_other_origins_or_other_sites() {
        let none = Policy::UnsafeNone;
        for (value, site, expected) in [
            ("same-origin", Site::SameSite, Some(Forbids::OtherOrigins)),
            ("same-origin", Site::CrossSite, Some(Forbids::OtherOrigins)),
            ("same-site", Site::SameSite, None),
            ("same-site", Site::CrossSite, Some(Forbids::OtherSites)),
            ("cross-origin", Site::CrossSite, None),
            ("Same-Origin", Site::CrossSite, None),
            ("same-origin, same-origin", Site::CrossSite, None),
            ("", Site::CrossSite, None),
        ] {
            assert_eq!(forbids(value, site, none), expected, "{value}");
        }
    }

    #[test]
    fn a_page_that_requires_a_policy_takes_nothing_without_one() {
        let policy = Policy::RequireCorp;
        assert_eq!(forbids("", Site::SameSite, policy), Some(Forbids::Unasked));
        assert_eq!(forbids("", Site::SameOrigin, policy), None);
        assert_eq!(forbids("cross-origin", Site::CrossSite, policy), None);
        assert_eq!(forbids("", Site::CrossSite, Policy::Credentialless), None);
    }

    #[test]
    fn sites_are_told_apart_only_where_that_is_certain() {
        let told = |page: &str, url: &str| {
            let request = request(url, &[("Referer", page)]);
            relation(profile(None), &request, 0)
        };
        let target = "http://api.example.test/";
        assert_eq!(
            told("http://api.example.test/x", target),
            Some(Site::SameOrigin)
        );
        assert_eq!(
            told("http://api.example.test:81/", target),
            Some(Site::SameSite)
        );
        assert_eq!(told("http://www.example.test/", target), None);
        assert_eq!(told("http://example.test/", target), None);
        assert_eq!(
            told("http://api.other.test/", target),
            Some(Site::CrossSite)
        );
        assert_eq!(told("http://127.0.0.1/", target), Some(Site::CrossSite));
    }

    #[test]
    fn after_a_redirect_the_page_is_told_by_referer() {
        let request = request("https://a.test/x", &[("Referer", "https://a.test/")]);
        let cross_site = profile(Some(Site::CrossSite));
        assert_eq!(relation(cross_site, &request, 0), Some(Site::CrossSite));
        assert_eq!(relation(cross_site, &request, 2), Some(Site::SameOrigin));
        assert!(!is_of_other_origin(cross_site, &request, 2));
    }

    #[test]
    fn a_safer_page_is_of_the_site_of_what_it_loads() {
        let plain = request("http://a.test/", &[("Referer", "https://a.test/")]);
        let answer = [("Cross-Origin-Resource-Policy", "same-site")]
            .into_iter()
            .collect();
        let site = Some(Site::CrossSite);
        let none = Policy::UnsafeNone;
        assert_eq!(
            check(Engine::Chromium, site, &plain, &answer, none, Purpose::Part),
            None
        );
    }
}
