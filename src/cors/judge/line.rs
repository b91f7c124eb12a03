//! Connections, and what the one a request comes on tells of its credentials mode.
//!
//! Chromium and Firefox never send requests with and without credentials on one connection
//! (measured; [connections](https://fetch.spec.whatwg.org/#concept-connection) are kept
//! apart by it in Fetch too), and they open no new one where an idle one would do. Over HTTP/2 Firefox does,
//! from the third request on, if there is none for the other mode. WebKit keeps nothing apart.

use std::time::Duration;

use crate::exchange::{ConnectionId, ExchangeId, Moment, Protocol, Response};
use crate::wire::trim_ows;

use super::super::engine::Engine;
use super::super::recent::Recent;
use super::modes::Standing;
use super::story::Key;
use super::window::Window;

/// How many connections are watched.
const MOST: usize = 4096;
/// How many connections of one page to one server are watched: as many as browsers have, of both modes, and
/// some that they have closed.
const MOST_SIBLINGS: usize = 16;
/// A connection that has been idle for longer may be gone without a trace.
const IDLE_AT_MOST: Duration = Duration::from_mins(1);
/// A connection that has been idle for less may not have been when the browser looked.
const IDLE_AT_LEAST: Duration = Duration::from_millis(50);
/// What a browser sends on an idle connection may be seen so much later than what it sends beside it on one
/// that it opens for that.
pub(super) const SEEN_WITHIN: Duration = Duration::from_millis(20);

/// A connection under watch.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// When it was opened, and whether its TLS session continues an earlier one, where that is
    /// known.
    opened: Option<(Moment, Option<bool>)>,
    /// The mode of the requests that it carries.
    pub(super) standing: Standing,
    /// How many exchanges have begun on it, and how many of these are open.
    carried: u64,
    open: u32,
    /// When it was answered first.
    answered: Option<Moment>,
    /// Since when it has been idle.
    idle: Option<Moment>,
    is_closed: bool,
    /// Whether it may be closed without a word.
    is_unwatched: bool,
    /// The last exchange on it, which may have ended.
    pub(super) last: Option<ExchangeId>,
}

/// The connections under watch, and which of them are of one page to one server.
#[derive(Debug)]
pub(super) struct Lines {
    lines: Window<Line>,
    siblings: Recent<Key, Siblings, MOST>,
}

/// The connections of a page to a server, in the order they were opened.
#[derive(Debug, Default)]
struct Siblings {
    lines: Vec<ConnectionId>,
    /// Whether there were others before them.
    has_forgotten: bool,
}

/// What a new connection of a page to a server tells, by the others of the two.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Beside {
    /// The one of the request's preflight, if it could have carried the request, had it the same
    /// mode.
    pub(super) of_preflight: Option<Idle>,
    /// Others that could have.
    pub(super) idle: Vec<Idle>,
    /// Those whose TLS session it continues, one of them: browsers have several of each, and keep them, so it
    /// may be any.
    pub(super) resumed: Vec<ConnectionId>,
    /// Those whose TLS session it would have continued, had they the same mode.
    pub(super) not_resumed: Vec<ConnectionId>,
}

/// A connection that seems to be idle: how many exchanges have begun on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Idle {
    pub(super) line: ConnectionId,
    carried: u64,
}

impl Siblings {
    fn remember(&mut self, id: ConnectionId) {
        if self.lines.len() >= MOST_SIBLINGS {
            self.lines.remove(0);
            self.has_forgotten = true;
        }
        self.lines.push(id);
    }
}

impl Beside {
    /// Whether others seem to have been idle, which has to show.
    pub(super) fn is_to_be_seen(&self) -> bool {
        self.of_preflight.is_some() || !self.idle.is_empty()
    }
}

impl Default for Lines {
    fn default() -> Self {
        Self {
            lines: Window::new(MOST),
            siblings: Recent::default(),
        }
    }
}

impl Lines {
    pub(super) fn get(&self, id: ConnectionId) -> Option<&Line> {
        self.lines.get(id.0)
    }

    pub(super) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Line> {
        self.lines.get_mut(id.0)
    }

    pub(super) fn connected(&mut self, id: ConnectionId, at: Moment, resumed: Option<bool>) {
        let line = Line {
            opened: Some((at, resumed)),
            ..Line::default()
        };
        self.lines.insert(id.0, line);
    }

    /// A request begins on a connection. What comes back is the exchange before it.
    pub(super) fn begun(&mut self, id: ConnectionId, exchange: ExchangeId) -> Option<ExchangeId> {
        if self.get(id).is_none() {
            self.lines.insert(id.0, Line::default());
        }
        let line = self.get_mut(id)?;
        line.carried += 1;
        line.open += 1;
        line.idle = None;
        line.last.replace(exchange)
    }

    pub(super) fn answered(&mut self, id: ConnectionId, at: Moment) {
        if let Some(line) = self.get_mut(id) {
            line.answered.get_or_insert(at);
        }
    }

    /// An exchange is over, and the connection idle again if it `can_go_on`.
    pub(super) fn ended(&mut self, id: ConnectionId, at: Moment, can_go_on: bool) {
        if let Some(line) = self.get_mut(id) {
            line.open = line.open.saturating_sub(1);
            line.is_closed |= !can_go_on;
            line.idle = (line.open == 0).then_some(at);
        }
    }

    /// Whether the first request of a connection has just begun.
    pub(super) fn is_new(&self, id: ConnectionId) -> bool {
        self.get(id).is_some_and(|line| line.carried == 1)
    }

    /// Whether an engine keeps the requests of this connection apart by their credentials mode, as
    /// far as that was measured: over HTTP/2 through a proxy only, because without one Firefox puts
    /// requests to several hosts on one connection, whatever their mode (RFC 9113 section 9.1.1).
    pub(super) fn keeps_apart(
        &self,
        id: ConnectionId,
        engine: Option<Engine>,
        protocol: Protocol,
    ) -> bool {
        match engine {
            Some(Engine::Chromium | Engine::Firefox) => {
                protocol != Protocol::Http2 || self.is_watched(id)
            }
            Some(Engine::Webkit) | None => false,
        }
    }

    /// Whether the request that has just begun may be of either mode, whatever those before it were: Firefox
    /// has both share a connection over HTTP/2 from the third request on (measured), unless it has one for
    /// each.
    pub(super) fn is_shared(
        &self,
        id: ConnectionId,
        engine: Option<Engine>,
        protocol: Protocol,
    ) -> bool {
        let is_third = |line: &Line| line.carried > 2;
        engine == Some(Engine::Firefox)
            && protocol == Protocol::Http2
            && self.get(id).is_some_and(is_third)
    }

    /// The other connections of a page to a server that are open.
    pub(super) fn open_siblings(
        &self,
        id: ConnectionId,
        key: Key,
    ) -> impl Iterator<Item = ConnectionId> {
        let all = self.siblings.get(key).map(|all| &*all.lines);
        let all = all.unwrap_or_default().iter().copied();
        all.filter(move |other| *other != id && self.is_open(*other))
    }

    /// Whether all of its life is seen.
    fn is_watched(&self, id: ConnectionId) -> bool {
        self.get(id)
            .is_some_and(|line| line.opened.is_some() && !line.is_unwatched)
    }

    /// Whether it is known to be open.
    pub(super) fn is_open(&self, id: ConnectionId) -> bool {
        self.get(id)
            .is_some_and(|line| !line.is_closed && !line.is_unwatched)
    }

    pub(super) fn unwatched(&mut self, id: ConnectionId) {
        if self.get(id).is_none() {
            self.lines.insert(id.0, Line::default());
        }
        if let Some(line) = self.get_mut(id) {
            line.is_unwatched = true;
        }
    }

    pub(super) fn closed(&mut self, id: ConnectionId) {
        if let Some(line) = self.get_mut(id) {
            line.is_closed = true;
        }
    }

    /// Compares the connection of its first request with those of the same page to the same
    /// server, and counts it among them. The `preflight` of the request came on one of them.
    pub(super) fn compare(
        &mut self,
        id: ConnectionId,
        key: Key,
        preflight: Option<ConnectionId>,
        engine: Option<Engine>,
    ) -> Beside {
        if !self.is_new(id) {
            return Beside::default();
        }
        let mut siblings = self.siblings.remove(key).unwrap_or_default();
        let beside = self.beside(id, &siblings, preflight, engine);
        siblings.remember(id);
        self.siblings.insert(key, siblings);
        beside
    }

    fn beside(
        &self,
        id: ConnectionId,
        siblings: &Siblings,
        preflight: Option<ConnectionId>,
        engine: Option<Engine>,
    ) -> Beside {
        let mut beside = Beside::default();
        let Some(new) = self.get(id) else {
            return beside;
        };
        let others = siblings.lines.iter().filter(|sibling| **sibling != id);
        for (&sibling, line) in others.filter_map(|other| Some((other, self.get(*other)?))) {
            let idle = Idle {
                line: sibling,
                carried: line.carried,
            };
            if preflight == Some(sibling) && line.could_carry(new, Duration::ZERO) {
                beside.of_preflight = Some(idle);
            } else if line.could_carry(new, IDLE_AT_LEAST) {
                beside.idle.push(idle);
            }
            match new.opened.and_then(|(_, resumed)| resumed) {
                // Firefox does not continue sessions (measured).
                _ if engine != Some(Engine::Chromium) => {}
                Some(true) if !siblings.has_forgotten && line.is_tls() => {
                    beside.resumed.push(sibling);
                }
                Some(false) if self.has_session(line, new, siblings) => {
                    beside.not_resumed.push(sibling);
                }
                Some(_) | None => {}
            }
        }
        beside
    }

    /// Leaves out the connections on which another exchange has begun: they were not idle when the browser
    /// looked, but seemed so because that was not seen yet.
    pub(super) fn keep_idle(&self, beside: &mut Beside) {
        let is_idle = |idle: &Idle| {
            self.get(idle.line)
                .is_some_and(|line| line.carried == idle.carried)
        };
        beside.of_preflight = beside.of_preflight.filter(is_idle);
        beside.idle.retain(is_idle);
    }

    /// Whether the browser had a TLS session of a connection when it opened `new`: it had one
    /// since the first answer, and none has been opened meanwhile that may have used it up.
    fn has_session(&self, line: &Line, new: &Line, siblings: &Siblings) -> bool {
        let (Some((opened, _)), Some(answered)) = (new.opened, line.answered) else {
            return false;
        };
        let opened_meanwhile = |other: &Line| {
            other
                .opened
                .is_some_and(|(at, _)| at > answered && at < opened)
        };
        let siblings = siblings.lines.iter().filter_map(|other| self.get(*other));
        // Those that nothing was sent on yet may be to this server as well.
        let newest = self.lines.newest().take(MOST_SIBLINGS);
        let unused = newest.filter_map(|(_, line)| (line.carried == 0).then_some(line));
        let is_used_up = siblings.chain(unused).any(opened_meanwhile);
        line.is_tls() && answered < opened && !is_used_up
    }
}

impl Line {
    fn is_tls(&self) -> bool {
        matches!(self.opened, Some((_, Some(_))))
    }

    /// Whether a browser would have taken this connection rather than open `new`, for a request of
    /// the same mode: it has been idle for `at_least` that long.
    fn could_carry(&self, new: &Self, at_least: Duration) -> bool {
        let (Some((opened, _)), Some(idle)) = (new.opened, self.idle) else {
            return false;
        };
        let idle_for = opened.since(idle);
        !self.is_closed && opened >= idle && (at_least..=IDLE_AT_MOST).contains(&idle_for)
    }
}

/// Whether the connection can carry another exchange after this answer
/// ([RFC 9112 section 9.3](https://www.rfc-editor.org/rfc/rfc9112#section-9.3)).
pub(super) fn can_go_on(protocol: Protocol, response: &Response) -> bool {
    match protocol {
        Protocol::Http10 => false,
        Protocol::Http11 => {
            response.status != 101 && !response.headers.all("connection").any(closes)
        }
        Protocol::Http2 => true,
    }
}

/// Whether a Connection field says that the connection is to be closed.
fn closes(value: &[u8]) -> bool {
    // What nearly all of them say.
    if value == b"keep-alive" {
        return false;
    }
    let mut options = value.split(|&octet| octet == b',').map(trim_ows);
    options.any(|option| option.eq_ignore_ascii_case(b"close"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = Key(1);

    fn at(millis: i64) -> Moment {
        Moment::from_micros(millis * 1000)
    }

    /// Lines whose first has carried an exchange from 0 to 10 ms.
    fn lines() -> Lines {
        let mut lines = Lines::default();
        let one = ConnectionId(1);
        lines.connected(one, at(0), Some(false));
        lines.begun(one, ExchangeId(1));
        lines.compare(one, KEY, None, Some(Engine::Chromium));
        lines.answered(one, at(9));
        lines.ended(one, at(10), true);
        lines
    }

    fn second(lines: &mut Lines, opened: i64, preflight: Option<ConnectionId>) -> Beside {
        let two = ConnectionId(2);
        lines.connected(two, at(opened), Some(false));
        lines.begun(two, ExchangeId(2));
        lines.compare(two, KEY, preflight, Some(Engine::Chromium))
    }

    #[test]
    fn an_idle_connection_could_have_carried_it() {
        let one = ConnectionId(1);
        let idle = Idle {
            line: one,
            carried: 1,
        };
        let beside = |opened, preflight| second(&mut lines(), opened, preflight);
        assert_eq!(beside(100, None).idle, [idle]);
        assert_eq!(beside(20, None).idle, [], "the browser may not have known");
        assert_eq!(beside(11, Some(one)).of_preflight, Some(idle));
        assert_eq!(beside(5, Some(one)).of_preflight, None, "it was busy");
    }

    #[test]
    fn what_was_sent_at_the_same_time_and_seen_later_shows_that_a_connection_was_not_idle() {
        let mut lines = lines();
        let mut beside = second(&mut lines, 100, None);
        lines.keep_idle(&mut beside);
        assert_eq!(beside.idle.len(), 1);
        lines.begun(ConnectionId(1), ExchangeId(3));
        lines.keep_idle(&mut beside);
        assert_eq!(beside.idle, []);
    }

    #[test]
    fn a_closed_connection_carries_nothing() {
        let mut lines = lines();
        lines.closed(ConnectionId(1));
        assert_eq!(second(&mut lines, 100, None).idle, []);
    }

    #[test]
    fn a_session_is_there_once_a_connection_was_answered() {
        assert_eq!(
            second(&mut lines(), 100, None).not_resumed,
            [ConnectionId(1)]
        );
        assert_eq!(second(&mut lines(), 5, None).not_resumed, []);
    }

    #[test]
    fn engines_keep_connections_apart_that_are_seen_all_their_life() {
        let mut lines = lines();
        let apart = |lines: &Lines, engine, protocol| {
            lines.keeps_apart(ConnectionId(1), Some(engine), protocol)
        };
        assert!(apart(&lines, Engine::Firefox, Protocol::Http11));
        assert!(apart(&lines, Engine::Firefox, Protocol::Http2));
        assert!(!apart(&lines, Engine::Webkit, Protocol::Http11));
        lines.unwatched(ConnectionId(1));
        assert!(apart(&lines, Engine::Firefox, Protocol::Http11));
        assert!(!apart(&lines, Engine::Firefox, Protocol::Http2));
    }

    #[test]
    fn firefox_shares_a_connection_over_http_2_from_the_third_request_on() {
        let mut lines = lines();
        let one = ConnectionId(1);
        let is_shared = |lines: &Lines, engine, protocol| lines.is_shared(one, engine, protocol);
        let firefox = Some(Engine::Firefox);
        lines.begun(one, ExchangeId(2));
        assert!(!is_shared(&lines, firefox, Protocol::Http2));
        lines.begun(one, ExchangeId(3));
        assert!(is_shared(&lines, firefox, Protocol::Http2));
        assert!(!is_shared(&lines, firefox, Protocol::Http11));
        assert!(!is_shared(&lines, Some(Engine::Chromium), Protocol::Http2));
    }

    #[test]
    fn a_connection_that_is_to_be_closed_cannot_go_on() {
        let response = |value: &str| Response {
            status: 200,
            headers: [("Connection", value)].into_iter().collect(),
        };
        assert!(!can_go_on(Protocol::Http11, &response("foo, Close")));
        assert!(can_go_on(Protocol::Http11, &response("keep-alive")));
        assert!(!can_go_on(Protocol::Http10, &response("keep-alive")));
    }
}
