//! [Cross-Origin-Embedder-Policy](https://html.spec.whatwg.org/#coep): what a page lets into
//! itself. It stands on the document's own answer, so documents are remembered.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;

use crate::exchange::{ExchangeId, Request, RequestUrl, Response};
use crate::wire::headers::HeaderList;
use crate::wire::trim_ows;

use super::Engine;
use super::recent::Recent;
use super::resource_policy;

/// How many origins' documents are remembered.
const MOST: usize = 1024;
/// How many documents of one origin.
const MOST_DOCUMENTS: usize = 16;

/// An [embedder policy value](https://html.spec.whatwg.org/#embedder-policy-value).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Policy {
    /// Anything may be embedded.
    #[default]
    UnsafeNone,
    /// What does not ask to be embedded is loaded without credentials.
    Credentialless,
    /// Only what asks to be embedded.
    RequireCorp,
}

impl Policy {
    /// The policy a document's answer sets: a structured field, one item, which has to be a token.
    pub(super) fn of(headers: &HeaderList) -> Self {
        let Some(value) = headers.combined("cross-origin-embedder-policy") else {
            return Self::UnsafeNone;
        };
        let item = value.split(|&octet| octet == b';').next();
        match trim_ows(item.unwrap_or_default()) {
            b"require-corp" => Self::RequireCorp,
            b"credentialless" => Self::Credentialless,
            _ => Self::UnsafeNone,
        }
    }

    /// The policy an engine makes of it: WebKit has no `credentialless`.
    pub(super) fn in_engine(self, engine: Engine) -> Self {
        if engine == Engine::Webkit && self == Self::Credentialless {
            Self::UnsafeNone
        } else {
            self
        }
    }
}

/// The policy of a page, and the exchange that brought the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Embedder {
    /// The policy.
    pub(super) policy: Policy,
    /// Where it stands.
    pub(super) document: ExchangeId,
    /// Whether the page has all it loads asked for over TLS
    /// ([upgrade-insecure-requests](https://w3c.github.io/webappsec-upgrade-insecure-requests/)).
    pub(super) upgrades: bool,
}

impl Embedder {
    fn of(document: ExchangeId, url: &RequestUrl, headers: &HeaderList) -> Self {
        let is_secure = url.is_potentially_trustworthy();
        Self {
            policy: if is_secure {
                Policy::of(headers)
            } else {
                Policy::UnsafeNone
            },
            document,
            upgrades: headers
                .all("content-security-policy")
                .any(|value| memchr::memmem::find(value, b"upgrade-insecure-requests").is_some()),
        }
    }

    fn is_plain(self) -> bool {
        self.policy == Policy::UnsafeNone && !self.upgrades
    }
}

/// The client and the origin of a page, hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key(u64);

/// The documents of late, by the client that has them and their origin.
#[derive(Debug, Default)]
pub(super) struct Documents {
    hasher: RandomState,
    of_origins: Recent<Key, Vec<(u64, Embedder)>, MOST>,
    /// Whether any document has had a policy: most captures have none, and nothing to look up.
    have_policies: bool,
}

impl Documents {
    /// Remembers the answer that brought a document, or a worker's script.
    pub(super) fn note(&mut self, id: ExchangeId, request: &Request, response: &Response) {
        let Some(url) = request.url.web() else {
            return;
        };
        let embedder = Embedder::of(id, url, &response.headers);
        self.have_policies |= !embedder.is_plain();
        let key = self.key(request, url);
        let place = self.hasher.hash_one(&url.path);
        let mut all = self.of_origins.remove(key).unwrap_or_default();
        let before = all.iter().position(|(known, _)| *known == place);
        if let Some(before) = before.or((all.len() >= MOST_DOCUMENTS).then_some(0)) {
            all.remove(before);
        }
        all.push((place, embedder));
        self.of_origins.insert(key, all);
    }

    /// The page that a request comes from: by Referer, where that names a document; else the latest
    /// document of its origin.
    pub(super) fn page_of(&self, request: &Request) -> Option<Embedder> {
        if !self.have_policies {
            return None;
        }
        let page = resource_policy::page(request)?;
        let all = self.of_origins.get(self.key(request, &page))?;
        let place = self.hasher.hash_one(&page.path);
        let named = all.iter().find(|(known, _)| *known == place);
        named.or(all.last()).map(|(_, page)| *page)
    }

    /// Whether the page that a request comes from may have loaded without credentials what asks for none: a
    /// document of its origin is embedded so, and most requests do not name their document.
    pub(super) fn may_be_credentialless(&self, request: &Request) -> bool {
        if !self.have_policies {
            return false;
        }
        let page = resource_policy::page(request);
        let all = page.and_then(|page| self.of_origins.get(self.key(request, &page)));
        let is_credentialless = |(_, page): &(u64, Embedder)| page.policy == Policy::Credentialless;
        // Without a Referer it may be any page's.
        all.is_none_or(|all| all.iter().any(is_credentialless))
    }

    fn key(&self, request: &Request, page: &RequestUrl) -> Key {
        let agent = request.headers.first("user-agent").unwrap_or_default();
        Key(self.hasher.hash_one((agent, page.scheme, &page.authority)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::AskedUrl;

    const COEP: &str = "Cross-Origin-Embedder-Policy";

    fn request(url: &str, referer: &str) -> Request {
        Request {
            method: "GET".to_owned(),
            url: AskedUrl::parse(url).expect("valid"),
            headers: [("Referer", referer)].into_iter().collect(),
        }
    }

    fn answer(value: &str) -> Response {
        Response {
            status: 200,
            headers: [(COEP, value)].into_iter().collect(),
        }
    }

    fn policy(documents: &Documents, referer: &str) -> Option<Policy> {
        let request = request("https://api.test/", referer);
        documents.page_of(&request).map(|page| page.policy)
    }

    #[test]
    fn a_policy_is_one_token_with_or_without_parameters() {
        let of = |value| Policy::of(&answer(value).headers);
        assert_eq!(of("require-corp; report-to=\"x\""), Policy::RequireCorp);
        assert_eq!(of("credentialless"), Policy::Credentialless);
        assert_eq!(of("Require-Corp"), Policy::UnsafeNone);
        assert_eq!(of("require-corp, require-corp"), Policy::UnsafeNone);
    }

    #[test]
    fn a_page_is_found_by_its_url_else_it_is_the_latest_of_its_origin() {
        let mut documents = Documents::default();
        let url = |path| request(&format!("https://app.test{path}"), "");
        documents.note(ExchangeId(1), &url("/a"), &answer("require-corp"));
        let required = Some(Policy::RequireCorp);
        assert_eq!(policy(&documents, "https://app.test/"), required);
        assert_eq!(policy(&documents, "https://other.test/"), None);
        documents.note(ExchangeId(2), &url("/b"), &answer("unsafe-none"));
        assert_eq!(
            policy(&documents, "https://app.test/"),
            Some(Policy::UnsafeNone)
        );
        assert_eq!(policy(&documents, "https://app.test/a"), required);
        assert_eq!(
            policy(&documents, "https://app.test/b"),
            Some(Policy::UnsafeNone)
        );
    }

    #[test]
    fn a_document_loaded_again_has_the_policy_it_has_now() {
        let mut documents = Documents::default();
        let page = request("https://app.test/a", "");
        documents.note(ExchangeId(1), &page, &answer("require-corp"));
        documents.note(ExchangeId(2), &page, &answer("credentialless"));
        assert_eq!(
            policy(&documents, "https://app.test/"),
            Some(Policy::Credentialless)
        );
    }

    #[test]
    fn what_may_be_loaded_without_credentials_is_that_of_an_origin_with_such_a_document() {
        let mut documents = Documents::default();
        let may = |documents: &Documents, referer| {
            documents.may_be_credentialless(&request("https://api.test/", referer))
        };
        assert!(!may(&documents, ""));
        for (id, page, policy) in [
            (1, "https://app.test/a", "credentialless"),
            (2, "https://app.test/b", "unsafe-none"),
            (3, "https://other.test/", "require-corp"),
        ] {
            documents.note(ExchangeId(id), &request(page, ""), &answer(policy));
        }
        assert!(may(&documents, "https://app.test/"));
        assert!(!may(&documents, "https://other.test/"));
        assert!(may(&documents, ""), "whose is it?");
    }

    #[test]
    fn plain_http_has_no_policy() {
        let mut documents = Documents::default();
        let page = request("http://app.test/a", "");
        documents.note(ExchangeId(1), &page, &answer("require-corp"));
        assert_eq!(policy(&documents, "http://app.test/a"), None);
    }
}
