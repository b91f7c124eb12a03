//! The judge: watches what happens, keeps the stories together, and says what browsers make of it.
//!
//! It is told [`Event`]s in order and answers with the exchanges whose judgement may have changed.
//! Live, from a capture and from a HAR file the same events come to the same judgements.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::exchange::{
    ConnectionId, Ending, Event, ExchangeId, Moment, Protocol, Request, Response,
};
use crate::wire::headers::latin1;

use super::classify::Profile;
use super::credentials::{self, Credentials, CredentialsMode};
use super::names::{is_safelisted_method, needs_preflight};
use super::opinion::{Opinion, Situation};
use super::recent::Recent;
use super::redirect;
use super::root::{Roots, Sight, Subject};
use super::story::{Found, Stories};
use super::verdict::{Confirmed, ConfirmedBy, Judgement, Links, PreflightBecause, Verdict};
use super::{Engine, Kind, Outcome, pool::Pool};

/// How many exchanges are watched; what happens to older ones changes their judgement no more.
const MOST_WATCHED: usize = 16 * 1024;
/// How long after a preflight's answer its request is waited for.
pub const PATIENCE: Duration = Duration::from_secs(3);
/// How many connections are watched.
const MOST_CONNECTIONS: usize = 4096;

/// Watches exchanges and judges them. See the [module](self).
#[derive(Debug, Default)]
pub struct Judge {
    watched: Recent<ExchangeId, Watched, MOST_WATCHED>,
    pools: Recent<ConnectionId, Pool, MOST_CONNECTIONS>,
    stories: Stories,
    roots: Roots,
    awaited: VecDeque<(Moment, ExchangeId)>,
    /// Whether exchanges were dropped, so that what was not seen may have been there all the same.
    has_gaps: bool,
}

/// An exchange under watch.
#[derive(Debug)]
struct Watched {
    protocol: Protocol,
    request: Arc<Request>,
    profile: Profile,
    response: Option<Arc<Response>>,
    ending: Ending,
    credentials: Credentials,
    retry_of: Option<ExchangeId>,
    links: Links,
    redirects: u8,
    confirmed_by: Option<ConfirmedBy>,
}

impl Judge {
    /// A judge who has seen nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes note of an event. The judgements of the exchanges that come back may have changed.
    pub fn observe(&mut self, event: &Event) -> Vec<ExchangeId> {
        let mut changed = event
            .at()
            .map(|now| self.time_passes(now))
            .unwrap_or_default();
        changed.extend(self.note(event));
        changed
    }

    /// Takes note that it is `now`: what was waited for has not happened. The judgements of the
    /// exchanges that come back may have changed.
    pub fn time_passes(&mut self, now: Moment) -> Vec<ExchangeId> {
        let mut changed = Vec::new();
        while let Some((_, id)) = self.awaited.pop_front_if(|(until, _)| *until <= now) {
            changed.extend(self.not_followed(id));
        }
        changed
    }

    /// Takes note that nothing more will happen.
    pub fn finish(&mut self) -> Vec<ExchangeId> {
        self.time_passes(Moment::from_micros(i64::MAX))
    }

    /// Whether it waits for something, so that it has to be told the time.
    pub fn is_waiting(&self) -> bool {
        !self.awaited.is_empty()
    }

    fn note(&mut self, event: &Event) -> Vec<ExchangeId> {
        match event {
            Event::Opened {
                id,
                connection,
                protocol,
                request,
                ..
            } => self.opened(*id, *connection, *protocol, request),
            Event::Answered { id, at, sent } => self.answered(*id, *at, sent),
            Event::Ended { id, ending, .. } => self.ended(*id, *ending),
            Event::Dropped { .. } => {
                // What was not seen may have followed any of them.
                self.awaited.clear();
                self.has_gaps = true;
                Vec::new()
            }
            Event::Connected { .. } | Event::Reached { .. } | Event::Closed { .. } => Vec::new(),
        }
    }

    /// The judgement on an exchange as things stand; nothing for one that is not watched.
    pub fn judgement(&self, id: ExchangeId) -> Option<Judgement> {
        let watched = self.watched.get(id)?;
        let origin = watched
            .request
            .headers
            .first("origin")
            .filter(|origin| !origin.is_empty());
        let verdict = watched.verdict(id);
        let subject = Subject {
            id,
            situation: watched.situation(),
            verdict: &verdict,
            links: &watched.links,
        };
        let sight = if self.has_gaps {
            Sight::Gaps
        } else {
            Sight::Whole
        };
        Some(Judgement {
            roots: self.roots.beneath(&subject, sight),
            origin: origin.map(|origin| latin1(origin).into_owned()),
            kind: watched.profile.kind,
            kind_because: watched.profile.because,
            destination: watched.profile.destination,
            retry_of: watched.retry_of,
            links: watched.links.clone(),
            verdict,
        })
    }

    fn opened(
        &mut self,
        id: ExchangeId,
        connection: ConnectionId,
        protocol: Protocol,
        request: &Arc<Request>,
    ) -> Vec<ExchangeId> {
        let profile = Profile::of(request, protocol);
        let mut watched = Watched {
            protocol,
            request: Arc::clone(request),
            profile,
            response: None,
            ending: Ending::InProgress,
            credentials: Credentials::default(),
            retry_of: self.stories.repeats(request),
            links: Links::default(),
            redirects: 0,
            confirmed_by: None,
        };
        let mut changed = vec![id];
        changed.extend(self.link_redirect(id, &mut watched));
        changed.extend(self.link_preflight(id, &mut watched));
        watched.credentials = credentials::of_request(profile, request, watched.redirects > 0);
        self.watched.insert(id, watched);
        changed.extend(self.infer_from_preflight(id));
        changed.extend(self.join_pool(id, connection));
        changed
    }

    /// A request whose URL a redirect has led to continues that story.
    fn link_redirect(&mut self, id: ExchangeId, watched: &mut Watched) -> Option<ExchangeId> {
        let is_preflight = watched.profile.kind == Kind::Preflight;
        let from = self.stories.redirect_to(&watched.request, is_preflight)?;
        let hop = self.watched.get_mut(from)?;
        hop.links.redirected_to = Some(id);
        watched.links.redirected_from = Some(from);
        watched.redirects = hop.redirects.saturating_add(1);
        Some(from)
    }

    /// A cross-origin request follows its preflight, or has none.
    fn link_preflight(&mut self, id: ExchangeId, watched: &mut Watched) -> Option<ExchangeId> {
        match watched.profile.kind {
            Kind::Preflight => {
                self.stories.asked(id, &watched.request);
                return None;
            }
            Kind::CrossOrigin => {}
            Kind::SameOrigin
            | Kind::NoCors
            | Kind::Navigation
            | Kind::Websocket
            | Kind::NotBrowser => {
                return None;
            }
        }
        let unsafe_names = unsafe_header_names(&watched.request);
        let is_needed = !is_safelisted_method(&watched.request.method) || !unsafe_names.is_empty();
        let watches = &self.watched;
        let accepts = |id| watches.get(id).is_some_and(Watched::may_be_accepted);
        let found = self
            .stories
            .preflight_of(&watched.request, &unsafe_names, accepts);
        let (preflight, because) = match found {
            Some(Found::Sent(preflight)) => (Some(preflight), PreflightBecause::Sent),
            Some(Found::Cached(preflight)) if is_needed => {
                (Some(preflight), PreflightBecause::Cached)
            }
            Some(Found::Cached(_)) | None if !is_needed => (None, PreflightBecause::NotNeeded),
            Some(Found::Cached(_)) | None => (None, PreflightBecause::Missing),
        };
        watched.links.preflight = preflight;
        let is_certain = because != PreflightBecause::Missing || !self.has_gaps;
        watched.links.preflight_because = is_certain.then_some(because);
        let asked = self.watched.get_mut(preflight?)?;
        asked.links.actual.push(id);
        asked.confirmed_by = Some(ConfirmedBy::ActualRequest);
        preflight
    }

    /// A browser that goes on after its preflight has accepted the answer. Where that answer
    /// passes in one credentials mode only, it is the request's mode; and the mode of the one is
    /// the mode of the other.
    fn infer_from_preflight(&mut self, id: ExchangeId) -> Option<ExchangeId> {
        let actual = self.watched.get(id)?;
        let preflight = actual.links.preflight?;
        let asked = self.watched.get(preflight)?;
        let accepted = asked
            .accepted_mode()
            .map(|mode| Credentials::known(mode, credentials::Because::PreflightAccepted));
        let told = accepted.unwrap_or(if actual.credentials.mode.is_some() {
            actual.credentials
        } else {
            asked.credentials
        });
        for id in [id, preflight] {
            if let Some(watched) = self.watched.get_mut(id)
                && watched.credentials.mode.is_none()
            {
                watched.credentials = told;
            }
        }
        Some(preflight)
    }

    /// Requests of one connection share its pool, and with it the credentials mode.
    fn join_pool(&mut self, id: ExchangeId, connection: ConnectionId) -> Vec<ExchangeId> {
        let Some(watched) = self.watched.get(id) else {
            return Vec::new();
        };
        if !Pool::is_kept_apart(watched.profile.engine, watched.protocol) {
            return Vec::new();
        }
        if self.pools.get(connection).is_none() {
            self.pools.insert(connection, Pool::default());
        }
        let Some(pool) = self.pools.get_mut(connection) else {
            return Vec::new();
        };
        let told = pool.join(id, watched.profile, watched.credentials);
        let mut changed = Vec::new();
        for (id, credentials) in told {
            if let Some(watched) = self.watched.get_mut(id) {
                watched.credentials = credentials;
                changed.push(id);
                changed.extend(self.infer_from_preflight(id));
            }
        }
        changed
    }

    fn answered(
        &mut self,
        id: ExchangeId,
        at: Moment,
        response: &Arc<Response>,
    ) -> Vec<ExchangeId> {
        let Some(watched) = self.watched.get_mut(id) else {
            return Vec::new();
        };
        watched.response = Some(Arc::clone(response));
        let mut changed = self
            .roots
            .learn(id, at, watched.profile, &watched.request, response);
        if watched.profile.kind == Kind::Preflight {
            if watched.may_be_accepted() && self.awaited.len() < MOST_WATCHED {
                self.awaited.push_back((at.plus(PATIENCE), id));
            }
        } else if let Some(target) = redirect::target(&watched.request.url, response) {
            let target = without_fragment(target);
            self.stories.redirects_to(id, &watched.request, &target);
        }
        changed.push(id);
        changed
    }

    /// A preflight whose answer passes without credentials only, and that no request has followed,
    /// was made for one with credentials.
    fn not_followed(&mut self, id: ExchangeId) -> Option<ExchangeId> {
        let watched = self.watched.get_mut(id)?;
        let is_told = watched.links.actual.is_empty()
            && watched.credentials.mode.is_none()
            && watched.accepted_mode() == Some(CredentialsMode::Omit);
        is_told.then(|| {
            let because = credentials::Because::NotFollowed;
            watched.credentials = Credentials::known(CredentialsMode::Include, because);
            id
        })
    }

    fn ended(&mut self, id: ExchangeId, ending: Ending) -> Vec<ExchangeId> {
        let Some(watched) = self.watched.get_mut(id) else {
            return Vec::new();
        };
        watched.ending = ending;
        let gave_up = matches!(ending, Ending::ResetByClient | Ending::NeverSent);
        if ending.is_without_response() && !gave_up && watched.response.is_none() {
            self.stories
                .not_answered(watched.retry_of.unwrap_or(id), &watched.request);
        }
        vec![id]
    }
}

impl Watched {
    fn situation(&self) -> Situation<'_> {
        Situation {
            profile: self.profile,
            protocol: self.protocol,
            request: &self.request,
            response: self.response.as_deref(),
            ending: self.ending,
            redirects: self.redirects,
        }
    }

    /// The engine whose verdict this is.
    fn engine(&self) -> Engine {
        self.profile.engine.unwrap_or(Engine::Chromium)
    }

    /// Whether its engine accepts this preflight's answer in a credentials mode.
    fn is_accepted(&self, mode: CredentialsMode) -> bool {
        Opinion::of(self.engine(), &self.situation(), mode).outcome() == Outcome::Allowed
    }

    /// Whether its engine accepts this preflight's answer in any mode.
    fn may_be_accepted(&self) -> bool {
        self.is_accepted(CredentialsMode::Omit) || self.is_accepted(CredentialsMode::Include)
    }

    /// The only credentials mode in which its engine accepts this preflight's answer.
    fn accepted_mode(&self) -> Option<CredentialsMode> {
        match (
            self.is_accepted(CredentialsMode::Include),
            self.is_accepted(CredentialsMode::Omit),
        ) {
            (true, false) => Some(CredentialsMode::Include),
            (false, true) => Some(CredentialsMode::Omit),
            (true, true) | (false, false) => None,
        }
    }

    fn verdict(&self, id: ExchangeId) -> Verdict {
        let mut verdict = self
            .situation()
            .verdict(id, self.engine(), self.credentials);
        verdict.confirmed = self.confirmed_by.map(|by| Confirmed {
            by,
            agrees: verdict.answer.outcome == Outcome::Allowed,
            code: None,
            parameter: None,
        });
        verdict
    }
}

/// The names of the headers that a script must have set, in lower case.
fn unsafe_header_names(request: &Request) -> Vec<String> {
    request
        .headers
        .iter()
        .filter(|(name, value)| needs_preflight(name, value))
        .map(|(name, _)| String::from_utf8_lossy(name).to_ascii_lowercase())
        .collect()
}

fn without_fragment(mut url: url::Url) -> String {
    url.set_fragment(None);
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}
