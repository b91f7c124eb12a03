//! One request with its answer, next to what the policy says of it.

use serde::Serialize;

use crate::exchange::{Protocol, Response};

use super::access::{Access, Reading};
use super::matrix::{Asks, Question};

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The request.
    pub question: Question,
    /// How far the policy lets such a page get.
    pub expected: Access,
    /// The server's answer, or why there is none.
    pub answer: Result<Answer, String>,
}

/// An answer, and what it lets a page do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its head.
    pub head: Response,
    /// What browsers make of it.
    pub reading: Reading,
}

impl Answer {
    /// Reads the answer to a question.
    pub fn to(question: &Question, protocol: Protocol, head: Response) -> Self {
        let reading = Reading::of(question, protocol, &head);
        Self { head, reading }
    }
}

/// How server and policy compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Comparison {
    /// The server does what the policy says.
    Agrees,
    /// It allows more.
    Wider,
    /// It allows less.
    Narrower,
    /// It gave no answer that could be read.
    Unanswered,
}

impl Comparison {
    /// As it stands in a table.
    pub fn word(self) -> &'static str {
        match self {
            Self::Agrees => "agrees",
            Self::Wider => "wider",
            Self::Narrower => "narrower",
            Self::Unanswered => "unanswered",
        }
    }
}

impl Cell {
    /// How server and policy compare here. What any engine allows counts where it is too much, what
    /// any refuses where it is too little.
    pub fn comparison(&self) -> Comparison {
        let Ok(Answer { reading, .. }) = &self.answer else {
            return Comparison::Unanswered;
        };
        if self.question.origin.is_none() {
            Comparison::Agrees
        } else if reading.widest > self.expected {
            Comparison::Wider
        } else if reading.narrowest < self.expected {
            Comparison::Narrower
        } else {
            Comparison::Agrees
        }
    }

    /// What the server allows: the most where that is too much, the least otherwise.
    pub fn found(&self) -> Option<Access> {
        let Answer { reading, .. } = self.answer.as_ref().ok()?;
        Some(if reading.widest > self.expected {
            reading.widest
        } else {
            reading.narrowest
        })
    }

    /// Whether a preflight was asked.
    pub fn is_preflight(&self) -> bool {
        matches!(self.question.asks, Asks::Preflight { .. })
    }

    /// The head of the answer, if there is one.
    pub fn head(&self) -> Option<&Response> {
        self.answer.as_ref().ok().map(|answer| &answer.head)
    }
}
