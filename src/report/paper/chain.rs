//! Stories: which exchanges belong to one load, and what is told of each.

use std::collections::BTreeSet;

use super::{Part, Source, Sources, Step};
use crate::cors::{Judgement, Kind, Outcome};
use crate::exchange::ExchangeId;
use crate::exchange::recorded::Recorded;
use crate::exchange::secret::Value;

/// How many exchanges a story has at most.
const MOST: usize = 30;

/// The exchanges that one names: those of its story, and those that show its roots.
pub fn related(judgement: &Judgement) -> Vec<ExchangeId> {
    let mut ids = of_story(judgement);
    let roots = judgement.roots.iter().flat_map(|root| &root.evidence);
    let beside = judgement.verdict.not_cors.iter();
    ids.extend(roots);
    ids.extend(beside.flat_map(|one| &one.evidence));
    ids.extend(judgement.verdict.evidence.iter().map(|one| one.exchange));
    ids.extend(judgement.retry_of);
    ids
}

/// The exchanges of the same story that one names.
fn of_story(judgement: &Judgement) -> Vec<ExchangeId> {
    let links = &judgement.links;
    let beside = [links.preflight, links.redirected_from, links.redirected_to];
    let mut ids: Vec<ExchangeId> = beside.into_iter().flatten().collect();
    ids.extend(links.actual.iter().take(3));
    ids
}

/// The story of an exchange: preflights, requests and redirects, in order.
pub(super) fn story(source: &Source, sources: &Sources) -> Vec<Step> {
    let mut ids = BTreeSet::from([source.recorded.id]);
    let mut waiting = vec![source];
    while let Some(next) = waiting.pop() {
        for id in of_story(&next.judgement) {
            let Some(found) = sources.get(&id) else {
                continue;
            };
            if ids.len() < MOST && ids.insert(id) {
                waiting.push(found);
            }
        }
    }
    let told = ids.iter().filter_map(|id| sources.get(id));
    told.map(step).collect()
}

/// What is told of an exchange.
pub(super) fn step(source: &Source) -> Step {
    let (recorded, judgement) = source.pair();
    let part = match judgement.kind {
        Kind::Preflight => Part::Preflight,
        _ if judgement.links.redirected_from.is_some() => Part::Redirected,
        Kind::CrossOrigin
        | Kind::SameOrigin
        | Kind::NoCors
        | Kind::Navigation
        | Kind::Websocket
        | Kind::NotBrowser => Part::Request,
    };
    Step {
        id: recorded.id,
        part,
        method: recorded.request.method.clone(),
        url: recorded.request.url.clone(),
        asks: asks(recorded),
        answer: answer(recorded),
        outcome: judgement.verdict.answer.outcome,
    }
}

/// What a preflight asks for.
fn asks(recorded: &Recorded) -> Option<String> {
    let method = plain(&recorded.request.headers, "access-control-request-method")?;
    let names = plain(&recorded.request.headers, "access-control-request-headers");
    Some(match names {
        Some(names) if !names.is_empty() => format!("{method} with {names}"),
        _ => method.to_owned(),
    })
}

fn answer(recorded: &Recorded) -> String {
    let Some(sent) = &recorded.sent else {
        return recorded.ending.name().to_owned();
    };
    match plain(&sent.headers, "location") {
        Some(location) if (300..400).contains(&sent.status) => {
            format!("{} to {location}", sent.status)
        }
        _ => sent.status.to_string(),
    }
}

/// The value of the first line of that name that is known.
pub(super) fn plain<'a>(fields: &'a [(String, Value)], wanted: &str) -> Option<&'a str> {
    fields.iter().find_map(|(name, value)| match value {
        Value::Plain(value) if name.eq_ignore_ascii_case(wanted) => Some(value.as_str()),
        Value::Plain(_) | Value::Withheld(_) => None,
    })
}

/// What comes of an exchange, for people.
pub(super) fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Undecided => "passes unless credentials are included",
        Outcome::Exempt => "no CORS",
        Outcome::Allowed
        | Outcome::Blocked
        | Outcome::Pending
        | Outcome::Failed
        | Outcome::NotAsked => outcome.name(),
    }
}
