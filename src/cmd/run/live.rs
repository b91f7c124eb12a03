//! The live log: what was committed is printed as it comes.

use std::collections::HashMap;
use std::io;
use std::iter;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::tally::Tally;
use crate::cmd::view;
use crate::cors::{Cause, Judgement, Kind, Outcome};
use crate::exchange::ExchangeId;
use crate::proxy::Notice;
use crate::report::record::Record;
use crate::report::text;
use crate::store::row::Stored;
use crate::store::{Losses, Shown};
use crate::term::Terminal;

/// After this long without a request, what to check is said.
const SILENCE: Duration = Duration::from_mins(1);

/// What to check when nothing comes.
const SILENT: &str = "No request so far. Check:
  - Does the browser use this proxy? Look at its command line, or its network settings.
  - For localhost: is '<-loopback>' in Chromium's bypass list, or Firefox's
    network.proxy.allow_hijacking_localhost set to true?
  - Is the host among those that are read? Add --host NAME if not.
";

/// What is said once when the capture has its size.
const FULL: &str = "The capture is full: from now on its oldest exchanges make room for new ones.
  To keep more of them next time: corstap run --max-capture 4G
";

/// Prints what was committed, as it comes.
pub(in crate::cmd) struct LiveLog {
    /// The name of the capture.
    pub(in crate::cmd) capture: String,
    /// What could not be kept.
    pub(in crate::cmd) losses: Losses,
    /// Where the CA is, as arguments.
    pub(in crate::cmd) ca_place: String,
    /// One JSON object a line, for programs.
    pub(in crate::cmd) json: bool,
    /// Standard output is a command's: all goes to standard error.
    pub(in crate::cmd) is_beside: bool,
}

impl LiveLog {
    /// Prints a greeting, then what comes, until there can come no more.
    pub(in crate::cmd) fn print(
        &self,
        greeting: &str,
        shown: &Receiver<Shown>,
        noticed: &Receiver<Notice>,
    ) {
        let mut terminal = Terminal::new();
        // A terminal that is gone ends the printing, not the proxying.
        let _ = self.try_print(&mut terminal, greeting, shown, noticed);
    }

    fn try_print(
        &self,
        terminal: &mut Terminal,
        greeting: &str,
        shown: &Receiver<Shown>,
        noticed: &Receiver<Notice>,
    ) -> io::Result<()> {
        const GLANCE: Duration = Duration::from_millis(200);
        const AT_ONCE: usize = 1024;
        let mut silent_for = Some(Duration::ZERO);
        let mut told = Told::default();
        let mut lost = 0;
        let mut is_full = false;
        self.say(terminal, greeting)?;
        loop {
            match shown.recv_timeout(GLANCE) {
                Ok(first) => {
                    silent_for = None;
                    let waiting = shown.try_iter().take(AT_ONCE);
                    self.tell(terminal, &mut told, iter::once(first).chain(waiting))?;
                }
                Err(RecvTimeoutError::Timeout) => {
                    silent_for = silent_for.map(|silent| silent + GLANCE);
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return self.say(terminal, &told.by_browser.summary());
                }
            }
            for notice in noticed.try_iter() {
                self.say(terminal, &format!("{}\n", notice.told(&self.ca_place)))?;
            }
            let count = self.losses.count();
            if count != std::mem::replace(&mut lost, count) {
                let text = format!(
                    "{count} exchanges are missing in the capture: it cannot be written, or not in time\n"
                );
                self.say(terminal, &text)?;
            }
            if self.losses.is_full() && !std::mem::replace(&mut is_full, true) {
                self.say(terminal, FULL)?;
            }
            if silent_for.is_some_and(|silent| silent >= SILENCE && !self.is_beside) {
                silent_for = None;
                self.say(terminal, SILENT)?;
            }
        }
    }

    /// What is for people goes to standard error where the output is for programs.
    fn say(&self, terminal: &mut Terminal, text: &str) -> io::Result<()> {
        if self.json || self.is_beside {
            Terminal::note(text);
            Ok(())
        } else {
            terminal.print(text)
        }
    }

    /// Prints what there is in one go.
    fn tell(
        &self,
        terminal: &mut Terminal,
        told: &mut Told,
        all: impl Iterator<Item = Shown>,
    ) -> io::Result<()> {
        let view = view(terminal);
        let mut lines = String::new();
        for stored in all {
            told.by_browser.count(&stored);
            let (recorded, judgement) = (&stored.recorded, &stored.judgement);
            if self.json {
                let record = Record::new(&self.capture, stored.rev, recorded, judgement);
                lines.push_str(&Terminal::json_line(&record)?);
            } else if !is_dull(judgement) && told.is_news(&stored) {
                lines.push_str(&text::line(recorded, judgement, view));
            }
        }
        if self.is_beside {
            Terminal::note(&lines);
            return Ok(());
        }
        terminal.print(&lines)
    }
}

/// Whether there is nothing to be learnt from an exchange.
fn is_dull(judgement: &Judgement) -> bool {
    let outcome = judgement.verdict.answer.outcome;
    outcome == Outcome::Pending || judgement.kind == Kind::SameOrigin && outcome == Outcome::Allowed
}

/// What the live log has said last of each exchange: it says nothing twice.
#[derive(Default)]
struct Told {
    said: HashMap<ExchangeId, Said>,
    by_browser: Tally,
}

/// The outcome, its cause, and whether the browser's own word is another one.
type Said = (Outcome, Option<Cause>, bool);

impl Told {
    /// How many exchanges are remembered.
    const MOST: usize = 16 * 1024;

    fn is_news(&mut self, stored: &Stored) -> bool {
        let answer = &stored.judgement.verdict.answer;
        if self.said.len() > Self::MOST {
            self.said.clear();
        }
        let said = (answer.outcome, answer.cause, is_contradicted(stored));
        self.said.insert(stored.recorded.id, said) != Some(said)
    }
}

fn is_contradicted(stored: &Stored) -> bool {
    let confirmed = stored.judgement.verdict.confirmed.as_ref();
    confirmed.is_some_and(|confirmed| !confirmed.agrees)
}
