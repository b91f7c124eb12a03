//! The hand-in: what connections tell the store, without ever waiting for it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

use crate::clock;
use crate::exchange::{
    ConnectionId, Content, Ending, Event, ExchangeId, Moment, Protocol, Reach, Request, Response,
    Rewrite, Side, Word,
};

/// How many events may wait for the writer before new exchanges are dropped.
const MOST_WAITING: usize = 100_000;
/// How many octets of heads may wait with them.
const MOST_OCTETS_WAITING: usize = 128 * 1024 * 1024;

/// Takes in what happens. Clones hand in to the same writer.
#[derive(Clone, Debug)]
pub struct Recorder {
    events: mpsc::Sender<Event>,
    counts: Arc<Counts>,
}

/// Who has connected, and when.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// The client's address.
    pub address: SocketAddr,
    at: Moment,
}

impl Arrival {
    /// Somebody connects now.
    pub fn now(address: SocketAddr) -> Self {
        Self {
            address,
            at: clock::now(),
        }
    }
}

/// What recorder and writer count together.
#[derive(Debug, Default)]
pub(super) struct Counts {
    waiting: AtomicUsize,
    octets: AtomicUsize,
    dropped: AtomicU64,
    capture_is_full: AtomicBool,
    exchanges: AtomicU64,
    connections: AtomicU64,
}

impl Counts {
    /// An event is put in the queue.
    fn put(&self, event: &Event) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        // All workers and the writer count here: what changes nothing is not worth their turns.
        let octets = event.weight();
        if octets > 0 {
            self.octets.fetch_add(octets, Ordering::Relaxed);
        }
    }

    /// A number for an exchange.
    pub(super) fn number(&self) -> ExchangeId {
        ExchangeId(self.exchanges.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Events of so many octets were taken off the queue.
    pub(super) fn taken(&self, events: usize, octets: usize) {
        self.waiting.fetch_sub(events, Ordering::Relaxed);
        self.octets.fetch_sub(octets, Ordering::Relaxed);
    }

    fn is_full(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > MOST_WAITING
            || self.octets.load(Ordering::Relaxed) > MOST_OCTETS_WAITING
    }

    /// Exchanges that are not in the capture: the queue was full, or they could not be written.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// The oldest exchanges of the capture make room for new ones.
    pub(super) fn make_room(&self) {
        self.capture_is_full.store(true, Ordering::Relaxed);
    }

    pub(super) fn drop_exchanges(&self, many: u64) {
        self.dropped.fetch_add(many, Ordering::Relaxed);
    }
}

impl Recorder {
    /// A recorder, and where what it takes in comes out.
    pub(super) fn new() -> (Self, mpsc::Receiver<Event>, Arc<Counts>) {
        let (events, out) = mpsc::channel();
        let counts = Arc::new(Counts::default());
        (
            Self {
                events,
                counts: Arc::clone(&counts),
            },
            out,
            counts,
        )
    }

    /// A connection that has arrived, or a tunnel inside it, can carry requests; `resumed` says
    /// whether its TLS session continues an earlier one. It is closed with the ticket.
    pub fn connected(&self, arrival: Arrival, resumed: Option<bool>) -> ConnectionTicket {
        let connection = ConnectionId(self.counts.connections.fetch_add(1, Ordering::Relaxed) + 1);
        self.hand_in(Event::Connected {
            connection,
            at: arrival.at,
            resumed,
        });
        ConnectionTicket {
            recorder: self.clone(),
            connection,
            closed_by: Side::Server,
        }
    }

    /// The head of a request was read. When too much waits for the writer, the whole exchange is
    /// dropped and counted.
    pub fn open(
        &self,
        connection: ConnectionId,
        protocol: Protocol,
        client: SocketAddr,
        request: Arc<Request>,
    ) -> Ticket {
        if self.counts.is_full() {
            self.drop_exchange();
            return Ticket(None);
        }
        let id = self.counts.number();
        let (at, client) = (clock::now(), Some(client));
        self.hand_in(Event::Opened {
            id,
            connection,
            at,
            protocol,
            client,
            request,
        });
        Ticket(Some((self.clone(), id)))
    }

    /// The browser tells of a request. To be called after what it tells of was handed in, which
    /// it was if it went through the proxy: the browser cannot know of it before.
    pub fn said(&self, word: Arc<Word>) {
        if !self.counts.is_full() {
            self.hand_in(Event::BrowserSaid {
                id: None,
                at: clock::now(),
                word,
            });
        }
    }

    /// What is missing is counted, and the judge is told, unless even that is too much.
    fn drop_exchange(&self) {
        self.counts.drop_exchanges(1);
        if self.counts.waiting.load(Ordering::Relaxed) < 2 * MOST_WAITING {
            self.hand_in(Event::Dropped { at: clock::now() });
        }
    }

    /// Once the writer is gone there is nobody to tell; the proxying goes on.
    fn hand_in(&self, event: Event) {
        self.counts.put(&event);
        if let Err(mpsc::SendError(event)) = self.events.send(event) {
            self.counts.taken(1, event.weight());
        }
    }
}

/// How many exchanges are missing in the capture.
#[derive(Clone, Debug)]
pub struct Losses(pub(super) Arc<Counts>);

impl Losses {
    /// So far.
    pub fn count(&self) -> u64 {
        self.0.dropped()
    }

    /// Whether the capture is full, so that its oldest exchanges make room for new ones.
    pub fn is_full(&self) -> bool {
        self.0.capture_is_full.load(Ordering::Relaxed)
    }
}

/// An open exchange. Whatever becomes of the task that holds it, the exchange ends with it.
#[derive(Debug)]
#[must_use = "the exchange ends when its ticket is dropped"]
pub struct Ticket(Option<(Recorder, ExchangeId)>);

impl Ticket {
    /// A ticket for an exchange that is not recorded.
    pub fn unrecorded() -> Self {
        Self(None)
    }

    /// The server was reached.
    pub fn reached(&self, reach: &Reach) {
        let reach = reach.clone();
        self.tell(|id| Event::Reached { id, reach });
    }

    /// Whether the exchange is recorded.
    pub fn is_recorded(&self) -> bool {
        self.0.is_some()
    }

    /// A rule makes another response of the one that is told next, if one is. To be called before
    /// it is passed on.
    pub fn rewritten(&self, rewrite: Arc<Rewrite>) {
        self.tell(|id| Event::Rewritten {
            id,
            at: clock::now(),
            rewrite,
        });
    }

    /// The head of the final response was read. To be called before it is passed on.
    pub fn answered(&self, sent: Arc<Response>) {
        self.tell(|id| Event::Answered {
            id,
            at: clock::now(),
            sent,
        });
    }

    /// What the content of the response is. To be called after its head was told.
    pub fn glimpsed(&self, content: Content) {
        self.tell(|id| Event::Glimpsed {
            id,
            at: clock::now(),
            content,
        });
    }

    /// The client cancelled the response while its end was held back.
    pub fn cancelled(&self) {
        self.tell(|id| Event::Cancelled {
            id,
            at: clock::now(),
        });
    }

    /// The client did not cancel the response while its end was held back.
    pub fn not_cancelled(&self) {
        self.tell(|id| Event::NotCancelled {
            id,
            at: clock::now(),
        });
    }

    /// The exchange is over. What is told after that is not heard.
    pub fn ended(&mut self, ending: Ending, reason: Option<String>) {
        self.tell(|id| Event::Ended {
            id,
            at: clock::now(),
            ending,
            reason,
        });
        self.0 = None;
    }

    fn tell(&self, event: impl FnOnce(ExchangeId) -> Event) {
        if let Some((recorder, id)) = &self.0 {
            recorder.hand_in(event(*id));
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let reason = Some("corstap stopped before it ended".to_owned());
        self.tell(|id| Event::Ended {
            id,
            at: clock::now(),
            ending: Ending::InProgress,
            reason,
        });
    }
}

/// An open connection.
#[derive(Debug)]
#[must_use = "the connection is closed when its ticket is dropped"]
pub struct ConnectionTicket {
    recorder: Recorder,
    connection: ConnectionId,
    closed_by: Side,
}

impl ConnectionTicket {
    /// Its number.
    pub fn id(&self) -> ConnectionId {
        self.connection
    }

    /// The client closed it, before the server did.
    pub fn closed_by_client(&mut self) {
        self.closed_by = Side::Client;
    }
}

impl Drop for ConnectionTicket {
    fn drop(&mut self) {
        let (connection, by) = (self.connection, self.closed_by);
        self.recorder.hand_in(Event::Closed {
            connection,
            at: clock::now(),
            by,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::AskedUrl;

    #[test]
    fn what_is_too_much_is_dropped_whole_and_counted() {
        // Nobody takes anything off the queue: the writer stands still.
        let (recorder, events, counts) = Recorder::new();
        let client = "127.0.0.1:1".parse().expect("an address");
        let line = recorder.connected(Arrival::now(client), None);
        let request = Arc::new(Request {
            method: "GET".to_owned(),
            url: AskedUrl::parse("https://api.test/").expect("valid"),
            headers: [("Origin", "https://app.test")].into_iter().collect(),
        });
        let many = MOST_WAITING;
        for _ in 0..many {
            let mut ticket =
                recorder.open(line.id(), Protocol::Http11, client, Arc::clone(&request));
            ticket.ended(Ending::Complete, None);
        }
        drop((line, recorder));
        let (mut opened, mut ended, mut dropped) = (0, 0, 0);
        while let Ok(event) = events.recv() {
            opened += usize::from(matches!(event, Event::Opened { .. }));
            ended += usize::from(matches!(event, Event::Ended { .. }));
            dropped += usize::from(matches!(event, Event::Dropped { .. }));
        }
        assert_eq!(opened, ended, "no part of an exchange is dropped");
        assert!(opened > many / 3 && opened < many, "{opened} of {many}");
        assert_eq!(counts.dropped(), (many - opened) as u64);
        assert_eq!(dropped, many - opened, "the judge is told");
    }
}
