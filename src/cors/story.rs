//! Stories: which exchanges belong together, told by what browsers repeat from one to the next.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use crate::exchange::{ExchangeId, Request};

use super::preflight::Preflight;
use super::recent::Recent;

/// How many entries each index holds.
const MOST: usize = 4096;
/// How many preflights of one URL are remembered: pages ask for few methods and headers.
const MOST_PREFLIGHTS: usize = 8;

/// What two exchanges have in common: the same client, the same URL and the like, hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key(u64);

/// A preflight that an actual request may follow.
#[derive(Clone, Debug)]
struct Asked {
    id: ExchangeId,
    method: String,
    headers: Vec<String>,
    origin: Vec<u8>,
    used: bool,
}

/// The preflight found for an actual request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It was sent for this request.
    Sent(ExchangeId),
    /// It was sent for an earlier one.
    Cached(ExchangeId),
}

/// The indexes by which the exchanges of a story find each other. Each holds a bounded number of
/// entries; the oldest go first.
#[derive(Debug, Default)]
pub struct Stories {
    hasher: RandomState,
    preflights: Recent<Key, Vec<Asked>, MOST>,
    redirects: Recent<Key, ExchangeId, MOST>,
    unanswered: Recent<Key, ExchangeId, MOST>,
}

impl Stories {
    /// Remembers a preflight.
    pub fn asked(&mut self, id: ExchangeId, request: &Request) {
        let Some(preflight) = Preflight::of(&request.headers) else {
            return;
        };
        let asked = Asked {
            id,
            method: String::from_utf8_lossy(preflight.method).into_owned(),
            headers: preflight.header_names().map(lower_case).collect(),
            origin: request.headers.first("origin").unwrap_or_default().to_vec(),
            used: false,
        };
        let key = self.key(request, &request.url.to_string(), "");
        let mut all = self.preflights.remove(key).unwrap_or_default();
        if all.len() >= MOST_PREFLIGHTS {
            all.remove(0);
        }
        all.push(asked);
        self.preflights.insert(key, all);
    }

    /// Finds the preflight of a request whose unsafe header names are `headers`, among those that
    /// asked for its method and headers and that the browser `accepts`: the earliest that no
    /// request has followed yet, else the latest, which still holds. An origin that a redirect
    /// made `null` may have been asked for under its name (Firefox does so).
    pub fn preflight_of(
        &mut self,
        request: &Request,
        headers: &[String],
        accepts: impl Fn(ExchangeId) -> bool,
    ) -> Option<Found> {
        let key = self.key(request, &request.url.to_string(), "");
        let origin = request.headers.first("origin").unwrap_or_default();
        let fits = |asked: &Asked| {
            asked.method == request.method
                && (asked.origin == origin || origin == b"null")
                && headers.iter().all(|name| asked.headers.contains(name))
                && accepts(asked.id)
        };
        let all = self.preflights.get_mut(key)?;
        if let Some(fresh) = all.iter_mut().find(|asked| !asked.used && fits(asked)) {
            fresh.used = true;
            return Some(Found::Sent(fresh.id));
        }
        all.iter()
            .rev()
            .find(|asked| fits(asked))
            .map(|asked| Found::Cached(asked.id))
    }

    /// Remembers that a response leads to `target`.
    pub fn redirects_to(&mut self, id: ExchangeId, request: &Request, target: &str) {
        let key = self.key(request, target, "");
        self.redirects.insert(key, id);
    }

    /// Finds the redirect that led to this request; only one request follows from it, whose
    /// preflight may come first.
    pub fn redirect_to(&mut self, request: &Request, is_preflight: bool) -> Option<ExchangeId> {
        let key = self.key(request, &request.url.to_string(), "");
        if is_preflight {
            self.redirects.get(key).copied()
        } else {
            self.redirects.remove(key)
        }
    }

    /// Remembers a request that was not answered, or a repeat of one.
    pub fn not_answered(&mut self, first: ExchangeId, request: &Request) {
        let key = self.key(request, &request.url.to_string(), &request.method);
        self.unanswered.insert(key, first);
    }

    /// Finds the first of the unanswered requests that this one repeats.
    pub fn repeats(&mut self, request: &Request) -> Option<ExchangeId> {
        let key = self.key(request, &request.url.to_string(), &request.method);
        self.unanswered.remove(key)
    }

    fn key(&self, request: &Request, url: &str, method: &str) -> Key {
        let agent = request.headers.first("user-agent").unwrap_or_default();
        Key(self.hasher.hash_one((agent, url, method)))
    }
}

fn lower_case(name: &[u8]) -> String {
    String::from_utf8_lossy(name).to_ascii_lowercase()
}
