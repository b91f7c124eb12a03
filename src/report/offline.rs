//! Judging after the fact: the same judge over events that come from a file.

use std::collections::VecDeque;

use crate::cors::{Judge, Judgement};
use crate::exchange::ledger::Ledger;
use crate::exchange::recorded::Recorded;
use crate::exchange::secret::Redactor;
use crate::exchange::{Event, ExchangeId};

/// How many exchanges wait for what comes after them, and how much of memory they may take. The judge
/// watches more of them than that.
const MOST_WAITING: usize = 8 * 1024;
const MOST_OCTETS: usize = 24 * 1024 * 1024;

/// An exchange with the judgement it comes to once everything is known.
#[derive(Debug)]
pub struct Told {
    /// The exchange, secrets withheld.
    pub recorded: Recorded,
    /// The judgement.
    pub judgement: Judgement,
}

/// Tells the judge all events, then what it says of every exchange, in order.
pub fn tell(events: &[Event], redactor: &Redactor) -> Vec<Told> {
    let mut all = Vec::new();
    let mut teller = Teller::new(redactor);
    for event in events {
        teller.hear(event, &mut |told| all.push(told));
    }
    teller.finish(&mut |told| all.push(told));
    all
}

/// Tells the judge events as they come, and what it says of each exchange when nothing that comes can
/// change it any more.
#[derive(Debug)]
pub struct Teller<'a> {
    judge: Judge,
    ledger: Ledger,
    redactor: &'a Redactor,
    waiting: VecDeque<(ExchangeId, usize)>,
    octets: usize,
}

impl<'a> Teller<'a> {
    /// A judge who has heard nothing yet.
    pub fn new(redactor: &'a Redactor) -> Self {
        Self {
            judge: Judge::new(),
            ledger: Ledger::default(),
            redactor,
            waiting: VecDeque::new(),
            octets: 0,
        }
    }

    /// Takes note of an event, and tells what has waited long enough.
    pub fn hear(&mut self, event: &Event, tell: &mut impl FnMut(Told)) {
        if let Event::Opened { id, .. } = event {
            self.waiting.push_back((*id, 0));
        }
        if let Some((_, octets)) = self.waiting.back_mut() {
            *octets += event.weight();
            self.octets += event.weight();
        }
        self.ledger.note(event);
        self.judge.observe(event);
        while self.waiting.len() > MOST_WAITING || self.octets > MOST_OCTETS {
            self.tell_first(tell);
        }
    }

    /// Tells the rest: nothing more will happen.
    pub fn finish(mut self, tell: &mut impl FnMut(Told)) {
        self.judge.finish();
        while !self.waiting.is_empty() {
            self.tell_first(tell);
        }
    }

    fn tell_first(&mut self, tell: &mut impl FnMut(Told)) {
        let Some((id, octets)) = self.waiting.pop_front() else {
            return;
        };
        self.octets -= octets;
        let judgement = self.judge.judgement(id);
        let exchange = self.ledger.strike(id);
        let Some((exchange, mut judgement)) = exchange.zip(judgement) else {
            return;
        };
        judgement.withhold(self.redactor);
        tell(Told {
            recorded: Recorded::of(&exchange, self.redactor),
            judgement,
        });
    }
}
