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

mod constraint;
mod dashboard;
mod pages;
mod rewriting;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use corstap::browser::find;
use corstap::cors::Engine;
use corstap::exchange::Protocol;
use corstap::wire::alpn::Alpn;
use support::exceptions::{exceptions, live_exceptions, live_exceptions_over};
use support::live::{self, Way, play};
use support::truth::{Case, cases, more, of_file};

/// How many of the truth cases the ordinary run takes.
const SAMPLE: usize = 60;

/// The browser to test with; nothing where browser tests were switched off in so many words, or where there
/// is none to be had.
fn browser(engine: Engine) -> Option<PathBuf> {
    if std::env::var_os("CORSTAP_NO_BROWSER").is_some() {
        eprintln!("SKIPPED: browser tests were switched off (CORSTAP_NO_BROWSER)");
        return None;
    }
    if engine == Engine::Webkit && !cfg!(target_os = "linux") {
        eprintln!("SKIPPED: there is a WebKit to drive on Linux only");
        return None;
    }
    let found = match engine {
        Engine::Chromium => find::chromium(),
        Engine::Firefox => find::firefox(),
        Engine::Webkit => mini_browser(),
    };
    let missing = || {
        panic!(
            "no {} found: scripts/test installs it, or takes --no-browser",
            engine.title()
        )
    };
    Some(found.unwrap_or_else(missing))
}

/// GTK's, which is no program that people start by its name.
fn mini_browser() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib")
        .into_iter()
        .flatten()
        .flatten();
    let folders = folders
        .map(|folder| folder.path())
        .chain(["/usr/libexec".into()]);
    let mut programs = folders.map(|folder| folder.join("webkit2gtk-4.1/MiniBrowser"));
    programs.find(|program| program.exists())
}

/// The cases to play: a fixed sample; all of them and more, those whose name has a word, or those of
/// a file, if so asked for.
fn chosen(engine: Engine) -> Vec<Case> {
    if let Some(file) = std::env::var_os("CORSTAP_CASES_FILE") {
        return of_file(Path::new(&file));
    }
    let mut playable = cases();
    playable.retain(|case| case.obstacle(engine).is_none());
    let in_full = std::env::var_os("CORSTAP_FULL").is_some();
    if in_full {
        playable.extend(more());
    }
    if let Ok(word) = std::env::var("CORSTAP_CASES") {
        playable.retain(|case| case.id().contains(&word));
    } else if !in_full {
        let all = playable.len();
        playable = (0..SAMPLE)
            .map(|n| playable[n * all / SAMPLE].clone())
            .collect();
    }
    playable
}

/// How the cases are played, by the protocol: the end of answers is held back where it tells most,
/// unless it is said when (`CORSTAP_CONFIRM=yes`, or `no`).
fn way(alpn: Alpn) -> Way {
    let confirm = match std::env::var("CORSTAP_CONFIRM").as_deref() {
        Ok("yes") => true,
        Ok("no") => false,
        _ => alpn == Alpn::Http2,
    };
    Way { alpn, confirm }
}

async fn our_labels_are_those_of(engine: Engine, alpn: Alpn) {
    let Some(program) = browser(engine) else {
        return;
    };
    let over = match alpn {
        Alpn::Http11 => Protocol::Http11,
        Alpn::Http2 => Protocol::Http2,
    };
    let table = live::run(engine, program, &chosen(engine), way(alpn)).await;
    println!("{table}");
    let (live, now_and_then) = (live_exceptions(engine), live_exceptions_over(engine, over));
    let excepted = exceptions(engine).union(&now_and_then).cloned().collect();
    let (wrong, needless) = (table.wrong_beside(&excepted), table.needless(&live));
    assert!(wrong.is_empty(), "wrong: {wrong:#?}");
    assert!(needless.is_empty(), "excepted needlessly: {needless:#?}");
    assert!(table.notices.is_empty(), "{:#?}", table.notices);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_labels_are_chromiums_own() {
    our_labels_are_those_of(Engine::Chromium, Alpn::Http11).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_labels_are_chromiums_own_over_http_2() {
    our_labels_are_those_of(Engine::Chromium, Alpn::Http2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_labels_are_firefoxes_own() {
    our_labels_are_those_of(Engine::Firefox, Alpn::Http11).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_labels_are_firefoxes_own_over_http_2() {
    our_labels_are_those_of(Engine::Firefox, Alpn::Http2).await;
}

/// It speaks nothing but HTTP/1.1 with a proxy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_labels_are_webkits_own() {
    our_labels_are_those_of(Engine::Webkit, Alpn::Http11).await;
}

#[test]
fn what_is_not_played_is_listed_with_the_reason() {
    for engine in Engine::ALL {
        let obstacle = |case: &Case| Some((case.id().to_owned(), case.obstacle(engine)?));
        let found: BTreeMap<_, _> = cases().iter().filter_map(obstacle).collect();
        let listed = play::listed(engine);
        let missing: Vec<_> = found
            .iter()
            .filter(|(id, why)| listed.get(*id) != Some(why))
            .collect();
        let needless: Vec<_> = listed
            .iter()
            .filter(|(id, why)| found.get(*id) != Some(why))
            .collect();
        assert!(
            missing.is_empty() && needless.is_empty(),
            "{}: not listed {missing:#?}, listed needlessly {needless:#?}",
            engine.title()
        );
    }
}

#[test]
fn the_demonstration_shows_twenty_failures_that_chromium_labels_as_we_do() {
    let Some(program) = browser(Engine::Chromium) else {
        return;
    };
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
