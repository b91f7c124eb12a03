//! `corstap captures`: what was recorded, as things: listed, and thinned out.

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::Result;
use serde::Serialize;

use super::{FINE, place};
use crate::cli::{Captures, CapturesVerb};
use crate::clock;
use crate::report::text::size;
use crate::store::capture::Contents;
use crate::store::shelf::{self, Shelved};
use crate::term::Terminal;

/// Lists the captures, or removes the oldest.
pub fn run(arguments: &Captures) -> Result<u8> {
    let dir = place::captures()?;
    let mut terminal = Terminal::new();
    match arguments.verb {
        Some(CapturesVerb::Prune { keep }) => {
            for path in shelf::prune(&dir, keep)? {
                if arguments.json {
                    terminal.json(&Removed { removed: path })?;
                } else {
                    terminal.print(&format!("removed {}\n", path.display()))?;
                }
            }
        }
        None => {
            let all = shelf::list(&dir);
            if all.is_empty() {
                let dir = dir.display();
                Terminal::note(&format!(
                    "corstap: no capture in {dir}; `corstap run` makes one\n"
                ));
            }
            for one in &all {
                if arguments.json {
                    terminal.json(&Listed::of(one))?;
                } else {
                    terminal.print(&line(one))?;
                }
            }
        }
    }
    Ok(FINE)
}

/// What was removed, as JSON.
#[derive(Serialize)]
struct Removed {
    removed: PathBuf,
}

/// A capture as JSON.
#[derive(Serialize)]
struct Listed<'a> {
    v: u32,
    capture: &'a str,
    path: &'a PathBuf,
    octets: u64,
    in_use: bool,
    started: Option<String>,
    exchanges: Option<u64>,
    failed: Option<u64>,
    all_values: Option<bool>,
    error: Option<String>,
}

impl<'a> Listed<'a> {
    fn of(one: &'a Shelved) -> Self {
        let contents = one.contents.as_ref();
        let told = contents.ok();
        Self {
            v: 1,
            capture: &one.name,
            path: &one.path,
            octets: one.octets,
            in_use: one.is_in_use,
            started: told.and_then(|told| Some(told.started?.rfc3339())),
            exchanges: told.map(|told| told.exchanges),
            failed: told.map(|told| told.failed),
            all_values: told.map(|told| told.has_all_values),
            error: contents.err().map(ToString::to_string),
        }
    }
}

/// A capture on one line.
fn line(one: &Shelved) -> String {
    let mut line = format!("{}  {:>9}", one.name, size(one.octets));
    match &one.contents {
        Ok(contents) => write_contents(&mut line, contents),
        Err(error) => {
            let _ = write!(line, "  {error}");
        }
    }
    if one.is_in_use {
        line.push_str(", in use");
    }
    line.push('\n');
    line
}

fn write_contents(line: &mut String, contents: &Contents) {
    let age = contents.started.map(|started| {
        let seconds = clock::now().since(started).as_secs();
        match seconds {
            0..120 => format!("{seconds} s"),
            120..7_200 => format!("{} min", seconds / 60),
            7_200..172_800 => format!("{} h", seconds / 3_600),
            _ => format!("{} days", seconds / 86_400),
        }
    });
    let _ = write!(
        line,
        "  {:>8} old  {} exchanges, {} failed",
        age.unwrap_or_default(),
        contents.exchanges,
        contents.failed
    );
    if contents.has_all_values {
        line.push_str(", ALL values");
    }
}
