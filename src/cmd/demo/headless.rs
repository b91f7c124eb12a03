//! The demonstration driven by corstap itself: our label beside the browser's own.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use super::cases::CASES;
use super::{Stage, case_of};
use crate::browser::devtools::Event;
use crate::browser::{DevTools, Launch, Tab};
use crate::cmd::{FINE, FOUND};
use crate::cors::Outcome;
use crate::cors::judge::PATIENCE;
use crate::cors::verdict::Answer;
use crate::store::capture::Which;
use crate::store::{self, Capture};
use crate::term::Terminal;

/// What came of a case, in one word: a code where CORS blocked it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Word {
    Passes,
    Blocked(String),
    Fails,
    Undecided,
}

impl Word {
    fn text(&self) -> &str {
        match self {
            Self::Passes => "passes",
            Self::Blocked(code) => code,
            Self::Fails => "fails, not for CORS",
            Self::Undecided => "undecided",
        }
    }
}

/// Lets a headless Chromium run all cases, and compares what it says with what we say.
pub(super) async fn compare(stage: Stage, program: Option<PathBuf>) -> Result<u8> {
    let launch = Launch {
        program,
        proxy: stage.proxy,
        spki_pin: stage.spki_pin.clone(),
    };
    let mut browser = launch.start()?;
    let theirs = run_cases(&mut browser.devtools, &stage.page).await;
    browser.close().await;
    let theirs = theirs?;
    let ours = labels(stage).await?;
    let mut terminal = Terminal::new();
    terminal.print(&format!(
        "  {:30} {:40} {}\n",
        "corstap", "Chromium", "case"
    ))?;
    let (mut failures, mut differ) = (0, 0);
    for case in CASES {
        let theirs = theirs.get(case.name).context("the browser said nothing")?;
        let (cause, ours) = ours.get(case.name).context("nothing was recorded")?;
        let mark = if ours == theirs { "=" } else { "≠" };
        failures += usize::from(*theirs != Word::Passes);
        differ += usize::from(ours != theirs);
        terminal.print(&format!(
            "{mark} {cause:30} {:40} {}\n",
            theirs.text(),
            case.title
        ))?;
        if ours != theirs {
            terminal.print(&format!("  {:30} that would be {}\n", "", ours.text()))?;
        }
    }
    terminal.print(&format!(
        "\n{failures} failures, {differ} of them labelled otherwise than Chromium does\n"
    ))?;
    Ok(if differ == 0 { FINE } else { FOUND })
}

async fn run_cases(devtools: &mut DevTools, page: &str) -> Result<BTreeMap<&'static str, Word>> {
    let tab = devtools.open_tab(None).await?;
    devtools.navigate(&tab, &format!("{page}?headless")).await?;
    devtools.evaluate(&tab, "ready").await?;
    let mut words = BTreeMap::new();
    for case in CASES {
        words.insert(case.name, run_case(devtools, &tab, case.name).await?);
    }
    Ok(words)
}

async fn run_case(devtools: &mut DevTools, tab: &Tab, name: &str) -> Result<Word> {
    devtools.take_events(tab).await?;
    devtools.evaluate(tab, &format!("run({name:?})")).await?;
    let events = devtools.take_events(tab).await?;
    Ok(word_of_browser(&events, &format!("/case/{name}")))
}

/// What the browser says of the requests for a path; it tells of others too.
fn word_of_browser(events: &[Event], path: &str) -> Word {
    let text = |event: &Event, place: &str| {
        event
            .params
            .pointer(place)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let of_path = |event: &&Event| {
        event.method == "Network.requestWillBeSent"
            && text(event, "/request/url").is_some_and(|url| url.contains(path))
    };
    let ours: Vec<_> = events
        .iter()
        .filter(of_path)
        .map(|event| text(event, "/requestId"))
        .collect();
    let failed: Vec<_> = events
        .iter()
        .filter(|event| event.method == "Network.loadingFailed")
        .filter(|event| ours.contains(&text(event, "/requestId")))
        .collect();
    // A preflight that fails is a failure of its own, and the cause may be told by either.
    let code = failed
        .iter()
        .find_map(|event| text(event, "/corsErrorStatus/corsError"));
    match code {
        Some(code) => Word::Blocked(code),
        None if failed.is_empty() => Word::Passes,
        None => Word::Fails,
    }
}

/// Our labels, from the capture once everything is written.
async fn labels(stage: Stage) -> Result<BTreeMap<&'static str, (String, Word)>> {
    // What does not follow a preflight tells something too, but not at once.
    tokio::time::sleep(PATIENCE + Duration::from_millis(500)).await;
    let Stage {
        writer,
        stop,
        proxying,
        shown,
        _captures: captures,
        ..
    } = stage;
    drop((stop, shown));
    proxying.await?;
    let path = writer.path.clone();
    tokio::task::spawn_blocking(move || writer.finish()).await?;
    let mut labels = BTreeMap::new();
    Capture::open(&path)?.exchanges::<store::Error>(Which::All, |stored| {
        if let Some(case) = case_of(&stored) {
            let answer = &stored.judgement.verdict.answer;
            let cause = answer
                .cause
                .map_or(answer.outcome.name(), crate::cors::Cause::name);
            labels.insert(case, (cause.to_owned(), word(answer)));
        }
        Ok(())
    })?;
    drop(captures);
    Ok(labels)
}

fn word(answer: &Answer) -> Word {
    match answer.outcome {
        Outcome::Allowed | Outcome::Exempt => Word::Passes,
        Outcome::Blocked => Word::Blocked(answer.code.as_deref().unwrap_or_default().to_owned()),
        Outcome::Failed | Outcome::Pending | Outcome::NotAsked => Word::Fails,
        Outcome::Undecided => Word::Undecided,
    }
}
