//! The header names that script can read of a recorded answer.

use crate::cors::Judgement;
use crate::cors::exposed::{self, Readable};
use crate::exchange::recorded::Recorded;
use crate::exchange::secret::Value;

/// The header names that script can read, per engine; nothing where no script gets the answer.
pub fn readable(recorded: &Recorded, judgement: &Judgement) -> Option<Readable> {
    let verdict = &judgement.verdict;
    if verdict.readable.is_some() {
        return verdict.readable.clone();
    }
    let sent = recorded.sent.as_ref()?;
    let fields = sent.headers.iter().map(|(name, value)| match value {
        Value::Plain(value) => (name.as_str(), Some(value.as_str())),
        Value::Withheld(_) => (name.as_str(), None),
    });
    exposed::readable(
        judgement.kind,
        judgement.destination,
        verdict.answer.outcome,
        verdict.credentials.mode,
        sent.status,
        &fields,
    )
}
