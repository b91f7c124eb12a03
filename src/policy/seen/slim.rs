//! The few parts of a judgement that a policy needs.

use serde::Deserialize;

use super::Passes;
use crate::cors::credentials::Because;
use crate::cors::{CredentialsMode, Judgement, Kind, Outcome, Rule, Verdict};

/// The few parts of a judgement that are needed: reading all of it takes longer than all else.
#[derive(Debug, Deserialize)]
pub(super) struct Slim {
    /// The origin of the page.
    pub(super) origin: Option<String>,
    pub(super) kind: Kind,
    verdict: SlimVerdict,
}

#[derive(Debug, Deserialize)]
struct SlimVerdict {
    outcome: Outcome,
    by: Option<Rule>,
    credentials: SlimCredentials,
    if_included: Option<SlimAnswer>,
    if_omitted: Option<SlimAnswer>,
}

#[derive(Debug, Deserialize)]
struct SlimCredentials {
    mode: Mode,
    because: Option<Because>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Include,
    Omit,
    Unknown,
}

#[derive(Debug, Deserialize)]
struct SlimAnswer {
    outcome: Outcome,
    by: Option<Rule>,
}

impl Slim {
    /// Those of a judgement in JSON.
    pub(super) fn read(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }

    /// The same of a judgement that was read.
    pub(super) fn of(judgement: &Judgement) -> Self {
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
            Some(CredentialsMode::Include) => Mode::Include,
            Some(CredentialsMode::Omit) => Mode::Omit,
            None => Mode::Unknown,
        };
        Self {
            origin: judgement.origin.clone(),
            kind: judgement.kind,
            verdict: SlimVerdict {
                outcome: answer.outcome,
                by: answer.by,
                credentials: SlimCredentials {
                    mode,
                    because: credentials.because,
                },
                if_included: if_included.as_deref().map(slim),
                if_omitted: if_omitted.as_deref().map(slim),
            },
        }
    }

    /// Whether a policy decides what comes of it.
    pub(super) fn is_decided_by_policies(&self) -> bool {
        let is_kind = matches!(self.kind, Kind::Preflight | Kind::CrossOrigin);
        is_kind && self.verdict.outcome != Outcome::Exempt && self.origin.is_some()
    }

    /// The mode, unless it is unknown, or of no account to today's answer.
    pub(super) fn mode(&self) -> Option<CredentialsMode> {
        let credentials = &self.verdict.credentials;
        if credentials.because == Some(Because::Irrelevant) {
            return None;
        }
        match credentials.mode {
            Mode::Include => Some(CredentialsMode::Include),
            Mode::Omit => Some(CredentialsMode::Omit),
            Mode::Unknown => None,
        }
    }

    /// What comes of it today.
    pub(super) fn today(&self, credentials: Option<CredentialsMode>) -> Passes {
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
