//! `corstap doctor`: every leg tested for real, with the remedy for what is wrong.

mod browsers;
mod files;
pub(super) mod live;
mod ports;
mod servers;
mod skew;
mod stores;

use anyhow::Result;
use serde::Serialize;

use super::{FINE, FOUND};
use crate::cli::Doctor;
use crate::term::Terminal;

/// How a leg is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Level {
    /// It works.
    Ok,
    /// It is as it may be; some want it otherwise.
    Note,
    /// It does not work.
    Wrong,
}

/// What was found out of one leg.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Finding {
    leg: &'static str,
    level: Level,
    said: String,
    remedy: Option<String>,
}

impl Finding {
    fn ok(leg: &'static str, said: impl Into<String>) -> Self {
        Self {
            leg,
            level: Level::Ok,
            said: said.into(),
            remedy: None,
        }
    }

    fn note(leg: &'static str, said: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            level: Level::Note,
            remedy: Some(remedy.into()),
            ..Self::ok(leg, said)
        }
    }

    fn wrong(leg: &'static str, said: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            level: Level::Wrong,
            ..Self::note(leg, said, remedy)
        }
    }

    fn line(&self) -> String {
        let level = match self.level {
            Level::Ok => "ok   ",
            Level::Note => "note ",
            Level::Wrong => "WRONG",
        };
        let remedy = self.remedy.as_ref();
        let remedy = remedy.map_or_else(String::new, |remedy| format!(" → {remedy}"));
        format!("{level}  {:<12}  {}{remedy}\n", self.leg, self.said)
    }
}

/// What is found is told at once.
struct Report {
    terminal: Terminal,
    json: bool,
    is_wrong: bool,
}

impl Report {
    fn tell(&mut self, findings: impl IntoIterator<Item = Finding>) -> Result<()> {
        for finding in findings {
            self.is_wrong |= finding.level == Level::Wrong;
            if self.json {
                self.terminal.json(&finding)?;
            } else {
                self.terminal.print(&finding.line())?;
            }
        }
        Ok(())
    }
}

/// Tests every leg.
pub fn run(arguments: &Doctor) -> Result<u8> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(examine(arguments))
}

async fn examine(arguments: &Doctor) -> Result<u8> {
    let mut report = Report {
        terminal: Terminal::new(),
        json: arguments.run.json,
        is_wrong: false,
    };
    report.tell(ports::listeners(&arguments.run).await)?;
    report.tell(files::all(&arguments.run))?;
    report.tell([skew::clock(&arguments.run)])?;
    report.tell(stores::all(&arguments.run))?;
    report.tell(servers::upstream(&arguments.run).await)?;
    for server in &arguments.servers {
        report.tell([servers::server(&arguments.run, server).await])?;
    }
    if !arguments.no_browser {
        report.tell(browsers::chromium().await)?;
        report.tell(browsers::firefox().await)?;
    }
    Ok(if report.is_wrong { FOUND } else { FINE })
}
