//! Stitching: a redirect and the request it leads to, a preflight and the request it is for.

use crate::exchange::{ExchangeId, Moment, Request};

use super::super::credentials::Because;
use super::super::names::{is_safelisted_method, unsafe_names};
use super::super::verdict::{ConfirmedBy, Outcome, PreflightBecause};
use super::super::{Engine, Kind};
use super::modes::{Node, Tie};
use super::story::Found;
use super::watched::Watched;
use super::window::Window;
use super::{Judge, Links};

/// How many of the requests that follow a preflight are linked from it: a cached one may spare
/// thousands.
const MOST_ACTUAL: usize = 64;

/// What a request follows from.
#[derive(Debug, Default)]
pub(super) struct Before {
    pub(super) links: Links,
    pub(super) redirects: u8,
}

impl Judge {
    /// Finds what a request follows from, before it is watched itself.
    pub(super) fn find_before(
        &mut self,
        id: ExchangeId,
        at: Moment,
        request: &Request,
        kind: Kind,
    ) -> Before {
        let mut before = Before::default();
        self.find_redirect(id, request, kind, &mut before);
        match kind {
            Kind::Preflight => self.stories.asked(id, request),
            Kind::CrossOrigin => self.find_preflight(id, at, request, &mut before.links),
            Kind::SameOrigin
            | Kind::NoCors
            | Kind::Navigation
            | Kind::Websocket
            | Kind::NotBrowser => {}
        }
        before
    }

    /// A request whose URL a redirect has led to continues that story.
    fn find_redirect(
        &mut self,
        id: ExchangeId,
        request: &Request,
        kind: Kind,
        before: &mut Before,
    ) {
        let is_preflight = kind == Kind::Preflight;
        let Some(from) = self.stories.redirect_to(request, is_preflight) else {
            return;
        };
        let Some(hop) = self.watched.get_mut(from.0) else {
            return;
        };
        hop.links.redirected_to = Some(id);
        before.links.redirected_from = Some(from);
        before.redirects = hop.redirects.saturating_add(1);
        self.changed.push(from);
    }

    /// A cross-origin request follows its preflight, or has none.
    fn find_preflight(&mut self, id: ExchangeId, at: Moment, request: &Request, links: &mut Links) {
        let names = unsafe_names(&request.headers);
        let is_needed = !is_safelisted_method(&request.method) || !names.is_empty();
        let watched = &self.watched;
        let found = self.stories.preflight_of(
            request,
            |id| {
                let asked = watched.get(id.0);
                asked.is_some_and(|asked| asked.was_asked_for(request, &names, at))
            },
            |id| {
                let asked = watched.get(id.0);
                asked.is_some_and(|asked| {
                    asked.holds_for(request, &names, at) && !is_given_up(watched, asked)
                })
            },
        );
        let (preflight, because) = match found {
            Some(Found::Sent(preflight)) => (Some(preflight), PreflightBecause::Sent),
            Some(Found::Cached(preflight)) if is_needed => {
                (Some(preflight), PreflightBecause::Cached)
            }
            Some(Found::Cached(_)) | None if !is_needed => (None, PreflightBecause::NotNeeded),
            Some(Found::Cached(_)) | None => (None, PreflightBecause::Missing),
        };
        let is_certain = because != PreflightBecause::Missing || !self.has_gaps;
        links.preflight = preflight;
        links.preflight_because = is_certain.then_some(because);
        let asked = preflight.and_then(|preflight| self.watched.get_mut(preflight.0));
        if let Some(asked) = asked.filter(|asked| asked.links.actual.len() < MOST_ACTUAL) {
            asked.links.actual.push(id);
            asked.confirmed_by = Some(ConfirmedBy::ActualRequest);
            self.changed.extend(preflight);
        }
    }

    /// What a request that is now watched tells of what it follows from, and they of it.
    pub(super) fn relate(&mut self, id: ExchangeId) {
        let Some(watched) = self.watched.get(id.0) else {
            return;
        };
        if !watched.is_cors() {
            return;
        }
        let Links {
            preflight,
            preflight_because,
            redirected_from,
            ..
        } = watched.links;
        if let Some(preflight) = preflight {
            self.learn(preflight, Outcome::Allowed, Because::Followed);
            // A cached answer may have been asked for in another mode.
            if preflight_because == Some(PreflightBecause::Sent) {
                let (asked, actual) = (Node::Exchange(preflight), Node::Exchange(id));
                self.tie(asked, actual, Tie::Same, Because::Preflight);
            }
        }
        if let Some(hop) = redirected_from
            && self.watched.get(hop.0).is_some_and(Watched::is_cors)
        {
            self.learn(hop, Outcome::Allowed, Because::Followed);
            let (hop, next) = (Node::Exchange(hop), Node::Exchange(id));
            self.tie(hop, next, Tie::Same, Because::Redirect);
        }
    }
}

/// Whether the engine has dropped a preflight's answer: Firefox does when the request after it is
/// blocked (measured).
fn is_given_up(watched: &Window<Watched>, asked: &Watched) -> bool {
    let is_blocked = |id: &ExchangeId| {
        let actual = watched.get(id.0);
        actual.is_some_and(|actual| actual.response.is_some() && !actual.may_be_accepted())
    };
    asked.engine() == Engine::Firefox && asked.links.actual.iter().any(is_blocked)
}
