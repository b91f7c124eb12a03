//! The live log: what was committed is printed as it comes.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::iter;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

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
                    return self.say(terminal, &std::mem::take(&mut told.by_browser).summary());
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

/// How often the browser's own word was ours.
#[derive(Default)]
struct Tally {
    /// Those of which it may still become another one, and whether it was ours.
    latest: BTreeMap<ExchangeId, bool>,
    /// How many of the older ones it was ours of.
    same: usize,
    /// How many it was not ours of.
    other: usize,
    /// The first of those.
    named: Vec<ExchangeId>,
    /// The last of the older ones.
    settled: Option<ExchangeId>,
}

impl Tally {
    /// How many may still change.
    const MOST: usize = 16 * 1024;
    /// How many are named.
    const NAMED: usize = 10;

    fn count(&mut self, stored: &Stored) {
        let confirmed = stored.judgement.verdict.confirmed.as_ref();
        let word = confirmed.filter(|confirmed| confirmed.by.is_word());
        self.note(stored.recorded.id, word.map(|word| word.agrees));
    }

    /// Takes in whether the browser's word on an exchange was ours, or that there is none.
    fn note(&mut self, id: ExchangeId, agrees: Option<bool>) {
        if self.settled.is_some_and(|settled| id <= settled) {
            return;
        }
        match agrees {
            Some(agrees) => self.latest.insert(id, agrees),
            None => self.latest.remove(&id),
        };
        if self.latest.len() > Self::MOST {
            self.settle_first();
        }
    }

    /// Counts the oldest of those that may change, if there is one.
    fn settle_first(&mut self) -> bool {
        let Some((id, agrees)) = self.latest.pop_first() else {
            return false;
        };
        self.settled = Some(id);
        if agrees {
            self.same += 1;
            return true;
        }
        self.other += 1;
        if self.named.len() < Self::NAMED {
            self.named.push(id);
        }
        true
    }

    /// Nothing, where the browser said nothing.
    fn summary(mut self) -> String {
        while self.settle_first() {}
        let (same, other) = (self.same, self.other);
        if same + other == 0 {
            return String::new();
        }
        let ids: Vec<String> = self.named.iter().map(|id| format!("#{}", id.0)).collect();
        let named = match self.named.first() {
            Some(first) => format!(
                ": {}; `corstap show {}` tells more",
                ids.join(", "),
                first.0
            ),
            None => String::new(),
        };
        format!(
            "\nThe browser itself said the same of {same} exchanges, and otherwise of {other}{named}\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(words: impl IntoIterator<Item = (u64, Option<bool>)>) -> Tally {
        let mut tally = Tally::default();
        for (id, agrees) in words {
            tally.note(ExchangeId(id), agrees);
        }
        tally
    }

    #[test]
    fn where_the_browser_said_nothing_nothing_is_summed_up() {
        assert_eq!(tally([(1, None)]).summary(), "");
    }

    #[test]
    fn the_last_word_on_an_exchange_counts() {
        let words = [
            (1, Some(true)),
            (2, Some(true)),
            (1, Some(false)),
            (2, None),
            (3, Some(true)),
        ];
        assert_eq!(
            tally(words).summary(),
            "\nThe browser itself said the same of 1 exchanges, and otherwise of 1: #1; `corstap show 1` tells more\n"
        );
    }

    #[test]
    fn all_are_counted_though_only_the_latest_are_remembered() {
        let all = 2 * Tally::MOST as u64;
        let tally = tally((1..=all).map(|id| (id, Some(id != 7))));
        assert_eq!(tally.latest.len(), Tally::MOST);
        let summary = tally.summary();
        let counts = format!("the same of {} exchanges, and otherwise of 1: #7;", all - 1);
        assert!(summary.contains(&counts), "{summary}");
    }
}
