//! `corstap log`: the exchanges of a capture.

use std::thread;
use std::time::Duration;

use anyhow::{Error, Result};

use super::{FINE, place, view};
use crate::cli::Log;
use crate::exchange::ExchangeId;
use crate::report::record::Record;
use crate::report::text;
use crate::store::Capture;
use crate::store::capture::{Change, Which};
use crate::store::row::Stored;
use crate::term::Terminal;

/// How often a capture that is followed is looked at.
const GLANCE: Duration = Duration::from_millis(100);

/// Lists a capture, and goes on with what comes if it is to be followed.
pub fn run(arguments: &Log) -> Result<u8> {
    let capture = place::open_capture(arguments.from.capture.as_deref())?;
    let mut terminal = Terminal::new();
    let mut tell = |stored: Stored| -> Result<()> {
        if arguments.from.json {
            terminal.json(&record(&capture, &stored))?;
        } else {
            let line = text::line(&stored.recorded, &stored.judgement, view(&terminal));
            terminal.print(&line)?;
        }
        Ok(())
    };
    if arguments.follow {
        return follow(&capture, arguments.failed, &mut tell);
    }
    let which = if arguments.failed {
        Which::Failed
    } else {
        Which::All
    };
    let mut listed = 0;
    let first = match arguments.last {
        Some(many) => capture.last(which, many)?,
        None => ExchangeId(0),
    };
    capture.exchanges_from(which, first, |stored| {
        listed += 1;
        tell(stored)
    })?;
    if listed == 0 {
        Terminal::note(&format!(
            "corstap: nothing to list in {}\n",
            capture.path().display()
        ));
    }
    Ok(FINE)
}

/// Tells every change, over and over, until the reader or the user goes away.
fn follow(
    capture: &Capture,
    failed: bool,
    tell: &mut impl FnMut(Stored) -> Result<()>,
) -> Result<u8> {
    let mut last = Change::default();
    loop {
        last = capture.changes(last, |stored| {
            let is_wanted = !failed || stored.judgement.verdict.is_failure();
            if is_wanted {
                tell(stored)
            } else {
                Ok::<(), Error>(())
            }
        })?;
        thread::sleep(GLANCE);
    }
}

/// The JSON form of an exchange of a capture.
pub(super) fn record<'a>(capture: &'a Capture, stored: &'a Stored) -> Record<'a> {
    Record::new(
        &capture.name,
        stored.rev,
        &stored.recorded,
        &stored.judgement,
    )
}
