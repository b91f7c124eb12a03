//! A paper, put together from what a capture holds.

use std::fmt::Write;

use super::ask::asks;
use super::chain::{step, story};
use super::diff::evidence;
use super::facts::environment;
use super::page::page;
use super::{About, Asked, Group, Message, Paper, RootTold, Section, Source, Sources, VERSION};
use crate::cors::verdict::Answer;
use crate::cors::{Engine, Outcome};
use crate::exchange::RequestUrl;
use crate::report::console::{Scene, message};
use crate::report::explain::explain;
use crate::report::record::Record;

/// How many redirects are followed back; browsers give up after twenty.
const MOST_HOPS: usize = 25;
/// How many of the failures of a group are listed.
const MOST_ALIKE: usize = 10;

/// Puts a paper together; `sources` has the exchanges of the groups and all that those name.
pub fn paper(about: &About, groups: &[Group], sources: &Sources) -> Paper {
    let sections: Vec<Section> = groups
        .iter()
        .filter_map(|group| section(about, group, sources))
        .collect();
    Paper {
        v: VERSION,
        corstap: env!("CARGO_PKG_VERSION"),
        capture: about.capture.clone(),
        title: title(&sections),
        values: values(about),
        sections,
        left_out: about.left_out,
    }
}

fn title(sections: &[Section]) -> String {
    match sections {
        [] => "Nothing has failed".to_owned(),
        [only] => only.title.clone(),
        several => format!(
            "{} cross-origin failures of {} kinds",
            several.iter().map(|section| section.count).sum::<usize>(),
            several.len()
        ),
    }
}

/// What the reader is to know of what is not told.
fn values(about: &About) -> String {
    let mut told = "Values of fields that are not known to be harmless are withheld, and so are values, \
                    tokens and passwords in URLs: {withheld:LENGTH:DIGEST}; equal ones have equal digests. \
                    Bodies were never recorded."
        .to_owned();
    if about.has_all_values {
        told.push_str(" The capture itself was made with --values all and holds them.");
    }
    if let Some(newest) = about.looked_at {
        let _ = write!(
            told,
            " There are more failures: the newest {newest} were looked at."
        );
    }
    if !about.included.is_empty() {
        let names = about.included.join(", ");
        told.push_str(" Told all the same, because they were asked for (--include): ");
        told.push_str(&names);
        told.push('.');
    }
    told
}

fn section(about: &About, group: &Group, sources: &Sources) -> Option<Section> {
    let source = sources.get(group.ids.last()?)?;
    let (recorded, judgement) = source.pair();
    let verdict = &judgement.verdict;
    let cause = cause(source);
    let explanation = explain(recorded, judgement);
    let sentence = explanation.as_ref().map(|told| told.sentence.clone());
    let record = Record::new(&about.capture, source.rev, recorded, judgement);
    Some(Section {
        title: section_title(source, &cause, group.ids.len()),
        id: recorded.id,
        count: group.ids.len(),
        alike: alike(group, sources),
        outcome: verdict.answer.outcome,
        cause,
        phase: verdict.answer.phase,
        sentence: sentence.unwrap_or_else(|| "Nothing is wrong with it.".to_owned()),
        messages: messages(source, sources),
        also: verdict.also.clone(),
        story: story(source, sources),
        evidence: evidence(source),
        roots: roots(source, sources),
        remedy: explanation
            .as_ref()
            .map(|told| told.remedy.clone())
            .unwrap_or_default(),
        send: explanation.map(|told| told.send).unwrap_or_default(),
        standard: verdict
            .answer
            .cause
            .map(|cause| format!("https://fetch.spec.whatwg.org/#{}", cause.fetch_fragment())),
        environment: environment(about, source, sources),
        asks: asks(source, sources),
        page: page(first(source, sources)),
        exchange: serde_json::to_value(&record).unwrap_or_default(),
    })
}

/// What the page asked for, where redirects led elsewhere.
fn first<'a>(source: &'a Source, sources: &'a Sources) -> &'a Source {
    let mut first = source;
    for _ in 0..MOST_HOPS {
        let before = first.judgement.links.redirected_from;
        let Some(before) = before.and_then(|id| sources.get(&id)) else {
            break;
        };
        first = before;
    }
    first
}

/// The name of what is wrong.
pub(super) fn cause(source: &Source) -> String {
    let verdict = &source.judgement.verdict;
    let included = verdict.if_included.as_ref();
    let cause = verdict
        .answer
        .cause
        .or(included.and_then(|answer| answer.cause));
    let beside = verdict.not_cors.first().map(|first| first.code.name());
    let name = cause.map(crate::cors::Cause::name).or(beside);
    name.unwrap_or(source.recorded.ending.name()).to_owned()
}

fn section_title(source: &Source, cause: &str, count: usize) -> String {
    let (recorded, judgement) = source.pair();
    let what = match judgement.verdict.answer.outcome {
        Outcome::Blocked => "is blocked",
        Outcome::Failed => "fails",
        Outcome::Undecided => "is blocked if credentials are included",
        Outcome::Allowed => "passes",
        Outcome::Exempt => "is none of CORS",
        Outcome::Pending => "has no answer yet",
        Outcome::NotAsked => "was not asked",
    };
    let from = judgement.origin.as_deref();
    let from = from
        .map(|origin| format!(" from {origin}"))
        .unwrap_or_default();
    if count > 1 {
        let target = target(&recorded.request.url);
        return format!("{count} requests to {target}{from}: each {what} ({cause})");
    }
    let url = recorded.request.url.split('?').next().unwrap_or_default();
    format!("{} {url}{from} {what} ({cause})", recorded.request.method)
}

/// What several requests for URLs like this one have in common: the origin, or elsewhere the scheme.
pub fn target(url: &str) -> String {
    let scheme = || format!("{}: URLs", url.split(':').next().unwrap_or_default());
    RequestUrl::parse(url).map_or_else(scheme, |url| url.origin())
}

fn alike(group: &Group, sources: &Sources) -> Vec<Asked> {
    let known = group.ids.iter().rev().filter_map(|id| sources.get(id));
    let asked = known.map(|source| Asked {
        id: source.recorded.id,
        method: source.recorded.request.method.clone(),
        url: source.recorded.request.url.clone(),
    });
    asked.take(MOST_ALIKE).collect()
}

/// What each engine prints, or would print.
fn messages(source: &Source, sources: &Sources) -> Vec<Message> {
    let (recorded, judgement) = source.pair();
    let scene = Scene::of(recorded, judgement, |id| Some(sources.get(&id)?.pair()));
    let mut messages = Vec::new();
    for engine in Engine::ALL {
        let told = judgement.verdict.engines.get(engine);
        let fails = |answer: &Answer| matches!(answer.outcome, Outcome::Blocked | Outcome::Failed);
        let included = told.if_included.as_deref().filter(|answer| fails(answer));
        let (answer, if_included) = match included {
            _ if fails(&told.answer) => (&told.answer, false),
            Some(answer) => (answer, true),
            None => continue,
        };
        let Some(code) = answer.code.as_deref() else {
            continue;
        };
        messages.push(Message {
            engine,
            code: code.to_owned(),
            text: message(engine, answer, &scene),
            basis: told.basis,
            if_included,
        });
    }
    messages
}

fn roots(source: &Source, sources: &Sources) -> Vec<RootTold> {
    let told = source.judgement.roots.iter().map(|root| RootTold {
        code: root.code.name(),
        confidence: root.confidence,
        meaning: root.code.meaning(),
        remedy: root.remedy.clone().into_owned(),
        evidence: root
            .evidence
            .iter()
            .filter_map(|id| sources.get(id))
            .map(step)
            .collect(),
    });
    told.collect()
}
