//! The judge: watches what happens, keeps the stories together, and says what browsers make of it.
//!
//! It is told [`Event`]s in order and answers with the exchanges whose judgement may have changed.
//! Live, from a capture and from a HAR file the same events come to the same judgements.

mod agents;
mod anchor;
mod engines;
mod infer;
mod jar;
mod line;
mod modes;
mod rewritten;
mod said;
mod stitch;
mod story;
mod watched;
mod window;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::exchange::{
    ConnectionId, Content, Ending, Event, ExchangeId, Moment, Protocol, Request, Response,
};
use crate::wire::headers::latin1;

use self::agents::Agents;
use self::engines::Engines;
use self::infer::New;
use self::jar::Jar;
use self::line::{Lines, can_go_on};
use self::modes::{Modes, Node, Standing};
use self::stitch::Before;
use self::story::Stories;
use self::watched::Watched;
use self::window::Window;
use super::around::{Around, Surroundings};
use super::classify::Profile;
use super::credentials::{self, Because};
use super::precedents::Precedents;
use super::root::{Roots, Sight, Subject};
use super::verdict::{ConfirmedBy, Judgement, Links};
use super::{Kind, redirect};

/// How many exchanges are watched; what happens to older ones changes their judgement no more.
const MOST_WATCHED: usize = 16 * 1024;
/// How much memory their heads may take, in octets.
const MOST_OCTETS: usize = 64 * 1024 * 1024;
/// How long after a preflight's answer its request is waited for.
pub const PATIENCE: Duration = Duration::from_secs(3);
/// How long after an answer a connection has to last to count as kept.
const KEPT_AFTER: Duration = Duration::from_secs(1);

/// Watches exchanges and judges them. See the [module](self).
#[derive(Debug)]
pub struct Judge {
    watched: Window<Watched>,
    octets: usize,
    lines: Lines,
    stories: Stories,
    surroundings: Surroundings,
    roots: Roots,
    modes: Modes,
    agents: Agents,
    precedents: Precedents,
    engines: Engines,
    jar: Jar,
    /// Preflights and redirects whose request is waited for, and exchanges whose connection may be
    /// closed yet.
    unfollowed: VecDeque<(Moment, ExchangeId)>,
    unclosed: VecDeque<(Moment, ExchangeId)>,
    /// New connections, beside which others may not have been idle.
    unseen: VecDeque<New>,
    /// Whether exchanges were dropped, so that what was not seen may have been there all the same.
    has_gaps: bool,
    has_rewrites: bool,
    changed: Vec<ExchangeId>,
}

impl Default for Judge {
    fn default() -> Self {
        Self::new()
    }
}

impl Judge {
    /// A judge who has seen nothing yet.
    pub fn new() -> Self {
        Self {
            watched: Window::new(MOST_WATCHED),
            octets: 0,
            lines: Lines::default(),
            stories: Stories::default(),
            surroundings: Surroundings::default(),
            roots: Roots::default(),
            modes: Modes::default(),
            agents: Agents::default(),
            precedents: Precedents::default(),
            engines: Engines::default(),
            jar: Jar::default(),
            unfollowed: VecDeque::new(),
            unclosed: VecDeque::new(),
            unseen: VecDeque::new(),
            has_gaps: false,
            has_rewrites: false,
            changed: Vec::new(),
        }
    }

    /// Takes note of an event. The judgements of the exchanges that come back may have changed.
    pub fn observe(&mut self, event: &Event) -> &[ExchangeId] {
        self.changed.clear();
        if let Some(now) = event.at() {
            self.wait_until(now);
        }
        self.note(event);
        &self.changed
    }

    /// Takes note that it is `now`: what was waited for has not happened. The judgements of the
    /// exchanges that come back may have changed.
    pub fn time_passes(&mut self, now: Moment) -> &[ExchangeId] {
        self.changed.clear();
        self.wait_until(now);
        &self.changed
    }

    /// Takes note that nothing more will happen.
    pub fn finish(&mut self) -> &[ExchangeId] {
        self.time_passes(Moment::from_micros(i64::MAX))
    }

    /// Whether it waits for something, so that it has to be told the time.
    pub fn is_waiting(&self) -> bool {
        !self.unfollowed.is_empty() || !self.unclosed.is_empty() || !self.unseen.is_empty()
    }

    /// The judgement on an exchange as things stand; nothing for one that is not watched.
    pub fn judgement(&self, id: ExchangeId) -> Option<Judgement> {
        let watched = self.watched.get(id.0)?;
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
            initiator: watched
                .told
                .as_ref()
                .and_then(|told| told.initiator.clone()),
            links: watched.links.clone(),
            delivered: watched.verdict_on_delivered(id).map(Box::new),
            production: self.production(id),
            verdict,
        })
    }

    fn wait_until(&mut self, now: Moment) {
        while let Some(new) = self.unseen.pop_front_if(|new| !new.is_put_off(now)) {
            self.opened_beside(new);
        }
        let is_over = |(until, _): &mut (Moment, ExchangeId)| *until <= now;
        while let Some((_, id)) = self.unfollowed.pop_front_if(is_over) {
            self.not_followed(id);
        }
        while let Some((_, id)) = self.unclosed.pop_front_if(is_over) {
            self.kept(id);
        }
    }

    fn note(&mut self, event: &Event) {
        match event {
            Event::Connected {
                connection,
                at,
                resumed,
            } => self.lines.connected(*connection, *at, *resumed),
            Event::Unwatched { connection, .. } => self.lines.unwatched(*connection),
            Event::Opened {
                id,
                connection,
                at,
                protocol,
                request,
                ..
            } => self.opened(*id, *connection, *at, *protocol, request),
            Event::Rewritten { id, at, rewrite } => self.rewritten(*id, *at, rewrite),
            Event::Answered { id, at, sent } => self.answered(*id, *at, sent),
            Event::Glimpsed { id, content, .. } => self.glimpsed(*id, *content),
            Event::Cancelled { id, .. } => {
                self.tried(*id, ConfirmedBy::Cancelled, Because::Cancelled);
            }
            Event::NotCancelled { id, .. } => {
                self.tried(*id, ConfirmedBy::NotCancelled, Because::NotCancelled);
            }
            Event::Ended { id, at, ending, .. } => self.ended(*id, *at, *ending),
            Event::Closed { connection, at, by } => self.closed(*connection, *at, *by),
            Event::BrowserSaid { id, word, .. } => {
                if let Some(id) = id {
                    self.said(*id, word);
                }
            }
            Event::NeverSent { id, word, .. } => self.never_sent(*id, word),
            Event::Dropped { .. } => {
                // What was not seen may have followed any of them.
                self.unfollowed.clear();
                self.unseen.clear();
                self.has_gaps = true;
            }
            Event::Reached { .. } => {}
        }
    }

    fn opened(
        &mut self,
        id: ExchangeId,
        connection: ConnectionId,
        at: Moment,
        protocol: Protocol,
        request: &Arc<Request>,
    ) {
        let engine = self.engines.of(&request.headers);
        let profile = Profile::by(engine, request, protocol);
        let retry_of = self.stories.repeats(at, request);
        let Before { links, redirects } = self.find_before(id, at, request, profile.kind);
        let presumed = self.presumed(profile, request, redirects);
        self.watch(
            id,
            Watched {
                connection,
                protocol,
                request: Arc::clone(request),
                profile,
                started: at,
                response: None,
                content: None,
                rewrite: None,
                answered: None,
                ending: Ending::InProgress,
                ended: None,
                standing: Standing::Free,
                presumed,
                retry_of,
                links,
                redirects,
                is_left: false,
                around: Around::default(),
                confirmed_by: None,
                settled: None,
                told: None,
            },
        );
        self.changed.push(id);
        let by_itself = credentials::of_request(profile, request);
        self.tell(Node::Exchange(id), by_itself);
        self.relate(id);
        self.look_into_jar(id);
        if let Some(before) = self.lines.begun(connection, id) {
            self.kept(before);
        }
        self.join_line(id, connection);
    }

    /// Watches an exchange, and lets go of the oldest where that is too much.
    fn watch(&mut self, id: ExchangeId, watched: Watched) {
        while self.octets > MOST_OCTETS || self.watched.len() >= MOST_WATCHED {
            let forgotten = self.watched.forget();
            let octets = forgotten.map_or(0, |forgotten| forgotten.weight());
            self.octets = self.octets.saturating_sub(octets);
            if self.watched.len() == 0 {
                self.octets = 0;
            }
        }
        self.octets += watched.weight();
        self.watched.insert(id.0, watched);
    }

    fn answered(&mut self, id: ExchangeId, at: Moment, response: &Arc<Response>) {
        let Some(watched) = self.watched.get_mut(id.0) else {
            return;
        };
        watched.answered(at, response);
        self.roots.learn(
            id,
            at,
            watched.profile,
            &watched.request,
            response,
            &mut self.changed,
        );
        self.octets += response.headers.weight();
        self.changed.push(id);
        self.lines.answered(watched.connection, at);
        watched.around = self.surroundings.answered(
            id,
            watched.profile,
            watched.redirects,
            &watched.request,
            watched.stored(response),
        );
        let precedent = self.precedents.on(&watched.situation());
        watched.settle(precedent);
        if response.headers.contains("set-cookie") || response.headers.contains("clear-site-data") {
            let server = self.stories.server(&watched.request);
            self.jar.answered(server, response);
        }
        if watched.profile.kind == Kind::Preflight {
            if watched.rewrite.is_none() {
                self.preflight_answered(id, at);
            }
        } else if let Some(target) =
            redirect::goes_on(watched.engine(), &watched.request.url, response)
        {
            self.stories.redirects_to(id, &watched.request, &target);
            if watched.is_to_be_followed(&target) && self.unfollowed.len() < MOST_WATCHED {
                self.unfollowed.push_back((at.plus(PATIENCE), id));
            }
        }
    }

    /// The content may be other than its type has it: what was made of the answer is found out anew.
    fn glimpsed(&mut self, id: ExchangeId, content: Content) {
        let Some(watched) = self.watched.get_mut(id.0) else {
            return;
        };
        watched.content = Some(content);
        let precedent = self.precedents.on(&watched.situation());
        watched.settle(precedent);
        self.changed.push(id);
    }

    fn ended(&mut self, id: ExchangeId, at: Moment, ending: Ending) {
        let Some(watched) = self.watched.get_mut(id.0) else {
            return;
        };
        watched.ended(at, ending);
        self.changed.push(id);
        let goes_on = |response: &Response| can_go_on(watched.protocol, response);
        let goes_on = ending == Ending::Complete && watched.delivered().is_some_and(goes_on);
        self.lines.ended(watched.connection, at, goes_on);
        if goes_on && watched.is_told_by_connection() && self.unclosed.len() < MOST_WATCHED {
            self.unclosed.push_back((at.plus(KEPT_AFTER), id));
        }
        let gave_up = matches!(ending, Ending::ResetByClient | Ending::NeverSent);
        if ending.is_without_response() && !gave_up && watched.response.is_none() {
            watched.around = self.surroundings.not_answered(&watched.request);
            let first = watched.retry_of.unwrap_or(id);
            self.stories.not_answered(first, at, &watched.request);
        }
    }
}
