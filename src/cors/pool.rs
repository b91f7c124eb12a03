//! Connection pools: Chromium and Firefox never send requests with and without credentials on one
//! HTTP/1.1 connection (measured; [connections](https://fetch.spec.whatwg.org/#concept-connection)
//! are kept apart by it in Fetch too).

use crate::exchange::{ExchangeId, Protocol};

use super::Engine;
use super::classify::{Destination, Kind, Profile};
use super::credentials::{Because, Credentials, CredentialsMode};

/// What is known of the requests on one connection.
#[derive(Debug, Default)]
pub(super) struct Pool {
    mode: Option<CredentialsMode>,
    waiting: Vec<ExchangeId>,
}

impl Pool {
    /// Whether an engine keeps the requests of a connection apart by their credentials mode, as
    /// far as that was measured.
    pub(super) fn is_kept_apart(engine: Option<Engine>, protocol: Protocol) -> bool {
        match engine {
            Some(Engine::Chromium | Engine::Firefox) => protocol != Protocol::Http2,
            Some(Engine::Webkit) | None => false,
        }
    }

    /// Takes a request in. What comes back are the requests whose mode is known by that.
    pub(super) fn join(
        &mut self,
        id: ExchangeId,
        profile: Profile,
        credentials: Credentials,
    ) -> Vec<(ExchangeId, Credentials)> {
        if let Some(mode) = anchor(profile, credentials) {
            self.mode.get_or_insert(mode);
        } else {
            self.waiting.push(id);
        }
        let Some(mode) = self.mode else {
            return Vec::new();
        };
        let known = Credentials::known(mode, Because::SameConnection);
        self.waiting.drain(..).map(|id| (id, known)).collect()
    }
}

/// The pool that a request is certainly of.
fn anchor(profile: Profile, credentials: Credentials) -> Option<CredentialsMode> {
    match profile.kind {
        Kind::Preflight => Some(CredentialsMode::Omit),
        Kind::Navigation => Some(CredentialsMode::Include),
        Kind::NoCors if is_element(profile.destination) => Some(CredentialsMode::Include),
        Kind::CrossOrigin => credentials.mode,
        Kind::NoCors | Kind::SameOrigin | Kind::Websocket | Kind::NotBrowser => None,
    }
}

/// Whether an element without `crossorigin` asks for it: such loads include credentials.
fn is_element(destination: Option<Destination>) -> bool {
    destination.is_some_and(|destination| destination != Destination::Empty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cors::classify;

    fn profile(kind: Kind) -> Profile {
        Profile {
            engine: Some(Engine::Chromium),
            kind,
            because: classify::Because::FetchMetadata,
            destination: Some(Destination::Empty),
            site: None,
        }
    }

    #[test]
    fn an_anchor_tells_the_mode_of_what_came_before_and_comes_after() {
        let mut pool = Pool::default();
        let unknown = Credentials::default();
        let omitted = Credentials::known(CredentialsMode::Omit, Because::SameConnection);
        let actual = profile(Kind::CrossOrigin);
        assert_eq!(pool.join(ExchangeId(1), actual, unknown), []);
        assert_eq!(
            pool.join(ExchangeId(2), profile(Kind::Preflight), unknown),
            [(ExchangeId(1), omitted)]
        );
        assert_eq!(
            pool.join(ExchangeId(3), actual, unknown),
            [(ExchangeId(3), omitted)]
        );
    }

    #[test]
    fn webkit_and_http2_keep_nothing_apart() {
        assert!(!Pool::is_kept_apart(Some(Engine::Webkit), Protocol::Http11));
        assert!(!Pool::is_kept_apart(Some(Engine::Firefox), Protocol::Http2));
        assert!(Pool::is_kept_apart(Some(Engine::Firefox), Protocol::Http11));
    }
}
