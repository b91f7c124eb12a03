//! What a policy needs to know of a recorded exchange.

use std::borrow::Cow;

use serde::Deserialize;

use crate::cors::credentials::Because;
use crate::cors::{CredentialsMode, Engine, Judgement, Kind, Outcome, Rule, Verdict, names};
use crate::exchange::Protocol;
use crate::exchange::recorded::{Fields, Recorded};
use crate::exchange::secret::Value;
use crate::wire::headers::{HeaderList, from_latin1};

/// What a name begins with that a capture withholds.
const WITHHELD: &str = "{withheld:";

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
    pub names: Vec<String>,
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

impl Seen<'static> {
    /// What a recorded exchange comes to; nothing where a policy decides nothing.
    pub fn of(recorded: &Recorded, judgement: &Judgement) -> Option<Self> {
        let slim = Slim::of(judgement);
        Self::from_parts(
            &slim,
            &recorded.request.method,
            &recorded.request.url,
            recorded.protocol,
            &recorded.request.headers,
        )
    }

    /// The same from the texts of a capture's columns.
    pub fn of_columns(
        method: &str,
        url: &str,
        protocol: Protocol,
        headers: &str,
        judgement: &str,
    ) -> Result<Option<Self>, serde_json::Error> {
        let slim: Slim = serde_json::from_str(judgement)?;
        if !slim.is_decided_by_policies() {
            return Ok(None);
        }
        let headers: Fields = serde_json::from_str(headers)?;
        Ok(Self::from_parts(&slim, method, url, protocol, &headers))
    }

    fn from_parts(
        slim: &Slim,
        method: &str,
        url: &str,
        protocol: Protocol,
        fields: &Fields,
    ) -> Option<Self> {
        if !slim.is_decided_by_policies() {
            return None;
        }
        let is_preflight = slim.kind == Kind::Preflight;
        let headers = list(fields);
        let names = if is_preflight {
            asked_names(&headers)
        } else {
            names::unsafe_names(&headers)
                .into_iter()
                .map(lower)
                .collect()
        };
        let asked = headers.first("access-control-request-method").map(lossy);
        let credentials = slim.mode();
        Some(Self {
            is_preflight,
            origin: slim.origin.clone()?.into(),
            url: url.to_owned().into(),
            method: if is_preflight {
                asked?.into()
            } else {
                method.to_owned().into()
            },
            has_withheld_names: names.iter().any(|name| name.starts_with(WITHHELD)),
            names,
            protocol,
            engine: Engine::of(&headers).unwrap_or(Engine::Chromium),
            credentials,
            today: slim.today(credentials),
        })
    }
}

/// The fields as they were, withheld values as nothing.
fn list(fields: &Fields) -> HeaderList {
    let mut list = HeaderList::with_capacity(fields.len(), 1024);
    for (name, value) in fields {
        let value = match value {
            Value::Plain(value) => from_latin1(value),
            Value::Withheld(_) => Cow::Borrowed(b"".as_slice()),
        };
        list.push(&from_latin1(name), &value);
    }
    list
}

fn asked_names(headers: &HeaderList) -> Vec<String> {
    let asked = headers
        .first("access-control-request-headers")
        .unwrap_or_default();
    let names = asked
        .split(|octet| *octet == b',')
        .map(crate::wire::trim_ows);
    names.filter(|name| !name.is_empty()).map(lower).collect()
}

fn lower(name: &[u8]) -> String {
    lossy(name).to_ascii_lowercase()
}

fn lossy(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

/// The few parts of a judgement that are needed: reading all of it takes longer than all else.
#[derive(Deserialize)]
struct Slim {
    origin: Option<String>,
    kind: Kind,
    verdict: SlimVerdict,
}

#[derive(Deserialize)]
struct SlimVerdict {
    outcome: Outcome,
    by: Option<Rule>,
    credentials: SlimCredentials,
    if_included: Option<SlimAnswer>,
    if_omitted: Option<SlimAnswer>,
}

#[derive(Deserialize)]
struct SlimCredentials {
    mode: String,
    because: Option<Because>,
}

#[derive(Deserialize)]
struct SlimAnswer {
    outcome: Outcome,
    by: Option<Rule>,
}

impl Slim {
    fn of(judgement: &Judgement) -> Self {
        let Verdict {
            answer,
            credentials,
            if_included,
            if_omitted,
            ..
        } = &judgement.verdict;
        let slim = |answer: &crate::cors::Answer| SlimAnswer {
            outcome: answer.outcome,
            by: answer.by,
        };
        let mode = match credentials.mode {
            Some(CredentialsMode::Include) => "include",
            Some(CredentialsMode::Omit) => "omit",
            None => "unknown",
        };
        Self {
            origin: judgement.origin.clone(),
            kind: judgement.kind,
            verdict: SlimVerdict {
                outcome: answer.outcome,
                by: answer.by,
                credentials: SlimCredentials {
                    mode: mode.to_owned(),
                    because: credentials.because,
                },
                if_included: if_included.as_deref().map(slim),
                if_omitted: if_omitted.as_deref().map(slim),
            },
        }
    }

    fn is_decided_by_policies(&self) -> bool {
        let is_kind = matches!(self.kind, Kind::Preflight | Kind::CrossOrigin);
        is_kind && self.verdict.outcome != Outcome::Exempt && self.origin.is_some()
    }

    /// The mode, unless it is unknown, or of no account to today's answer.
    fn mode(&self) -> Option<CredentialsMode> {
        let credentials = &self.verdict.credentials;
        if credentials.because == Some(Because::Irrelevant) {
            return None;
        }
        match &*credentials.mode {
            "include" => Some(CredentialsMode::Include),
            "omit" => Some(CredentialsMode::Omit),
            _ => None,
        }
    }

    fn today(&self, credentials: Option<CredentialsMode>) -> Passes {
        let verdict = &self.verdict;
        let of_mode = |mode| match mode {
            CredentialsMode::Include => verdict.if_included.as_ref(),
            CredentialsMode::Omit => verdict.if_omitted.as_ref(),
        };
        Passes::by(credentials, |mode| match of_mode(mode) {
            Some(answer) if verdict.outcome == Outcome::Undecided => {
                passes(answer.outcome, answer.by)
            }
            Some(_) | None => passes(verdict.outcome, verdict.by),
        })
    }
}

/// Whether the CORS check passed, where the outcome tells.
fn passes(outcome: Outcome, by: Option<Rule>) -> Option<bool> {
    match (outcome, by) {
        (Outcome::Allowed, _) => Some(true),
        (Outcome::Blocked, Some(Rule::Cors)) => Some(false),
        (
            Outcome::Blocked
            | Outcome::Undecided
            | Outcome::Exempt
            | Outcome::Pending
            | Outcome::Failed
            | Outcome::NotAsked,
            _,
        ) => None,
    }
}
