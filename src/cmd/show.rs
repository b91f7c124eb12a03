//! `corstap show`: one exchange, told in full.

use anyhow::{Result, bail};

use super::{FINE, log, place, view};
use crate::cli::Show;
use crate::exchange::ExchangeId;
use crate::report::text;
use crate::term::Terminal;

/// Tells one exchange.
pub fn run(arguments: &Show) -> Result<u8> {
    let capture = place::open_capture(arguments.from.capture.as_deref())?;
    let Some(stored) = capture.exchange(ExchangeId(arguments.id))? else {
        bail!(
            "there is no exchange #{} in {}; `corstap log` lists them",
            arguments.id,
            capture.name
        );
    };
    let mut terminal = Terminal::new();
    if arguments.from.json {
        terminal.json(&log::record(&capture, &stored))?;
    } else {
        let told = text::full(&stored.recorded, &stored.judgement, view(&terminal));
        terminal.print(&told)?;
    }
    Ok(FINE)
}
