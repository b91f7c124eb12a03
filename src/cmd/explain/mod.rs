//! `corstap explain`: the same verdicts for a HAR file, and what codes and console messages mean.

mod har;

use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Serialize;

use super::har::HarFile;
use super::{FINE, view};
use crate::cli::Explain;
use crate::report::catalogue;
use crate::report::pasted;
use crate::report::text::{self, View};
use crate::term::Terminal;

/// What the bar says is done.
const READING: &str = "reading";

/// How much of standard input is taken for console messages, in octets.
const MOST_PASTED: u64 = 1024 * 1024;

/// Judges the exchanges of a HAR file, or tells what a code or a console message means.
pub fn run(arguments: &Explain) -> Result<u8> {
    let json = arguments.json;
    let Some(what) = &arguments.what else {
        return tell(&catalogue::all(), json, text::listed);
    };
    if what == Path::new("-") {
        return explain_input(json);
    }
    let typed = what.to_str().filter(|_| !what.exists()).unwrap_or_default();
    let named = catalogue::find(typed);
    if !named.is_empty() {
        return tell(&named, json, text::entry);
    }
    let said = pasted::read(typed);
    if !said.is_empty() {
        return tell(&said, json, text::message);
    }
    let file = HarFile::open(what, READING).with_context(|| cannot_read(what))?;
    har::judge(file, what, json)
}

/// Standard input is a HAR file, which is an object, or text from a console.
fn explain_input(json: bool) -> Result<u8> {
    let mut file = HarFile::input(READING);
    if file.is_object()? {
        return har::judge(file, Path::new("-"), json);
    }
    let mut octets = Vec::new();
    file.reader().take(MOST_PASTED).read_to_end(&mut octets)?;
    let said = pasted::read(&String::from_utf8_lossy(&octets));
    if said.is_empty() {
        bail!(
            "cannot explain standard input: it is no HAR file, and no console message that is known \
             (`corstap explain --list` has all codes)"
        );
    }
    tell(&said, json, text::message)
}

fn cannot_read(path: &Path) -> String {
    let is_text = path.extension().is_none() || path.to_string_lossy().contains(' ');
    let hint = if is_text {
        ", and there is no code of that name (`corstap explain --list` has them all), and no such console message"
    } else {
        ""
    };
    format!(
        "cannot read {}{hint}",
        text::printable(&path.to_string_lossy())
    )
}

/// Tells what the catalogue has, or what was made of a text.
fn tell<T: Serialize>(all: &[T], json: bool, text: impl Fn(&T, View) -> String) -> Result<u8> {
    let mut terminal = Terminal::new();
    for one in all {
        if json {
            terminal.json(one)?;
        } else {
            let text = text(one, view(&terminal));
            terminal.print(&text)?;
        }
    }
    Ok(FINE)
}
