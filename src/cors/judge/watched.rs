//! An exchange under watch, and what can be said of it by itself.

use std::sync::Arc;
use std::time::Duration;

use crate::exchange::{
    ConnectionId, Content, Ending, ExchangeId, Moment, Protocol, Request, RequestUrl, Response,
    Rewrite,
};

use super::super::around::Around;
use super::super::cache::{self, Entry};
use super::super::classify::{Destination, Kind, Profile};
use super::super::credentials::{Credentials, CredentialsMode};
use super::super::media_type::MediaType;
use super::super::opinion::Situation;
use super::super::opinions::{Both, Opinions};
use super::super::preflight::Preflight;
use super::super::verdict::{Confirmed, ConfirmedBy, Links, Outcome, Verdict};
use super::super::{Engine, content, lookalike, redirect};
use super::PATIENCE;
use super::modes::Standing;
use super::said::Told;

/// How much later than here a browser may have stored an answer.
const LATENCY: Duration = Duration::from_secs(1);

/// An exchange under watch.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) connection: ConnectionId,
    pub(super) protocol: Protocol,
    pub(super) request: Arc<Request>,
    pub(super) profile: Profile,
    pub(super) started: Moment,
    pub(super) response: Option<Arc<Response>>,
    /// What its content is, where that was looked at.
    pub(super) content: Option<Content>,
    /// What a rule made of the response: what the browser acts on.
    pub(super) rewrite: Option<Arc<Rewrite>>,
    pub(super) answered: Option<Moment>,
    pub(super) ending: Ending,
    pub(super) ended: Option<Moment>,
    pub(super) standing: Standing,
    /// What it seems to be made with, as long as its standing is not known.
    pub(super) presumed: Option<Credentials>,
    pub(super) retry_of: Option<ExchangeId>,
    pub(super) links: Links,
    pub(super) redirects: u8,
    pub(super) is_left: bool,
    pub(super) around: Around,
    pub(super) confirmed_by: Option<ConfirmedBy>,
    /// What engines make of its answer, where that has a precedent, or where it is a preflight: each
    /// request after it asks for that.
    pub(super) settled: Option<Arc<Opinions>>,
    /// What the browser itself has said of it.
    pub(super) told: Option<Box<Told>>,
}

impl Watched {
    /// Takes note of its answer.
    pub(super) fn answered(&mut self, at: Moment, response: &Arc<Response>) {
        self.response = Some(Arc::clone(response));
        self.answered = Some(at);
    }

    /// Takes note of its end.
    pub(super) fn ended(&mut self, at: Moment, ending: Ending) {
        self.ending = ending;
        self.ended = Some(at);
        // A complete answer comes to what its head came to.
        if ending != Ending::Complete {
            self.settle(None);
        }
    }

    /// What is made of an answer is found out once where nothing that comes later changes it: where
    /// there is a precedent, and of preflights, of which head and ending alone decide.
    pub(super) fn settle(&mut self, precedent: Option<Arc<Opinions>>) {
        let is_preflight = self.profile.kind == Kind::Preflight && self.response.is_some();
        let own = || is_preflight.then(|| Arc::new(Opinions::of(&self.situation())));
        self.settled = precedent.or_else(own);
    }

    pub(super) fn situation(&self) -> Situation<'_> {
        Situation {
            profile: self.profile,
            protocol: self.protocol,
            request: &self.request,
            response: self.response.as_deref(),
            content: self.content,
            ending: self.ending_of_sent(),
            redirects: self.redirects,
            is_left: self.is_left && self.links.redirected_to.is_none(),
            around: &self.around,
        }
    }

    /// How much memory its heads take, in octets.
    pub(super) fn weight(&self) -> usize {
        let response = self.response.as_ref();
        let rewrite = self.rewrite.as_ref();
        self.request.weight()
            + response.map_or(0, |response| response.headers.weight())
            + rewrite.map_or(0, |rewrite| rewrite.weight())
    }

    /// The engine whose verdict this is.
    pub(super) fn engine(&self) -> Engine {
        self.profile.engine.unwrap_or(Engine::Chromium)
    }

    /// What is known of its credentials mode.
    pub(super) fn credentials(&self) -> Credentials {
        match self.standing {
            Standing::Known(credentials) => credentials,
            Standing::Free | Standing::Tied(_) => self.presumed.unwrap_or_default(),
        }
    }

    /// Whether its part in the CORS protocol depends on a credentials mode.
    pub(super) fn is_cors(&self) -> bool {
        matches!(self.profile.kind, Kind::CrossOrigin | Kind::Preflight)
    }

    /// The outcome of what its engine makes of it, without credentials and with them.
    fn outcomes(&self) -> (Outcome, Outcome) {
        let engine = self.engine();
        if self.rewrite.is_some() {
            return self.with_delivered(|situation| Both::of(engine, situation).outcomes());
        }
        match &self.settled {
            Some(opinions) => opinions.get(engine).outcomes(),
            None => Both::of(engine, &self.situation()).outcomes(),
        }
    }

    /// The only credentials mode in which its engine comes to that outcome. What turns away from an answer may
    /// do so because the load fails as well.
    pub(super) fn mode_of(&self, outcome: Outcome) -> Option<CredentialsMode> {
        let (omitted, included) = self.outcomes();
        match (comes_to(outcome, included), comes_to(outcome, omitted)) {
            (true, false) => Some(CredentialsMode::Include),
            (false, true) => Some(CredentialsMode::Omit),
            (true, true) | (false, false) => None,
        }
    }

    /// Whether a redirect of it would be followed within sight, if at all: to the server it comes
    /// from. What a script asks for need not follow redirects; elements do.
    pub(super) fn is_to_be_followed(&self, target: &RequestUrl) -> bool {
        let is_scripts = self.profile.destination == Some(Destination::Empty)
            && matches!(self.profile.kind, Kind::CrossOrigin | Kind::SameOrigin);
        is_scripts
            && Some(target.scheme) == self.request.url.scheme()
            && Some(&target.authority) == self.request.url.authority()
    }

    /// Whether its engine accepts this answer in any mode.
    pub(super) fn may_be_accepted(&self) -> bool {
        let (omitted, included) = self.outcomes();
        omitted == Outcome::Allowed || included == Outcome::Allowed
    }

    /// Whether this preflight asked for a request of that kind a moment ago, and was accepted.
    pub(super) fn was_asked_for(&self, request: &Request, names: &[&[u8]], now: Moment) -> bool {
        let is_recent = self.answered.is_some_and(|at| now.since(at) <= PATIENCE);
        let is_for = |asked: Preflight<'_>| asked.is_for(&request.method, names);
        is_recent
            && Preflight::of(&self.request.headers).is_some_and(is_for)
            && self.is_from_origin_of(request)
            && self.may_be_accepted()
    }

    /// Whether this preflight's answer spares a request of that kind one of its own.
    pub(super) fn holds_for(&self, request: &Request, names: &[&[u8]], now: Moment) -> bool {
        let (Some(answer), Some(at), Some(asked)) = (
            self.delivered(),
            self.answered,
            Preflight::of(&self.request.headers),
        ) else {
            return false;
        };
        let engine = self.engine();
        let entry = Entry {
            asked,
            answer: &answer.headers,
            credentials: self.credentials().mode,
        };
        let age = cache::max_age(engine, &answer.headers);
        !age.is_zero()
            && now.since(at) <= age + LATENCY
            && entry.covers(engine, &request.method, names)
            && self.is_from_origin_of(request)
            && self.may_be_accepted()
    }

    /// Whether the page is the same. An origin that a redirect made `null` may have been asked for
    /// under its name (Firefox does so).
    fn is_from_origin_of(&self, request: &Request) -> bool {
        let origin = request.headers.first("origin").unwrap_or_default();
        origin == b"null" || self.request.headers.first("origin") == Some(origin)
    }

    /// Whether WebKit tells by the connection what it makes of this answer: it closes it at once
    /// when it blocks one with content, and keeps it when it takes it (measured; scripts and players close
    /// connections too, and a 401 is asked again).
    pub(super) fn is_told_by_connection(&self) -> bool {
        let (Some(response), Some(Engine::Webkit)) = (self.delivered(), self.profile.engine) else {
            return false;
        };
        let is_streamed = matches!(
            self.profile.destination,
            Some(Destination::Audio | Destination::Video)
        ) || self.request.headers.first("accept") == Some(b"text/event-stream");
        self.profile.kind == Kind::CrossOrigin
            && self.protocol != Protocol::Http2
            && has_content(&self.request, response)
            && response.status != 401
            && redirect::location(response).is_none()
            && !is_streamed
            && self.is_up_to_cors()
    }

    /// Whether the connection of this preflight is idle by the time that its request is sent. Chromium does not
    /// wait for content, which keeps it busy (measured).
    pub(super) fn leaves_its_connection_at_once(&self) -> bool {
        let has_content = |answer: &Response| has_content(&self.request, answer);
        self.profile.engine != Some(Engine::Chromium) || !self.delivered().is_some_and(has_content)
    }

    /// Whether it may be for its content that a browser does not want it: nobody knows what that is, and what
    /// asked for it can use some content only.
    pub(super) fn may_fail_by_content(&self) -> bool {
        let uses_some = self.profile.destination.is_some_and(|destination| {
            matches!(
                destination,
                Destination::Audio | Destination::Font | Destination::Image | Destination::Video
            )
        });
        let presumed =
            |answer: &Response| content::presumed(MediaType::of(&answer.headers)?, &self.request);
        uses_some && self.content.is_none() && self.delivered().and_then(presumed).is_none()
    }

    /// Whether CORS alone decides in WebKit: it closes the connection as well where a load fails for its
    /// status, or for its content.
    fn is_up_to_cors(&self) -> bool {
        let (omitted, included) = self.outcomes();
        let is_of_cors = |outcome| matches!(outcome, Outcome::Allowed | Outcome::Blocked);
        is_of_cors(omitted) && is_of_cors(included)
    }

    pub(super) fn verdict(&self, id: ExchangeId) -> Verdict {
        let situation = self.situation();
        let (engine, credentials) = (self.engine(), self.credentials());
        let mut verdict = match &self.settled {
            Some(opinions) => situation.verdict_by(opinions, id, engine, credentials),
            None => situation.verdict(id, engine, credentials),
        };
        let because = self.links.preflight_because;
        let not_enforced = lookalike::not_enforced(&situation, id, because);
        verdict.not_cors.extend(not_enforced);
        self.judge_unsent(id, &mut verdict);
        if self.rewrite.is_none() {
            verdict.confirmed = self.confirmed(&verdict);
        } else if self.response.is_none() {
            verdict.is_not_asked();
        }
        verdict
    }

    /// What the browser made of what it got, beside the verdict on that: its own word, or else what
    /// it did.
    pub(super) fn confirmed(&self, verdict: &Verdict) -> Option<Confirmed> {
        let answer = &verdict.answer;
        let told = self.told.as_ref().and_then(|told| told.confirms(answer));
        told.or_else(|| {
            let by = self.confirmed_by?;
            Some(Confirmed {
                by,
                agrees: by
                    .outcome()
                    .is_some_and(|seen| comes_to(seen, answer.outcome)),
                code: None,
                parameter: None,
            })
        })
    }
}

/// Whether a browser that was seen to take an answer, or not to, comes to that outcome.
fn comes_to(seen: Outcome, outcome: Outcome) -> bool {
    outcome == seen || seen == Outcome::Blocked && outcome == Outcome::Failed
}

/// Whether an answer has content (RFC 9112 section 6.3), as far as its head tells.
fn has_content(request: &Request, response: &Response) -> bool {
    request.method != "HEAD"
        && !matches!(response.status, 204 | 205 | 304)
        && response.headers.first("content-length") != Some(b"0")
}
