//! The ledger: puts exchanges together from the events they are told in.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::{
    ConnectionId, Ending, Event, Exchange, ExchangeId, Moment, Protocol, Reach, Request, Word,
};

/// The exchanges that are not finished with.
#[derive(Debug, Default)]
pub struct Ledger {
    open: HashMap<ExchangeId, Entry, RandomState>,
}

/// An exchange in the ledger.
#[derive(Debug)]
pub struct Entry {
    /// The exchange as far as it is known.
    pub exchange: Exchange,
    /// When it was last heard of.
    pub heard: Moment,
}

impl Ledger {
    /// Takes note of an event; what comes back is the exchange that it is about, if it is about
    /// one that is in the ledger.
    pub fn note(&mut self, event: &Event) -> Option<&Entry> {
        match event {
            Event::Opened {
                id,
                connection,
                at,
                protocol,
                client,
                request,
            } => {
                let exchange = Exchange {
                    connection: *connection,
                    protocol: *protocol,
                    client: *client,
                    ..begun(*id, *at, request)
                };
                self.open(exchange, *at);
            }
            Event::Reached { id, reach } => {
                self.open.get_mut(id)?.exchange.reach = reach.clone();
            }
            Event::Rewritten { id, at, rewrite } => {
                let entry = self.open.get_mut(id)?;
                entry.exchange.rewrite = Some(Arc::clone(rewrite));
                entry.heard = *at;
            }
            Event::Answered { id, at, sent } => {
                let entry = self.open.get_mut(id)?;
                entry.exchange.sent = Some(Arc::clone(sent));
                entry.heard = *at;
            }
            Event::Glimpsed { id, at, content } => {
                let entry = self.open.get_mut(id)?;
                entry.exchange.content = Some(*content);
                entry.heard = *at;
            }
            Event::Ended {
                id,
                at,
                ending,
                reason,
            } => {
                let entry = self.open.get_mut(id)?;
                entry.exchange.ending = *ending;
                entry.exchange.reason.clone_from(reason);
                entry.exchange.elapsed = Some(at.since(entry.exchange.started));
                entry.heard = *at;
            }
            Event::NeverSent { id, at, word } => self.open(never_sent(*id, word), *at),
            Event::Cancelled { .. }
            | Event::NotCancelled { .. }
            | Event::BrowserSaid { .. }
            | Event::Connected { .. }
            | Event::Unwatched { .. }
            | Event::Dropped { .. }
            | Event::Closed { .. } => {}
        }
        self.open.get(&event.exchange()?)
    }

    fn open(&mut self, exchange: Exchange, heard: Moment) {
        self.open.insert(exchange.id, Entry { exchange, heard });
    }

    /// The exchange of that number, while it is in the ledger.
    pub fn get(&self, id: ExchangeId) -> Option<&Entry> {
        self.open.get(&id)
    }

    /// Strikes an exchange out: it is finished with.
    pub fn strike(&mut self, id: ExchangeId) -> Option<Exchange> {
        self.open.remove(&id).map(|entry| entry.exchange)
    }

    /// All exchanges in it, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.open.values()
    }
}

/// An exchange of which there is nothing but the request.
fn begun(id: ExchangeId, started: Moment, request: &Arc<Request>) -> Exchange {
    Exchange {
        id,
        connection: ConnectionId(0),
        protocol: Protocol::Http11,
        client: None,
        reach: Reach::default(),
        started,
        elapsed: None,
        request: Arc::clone(request),
        sent: None,
        content: None,
        rewrite: None,
        ending: Ending::InProgress,
        reason: None,
    }
}

/// A request that stayed in the browser: it came on no connection.
fn never_sent(id: ExchangeId, word: &Word) -> Exchange {
    Exchange {
        ending: Ending::NeverSent,
        reason: Some("the browser did not send it".to_owned()),
        ..begun(id, word.started, &Arc::new(word.request.clone()))
    }
}
