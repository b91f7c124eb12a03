//! Diagnoses: what lies beneath a verdict, or beside it, with the exchanges that show it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::exchange::ExchangeId;

/// How sure a diagnosis is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// It is one of several explanations.
    Low,
    /// It is the likeliest explanation.
    Medium,
    /// What was seen has hardly another explanation.
    High,
    /// It was seen itself.
    Certain,
}

/// What is at fault, how sure that is, what shows it, and what to change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis<Code> {
    /// What is at fault.
    pub code: Code,
    /// How sure that is.
    pub confidence: Confidence,
    /// The exchanges that show it.
    pub evidence: Vec<ExchangeId>,
    /// What to change, and on whose side.
    pub remedy: Cow<'static, str>,
}
