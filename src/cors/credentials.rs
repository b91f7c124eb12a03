//! The credentials mode: the one thing about a CORS check that is not in the headers.

use serde::{Deserialize, Serialize};

use crate::exchange::Request;

use super::classify::{Destination, Kind, Profile, Site};
use super::engine::Engine;

/// Whether a cross-origin request is made with credentials. Fetch's `same-origin` is `omit` there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CredentialsMode {
    /// [`include`](https://fetch.spec.whatwg.org/#concept-request-credentials-mode).
    Include,
    /// `omit`, or `same-origin` across origins.
    Omit,
}

impl CredentialsMode {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Include => Self::Omit,
            Self::Omit => Self::Include,
        }
    }
}

/// What gives the credentials mode away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Because {
    /// A Cookie field: only requests with credentials carry one.
    Cookie,
    /// No Cookie field, although the page has sent the server one before and it still holds.
    CookieNotSent,
    /// Sec-Fetch-Storage-Access, which only cross-site requests with credentials carry.
    StorageAccess,
    /// No Sec-Fetch-Storage-Access on a cross-site request that would carry it.
    NoStorageAccess,
    /// What asks for it: fonts are loaded without credentials.
    Initiator,
    /// It shares its connection with a request whose mode is known.
    SameConnection,
    /// It has a connection of its own although one was idle, which carries the other mode.
    OtherConnection,
    /// Its connection continues a TLS session of one whose mode is known.
    SessionResumed,
    /// Its connection does not continue the TLS session of one that carries the other mode.
    SessionNotResumed,
    /// What is known of its preflight, or of the request after this preflight.
    Preflight,
    /// What is known of the redirect before or after it.
    Redirect,
    /// The browser went on after an answer that passes in this mode only.
    Followed,
    /// The browser did not go on after a preflight that allows no credentials.
    NotFollowed,
    /// The browser closed the connection at once, as it does when it blocks an answer.
    Closed,
    /// The browser kept the connection, as it does when it takes an answer.
    Kept,
    /// The browser cancelled the answer while its end was held back.
    Cancelled,
    /// The browser did not cancel the answer while its end was held back.
    NotCancelled,
    /// What the browser itself says of it.
    Browser,
    /// Both modes come to the same verdict.
    Irrelevant,
}

/// The credentials mode of a request, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// The mode, unless it is unknown.
    #[serde(with = "mode_or_unknown")]
    pub mode: Option<CredentialsMode>,
    /// How that is known, or why it does not matter.
    pub because: Option<Because>,
}

impl Credentials {
    /// A known mode, and how it is known.
    pub fn known(mode: CredentialsMode, because: Because) -> Self {
        Self {
            mode: Some(mode),
            because: Some(because),
        }
    }
}

/// What a request gives away by itself. [Reports](https://w3c.github.io/reporting/#try-delivery) have
/// no credentials across origins.
pub fn of_request(profile: Profile, request: &Request) -> Credentials {
    let is_cors = matches!(profile.kind, Kind::CrossOrigin | Kind::Preflight);
    if !is_cors {
        return Credentials::default();
    }
    if request.headers.contains("cookie") {
        return Credentials::known(CredentialsMode::Include, Because::Cookie);
    }
    if profile.destination == Some(Destination::Report) {
        return Credentials::known(CredentialsMode::Omit, Because::Initiator);
    }
    of_storage_access(profile, request).unwrap_or_default()
}

/// [Sec-Fetch-Storage-Access](https://privacycg.github.io/storage-access-headers/): on cross-site
/// requests with credentials to trustworthy URLs, and on no other. Chromium has it on requests
/// only, Firefox on their preflights too, but not after a redirect (measured).
fn of_storage_access(profile: Profile, request: &Request) -> Option<Credentials> {
    let carries_it = request.headers.contains("sec-fetch-storage-access");
    let would_carry_it = profile.site == Some(Site::CrossSite)
        && profile.kind != Kind::Preflight
        && profile.engine != Some(Engine::Firefox);
    if !carries_it && !would_carry_it {
        return None;
    }
    let sends_it = |engine: Engine| engine.sends_storage_access(&request.headers);
    profile.engine.is_some_and(sends_it).then(|| {
        if carries_it {
            Credentials::known(CredentialsMode::Include, Because::StorageAccess)
        } else {
            NO_STORAGE_ACCESS
        }
    })
}

const NO_STORAGE_ACCESS: Credentials = Credentials {
    mode: Some(CredentialsMode::Omit),
    because: Some(Because::NoStorageAccess),
};

/// What a request seems to be made with, as long as nothing tells more. Firefox leaves
/// Sec-Fetch-Storage-Access out of what workers ask for (measured), and what a worker asks for looks
/// like what its page does.
pub fn presumed(profile: Profile, request: &Request, is_redirected: bool) -> Option<Credentials> {
    let is_cors = matches!(profile.kind, Kind::CrossOrigin | Kind::Preflight);
    if is_cors && is_font(profile) {
        return Some(Credentials::known(
            CredentialsMode::Omit,
            Because::Initiator,
        ));
    }
    let would_carry_it = is_cors
        && profile.engine == Some(Engine::Firefox)
        && profile.site == Some(Site::CrossSite)
        && !is_redirected
        && Engine::Firefox.sends_storage_access(&request.headers);
    let lacks_it = would_carry_it && !request.headers.contains("sec-fetch-storage-access");
    lacks_it.then_some(NO_STORAGE_ACCESS)
}

/// [Fonts](https://drafts.csswg.org/css-fonts/#font-fetching-requirements) are loaded without
/// credentials; only a preload can be told otherwise.
fn is_font(profile: Profile) -> bool {
    profile.destination == Some(Destination::Font) && profile.engine != Some(Engine::Webkit)
}

/// `include`, `omit` or `unknown`.
mod mode_or_unknown {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::CredentialsMode;

    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Mode {
        Include,
        Omit,
        Unknown,
    }

    #[expect(
        clippy::ref_option,
        clippy::trivially_copy_pass_by_ref,
        reason = "serde's signature"
    )]
    pub(super) fn serialize<S: Serializer>(
        mode: &Option<CredentialsMode>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mode = match mode {
            Some(CredentialsMode::Include) => Mode::Include,
            Some(CredentialsMode::Omit) => Mode::Omit,
            None => Mode::Unknown,
        };
        mode.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<CredentialsMode>, D::Error> {
        Ok(match Mode::deserialize(deserializer)? {
            Mode::Include => Some(CredentialsMode::Include),
            Mode::Omit => Some(CredentialsMode::Omit),
            Mode::Unknown => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{AskedUrl, Protocol};

    #[test]
    fn firefoxes_workers_leave_storage_access_out_so_that_it_is_presumed_only() {
        let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0";
        let request = Request {
            method: "GET".to_owned(),
            url: AskedUrl::parse("https://api.test/a").expect("valid"),
            headers: [
                ("User-Agent", agent),
                ("Origin", "https://app.other.test"),
                ("Sec-Fetch-Mode", "cors"),
                ("Sec-Fetch-Site", "cross-site"),
                ("Sec-Fetch-Dest", "empty"),
            ]
            .into_iter()
            .collect(),
        };
        let profile = Profile::of(&request, Protocol::Http11);
        assert_eq!(of_request(profile, &request), Credentials::default());
        let seems = |is_redirected| presumed(profile, &request, is_redirected);
        assert_eq!(seems(false), Some(NO_STORAGE_ACCESS));
        assert_eq!(seems(true), None);
    }

    #[test]
    fn an_unknown_mode_is_said_to_be_unknown() {
        let unknown = serde_json::to_string(&Credentials::default()).expect("plain");
        assert_eq!(unknown, r#"{"mode":"unknown","because":null}"#);
        assert_eq!(
            serde_json::from_str::<Credentials>(&unknown).expect("ours"),
            Credentials::default()
        );
    }
}
