//! The catalogue on a terminal.

use std::fmt::Write;

use super::{BOLD, DIM, View, paragraph};
use crate::report::catalogue::Entry;

/// The one line that names a code.
pub fn listed(entry: &Entry, _view: View) -> String {
    let means = entry.means.trim_start_matches("This is not CORS: ");
    let first = means.split_once(". ").map_or(means, |(first, _)| first);
    format!(
        "{BOLD}{:34}{BOLD:#} {DIM}{:9}{DIM:#} {}\n",
        entry.code,
        entry.layer.name(),
        first.trim_end_matches('.')
    )
}

/// Everything that is said of a code.
pub fn entry(entry: &Entry, view: View) -> String {
    let mut text = format!(
        "{BOLD}{}{BOLD:#} {DIM}({}){DIM:#}\n",
        entry.code,
        entry.layer.name()
    );
    paragraph(&mut text, view, ["    ", "    "], &entry.means);
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
    if !entry.roots.is_empty() {
        let roots: Vec<&str> = entry.roots.iter().map(|root| root.name()).collect();
        let _ = writeln!(text, "    {DIM}   roots{DIM:#}  {}", roots.join(", "));
    }
    if let Some(standard) = &entry.standard {
        let _ = writeln!(text, "    {DIM}standard{DIM:#}  {standard}");
    }
    text
}
