//! Inferring: what connections, and what browsers do or leave undone, tell of the credentials
//! mode.

use std::time::Duration;

use crate::exchange::{ConnectionId, ExchangeId, Moment, Request, Side};

use super::super::around::is_worker;
use super::super::classify::Site;
use super::super::credentials::{self, Because, Credentials, CredentialsMode};
use super::super::verdict::{ConfirmedBy, Outcome};
use super::super::{Destination, Kind, Profile};
use super::line::{Beside, anchor};
use super::modes::{Changes, Node, Standing, Tie};
use super::{Judge, Watched};

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
        let (profile, protocol) = (watched.profile, watched.protocol);
        if !self.lines.keeps_apart(connection, profile.engine, protocol) {
            return;
        }
        let line = Node::Line(connection);
        let own = anchor(profile).or_else(|| {
            let is_request = profile.kind == Kind::CrossOrigin;
            self.mode(Node::Exchange(id)).filter(|_| is_request)
        });
        if let Some(mode) = own {
            self.tell(line, Credentials::known(mode, Because::SameConnection));
        }
        self.compare_lines(id, connection, profile);
        if profile.kind == Kind::CrossOrigin {
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

    /// What other connections of the page to the server tell of a new one. They do so within one
    /// profile of a browser only.
    fn compare_lines(&mut self, id: ExchangeId, connection: ConnectionId, profile: Profile) {
        let Some(watched) = self.watched.get(id.0) else {
            return;
        };
        if is_framed_elsewhere(profile) {
            let page = self.stories.own_page(&watched.request);
            self.agents.frames(page);
        }
        let is_document =
            profile.kind == Kind::Navigation && profile.destination == Some(Destination::Document);
        if !is_document && !self.lines.is_new(connection) {
            return;
        }
        let Some(whence) = self.stories.whence(&watched.request, is_document) else {
            return;
        };
        if is_document {
            self.agents.loads(whence.page);
        }
        let preflight = watched
            .links
            .preflight
            .and_then(|id| self.watched.get(id.0));
        let of_preflight = preflight.map(|preflight| preflight.connection);
        let beside = self.lines.compare(
            connection,
            whence.page_and_server,
            of_preflight,
            profile.engine,
        );
        if self.has_gaps {
            return;
        }
        let line = Node::Line(connection);
        if let Some(other) = beside.of_preflight {
            self.tie(
                line,
                Node::Line(other),
                Tie::Opposite,
                Because::OtherConnection,
            );
        }
        if self.contradicts(line, &beside) {
            self.agents.are_several(whence.agent);
        } else if self.agents.is_alone(whence.agent, whence.page) {
            self.learn_from_lines(line, &beside);
        }
    }

    /// Whether a connection whose mode is known was opened although others of that mode would have
    /// done: by another profile, then.
    fn contradicts(&self, line: Node, beside: &Beside) -> bool {
        let Some(mode) = self.mode(line) else {
            return false;
        };
        let others = beside.idle.iter().chain(&beside.not_resumed);
        others
            .map(|other| self.mode(Node::Line(*other)))
            .any(|other| other == Some(mode))
    }

    fn learn_from_lines(&mut self, line: Node, beside: &Beside) {
        if self.are_alike(&beside.resumed) {
            for other in &beside.resumed {
                self.tie(line, Node::Line(*other), Tie::Same, Because::SessionResumed);
            }
        }
        for (others, because) in [
            (&beside.not_resumed, Because::SessionNotResumed),
            (&beside.idle, Because::OtherConnection),
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
        } else if watched.links.actual.is_empty() {
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
        if let Some(outcome) = by.outcome() {
            self.learn(id, outcome, because);
        }
    }
}

/// Whether it loads a document into a frame of another site.
fn is_framed_elsewhere(profile: Profile) -> bool {
    let is_within = matches!(profile.site, Some(Site::SameOrigin | Site::SameSite));
    profile.kind == Kind::Navigation
        && profile.destination != Some(Destination::Document)
        && !is_within
}
