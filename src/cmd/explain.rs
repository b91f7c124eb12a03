//! `corstap explain`: the same verdicts for a HAR file.

use std::io::Read;
use std::path::Path;
use std::{fs, io};

use anyhow::{Context, Result};

use super::{FINE, FOUND, view};
use crate::ca;
use crate::cli::Explain;
use crate::exchange::secret::{Redactor, Values};
use crate::report::record::Record;
use crate::report::{har, offline, text};
use crate::term::Terminal;

/// Judges the exchanges of a HAR file.
pub fn run(arguments: &Explain) -> Result<u8> {
    let file = read(&arguments.file)
        .with_context(|| format!("cannot read {}", arguments.file.display()))?;
    let imported = har::parse(&file)
        .with_context(|| format!("cannot explain {}", arguments.file.display()))?;
    let redactor = Redactor::new(&ca::random()?, Values::Harmless);
    let told = offline::tell(&imported.events, &redactor);
    let name = arguments
        .file
        .file_stem()
        .map(|stem| stem.to_string_lossy())
        .unwrap_or_default();
    let mut terminal = Terminal::new();
    for one in &told {
        if arguments.json {
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
