//! What a rule made of a response, beside what would become of it without the rule.

use super::{View, paragraph, printable};
use crate::cors::verdict::{Answer, Production};
use crate::cors::{Judgement, Outcome};
use crate::exchange::recorded::Recorded;

/// The lines about rewrites: of the response, and of what came before the request. Nothing where
/// there are none.
pub(super) fn rewritten(recorded: &Recorded, judgement: &Judgement, view: View) -> String {
    let mut text = String::new();
    let told = [of_response(recorded, judgement), of_request(judgement)];
    for told in told.into_iter().flatten() {
        paragraph(&mut text, view, ["    ≈ ", "      "], &told);
    }
    text
}

fn of_response(recorded: &Recorded, judgement: &Judgement) -> Option<String> {
    let rule = printable(&recorded.rewrite.as_ref()?.rule);
    let answer = &judgement.verdict.answer;
    if answer.outcome == Outcome::NotAsked {
        return Some(format!(
            "answered here because of rule \"{rule}\"; the server was not asked"
        ));
    }
    let here = match &judgement.delivered {
        Some(delivered) if is_lost(&delivered.answer) => format!(
            "changed here by rule \"{rule}\", and fails all the same: {}",
            why(&delivered.answer)
        ),
        Some(_) | None => format!("passes here because of rule \"{rule}\""),
    };
    let production = match answer.outcome {
        Outcome::Blocked | Outcome::Failed => format!("in production it fails: {}", why(answer)),
        Outcome::Undecided => {
            let included = judgement.verdict.if_included.as_deref();
            let cause = included.map_or("blocked", why);
            format!("in production it fails if credentials are included: {cause}")
        }
        Outcome::Allowed | Outcome::Exempt | Outcome::Pending | Outcome::NotAsked => {
            "in production it passes".to_owned()
        }
    };
    Some(format!("{here}; {production}"))
}

fn of_request(judgement: &Judgement) -> Option<String> {
    let links = &judgement.links;
    let before = links.preflight.or(links.redirected_from)?;
    Some(match judgement.production? {
        Production::NotSent => format!(
            "in production this request is not sent: a rule let #{} pass",
            before.0
        ),
        Production::Unknown => format!(
            "whether this request is sent in production is not known: a rule let #{} pass",
            before.0
        ),
    })
}

fn is_lost(answer: &Answer) -> bool {
    matches!(answer.outcome, Outcome::Blocked | Outcome::Failed)
}

fn why(answer: &Answer) -> &'static str {
    answer
        .cause
        .map_or_else(|| answer.outcome.name(), |cause| cause.name())
}
