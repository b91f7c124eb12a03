//! What an explanation can draw on: one exchange with its judgement.

use crate::cors::verdict::Answer;
use crate::cors::{Judgement, Phase};
use crate::exchange::recorded::{Fields, Recorded};
use crate::exchange::secret::Value;

/// An exchange with its judgement.
#[derive(Clone, Copy)]
pub(super) struct Story<'a> {
    pub(super) recorded: &'a Recorded,
    pub(super) judgement: &'a Judgement,
}

impl Story<'_> {
    /// What the lines of a field of the answer hold, joined; nothing if it has none.
    pub(super) fn sent(&self, field: &str) -> Option<String> {
        values(&self.recorded.sent.as_ref()?.headers, field)
    }

    /// What the lines of a field of the request hold, joined; nothing if it has none.
    pub(super) fn asked(&self, field: &str) -> Option<String> {
        values(&self.recorded.request.headers, field)
    }

    /// The origin of the page.
    pub(super) fn origin(&self) -> &str {
        self.judgement
            .origin
            .as_deref()
            .unwrap_or("the page's origin")
    }

    /// The status of the answer, in brackets.
    pub(super) fn status(&self) -> String {
        self.recorded
            .sent
            .as_ref()
            .map(|sent| format!(" (status {})", sent.status))
            .unwrap_or_default()
    }
}

/// What the answer is called in a sentence.
pub(super) fn name_of_answer(answer: &Answer) -> &'static str {
    match answer.phase {
        Some(Phase::Preflight) => "the answer to the preflight",
        Some(Phase::RedirectHop) => "the redirect",
        Some(Phase::Actual) | None => "the answer",
    }
}

fn values(fields: &Fields, wanted: &str) -> Option<String> {
    let plain = |(name, value): &(String, Value)| match value {
        Value::Plain(value) if name.eq_ignore_ascii_case(wanted) => Some(value.clone()),
        Value::Plain(_) | Value::Withheld(_) => None,
    };
    let values: Vec<String> = fields.iter().filter_map(plain).collect();
    (!values.is_empty()).then(|| values.join(", "))
}
