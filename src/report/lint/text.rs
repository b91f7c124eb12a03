//! A finding on a terminal: its place, the line with a mark under what is meant, why, and what to do.

use std::fmt::Write;

use anstyle::Style;
use textwrap::core::display_width;

use super::{todo, why};
use crate::policy::finding::{Finding, Severity};
use crate::report::text::{BAD, BOLD, DIM, View, WARN, paragraph, printable};

/// How much of a line is shown, in characters: those of a minified file are long.
const MOST: usize = 160;

/// A finding in a file of that name and text.
pub fn finding(name: &str, text: &str, finding: &Finding, view: View) -> String {
    let style = style(finding.severity());
    let mut told = format!(
        "{BOLD}{}:{}:{}{BOLD:#} {style}{}{style:#} {BOLD}{}{BOLD:#}",
        printable(name),
        finding.place.line,
        finding.place.column,
        finding.severity().name(),
        finding.code.name(),
    );
    if let Some(rule) = &finding.rule {
        let _ = write!(told, " {DIM}in rule{DIM:#} {}", printable(rule));
    }
    told.push('\n');
    told.push_str(&marked(text, finding, style));
    paragraph(&mut told, view, ["    ", "    "], &why(finding));
    paragraph(&mut told, view, ["    → ", "      "], &todo(finding));
    if let Some(other) = finding.other {
        let _ = writeln!(
            told,
            "    {DIM}see line {}, column {}{DIM:#}",
            other.line, other.column
        );
    }
    told
}

fn style(severity: Severity) -> Style {
    match severity {
        Severity::Unsafe | Severity::Broken => BAD,
        Severity::Advice => WARN,
    }
}

/// The line of a finding, and below it carets under what is meant.
fn marked(text: &str, finding: &Finding, style: Style) -> String {
    let place = finding.place;
    let Some(line) = text.lines().nth(place.line.saturating_sub(1)) else {
        return String::new();
    };
    let skipped = if place.column > MOST {
        place.column - MOST / 2
    } else {
        0
    };
    let shown: String = line.chars().skip(skipped).take(MOST).collect();
    let shown = shown.replace('\t', "    ");
    let before: String = line
        .chars()
        .skip(skipped)
        .take(place.column - 1 - skipped)
        .collect();
    let meant: String = if place.end_line == place.line {
        let length = place.end_column.saturating_sub(place.column);
        line.chars().skip(place.column - 1).take(length).collect()
    } else {
        line.chars().skip(place.column - 1).collect()
    };
    let width = |text: &str| display_width(&printable(&text.replace('\t', "    ")));
    let carets = "^".repeat(width(&meant).clamp(1, MOST));
    let number = place.line.to_string();
    let gutter = " ".repeat(number.len());
    format!(
        "    {DIM}{number} |{DIM:#} {}\n    {DIM}{gutter} |{DIM:#} {}{style}{carets}{style:#}\n",
        printable(&shown),
        " ".repeat(width(&before)),
    )
}
