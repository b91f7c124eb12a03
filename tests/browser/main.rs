//! Real browsers through the proxy: what they say at that moment, beside what we say.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics has failed"
)]

#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use corstap::browser::find;
use corstap::cors::Engine;
use support::exceptions::exceptions;
use support::live::{self, is_runnable};
use support::truth::cases;

/// How many of the truth cases the ordinary run takes.
const SAMPLE: usize = 60;

/// The browser to test with; nothing where browser tests were switched off in so many words.
fn chromium() -> Option<PathBuf> {
    if std::env::var_os("CORSTAP_NO_BROWSER").is_some() {
        eprintln!("SKIPPED: browser tests were switched off (CORSTAP_NO_BROWSER)");
        return None;
    }
    Some(
        find::chromium()
            .expect("no Chromium found: scripts/test installs it, or takes --no-browser"),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_labels_are_chromiums_own() {
    let Some(program) = chromium() else { return };
    let mut cases: Vec<_> = cases().into_iter().filter(is_runnable).collect();
    if std::env::var_os("CORSTAP_FULL").is_none() {
        let every = cases.len().div_ceil(SAMPLE);
        cases = cases.into_iter().step_by(every).collect();
    }
    let excepted = exceptions(Engine::Chromium);
    let table = live::run(Some(program), &cases).await;
    println!(
        "Chromium, live: of {} cases {} right, {} undecided with the answer among the two",
        cases.len(),
        table.right,
        table.among
    );
    let wrong: Vec<_> = table
        .wrong
        .iter()
        .filter(|(case, _)| !excepted.contains(case))
        .collect();
    assert!(wrong.is_empty(), "wrong: {wrong:#?}");
}

#[test]
fn the_demonstration_shows_twenty_failures_that_chromium_labels_as_we_do() {
    let Some(program) = chromium() else { return };
    let mut demo = Command::new(env!("CARGO_BIN_EXE_corstap"));
    let output = demo
        .args(["demo", "--headless", "--browser"])
        .arg(program)
        .output()
        .expect("run");
    let told = String::from_utf8(output.stdout).expect("text");
    assert_eq!(output.status.code(), Some(0), "{told}");
    let codes: BTreeSet<&str> = told
        .lines()
        .filter_map(|line| line.strip_prefix("= "))
        .filter(|line| !line.starts_with("allowed"))
        .filter_map(|line| line.get(31..71).map(str::trim))
        .collect();
    let cases = told.lines().filter(|line| line.starts_with("= ")).count();
    assert!(
        cases >= 21 && codes.len() >= 20,
        "{cases} cases, {} codes:\n{told}",
        codes.len()
    );
}
