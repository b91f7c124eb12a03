//! What an answer lets a page do, by the checks that browsers make.

use serde::Serialize;

use crate::cors::check::{Asked, Finding, cors_check};
use crate::cors::preflight::{Preflight, preflight_check};
use crate::cors::{Cause, CredentialsMode, Engine};
use crate::exchange::{Protocol, Response};

use super::matrix::{Asks, Question};

/// How far a page of an origin gets. Who may use credentials may do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Not at all.
    Refused,
    /// Without credentials only.
    Anonymous,
    /// With credentials, too.
    Credentialed,
}

impl Access {
    /// As it stands in a table.
    pub fn word(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Anonymous => "without credentials",
            Self::Credentialed => "with credentials",
        }
    }
}

/// What the engines make of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The most that any of them allows.
    pub widest: Access,
    /// The least that any of them allows.
    pub narrowest: Access,
    /// Why the one that allows least allows no more than it does.
    pub because: Option<Cause>,
}

impl Reading {
    /// Reads an answer to a question.
    pub fn of(question: &Question, protocol: Protocol, answer: &Response) -> Self {
        let readings = Engine::ALL.map(|engine| access(engine, question, protocol, answer));
        let mut widest = Access::Refused;
        let (mut narrowest, mut because) = (Access::Credentialed, None);
        for (access, cause) in readings {
            widest = widest.max(access);
            if access < narrowest {
                (narrowest, because) = (access, cause);
            }
        }
        Self {
            widest,
            narrowest,
            because,
        }
    }
}

fn access(
    engine: Engine,
    question: &Question,
    protocol: Protocol,
    answer: &Response,
) -> (Access, Option<Cause>) {
    let failing = |credentials| {
        let findings = check(engine, question, protocol, credentials, answer);
        findings.first().map(|finding| finding.cause)
    };
    match (
        failing(CredentialsMode::Omit),
        failing(CredentialsMode::Include),
    ) {
        (Some(cause), _) => (Access::Refused, Some(cause)),
        (None, Some(cause)) => (Access::Anonymous, Some(cause)),
        (None, None) => (Access::Credentialed, None),
    }
}

fn check(
    engine: Engine,
    question: &Question,
    protocol: Protocol,
    credentials: CredentialsMode,
    answer: &Response,
) -> Vec<Finding> {
    let Some(origin) = &question.origin else {
        return Vec::new();
    };
    let asked = Asked {
        origin: origin.origin.as_bytes(),
        protocol,
        credentials,
    };
    match &question.asks {
        Asks::Page | Asks::NoSuchPage => cors_check(engine, asked, &answer.headers),
        Asks::Preflight { method, headers } => {
            let names = headers.join(",");
            let preflight = Preflight {
                method: method.as_bytes(),
                headers: names.as_bytes(),
            };
            preflight_check(engine, preflight, asked, answer)
        }
    }
}
