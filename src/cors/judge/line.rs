//! Connections, and what the one a request comes on tells of its credentials mode.
//!
//! Chromium and Firefox never send requests with and without credentials on one connection
//! (measured; [connections](https://fetch.spec.whatwg.org/#concept-connection) are kept
//! apart by it in Fetch too), and they open no new one where an idle one would do. WebKit keeps
//! nothing apart.

use std::time::Duration;

use crate::exchange::{ConnectionId, ExchangeId, Moment, Protocol, Response};
use crate::wire::trim_ows;

use super::super::classify::{Destination, Kind, Profile};
use super::super::credentials::CredentialsMode;
use super::super::engine::Engine;
use super::super::recent::Recent;
use super::modes::Standing;
use super::story::Key;
use super::window::Window;

/// How many connections are watched.
const MOST: usize = 4096;
/// How many connections of one page to one server are watched.
const MOST_SIBLINGS: usize = 8;
/// A connection that has been idle for longer may be gone without a trace.
const IDLE_AT_MOST: Duration = Duration::from_mins(1);
/// A connection that has been idle for less may not have been when the browser looked.
const IDLE_AT_LEAST: Duration = Duration::from_millis(50);

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
    siblings: Recent<Key, Vec<ConnectionId>, MOST>,
}

/// What a new connection of a page to a server tells, by the others of the two.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Beside {
    /// The one of the request's preflight, if it could have carried the request, had it the same
    /// mode.
    pub(super) of_preflight: Option<ConnectionId>,
    /// Others that could have.
    pub(super) idle: Vec<ConnectionId>,
    /// Those whose TLS session it continues, or one of them.
    pub(super) resumed: Vec<ConnectionId>,
    /// Those whose TLS session it would have continued, had they the same mode.
    pub(super) not_resumed: Vec<ConnectionId>,
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
        let mut beside = Beside::default();
        if !self.is_new(id) {
            return beside;
        }
        let mut all = self.siblings.remove(key).unwrap_or_default();
        let Some(new) = self.get(id) else {
            return beside;
        };
        for &sibling in all.iter().filter(|sibling| **sibling != id) {
            let Some(line) = self.get(sibling) else {
                continue;
            };
            if preflight == Some(sibling) && line.could_carry(new, Duration::ZERO) {
                beside.of_preflight = Some(sibling);
            } else if line.could_carry(new, IDLE_AT_LEAST) {
                beside.idle.push(sibling);
            }
            if engine == Some(Engine::Chromium) && self.has_session(line, new, &all) {
                match new.opened {
                    Some((_, Some(true))) => beside.resumed.push(sibling),
                    Some((_, Some(false))) => beside.not_resumed.push(sibling),
                    Some((_, None)) | None => {}
                }
            }
        }
        if all.len() >= MOST_SIBLINGS {
            all.remove(0);
        }
        all.push(id);
        self.siblings.insert(key, all);
        beside
    }

    /// Whether the browser had a TLS session of a connection when it opened `new`: it had one
    /// since the first answer, and none of `all` has been opened meanwhile that may have used it
    /// up.
    fn has_session(&self, line: &Line, new: &Line, all: &[ConnectionId]) -> bool {
        let is_tls = matches!(line.opened, Some((_, Some(_))));
        let (Some((opened, _)), Some(answered)) = (new.opened, line.answered) else {
            return false;
        };
        let opened_meanwhile = |other: &Line| {
            other
                .opened
                .is_some_and(|(at, _)| at > answered && at < opened)
        };
        let is_used_up = all
            .iter()
            .filter_map(|other| self.get(*other))
            .any(opened_meanwhile);
        is_tls && answered < opened && !is_used_up
    }
}

impl Line {
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

/// The mode of a connection that carries such a request, where the request itself tells.
pub(super) fn anchor(profile: Profile) -> Option<CredentialsMode> {
    match profile.kind {
        Kind::Preflight => Some(CredentialsMode::Omit),
        Kind::Navigation => Some(CredentialsMode::Include),
        Kind::NoCors if is_element(profile.destination) => Some(CredentialsMode::Include),
        Kind::NoCors
        | Kind::CrossOrigin
        | Kind::SameOrigin
        | Kind::Websocket
        | Kind::NotBrowser => None,
    }
}

/// Whether an element without `crossorigin` asks for it: such loads include credentials.
fn is_element(destination: Option<Destination>) -> bool {
    destination.is_some_and(|destination| destination != Destination::Empty)
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
        let beside = |opened, preflight| second(&mut lines(), opened, preflight);
        assert_eq!(beside(100, None).idle, [one]);
        assert_eq!(beside(20, None).idle, [], "the browser may not have known");
        assert_eq!(beside(11, Some(one)).of_preflight, Some(one));
        assert_eq!(beside(5, Some(one)).of_preflight, None, "it was busy");
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
