//! What was rewritten in a run, said at its end.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use crate::cors::{Answer, Cause, Outcome};
use crate::report::text::printable;
use crate::store::capture::Which;
use crate::store::row::Stored;
use crate::store::{Capture, Error};

/// What became of the responses that one rule changed, without it.
#[derive(Debug, Default)]
struct Tally {
    answers: u64,
    /// By what happens in production.
    production: BTreeMap<String, u64>,
}

/// What was rewritten in the run of a capture.
pub(super) fn told(capture: &Path) -> Result<String, Error> {
    let mut rules: BTreeMap<String, Tally> = BTreeMap::new();
    Capture::open(capture)?.exchanges::<Error>(Which::Rewritten, |stored| {
        if let Some(rewrite) = &stored.recorded.rewrite {
            let tally = rules.entry(rewrite.rule.clone()).or_default();
            tally.answers += 1;
            *tally.production.entry(production(&stored)).or_default() += 1;
        }
        Ok(())
    })?;
    let all: u64 = rules.values().map(|tally| tally.answers).sum();
    let mut text = format!("\nrewriting: {}\n", responses(all));
    for (
        rule,
        Tally {
            answers,
            production,
        },
    ) in rules
    {
        let list: Vec<String> = production
            .iter()
            .map(|(what, times)| format!("{times} × {what}"))
            .collect();
        let _ = writeln!(
            text,
            "  rule \"{}\": {answers}; in production {}",
            printable(&rule),
            list.join(", ")
        );
    }
    Ok(text)
}

fn responses(count: u64) -> String {
    match count {
        0 => "no response was changed".to_owned(),
        1 => "1 response was changed".to_owned(),
        more => format!("{more} responses were changed"),
    }
}

/// What becomes of a response without the rule.
fn production(stored: &Stored) -> String {
    let verdict = &stored.judgement.verdict;
    let name = |answer: &Answer| {
        let cause = answer.cause.map(Cause::name);
        cause.unwrap_or_else(|| answer.outcome.name())
    };
    match verdict.answer.outcome {
        Outcome::Blocked | Outcome::Failed => format!("it fails ({})", name(&verdict.answer)),
        Outcome::Undecided => {
            let included = verdict.if_included.as_deref().map_or("blocked", name);
            format!("it fails if credentials are included ({included})")
        }
        Outcome::NotAsked => "the server was not asked".to_owned(),
        Outcome::Allowed | Outcome::Exempt | Outcome::Pending => "it passes".to_owned(),
    }
}
