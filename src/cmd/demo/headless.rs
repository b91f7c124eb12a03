//! The demonstration driven by corstap itself: our label beside the browser's own.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

use super::cases::CASES;
use super::{Stage, case_of};
use crate::browser::word::Loads;
use crate::browser::{DevTools, Launch};
use crate::clock;
use crate::cmd::{FINE, FOUND};
use crate::cors::Outcome;
use crate::cors::judge::PATIENCE;
use crate::cors::verdict::{Answer, Confirmed};
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
    let ran = run_cases(&mut browser.devtools, &stage).await;
    browser.close().await;
    ran?;
    let labels = labels(stage).await?;
    let mut terminal = Terminal::new();
    terminal.print(&format!(
        "  {:30} {:40} {}\n",
        "corstap", "Chromium", "case"
    ))?;
    let (mut failures, mut differ) = (0, 0);
    for case in CASES {
        let label = labels.get(case.name).context("nothing was recorded")?;
        let said = label.said.as_ref().context("the browser said nothing")?;
        let theirs = word_of(said);
        let mark = if said.agrees { "=" } else { "≠" };
        failures += usize::from(theirs != Word::Passes);
        differ += usize::from(!said.agrees);
        terminal.print(&format!(
            "{mark} {:30} {:40} {}\n",
            label.cause,
            theirs.text(),
            case.title
        ))?;
        if !said.agrees {
            terminal.print(&format!(
                "  {:30} that would be {}\n",
                "",
                label.ours.text()
            ))?;
        }
    }
    terminal.print(&format!(
        "\n{failures} failures, {differ} of them labelled otherwise than Chromium does\n"
    ))?;
    Ok(if differ == 0 { FINE } else { FOUND })
}

/// What is said of a case, by us and by the browser.
struct Label {
    cause: String,
    ours: Word,
    said: Option<Confirmed>,
}

/// Runs all cases. What the browser says of them is handed in, as it is wherever it listens.
async fn run_cases(devtools: &mut DevTools, stage: &Stage) -> Result<()> {
    let tab = devtools.open_tab(None).await?;
    let page = &stage.page;
    devtools.navigate(&tab, &format!("{page}?headless")).await?;
    devtools.evaluate(&tab, "ready").await?;
    let mut loads = Loads::default();
    for case in CASES {
        let name = case.name;
        devtools.evaluate(&tab, &format!("run({name:?})")).await?;
        for event in devtools.take_events(&tab).await? {
            let session = event.session.unwrap_or_default();
            loads.note(&session, &event.method, &event.params, clock::now());
        }
    }
    // Nothing more will be told.
    loads.time_passes(clock::now().plus(Duration::from_hours(1)));
    for word in loads.take() {
        stage.recorder.said(word);
    }
    Ok(())
}

/// What the browser's own word comes to.
fn word_of(said: &Confirmed) -> Word {
    match &said.code {
        None => Word::Passes,
        Some(code) if code.starts_with("net::") => Word::Fails,
        Some(code) => Word::Blocked(code.clone()),
    }
}

/// Our labels, from the capture once everything is written.
async fn labels(stage: Stage) -> Result<BTreeMap<&'static str, Label>> {
    // What does not follow a preflight tells something too, but not at once.
    tokio::time::sleep(PATIENCE + Duration::from_millis(500)).await;
    let Stage {
        writer,
        stop,
        proxying,
        shown,
        recorder,
        _captures: captures,
        ..
    } = stage;
    drop((stop, shown, recorder));
    proxying.await??;
    let path = writer.path.clone();
    tokio::task::spawn_blocking(move || writer.finish()).await?;
    let mut labels: BTreeMap<_, Label> = BTreeMap::new();
    Capture::open(&path)?.exchanges::<store::Error>(Which::All, |stored| {
        if let Some(case) = case_of(&stored) {
            let verdict = &stored.judgement.verdict;
            let answer = &verdict.answer;
            let cause = answer
                .cause
                .map_or(answer.outcome.name(), crate::cors::Cause::name);
            let before = labels.remove(case).and_then(|label| label.said);
            let said = verdict.confirmed.clone().filter(|said| said.by.is_word());
            let label = Label {
                cause: cause.to_owned(),
                ours: word(answer),
                said: said.or(before),
            };
            labels.insert(case, label);
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
