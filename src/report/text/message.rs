//! A console message on a terminal: what it comes to.

use std::fmt::Write;

use super::{BOLD, DIM, View, entry, paragraph, printable};
use crate::report::pasted::Reading;

/// Who says it of what, and what it may come from.
pub fn message(reading: &Reading, view: View) -> String {
    let mut text = said(reading);
    let mut row = |name: &str, value: &Option<String>| {
        if let Some(value) = value {
            let _ = writeln!(text, "{DIM}{name:>12}{DIM:#}  {}", printable(value));
        }
    };
    row("from", &reading.origin);
    row("to", &reading.url);
    row("redirected", &reading.redirected_from);
    row("about", &reading.parameter);
    row("status", &reading.status.map(|status| status.to_string()));
    if reading.candidates.len() > 1 {
        let several = "The message fits several causes, the likeliest first. Point the browser at `corstap run` to see which.";
        paragraph(&mut text, view, ["    ", "    "], several);
    }
    for (place, candidate) in reading.candidates.iter().enumerate() {
        text.push('\n');
        text.push_str(&entry(candidate, view));
        if place == 0 {
            for line in &reading.send {
                let _ = writeln!(text, "        {}", printable(line));
            }
        }
    }
    text
}

fn said(reading: &Reading) -> String {
    let engine = reading
        .engine
        .map_or("Several browsers", |engine| engine.title());
    let what = match (reading.code, reading.is_preflight) {
        (Some(code), true) => format!("{code}, of the preflight"),
        (Some(code), false) => code.to_owned(),
        (None, _) => "this".to_owned(),
    };
    format!("{BOLD}{engine}{BOLD:#} {DIM}says{DIM:#} {what}\n")
}
