//! What is to be found in the cells.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::cors::Engine;
use crate::cors::cache::max_age;
use crate::exchange::Response;
use crate::policy::Rule;
use crate::policy::finding::Severity;
use crate::policy::mistake::Mistake;
use crate::wire::headers::latin1;

use super::access::Access;
use super::cell::{Cell, Comparison};
use super::expect;
use super::matrix::Asks;
use super::origins::Likeness;
use super::vary;

/// One mistake of the server, with what shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Which one.
    pub mistake: Mistake,
    /// How bad it is.
    pub severity: Severity,
    /// What was seen: origin, request, answer.
    pub seen: String,
}

/// Finds the mistakes in a matrix that was played, each once.
pub fn findings(cells: &[Cell], rules: &[&Rule]) -> Vec<Found> {
    let mut found = Vec::new();
    too_wide(cells, rules, &mut found);
    too_narrow(cells, &mut found);
    found.extend(vary::missing(cells));
    found.extend(keeps_otherwise(cells, rules));
    found.extend(exposes_less(cells, rules));
    let mut once: BTreeMap<Mistake, Found> = BTreeMap::new();
    for one in found {
        let known = once.entry(one.mistake).or_insert_with(|| one.clone());
        // The worst example stands for all.
        if one.severity > known.severity {
            *known = one;
        }
    }
    let mut found: Vec<Found> = once.into_values().collect();
    found.sort_by_key(|one| std::cmp::Reverse(one.severity));
    found
}

/// Where the server allows what the policy does not. What follows from a worse mistake is not told
/// again: a server that reflects every origin reflects those near a listed one, too.
fn too_wide(cells: &[Cell], rules: &[&Rule], found: &mut Vec<Found>) {
    let wide = || {
        cells
            .iter()
            .filter(|cell| cell.comparison() == Comparison::Wider)
    };
    let strangers = wide().filter(|cell| likeness(cell) == Some(Likeness::Stranger));
    let to_all = strangers
        .filter_map(Cell::found)
        .max()
        .unwrap_or(Access::Refused);
    let mut pages: Vec<&Cell> = wide().filter(|cell| !cell.is_preflight()).collect();
    pages.sort_by_key(|cell| likeness(cell));
    for cell in &pages {
        let Some((access, likeness)) = cell.found().zip(likeness(cell)) else {
            continue;
        };
        if likeness != Likeness::Stranger && access <= to_all && !is_named(likeness) {
            continue;
        }
        let is_for_all = likeness == Likeness::Stranger && sends_asterisk(cell);
        let mistake = if is_for_all && access == Access::Anonymous {
            Mistake::AllowsAll
        } else {
            likeness.mistake()
        };
        found.push(Found {
            mistake,
            severity: severity(likeness, access),
            seen: seen(cell),
        });
    }
    let has_page_mistake = pages
        .iter()
        .any(|cell| likeness(cell).is_some_and(|one| !is_named(one)));
    for cell in wide().filter(|cell| cell.is_preflight()) {
        let is_meant = expect::rule_of(rules, cell.question.origin.as_ref()).is_some();
        found.extend(wide_preflight(cell, is_meant, has_page_mistake));
    }
}

fn wide_preflight(cell: &Cell, is_meant: bool, has_page_mistake: bool) -> Option<Found> {
    let (likeness, access) = (likeness(cell)?, cell.found()?);
    let Asks::Preflight { headers, .. } = &cell.question.asks else {
        return None;
    };
    let (mistake, severity) = match (is_meant, cell.expected) {
        (true, Access::Refused) if headers.is_empty() => (Mistake::AllowsMethod, Severity::Advice),
        (true, Access::Refused) => (Mistake::AllowsHeader, Severity::Advice),
        (true, _) => (Mistake::AllowsCredentials, Severity::Unsafe),
        (false, _) if has_page_mistake => return None,
        (false, _) => (Mistake::AnswersAnyPreflight, severity(likeness, access)),
    };
    Some(Found {
        mistake,
        severity,
        seen: seen(cell),
    })
}

/// Whether the policy means the origin.
fn is_named(likeness: Likeness) -> bool {
    matches!(likeness, Likeness::Listed | Likeness::Covered)
}

fn severity(likeness: Likeness, access: Access) -> Severity {
    let is_credentialed = access == Access::Credentialed;
    let is_theirs = likeness.is_of_others() || is_named(likeness);
    if is_credentialed && is_theirs {
        Severity::Unsafe
    } else {
        Severity::Advice
    }
}

/// Where the server refuses what the policy allows.
fn too_narrow(cells: &[Cell], found: &mut Vec<Found>) {
    let is_error = |cell: &Cell| cell.head().is_some_and(|head| head.status >= 400);
    let nobody = cells.iter().find(|cell| cell.question.origin.is_none());
    let fails_for_all = nobody.is_some_and(is_error);
    for cell in cells
        .iter()
        .filter(|cell| cell.comparison() == Comparison::Narrower)
    {
        let is_refused = cell.found() == Some(Access::Refused);
        let (mistake, severity) = match &cell.question.asks {
            Asks::NoSuchPage if is_error(cell) => (Mistake::ErrorsWithoutCors, Severity::Advice),
            // A page that is found after all tells nothing that the URL itself does not.
            Asks::NoSuchPage => continue,
            Asks::Page if is_refused && is_error(cell) && fails_for_all => {
                (Mistake::ErrorsWithoutCors, Severity::Advice)
            }
            Asks::Page if is_refused => (Mistake::RefusesOrigin, Severity::Broken),
            Asks::Preflight { .. } if is_refused => (Mistake::RefusesPreflight, Severity::Broken),
            Asks::Page | Asks::Preflight { .. } => (Mistake::RefusesCredentials, Severity::Broken),
        };
        found.push(Found {
            mistake,
            severity,
            seen: seen(cell),
        });
    }
}

/// A preflight's answer that browsers keep for another time than they would by the rule.
fn keeps_otherwise(cells: &[Cell], rules: &[&Rule]) -> Option<Found> {
    let differs = |cell: &&Cell| {
        let kept = cell.head().map(kept);
        let wanted =
            expect::rule_of(rules, cell.question.origin.as_ref()).and_then(|rule| rule.max_age);
        kept.zip(wanted)
            .is_some_and(|(kept, wanted)| kept != as_kept(wanted))
    };
    let named = |cell: &&Cell| likeness(cell).is_some_and(is_named);
    let passes = |cell: &&Cell| cell.is_preflight() && cell.found() > Some(Access::Refused);
    let cell = cells.iter().filter(named).filter(passes).find(differs)?;
    let wanted = expect::rule_of(rules, cell.question.origin.as_ref())?.max_age?;
    let sent = cell
        .head()
        .map(|head| value(head, "access-control-max-age"));
    Some(Found {
        mistake: Mistake::MaxAgeDiffers,
        severity: Severity::Advice,
        seen: format!(
            "{}; Access-Control-Max-Age is {}, max-age in the policy {wanted}",
            asked(cell),
            sent.flatten().unwrap_or_else(|| "not there".to_owned())
        ),
    })
}

/// How long the three engines keep an answer, in seconds.
fn kept(head: &Response) -> [u64; 3] {
    Engine::ALL.map(|engine| max_age(engine, &head.headers).as_secs())
}

/// How long they would keep one that says so many seconds.
fn as_kept(seconds: u32) -> [u64; 3] {
    let seconds = seconds.to_string();
    let fields = [("access-control-max-age", &seconds)].into_iter().collect();
    Engine::ALL.map(|engine| max_age(engine, &fields).as_secs())
}

/// A header of the rule that scripts of a listed origin cannot read.
fn exposes_less(cells: &[Cell], rules: &[&Rule]) -> Option<Found> {
    let named =
        |cell: &&Cell| likeness(cell).is_some_and(is_named) && cell.question.asks == Asks::Page;
    for cell in cells.iter().filter(named) {
        let (Some(head), Some(rule)) = (
            cell.head(),
            expect::rule_of(rules, cell.question.origin.as_ref()),
        ) else {
            continue;
        };
        let exposed = value(head, "access-control-expose-headers").unwrap_or_default();
        let has = |name: &str| {
            exposed
                .split(',')
                .any(|one| one.trim().eq_ignore_ascii_case(name))
        };
        let all = has("*") && !rule.credentials;
        let missing = rule
            .expose_headers
            .listed
            .iter()
            .find(|name| !all && !has(name));
        if let Some(name) = missing.filter(|_| cell.found() > Some(Access::Refused)) {
            return Some(Found {
                mistake: Mistake::ExposesLess,
                severity: Severity::Broken,
                seen: format!(
                    "{}; `{name}` is not in Access-Control-Expose-Headers",
                    asked(cell)
                ),
            });
        }
    }
    None
}

fn likeness(cell: &Cell) -> Option<Likeness> {
    Some(cell.question.origin.as_ref()?.likeness)
}

fn sends_asterisk(cell: &Cell) -> bool {
    let sent = cell
        .head()
        .and_then(|head| head.headers.first("access-control-allow-origin"));
    sent == Some(b"*")
}

/// The value of a field, its lines joined.
pub(super) fn value(head: &Response, name: &str) -> Option<String> {
    let value = head.headers.combined(name)?;
    Some(latin1(&value).into_owned())
}

/// What was asked, in words.
pub(super) fn asked(cell: &Cell) -> String {
    let origin = match &cell.question.origin {
        Some(origin) => format!("Origin: {}", origin.origin),
        None => "no Origin".to_owned(),
    };
    match &cell.question.asks {
        Asks::Page => format!("a request with {origin}"),
        Asks::NoSuchPage => format!("a request for a page that is not there, with {origin}"),
        Asks::Preflight { method, headers } if headers.is_empty() => {
            format!("a preflight for {method} with {origin}")
        }
        Asks::Preflight { method, headers } => {
            format!(
                "a preflight for {method} and {} with {origin}",
                headers.join(", ")
            )
        }
    }
}

/// What was asked and what came.
fn seen(cell: &Cell) -> String {
    let Ok(answer) = &cell.answer else {
        return asked(cell);
    };
    let head = &answer.head;
    let mut seen = format!("{} got status {}", asked(cell), head.status);
    for name in [
        "Access-Control-Allow-Origin",
        "Access-Control-Allow-Credentials",
    ] {
        if let Some(value) = value(head, name) {
            let _ = write!(seen, ", {name}: {value}");
        }
    }
    let cause = answer
        .reading
        .because
        .filter(|_| cell.comparison() == Comparison::Narrower);
    if let Some(cause) = cause {
        let _ = write!(seen, " ({})", cause.name());
    }
    seen
}
