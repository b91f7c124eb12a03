//! `corstap explain`: the same verdicts for a HAR file, and what the codes mean.

use std::io::Read;
use std::path::Path;
use std::{fs, io};

use anyhow::{Context, Result};

use super::{FINE, FOUND, view};
use crate::ca;
use crate::cli::Explain;
use crate::exchange::secret::{Redactor, Values};
use crate::report::catalogue::{self, Entry};
use crate::report::record::Record;
use crate::report::text::View;
use crate::report::{har, offline, text};
use crate::term::Terminal;

/// Judges the exchanges of a HAR file, or tells what a code means.
pub fn run(arguments: &Explain) -> Result<u8> {
    let Some(what) = &arguments.what else {
        return tell(&catalogue::all(), arguments.json, text::listed);
    };
    let named = what.to_str().map(catalogue::find).unwrap_or_default();
    if !named.is_empty() && !what.exists() {
        return tell(&named, arguments.json, text::entry);
    }
    judge(what, arguments.json)
}

/// Tells what the catalogue has.
fn tell(entries: &[Entry], json: bool, text: impl Fn(&Entry, View) -> String) -> Result<u8> {
    let mut terminal = Terminal::new();
    for entry in entries {
        if json {
            terminal.json(entry)?;
        } else {
            let text = text(entry, view(&terminal));
            terminal.print(&text)?;
        }
    }
    Ok(FINE)
}

/// Judges the exchanges of a HAR file.
fn judge(path: &Path, json: bool) -> Result<u8> {
    let file = read(path).with_context(|| {
        let hint = if path.extension().is_none() {
            ", and there is no code of that name (`corstap explain --list` has them all)"
        } else {
            ""
        };
        format!("cannot read {}{hint}", path.display())
    })?;
    let imported =
        har::parse(&file).with_context(|| format!("cannot explain {}", path.display()))?;
    let redactor = Redactor::new(&ca::random()?, Values::Harmless);
    let told = offline::tell(&imported.events, &redactor);
    let name = path
        .file_stem()
        .map(|stem| stem.to_string_lossy())
        .unwrap_or_default();
    let mut terminal = Terminal::new();
    for one in &told {
        if json {
            terminal.json(&Record::new(&name, 1, &one.recorded, &one.judgement))?;
        } else {
            let line = text::line(&one.recorded, &one.judgement, view(&terminal));
            terminal.print(&line)?;
        }
    }
    if imported.skipped > 0 {
        tracing::warn!(entries = imported.skipped, "left out: not http or https");
    }
    let has_failures = told.iter().any(|one| one.judgement.verdict.is_failure());
    Ok(if has_failures { FOUND } else { FINE })
}

fn read(file: &Path) -> io::Result<Vec<u8>> {
    if file != Path::new("-") {
        return fs::read(file);
    }
    let mut octets = Vec::new();
    io::stdin().read_to_end(&mut octets)?;
    Ok(octets)
}
