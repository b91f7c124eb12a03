//! What an exchange's own bytes do not tell, and others do: the policy of its page, the answer a
//! cache has kept, the cookies of its host. Everything is bounded; the oldest is forgotten first.

mod cookies;
mod stored;

use std::hash::BuildHasher;

use foldhash::quality::RandomState;

use crate::exchange::{ExchangeId, Request, Response};

use self::cookies::Cookies;
use self::stored::Cache;
pub use self::stored::Revalidated;
use super::classify::{Profile, Site};
use super::embedder::{Documents, Embedder};
use super::names::is_safelisted_method;
use super::preflight::Preflight;
use super::recent::Recent;
use super::{Destination, Kind, loading, redirect, resource_policy};

/// How many refused preflights are remembered.
const MOST_REFUSED: usize = 256;

/// What is known of an exchange from others.
#[derive(Clone, Debug, Default)]
pub struct Around {
    /// The policy of the page it belongs to.
    pub(super) embedder: Option<Embedder>,
    /// For a 304: the stored answer, with the fields of this one.
    pub(super) revalidated: Option<Box<Revalidated>>,
    /// The latest preflight for it, if that was refused.
    pub(super) refused: Option<ExchangeId>,
    /// Whether it is an `EventSource`'s.
    pub(super) is_event_source: bool,
    /// Where a cookie was set that does not go with it.
    pub(super) unsent_cookie: Option<ExchangeId>,
    /// Where a cookie was set that guards against forged requests.
    pub(super) csrf_cookie: Option<ExchangeId>,
}

/// The same client, URL and method, hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key(u64);

/// Remembers what other exchanges may need.
#[derive(Debug, Default)]
pub(super) struct Surroundings {
    hasher: RandomState,
    documents: Documents,
    cache: Cache,
    cookies: Cookies,
    refused: Recent<Key, ExchangeId, MOST_REFUSED>,
}

impl Surroundings {
    /// Takes note of an answer, and tells what is known of the exchange from earlier ones.
    pub(super) fn answered(
        &mut self,
        id: ExchangeId,
        profile: Profile,
        redirects: u8,
        request: &Request,
        answer: &Response,
    ) -> Around {
        let mut around = Around::default();
        match profile.kind {
            Kind::Navigation => {
                if is_frame(profile.destination) {
                    around.embedder = self.documents.page_of(request);
                }
                self.note_document(id, request, answer);
            }
            Kind::SameOrigin if is_worker(profile.destination) => {
                around.embedder = self.documents.page_of(request);
                self.note_document(id, request, answer);
            }
            Kind::NoCors => {
                around.embedder = self.documents.page_of(request);
                around.revalidated = self.cache.answered(id, request, answer);
            }
            Kind::CrossOrigin => {
                around.revalidated = self.cache.answered(id, request, answer);
                around.is_event_source = loading::is_event_source(request);
                around.refused = self.refused_preflight(request);
                self.suspect_cookies(&mut around, profile, redirects, request, answer);
            }
            Kind::SameOrigin => around.is_event_source = loading::is_event_source(request),
            Kind::Preflight | Kind::Websocket | Kind::NotBrowser => {}
        }
        self.cookies.note(id, profile.engine, request, answer);
        around
    }

    /// Whether a load that asks for none may be without credentials, because its page is embedded so.
    pub(super) fn may_be_credentialless(&self, request: &Request) -> bool {
        self.documents.may_be_credentialless(request)
    }

    /// What is known of a request that gets no answer.
    pub(super) fn not_answered(&self, request: &Request) -> Around {
        Around {
            embedder: self.documents.page_of(request),
            ..Around::default()
        }
    }

    /// Takes note of what the browser has to make of the answer to a preflight.
    pub(super) fn preflight_answered(
        &mut self,
        id: ExchangeId,
        request: &Request,
        may_be_accepted: bool,
    ) {
        if may_be_accepted && self.refused.is_empty() {
            return;
        }
        let Some(preflight) = Preflight::of(&request.headers) else {
            return;
        };
        let key = self.key(request, &String::from_utf8_lossy(preflight.method));
        if may_be_accepted {
            self.refused.remove(key);
        } else {
            self.refused.insert(key, id);
        }
    }

    fn refused_preflight(&self, request: &Request) -> Option<ExchangeId> {
        if self.refused.is_empty() {
            return None;
        }
        self.refused
            .get(self.key(request, &request.method))
            .copied()
    }

    fn note_document(&mut self, id: ExchangeId, request: &Request, answer: &Response) {
        // A 304 has the policy of the stored document, which was seen or is not known.
        if answer.status != 304 && redirect::location(answer).is_none() {
            self.documents.note(id, request, answer);
        }
    }

    /// Cookies that were set and are not sent, where the server refuses for want of one.
    fn suspect_cookies(
        &self,
        around: &mut Around,
        profile: Profile,
        redirects: u8,
        request: &Request,
        answer: &Response,
    ) {
        if !matches!(answer.status, 401 | 403 | 419) {
            return;
        }
        let has_any = request.headers.contains("cookie");
        let is_cross_site =
            || resource_policy::relation(profile, request, redirects) == Some(Site::CrossSite);
        if !has_any && !request.headers.contains("authorization") && is_cross_site() {
            around.unsent_cookie = self.cookies.withheld(request);
        }
        let may_be_forged = request.method == "POST" || !is_safelisted_method(&request.method);
        if answer.status != 401 && may_be_forged {
            around.csrf_cookie = self.cookies.csrf(request);
        }
    }

    fn key(&self, request: &Request, method: &str) -> Key {
        let agent = request.headers.first("user-agent").unwrap_or_default();
        let origin = request.headers.first("origin").unwrap_or_default();
        Key(self.hasher.hash_one((agent, origin, &request.url, method)))
    }
}

pub(super) fn is_frame(destination: Option<Destination>) -> bool {
    matches!(destination, Some(Destination::Iframe | Destination::Frame))
}

/// Whether a document is for a part of another one: a frame, or what may become one.
pub(super) fn is_nested(destination: Option<Destination>) -> bool {
    is_frame(destination) || matches!(destination, Some(Destination::Embed | Destination::Object))
}

pub(in crate::cors) fn is_worker(destination: Option<Destination>) -> bool {
    matches!(
        destination,
        Some(Destination::Worker | Destination::Sharedworker)
    )
}
