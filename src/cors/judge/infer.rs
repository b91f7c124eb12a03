//! Inferring: what connections, and what browsers do or leave undone, tell of the credentials
//! mode.

use std::time::Duration;

use crate::exchange::{ConnectionId, ExchangeId, Moment, Protocol, Request, Side};

use super::super::around::is_worker;
use super::super::classify::Site;
use super::super::credentials::{self, Because, Credentials, CredentialsMode};
use super::super::names::is_safelisted_method;
use super::super::preflight::Preflight;
use super::super::verdict::{ConfirmedBy, Outcome};
use super::super::{Destination, Engine, Kind, Profile};
use super::anchor::anchor;
use super::line::{Beside, SEEN_WITHIN};
use super::modes::{Changes, Node, Standing, Tie};
use super::story::Whence;
use super::{Judge, MOST_WATCHED, Watched};

/// What comes for a page keeps its thread busy for about as long.
const BUSY_WITHIN: Duration = Duration::from_millis(20);
/// Among how many of the latest exchanges it is looked for what goes on beside one.
const MOST_BESIDE: usize = 64;

/// A connection that was opened beside others.
#[derive(Debug)]
pub(super) struct New {
    /// The first exchange on it.
    first: ExchangeId,
    connection: ConnectionId,
    whence: Whence,
    beside: Beside,
    /// When it is known what else the browser sent meanwhile, where that has to be waited for.
    until: Option<Moment>,
}

impl New {
    pub(super) fn is_put_off(&self, now: Moment) -> bool {
        self.until.is_some_and(|until| until > now)
    }
}

/// A browser that blocks an answer closes its connection within this time.
const AT_ONCE: Duration = Duration::from_millis(100);

impl Judge {
    /// Learns the mode of a node, and of all that are tied to it.
    pub(super) fn tell(&mut self, node: Node, known: Credentials) {
        let changes = self.modes.tell((node, self.standing(node)), known);
        self.apply(changes);
    }

    /// Learns that the modes of two nodes are related.
    pub(super) fn tie(&mut self, one: Node, other: Node, tie: Tie, because: Because) {
        let one = (one, self.standing(one));
        let other = (other, self.standing(other));
        let changes = self.modes.tie(one, other, tie, because);
        self.apply(changes);
    }

    /// What a request seems to be made with, unless a worker of its page may have made it.
    pub(super) fn presumed(
        &mut self,
        profile: Profile,
        request: &Request,
        redirects: u8,
    ) -> Option<Credentials> {
        let presumed = credentials::presumed(profile, request, redirects > 0);
        let is_worker = is_worker(profile.destination);
        if presumed.is_none() && !is_worker {
            return None;
        }
        let Some(whence) = self.stories.whence(request, false) else {
            return presumed;
        };
        if is_worker {
            self.agents.starts_worker(whence.page);
        }
        presumed.filter(|_| !self.agents.has_worker(whence.page))
    }

    fn standing(&self, node: Node) -> Standing {
        match node {
            Node::Exchange(id) => self.watched.get(id.0).map(|watched| watched.standing),
            Node::Line(id) => self.lines.get(id).map(|line| line.standing),
        }
        .unwrap_or_default()
    }

    fn apply(&mut self, changes: Changes) {
        for (node, standing) in changes {
            match node {
                Node::Exchange(id) => {
                    if let Some(watched) = self.watched.get_mut(id.0) {
                        watched.standing = standing;
                        self.changed.push(id);
                    }
                }
                Node::Line(id) => {
                    if let Some(line) = self.lines.get_mut(id) {
                        line.standing = standing;
                    }
                }
            }
        }
    }

    /// Learns what the browser made of an answer. Where it makes this of it in one mode only, that
    /// is the mode.
    pub(super) fn learn(&mut self, id: ExchangeId, outcome: Outcome, because: Because) {
        let watched = self.watched.get(id.0);
        let is_open = |watched: &&Watched| !matches!(watched.standing, Standing::Known(_));
        let mode = watched
            .filter(is_open)
            .and_then(|watched| watched.mode_of(outcome));
        if let Some(mode) = mode {
            self.tell(Node::Exchange(id), Credentials::known(mode, because));
        }
    }

    /// What the absence of a cookie tells where the page would send one. That holds within one
    /// profile of a browser only, which connections tell apart.
    pub(super) fn look_into_jar(&mut self, id: ExchangeId) {
        let Some(watched) = self.watched.get(id.0) else {
            return;
        };
        let (engine, protocol) = (watched.profile.engine, watched.protocol);
        let is_told_apart = self.lines.keeps_apart(watched.connection, engine, protocol);
        if watched.profile.kind != Kind::CrossOrigin || !is_told_apart {
            return;
        }
        let Some(whence) = self.stories.whence(&watched.request, false) else {
            return;
        };
        if watched.request.headers.contains("cookie") {
            self.jar.sent(whence);
        } else if !self.has_gaps
            && self.jar.would_send(whence)
            && self.agents.is_alone(whence.agent, whence.page)
        {
            let known = Credentials::known(CredentialsMode::Omit, Because::CookieNotSent);
            self.tell(Node::Exchange(id), known);
        }
    }

    /// What the connection of a request tells of its mode, and its mode of the connection.
    pub(super) fn join_line(&mut self, id: ExchangeId, connection: ConnectionId) {
        let Some(watched) = self.watched.get(id.0) else {
            return;
        };
        let (profile, protocol, started) = (watched.profile, watched.protocol, watched.started);
        if !self.lines.keeps_apart(connection, profile.engine, protocol) {
            return;
        }
        let is_shared = self.lines.is_shared(connection, profile.engine, protocol);
        if is_shared && !self.has_counterpart(id, connection) {
            return;
        }
        let line = Node::Line(connection);
        let may_be_credentialless = self.surroundings.may_be_credentialless(&watched.request);
        let own = anchor(profile, may_be_credentialless).or_else(|| {
            let is_request = profile.kind == Kind::CrossOrigin;
            self.mode(Node::Exchange(id)).filter(|_| is_request)
        });
        if let Some(mode) = own {
            self.tell(line, Credentials::known(mode, Because::SameConnection));
        }
        match self.beside(id, connection, profile) {
            Some(new) if new.is_put_off(started) && self.unseen.len() < MOST_WATCHED => {
                self.unseen.push_back(new);
            }
            Some(new) => self.opened_beside(new),
            None => self.share_mode(id, connection),
        }
    }

    /// Whether its page has another connection to the server for the other mode.
    fn has_counterpart(&self, id: ExchangeId, connection: ConnectionId) -> bool {
        let watched = self.watched.get(id.0);
        let whence = watched.and_then(|watched| self.stories.whence(&watched.request, false));
        let (Some(mode), Some(whence)) = (self.mode(Node::Line(connection)), whence) else {
            return false;
        };
        let mut others = self.lines.open_siblings(connection, whence.page_and_server);
        others.any(|other| self.mode(Node::Line(other)) == Some(mode.other()))
    }

    /// A request has the mode of its connection.
    fn share_mode(&mut self, id: ExchangeId, connection: ConnectionId) {
        let is_request = |watched: &Watched| watched.profile.kind == Kind::CrossOrigin;
        if self.watched.get(id.0).is_some_and(is_request) {
            let line = Node::Line(connection);
            let because = self.because(line).unwrap_or(Because::SameConnection);
            self.tie(line, Node::Exchange(id), Tie::Same, because);
        }
    }

    /// How the mode of a node is known.
    fn because(&self, node: Node) -> Option<Because> {
        match self.standing(node) {
            Standing::Known(known) => known.because,
            Standing::Free | Standing::Tied(_) => None,
        }
    }

    /// The other connections of the page to the server beside a new one, where they tell something.
    fn beside(
        &mut self,
        id: ExchangeId,
        connection: ConnectionId,
        profile: Profile,
    ) -> Option<New> {
        let watched = self.watched.get(id.0)?;
        if is_framed_elsewhere(profile) {
            let page = self.stories.own_page(&watched.request);
            self.agents.frames(page);
        }
        let is_document =
            profile.kind == Kind::Navigation && profile.destination == Some(Destination::Document);
        if !is_document && !self.lines.is_new(connection) {
            return None;
        }
        let whence = self.stories.whence(&watched.request, is_document)?;
        if is_document {
            self.agents.loads(whence.page);
        }
        let preflight = watched
            .links
            .preflight
            .and_then(|id| self.watched.get(id.0))
            .filter(|preflight| preflight.leaves_its_connection_at_once());
        let of_preflight = preflight.map(|preflight| preflight.connection);
        let started = watched.started;
        let beside = self.lines.compare(
            connection,
            whence.page_and_server,
            of_preflight,
            profile.engine,
        );
        let tells = !self.has_gaps && beside != Beside::default();
        tells.then(|| New {
            first: id,
            connection,
            whence,
            until: beside.is_to_be_seen().then(|| started.plus(SEEN_WITHIN)),
            beside,
        })
    }

    /// Learns from a new connection, now that it is known which others were idle when it was opened: they do
    /// so within one profile of a browser only.
    pub(super) fn opened_beside(&mut self, new: New) {
        let New {
            first,
            connection,
            whence,
            mut beside,
            ..
        } = new;
        self.lines.keep_idle(&mut beside);
        let line = Node::Line(connection);
        if let Some(other) = beside.of_preflight {
            self.tie(
                line,
                Node::Line(other.line),
                Tie::Opposite,
                Because::OtherConnection,
            );
        }
        if self.contradicts(line, &beside) {
            self.agents.are_several(whence.agent);
        } else if self.agents.is_alone(whence.agent, whence.page) {
            self.learn_from_lines(line, &beside);
        }
        self.share_mode(first, connection);
    }

    /// Whether a connection whose mode is known was opened although others of that mode would have
    /// done: by another profile, then.
    fn contradicts(&self, line: Node, beside: &Beside) -> bool {
        let Some(mode) = self.mode(line) else {
            return false;
        };
        let idle = beside.idle.iter().map(|idle| idle.line);
        let mut others = idle.chain(beside.not_resumed.iter().copied());
        others.any(|other| self.mode(Node::Line(other)) == Some(mode))
    }

    fn learn_from_lines(&mut self, line: Node, beside: &Beside) {
        if self.are_alike(&beside.resumed) {
            for other in &beside.resumed {
                self.tie(line, Node::Line(*other), Tie::Same, Because::SessionResumed);
            }
        }
        let idle: Vec<ConnectionId> = beside.idle.iter().map(|idle| idle.line).collect();
        for (others, because) in [
            (&beside.not_resumed, Because::SessionNotResumed),
            (&idle, Because::OtherConnection),
        ] {
            if !self.are_opposed(others) {
                for other in others {
                    self.tie(line, Node::Line(*other), Tie::Opposite, because);
                }
            }
        }
    }

    fn mode(&self, node: Node) -> Option<CredentialsMode> {
        match self.standing(node) {
            Standing::Known(known) => known.mode,
            Standing::Free | Standing::Tied(_) => None,
        }
    }

    /// Whether connections are certainly of one mode.
    fn are_alike(&self, lines: &[ConnectionId]) -> bool {
        match lines {
            [] | [_] => true,
            [first, others @ ..] => {
                let mode = self.mode(Node::Line(*first));
                mode.is_some()
                    && others
                        .iter()
                        .all(|other| self.mode(Node::Line(*other)) == mode)
            }
        }
    }

    /// Whether connections are certainly not of one mode.
    fn are_opposed(&self, lines: &[ConnectionId]) -> bool {
        let has = |mode| {
            lines
                .iter()
                .any(|line| self.mode(Node::Line(*line)) == Some(mode))
        };
        has(CredentialsMode::Include) && has(CredentialsMode::Omit)
    }

    /// A preflight whose answer passes in one mode only, and that no request has followed, was made
    /// for one of the other mode. A redirect that nothing follows was not to be followed.
    pub(super) fn not_followed(&mut self, id: ExchangeId) {
        let Some(watched) = self.watched.get_mut(id.0) else {
            return;
        };
        if watched.profile.kind != Kind::Preflight {
            watched.is_left = true;
            self.changed.push(id);
        } else if watched.links.actual.is_empty() && !may_be_of_a_stream(watched) {
            self.learn(id, Outcome::Blocked, Because::NotFollowed);
        }
    }

    /// WebKit has kept the connection of an answer that it would have closed, had it blocked it.
    pub(super) fn kept(&mut self, id: ExchangeId) {
        let is_kept = |watched: &Watched| {
            watched.ended.is_some()
                && watched.is_told_by_connection()
                && self.lines.is_open(watched.connection)
        };
        if self.watched.get(id.0).is_some_and(is_kept) {
            self.learn(id, Outcome::Allowed, Because::Kept);
        }
    }

    /// A connection was closed: in WebKit, at once after an answer, that speaks for blocked.
    pub(super) fn closed(&mut self, connection: ConnectionId, at: Moment, by: Side) {
        self.lines.closed(connection);
        let last = self.lines.get(connection).and_then(|line| line.last);
        let Some(id) = last.filter(|_| by == Side::Client) else {
            return;
        };
        let Some(watched) = self.watched.get_mut(id.0) else {
            return;
        };
        let is_at_once = watched
            .ended
            .is_some_and(|ended| at.since(ended) <= AT_ONCE);
        if is_at_once && watched.is_told_by_connection() {
            watched.confirmed_by = Some(ConfirmedBy::Closed);
            self.changed.push(id);
            self.learn(id, Outcome::Blocked, Because::Closed);
        }
    }

    /// While the end of an answer was held back, the browser cancelled it, or did not.
    pub(super) fn tried(&mut self, id: ExchangeId, by: ConfirmedBy, because: Because) {
        let Some(watched) = self.watched.get_mut(id.0) else {
            return;
        };
        watched.confirmed_by = Some(by);
        self.changed.push(id);
        let tells = match by.outcome() {
            Some(Outcome::Blocked) => !watched.may_fail_by_content(),
            _ => !self.may_be_late(id),
        };
        if let Some(outcome) = by.outcome().filter(|_| tells) {
            self.learn(id, outcome, because);
        }
    }

    /// Whether a browser may not have come to cancelling an answer: Firefox does it from the page's own thread,
    /// which has other things to do while something else of it goes on.
    fn may_be_late(&self, id: ExchangeId) -> bool {
        let watched = self.watched.get(id.0);
        let Some(answered) = watched.and_then(|watched| watched.answered) else {
            return false;
        };
        let is_about_then = |at: Moment| at >= answered || answered.since(at) < BUSY_WITHIN;
        let goes_on = |other: &Watched| {
            let moments = [Some(other.started), other.answered, other.ended];
            moments.into_iter().flatten().any(is_about_then)
        };
        let is_firefox = |other: &Watched| other.profile.engine == Some(Engine::Firefox);
        let preflight = watched.and_then(|watched| watched.links.preflight);
        let own = [Some(id), preflight];
        let mut others = self.watched.newest().take(MOST_BESIDE);
        watched.is_some_and(is_firefox)
            && others.any(|(other, watched)| {
                !own.contains(&Some(ExchangeId(other))) && is_firefox(watched) && goes_on(watched)
            })
    }
}

/// Whether a preflight may be that of a body that is streamed, which Chromium then does not send over HTTP/1:
/// neither the method nor a header needs it. (The listener of an upload's progress does too.)
fn may_be_of_a_stream(watched: &Watched) -> bool {
    let needs_none = |preflight: Preflight<'_>| {
        preflight.headers.is_empty()
            && str::from_utf8(preflight.method).is_ok_and(is_safelisted_method)
    };
    let is_http1 = watched.protocol != Protocol::Http2;
    is_http1 && Preflight::of(&watched.request.headers).is_some_and(needs_none)
}

/// Whether it loads a document into a frame of another site.
fn is_framed_elsewhere(profile: Profile) -> bool {
    let is_within = matches!(profile.site, Some(Site::SameOrigin | Site::SameSite));
    profile.kind == Kind::Navigation
        && profile.destination != Some(Destination::Document)
        && !is_within
}
