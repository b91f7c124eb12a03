//! Policies: the language, the lint, and what a policy makes of traffic.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics has failed"
)]

mod language;
mod lint;
mod lookup;
mod replay;
mod rewrite;
mod safety;
mod suggest;
mod worlds;

use corstap::exchange::Moment;
use corstap::policy::{Parsed, Policy};

/// The day on which these tests are.
fn today() -> Moment {
    Moment::parse("2026-11-27T12:00:00Z").expect("valid")
}

fn parse(text: &str) -> Parsed {
    Policy::parse(text.as_bytes(), today())
}

/// A policy of one rule with these lines beside its name.
fn rule(lines: &str) -> String {
    format!("version = 1\n\n[[rule]]\nname = \"a\"\n{lines}\n")
}

/// What was found: code, line and column.
fn found(parsed: &Parsed) -> Vec<(&'static str, usize, usize)> {
    let finding = |finding: &corstap::policy::finding::Finding| {
        (
            finding.code.name(),
            finding.place.line,
            finding.place.column,
        )
    };
    parsed.findings.iter().map(finding).collect()
}
