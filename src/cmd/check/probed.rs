//! What a probe has found, in every form that findings have.

use std::fmt::Write;

use anyhow::Result;
use serde::Serialize;
use serde_json::Value;

use crate::cmd::probe::Probed;
use crate::cmd::view;
use crate::policy::finding::Severity;
use crate::policy::mistake::Mistake;
use crate::probe::table::{Record, table};
use crate::probe::{Comparison, Found};
use crate::report::lint::junit::Case;
use crate::report::lint::sarif;
use crate::report::text::{View, printable};
use crate::term::Terminal;

/// The cells in a table, and what is wrong in them.
pub(super) fn tell(terminal: &mut Terminal, probed: &Probed) -> Result<()> {
    let view = view(terminal);
    terminal.print(&table(&probed.cells, probed.fetch))?;
    terminal.print("\n")?;
    for found in &probed.found {
        terminal.print(&text(found, view))?;
    }
    terminal.print(&summary(probed))?;
    Ok(())
}

fn text(found: &Found, view: View) -> String {
    let mut text = format!("{}: {}\n", found.severity.name(), found.mistake.code());
    let seen = printable(&found.seen);
    for line in [found.mistake.why(), &seen, found.mistake.remedy()] {
        let mark = if line == found.mistake.remedy() {
            "→ "
        } else {
            ""
        };
        let options = textwrap::Options::new(view.width.unwrap_or(usize::MAX))
            .break_words(false)
            .initial_indent("    ")
            .subsequent_indent("    ");
        let _ = writeln!(
            text,
            "{}",
            textwrap::fill(&format!("{mark}{line}"), options)
        );
    }
    text
}

/// How the cells compare, and how many findings there are.
fn summary(probed: &Probed) -> String {
    let all = [
        Comparison::Agrees,
        Comparison::Wider,
        Comparison::Narrower,
        Comparison::Unanswered,
    ];
    let counted = all.into_iter().filter_map(|comparison| {
        let cells = probed.cells.iter();
        let count = cells.filter(|cell| cell.comparison() == comparison).count();
        (count > 0).then(|| format!("{count} {}", comparison.word()))
    });
    let counted: Vec<String> = counted.collect();
    let wrong = match probed.found.len() {
        0 => "nothing is wrong",
        1 => "one finding",
        _ => "findings as above",
    };
    format!(
        "{}: {} requests: {}; {wrong}\n",
        probed.url,
        probed.cells.len(),
        counted.join(", ")
    )
}

/// A finding as JSON.
#[derive(Debug, Serialize)]
struct Written<'a> {
    v: u32,
    kind: &'static str,
    url: &'a str,
    code: Mistake,
    severity: Severity,
    why: &'static str,
    seen: &'a str,
    todo: &'static str,
}

/// A cell as JSON.
#[derive(Debug, Serialize)]
struct Cell<'a> {
    v: u32,
    kind: &'static str,
    url: &'a str,
    #[serde(flatten)]
    record: Record<'a>,
}

/// The cells and the findings, an object each.
pub(super) fn write(terminal: &mut Terminal, probed: &Probed) -> Result<()> {
    let url = probed.url.to_string();
    for cell in &probed.cells {
        terminal.json(&Cell {
            v: 1,
            kind: "probe-cell",
            url: &url,
            record: Record::new(cell, probed.fetch),
        })?;
    }
    for found in &probed.found {
        terminal.json(&Written {
            v: 1,
            kind: "probe-finding",
            url: &url,
            code: found.mistake,
            severity: found.severity,
            why: found.mistake.why(),
            seen: &found.seen,
            todo: found.mistake.remedy(),
        })?;
    }
    Ok(())
}

fn message(found: &Found) -> String {
    let Found { mistake, seen, .. } = found;
    format!("{} Seen: {seen}. {}", mistake.why(), mistake.remedy())
}

/// The findings as results of SARIF.
pub(super) fn results(policy: &str, probed: &Probed) -> Vec<Value> {
    let result = |found: &Found| {
        let level = match found.severity {
            Severity::Unsafe | Severity::Broken => "error",
            Severity::Advice => "note",
        };
        sarif::of_traffic(policy, found.mistake.code(), level, &message(found))
    };
    probed.found.iter().map(result).collect()
}

/// The findings as cases of `JUnit`; one that passes where nothing fails.
pub(super) fn cases(probed: &Probed) -> Vec<Case> {
    let url = &probed.url;
    let case = |found: &Found| Case {
        name: format!("{url} {}", found.mistake.code()),
        failure: (found.severity >= Severity::Broken)
            .then(|| (found.mistake.code().to_owned(), message(found))),
    };
    let mut cases: Vec<Case> = probed.found.iter().map(case).collect();
    if cases.iter().all(|case| case.failure.is_none()) {
        cases.push(Case {
            name: format!("{url} does what the policy says"),
            failure: None,
        });
    }
    cases
}
