//! What browsers said themselves, counted for the end of a run.

use std::collections::BTreeMap;

use crate::exchange::ExchangeId;
use crate::store::row::Stored;

/// How many exchanges may still get another word.
const LATEST: usize = 16 * 1024;
/// How many of those that the browser contradicts are named.
const NAMED: usize = 10;

/// How often the browser's own word was ours.
#[derive(Default)]
pub(super) struct Tally {
    /// Whether it was, of the exchanges that may still get another one.
    latest: BTreeMap<ExchangeId, bool>,
    /// The last of the older exchanges, whose words stand.
    settled: Option<ExchangeId>,
    counts: Counts,
}

#[derive(Clone, Default)]
struct Counts {
    same: usize,
    other: usize,
    /// The first of the others.
    named: Vec<ExchangeId>,
}

impl Tally {
    /// Takes in what an exchange comes to.
    pub(super) fn count(&mut self, stored: &Stored) {
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
        if self.latest.len() > LATEST
            && let Some((oldest, agrees)) = self.latest.pop_first()
        {
            self.settled = Some(oldest);
            self.counts.add(oldest, agrees);
        }
    }

    /// Nothing, where the browser said nothing.
    pub(super) fn summary(&self) -> String {
        let mut counts = self.counts.clone();
        for (id, agrees) in &self.latest {
            counts.add(*id, *agrees);
        }
        counts.told()
    }
}

impl Counts {
    fn add(&mut self, id: ExchangeId, agrees: bool) {
        if agrees {
            self.same += 1;
            return;
        }
        self.other += 1;
        if self.named.len() < NAMED {
            self.named.push(id);
        }
    }

    fn told(&self) -> String {
        let Self { same, other, named } = self;
        if same + other == 0 {
            return String::new();
        }
        let ids: Vec<String> = named.iter().map(|id| format!("#{}", id.0)).collect();
        let named = match named.first() {
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
        let all = 2 * LATEST as u64;
        let tally = tally((1..=all).map(|id| (id, Some(id != 7))));
        assert_eq!(tally.latest.len(), LATEST);
        let summary = tally.summary();
        let counts = format!("the same of {} exchanges, and otherwise of 1: #7;", all - 1);
        assert!(summary.contains(&counts), "{summary}");
    }
}
