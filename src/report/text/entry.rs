//! The catalogue on a terminal.

use std::fmt::Write;

use super::{BOLD, DIM, View, paragraph};
use crate::report::catalogue::Entry;

/// The one line that names a code.
pub fn listed(entry: &Entry, _view: View) -> String {
    let first = entry.means.split_inclusive(['.', ':']).next();
    format!(
        "{BOLD}{:30}{BOLD:#} {DIM}{:10}{DIM:#} {}\n",
        entry.code,
        entry.layer.name(),
        first.unwrap_or_default().trim_end_matches([':', '.'])
    )
}

/// Everything that is said of a code.
pub fn entry(entry: &Entry, view: View) -> String {
    let mut text = format!(
        "{BOLD}{}{BOLD:#} {DIM}({}){DIM:#}\n",
        entry.code,
        entry.layer.name()
    );
    paragraph(&mut text, view, ["    ", "    "], entry.means);
    paragraph(&mut text, view, ["    → ", "      "], entry.remedy);
    for printed in &entry.printed {
        let _ = writeln!(
            text,
            "    {DIM}{:>8}{DIM:#}  {}: {}",
            printed.engine.title(),
            printed.code,
            printed.says
        );
    }
    if let Some(standard) = &entry.standard {
        let _ = writeln!(text, "    {DIM}standard{DIM:#}  {standard}");
    }
    text
}
