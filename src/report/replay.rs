//! What a policy makes of recorded traffic, as text, as JSON and for continuous integration.

use std::fmt::Write;

use serde::Serialize;
use serde_json::Value;

use crate::policy::replay::{Counts, Group};
use crate::report::lint::junit::Case;
use crate::report::lint::sarif;
use crate::report::text::{BAD, BOLD, DIM, GOOD, WARN, printable};

/// Exchanges of one origin, target and method, as they are written in JSON.
#[derive(Clone, Debug, Serialize)]
pub struct Written<'a> {
    v: u32,
    origin: &'a str,
    target: &'a str,
    method: &'a str,
    exchanges: u64,
    allowed: u64,
    undecided: u64,
    blocked: u64,
    not_told: u64,
    newly_allowed: u64,
    newly_blocked: u64,
    causes: Vec<&'static str>,
    rules: Vec<&'a str>,
}

/// The JSON form of a group.
pub fn json(group: &Group) -> Written<'_> {
    let counts = &group.counts;
    Written {
        v: 1,
        origin: &group.origin,
        target: &group.target,
        method: &group.method,
        exchanges: counts.exchanges,
        allowed: counts.allowed,
        undecided: counts.undecided,
        blocked: counts.blocked,
        not_told: counts.not_told,
        newly_allowed: counts.newly_allowed,
        newly_blocked: counts.newly_blocked,
        causes: counts.causes.keys().copied().collect(),
        rules: counts.rules.keys().map(|name| &**name).collect(),
    }
}

/// All groups, by origin and target, and what they come to.
pub fn text(groups: &[Group]) -> String {
    let mut text = String::new();
    let mut above: Option<(&str, &str)> = None;
    for group in groups {
        let pair = (&*group.origin, &*group.target);
        if above != Some(pair) {
            let _ = writeln!(
                text,
                "{BOLD}{}{BOLD:#} {DIM}→{DIM:#} {BOLD}{}{BOLD:#}",
                printable(pair.0),
                printable(pair.1)
            );
            above = Some(pair);
        }
        let _ = writeln!(
            text,
            "    {:8}{}",
            printable(&group.method),
            counted(&group.counts)
        );
    }
    let mut all = Counts::default();
    for group in groups {
        all.add(&group.counts);
    }
    let _ = writeln!(
        text,
        "{} cross-origin exchanges: {}",
        all.exchanges,
        counted(&all)
    );
    text
}

fn counted(counts: &Counts) -> String {
    let passes = [
        (counts.allowed, format!("{GOOD}allowed{GOOD:#}")),
        (
            counts.undecided,
            format!("{WARN}allowed unless credentials are included{WARN:#}"),
        ),
        (counts.blocked, format!("{BAD}blocked{BAD:#}")),
        (counts.not_told, "withheld by the capture".to_owned()),
    ];
    let changes = [
        (counts.newly_allowed, format!("{GOOD}newly allowed{GOOD:#}")),
        (counts.newly_blocked, format!("{BAD}newly blocked{BAD:#}")),
    ];
    let mut text = listed(&passes);
    if !counts.causes.is_empty() {
        let causes: Vec<&str> = counts.causes.keys().copied().collect();
        let _ = write!(text, " {DIM}({}){DIM:#}", causes.join(", "));
    }
    let changes = listed(&changes);
    if !changes.is_empty() {
        let _ = write!(text, "; {changes}");
    }
    text
}

/// Those that there are.
fn listed(counts: &[(u64, String)]) -> String {
    let some = counts.iter().filter(|(count, _)| *count > 0);
    let some: Vec<String> = some
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    some.join(", ")
}

/// One sentence about what a policy newly blocks.
fn newly_blocked(group: &Group) -> String {
    let causes: Vec<&str> = group.counts.causes.keys().copied().collect();
    format!(
        "{} of {} recorded {} exchanges of {} with {} pass today and would be blocked: {}.",
        group.counts.newly_blocked,
        group.counts.exchanges,
        printable(&group.method),
        printable(&group.origin),
        printable(&group.target),
        causes.join(", ")
    )
}

/// What is newly blocked, as SARIF results.
pub fn sarif(policy: &str, groups: &[Group]) -> Vec<Value> {
    let blocked = groups.iter().filter(|group| group.counts.newly_blocked > 0);
    let result = |group| sarif::of_traffic(policy, "newly-blocked", "error", &newly_blocked(group));
    blocked.map(result).collect()
}

/// A test case for each group, which fails where something is newly blocked.
pub fn cases(groups: &[Group]) -> impl Iterator<Item = Case> {
    groups.iter().map(|group| Case {
        name: format!("{} → {} {}", group.origin, group.target, group.method),
        failure: (group.counts.newly_blocked > 0)
            .then(|| ("newly-blocked".to_owned(), newly_blocked(group))),
    })
}
