//! The verdicts on a HAR file, entry by entry, and what the file leaves open.

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::path::Path;
use std::rc::Rc;

use anyhow::{Context, Result};

use super::file::HarFile;
use crate::ca;
use crate::cmd::{FINE, FOUND, view};
use crate::cors::verdict::PreflightBecause;
use crate::exchange::secret::{Redactor, Values};
use crate::report::har::{self, Doubts, Reader};
use crate::report::offline::{Teller, Told};
use crate::report::record::Record;
use crate::report::text;
use crate::term::{Progress, Terminal};

/// How much of the heads is put in order, in octets.
const MOST_OCTETS: usize = 24 * 1024 * 1024;

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
        unasked: 0,
    };
    let redactor = Redactor::new(&ca::random()?, Values::Harmless);
    let read = read(&mut file, &redactor, &mut listing);
    if let Some(error) = listing.failed {
        return Err(error);
    }
    let doubts = read.with_context(|| format!("cannot explain {}", path.display()))?;
    listing.progress.borrow_mut().wipe();
    for doubt in told(doubts, listing.unasked) {
        Terminal::note(&format!("corstap: {doubt}\n"));
    }
    Ok(if listing.has_failures { FOUND } else { FINE })
}

fn read(file: &mut HarFile, redactor: &Redactor, listing: &mut Listing) -> Result<Doubts> {
    file.is_object()?;
    let (mut reader, mut teller) = (Reader::new(MOST_OCTETS), Teller::new(redactor));
    let mut from = serde_json::Deserializer::from_reader(file.reader());
    let entries = har::entries(&mut from, |source, entry| {
        reader.entry(source, entry, &mut |event| {
            teller.hear(&event, &mut |told| listing.tell(&told));
        });
        if listing.failed.is_some() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    entries
        .and_then(|()| from.end())
        .map_err(har::Error::from)?;
    let doubts = reader.finish(&mut |event| {
        teller.hear(&event, &mut |told| listing.tell(&told));
    });
    teller.finish(&mut |told| listing.tell(&told));
    Ok(doubts)
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
    /// How many requests needed a preflight that was not told.
    unasked: usize,
}

impl Listing {
    fn tell(&mut self, told: &Told) {
        let Told {
            recorded,
            judgement,
        } = told;
        self.has_failures |= judgement.verdict.is_failure();
        let is_missing = judgement.links.preflight_because == Some(PreflightBecause::Missing);
        self.unasked += usize::from(is_missing);
        if self.failed.is_some() {
            return;
        }
        self.progress.borrow_mut().wipe();
        let printed = if self.json {
            self.terminal
                .json(&Record::new(&self.name, 1, recorded, judgement))
        } else {
            let line = text::line(recorded, judgement, view(&self.terminal));
            self.terminal.print(&line)
        };
        self.failed = printed.err().map(Into::into);
    }
}

/// What the file leaves open, in words.
fn told(doubts: Doubts, unasked: usize) -> Vec<String> {
    let Doubts {
        skipped,
        silent,
        unsent,
        provisional,
        late,
        is_partial,
    } = doubts;
    let counted = [
        (skipped, "entries are not http or https, and were left out"),
        (
            silent,
            "requests have no answer in the file, and it does not say why. A request that the browser blocks looks like \
             that: its console has the reason (`corstap explain \"MESSAGE\"`), and `corstap run` sees the answer",
        ),
        (
            unsent,
            "requests without an answer were left out: their preflight stands in their place, and they may never have been sent",
        ),
        (
            provisional,
            "requests are without the fields that were sent (no Host, Origin or Sec-Fetch field), so that nobody knows \
             which origin asked",
        ),
        (
            unasked,
            "requests need a preflight, and the file has none. Browsers leave preflights out of their files, or had an \
             answer in their cache",
        ),
        (
            late,
            "entries come so late in the file that earlier ones had been judged: what links them may be missing",
        ),
    ];
    let counted = counted.into_iter().filter(|(count, _)| *count > 0);
    let mut told: Vec<String> = counted
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    if is_partial {
        told.push(
            "the file is too large to be put in order as a whole: what connections tell of credentials was left out"
                .to_owned(),
        );
    }
    told
}
