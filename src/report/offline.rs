//! Judging after the fact: the same judge over events that come from a file.

use crate::cors::{Judge, Judgement};
use crate::exchange::ledger::Ledger;
use crate::exchange::recorded::Recorded;
use crate::exchange::secret::Redactor;
use crate::exchange::{Event, ExchangeId};

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
    let (mut judge, mut ledger) = (Judge::new(), Ledger::default());
    let mut ids: Vec<ExchangeId> = Vec::new();
    for event in events {
        if let Event::Opened { id, .. } = event {
            ids.push(*id);
        }
        ledger.note(event);
        judge.observe(event);
    }
    judge.finish();
    let told = |id: &ExchangeId| {
        let exchange = &ledger.get(*id)?.exchange;
        let mut judgement = judge.judgement(*id)?;
        judgement.withhold(redactor);
        Some(Told {
            recorded: Recorded::of(exchange, redactor),
            judgement,
        })
    };
    ids.iter().filter_map(told).collect()
}
