//! The verdicts on a HAR file, entry by entry, and what the file leaves open.

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::path::Path;
use std::rc::Rc;

use anyhow::{Context, Result};

use crate::cmd::har::HarFile;
use crate::cmd::{FINE, FOUND, view};
use crate::report::offline::Told;
use crate::report::record::Record;
use crate::report::text;
use crate::term::{Progress, Terminal};

/// Judges the exchanges of a HAR file.
pub(super) fn judge(mut file: HarFile, path: &Path, json: bool) -> Result<u8> {
    let name = path.file_stem().map(|stem| stem.to_string_lossy());
    let mut listing = Listing {
        name: name.unwrap_or_default().into_owned(),
        json,
        terminal: Terminal::new(),
        progress: file.progress(),
        failed: None,
        has_failures: false,
    };
    let doubts = file.judge(|told| listing.tell(told));
    if let Some(error) = listing.failed {
        return Err(error);
    }
    let doubts = doubts.with_context(|| format!("cannot explain {}", path.display()))?;
    listing.progress.borrow_mut().wipe();
    for doubt in doubts {
        Terminal::note(&format!("corstap: {doubt}\n"));
    }
    Ok(if listing.has_failures { FOUND } else { FINE })
}

/// What is printed, and what is counted meanwhile.
struct Listing {
    name: String,
    json: bool,
    terminal: Terminal,
    progress: Rc<RefCell<Progress>>,
    /// Why it cannot be printed any more.
    failed: Option<anyhow::Error>,
    has_failures: bool,
}

impl Listing {
    fn tell(&mut self, told: &Told) -> ControlFlow<()> {
        let Told {
            recorded,
            judgement,
        } = told;
        self.has_failures |= judgement.verdict.is_failure();
        self.progress.borrow_mut().wipe();
        let printed = if self.json {
            self.terminal
                .json(&Record::new(&self.name, 1, recorded, judgement))
        } else {
            let line = text::line(recorded, judgement, view(&self.terminal));
            self.terminal.print(&line)
        };
        self.failed = printed.err().map(Into::into);
        match self.failed {
            Some(_) => ControlFlow::Break(()),
            None => ControlFlow::Continue(()),
        }
    }
}
