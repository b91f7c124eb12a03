//! What a policy needs to know of a recorded exchange.

mod head;
mod rows;
mod slim;

pub use self::rows::Rows;

use std::borrow::Cow;

use self::head::Head;
use self::slim::Slim;
use crate::cors::{CredentialsMode, Engine, Judgement, Kind};
use crate::exchange::Protocol;
use crate::exchange::recorded::Recorded;
use crate::exchange::secret::{Value, WITHHELD};

/// A recorded exchange, as far as a policy decides what comes of it: a preflight, or a request of
/// another origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen<'a> {
    /// Whether it is a preflight.
    pub is_preflight: bool,
    /// The origin of the page.
    pub origin: Cow<'a, str>,
    /// The URL, as the capture has it.
    pub url: Cow<'a, str>,
    /// The method: of a preflight, the one it asks for.
    pub method: Cow<'a, str>,
    /// The header names that a preflight asks for, or would have to, in small letters.
    pub names: Cow<'a, [String]>,
    /// Whether such a name is withheld.
    pub has_withheld_names: bool,
    /// The protocol.
    pub protocol: Protocol,
    /// The engine that made it.
    pub engine: Engine,
    /// The credentials mode, where it is known.
    pub credentials: Option<CredentialsMode>,
    /// What comes of it today, by the server's own answer.
    pub today: Passes,
}

/// Whether an answer passes the CORS check, in each credentials mode where that is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passes {
    /// If credentials are omitted.
    pub omitted: Option<bool>,
    /// If they are included.
    pub included: Option<bool>,
}

impl Passes {
    /// The same in every mode that may be the request's.
    pub fn all(credentials: Option<CredentialsMode>, passes: bool) -> Self {
        Self::by(credentials, |_| Some(passes))
    }

    /// What is said of every mode that may be the request's.
    pub fn by(
        credentials: Option<CredentialsMode>,
        passes: impl Fn(CredentialsMode) -> Option<bool>,
    ) -> Self {
        let of = |mode| {
            let may_be = credentials.is_none_or(|known| known == mode);
            may_be.then(|| passes(mode)).flatten()
        };
        Self {
            omitted: of(CredentialsMode::Omit),
            included: of(CredentialsMode::Include),
        }
    }

    /// The modes of both, side by side.
    pub(super) fn beside(self, other: Self) -> impl Iterator<Item = (bool, bool)> {
        let pairs = [
            self.omitted.zip(other.omitted),
            self.included.zip(other.included),
        ];
        pairs.into_iter().flatten()
    }
}

impl Seen<'_> {
    /// Whether the method is withheld.
    pub(super) fn has_withheld_method(&self) -> bool {
        self.method.starts_with(WITHHELD)
    }

    /// What a recorded exchange comes to; nothing where a policy decides nothing.
    pub fn of(recorded: &Recorded, judgement: &Judgement) -> Option<Seen<'static>> {
        let slim = Slim::of(judgement);
        let fields = &recorded.request.headers;
        let head = Head::of(fields.iter().map(|(name, value)| match value {
            Value::Plain(value) => (&**name, &**value),
            Value::Withheld(_) => (&**name, ""),
        }));
        let asked = Asked {
            method: &recorded.request.method,
            url: &recorded.request.url,
            protocol: recorded.protocol,
        };
        Seen::from_parts(&slim, asked, &head).map(Seen::into_owned)
    }
}

/// What is asked for.
#[derive(Clone, Copy)]
struct Asked<'a> {
    method: &'a str,
    url: &'a str,
    protocol: Protocol,
}

impl<'a> Seen<'a> {
    fn from_parts(slim: &'a Slim, asked: Asked<'a>, head: &'a Head) -> Option<Self> {
        if !slim.is_decided_by_policies() {
            return None;
        }
        let is_preflight = slim.kind == Kind::Preflight;
        let (method, names) = if is_preflight {
            (head.method.as_deref()?, &head.asked)
        } else {
            (asked.method, &head.unsafe_names)
        };
        let credentials = slim.mode();
        Some(Self {
            is_preflight,
            origin: slim.origin.as_deref()?.into(),
            url: asked.url.into(),
            method: method.into(),
            has_withheld_names: names.has_withheld,
            names: Cow::Borrowed(&names.all),
            protocol: asked.protocol,
            engine: head.engine,
            credentials,
            today: slim.today(credentials),
        })
    }

    fn into_owned(self) -> Seen<'static> {
        let owned = |text: Cow<'a, str>| Cow::Owned(text.into_owned());
        Seen {
            origin: owned(self.origin),
            url: owned(self.url),
            method: owned(self.method),
            names: Cow::Owned(self.names.into_owned()),
            ..self
        }
    }
}
