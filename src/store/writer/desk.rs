//! The desk: exchanges are put together and judged, and leave for the file, and then for whoever looks.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError};
use std::thread;
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;
use tokio::sync::watch;
use tracing::warn;

use super::file::File;
use super::{Shown, Size};
use crate::clock;
use crate::cors::Judge;
use crate::exchange::ledger::{Entry, Ledger};
use crate::exchange::recorded::Recorded;
use crate::exchange::secret::Redactor;
use crate::exchange::{Ending, Event, ExchangeId, Moment, Word};
use crate::store::common::Text;
use crate::store::memo::{Head, Judged, Memo};
use crate::store::recorder::Counts;
use crate::store::row::{self, Stored, Texts};

/// How long events are gathered into one transaction.
const GATHER: Duration = Duration::from_millis(10);
/// How many events go into one transaction at most.
const MOST_GATHERED: usize = 4096;
/// An exchange that is still open after this long is written as it is.
const OPEN_FOR: Duration = Duration::from_millis(300);
/// How many written exchanges may still get another judgement.
const MOST_WRITTEN: usize = 16 * 1024;
/// After a failure, how long the file is left alone.
const REST: Duration = Duration::from_secs(1);
/// How many exchanges may wait for a file that cannot be written.
const MOST_UNWRITTEN: usize = 16 * 1024;

/// The writer's desk: what is open, what is to be written, what was.
pub(super) struct Desk {
    file: File,
    memo: Memo,
    counts: Arc<Counts>,
    show: SyncSender<Shown>,
    change_told: watch::Sender<()>,
    judge: Judge,
    ledger: Ledger,
    /// What is to be written, in no order, some of it more than once.
    dirty: Vec<ExchangeId>,
    written: HashMap<ExchangeId, Written, RandomState>,
    /// What was written of exchanges up to this one may be forgotten here; the file has it.
    forgotten: u64,
    rests_until: Option<Instant>,
    most: Gathered,
}

/// How much goes into one transaction.
#[derive(Clone, Copy, Default)]
pub(super) struct Gathered {
    events: usize,
    octets: usize,
}

impl Gathered {
    /// As much as the log of a capture of that size takes.
    pub(super) fn within(size: Size) -> Self {
        Self {
            events: MOST_GATHERED,
            octets: usize::try_from(size.log() / 4).unwrap_or(usize::MAX),
        }
    }
}

/// What is to be written of an exchange, and what its judgement is told by.
struct Draft {
    stored: Stored,
    texts: Texts,
    digest: u64,
}

/// What was written of an exchange last.
#[derive(Clone, Copy)]
struct Written {
    rev: u32,
    judgement: u64,
}

impl Desk {
    pub(super) fn new(
        file: File,
        most: Gathered,
        redactor: Redactor,
        counts: Arc<Counts>,
        show: SyncSender<Shown>,
        change_told: watch::Sender<()>,
    ) -> Self {
        Self {
            file,
            memo: Memo::new(redactor),
            counts,
            show,
            change_told,
            judge: Judge::new(),
            ledger: Ledger::default(),
            dirty: Vec::new(),
            written: HashMap::default(),
            forgotten: 0,
            rests_until: None,
            most,
        }
    }

    /// Writes what comes, until no more will; says whether anything was written.
    pub(super) fn run(mut self, events: &Receiver<Event>) -> bool {
        while self.gather(events) {
            let now = clock::now();
            self.dirty
                .extend(self.judge.time_passes(now).iter().copied());
            if self.rests_until.is_none_or(|until| until <= Instant::now()) {
                let due = self.due(now);
                self.write(&due);
            }
        }
        let late = self.judge.time_passes(clock::now());
        self.dirty.extend(late.iter().copied());
        self.tidy();
        let rest = self.dirty.clone();
        self.file.wait_longer();
        self.write(&rest);
        self.give_up();
        let has_written = !self.file.is_empty();
        self.file.put_away();
        has_written
    }

    /// Takes in events for a moment; false when no more will come.
    fn gather(&mut self, events: &Receiver<Event>) -> bool {
        let is_idle = self.dirty.is_empty() && !self.judge.is_waiting();
        let patience = if is_idle {
            Duration::from_hours(1)
        } else {
            OPEN_FOR / 3
        };
        match events.recv_timeout(patience) {
            Ok(event) => {
                self.observe(&event);
                self.counts.taken(1, event.weight());
            }
            Err(RecvTimeoutError::Timeout) => return true,
            Err(RecvTimeoutError::Disconnected) => return false,
        }
        // Whoever hands something in meanwhile has nobody to wake, and we are not woken each time.
        let mut most = self.most;
        match self.take_in(events, &mut most) {
            Err(TryRecvError::Empty) => thread::sleep(GATHER),
            Ok(()) => return true,
            Err(TryRecvError::Disconnected) => return false,
        }
        self.take_in(events, &mut most) != Err(TryRecvError::Disconnected)
    }

    /// Takes in what waits, as long as that is not too much; an error when it is not.
    fn take_in(
        &mut self,
        events: &Receiver<Event>,
        most: &mut Gathered,
    ) -> Result<(), TryRecvError> {
        let mut taken = Gathered::default();
        let mut more = Ok(());
        while more.is_ok() && taken.events < most.events && taken.octets < most.octets {
            match events.try_recv() {
                Ok(event) => {
                    self.observe(&event);
                    taken.events += 1;
                    taken.octets += event.weight();
                }
                Err(none) => more = Err(none),
            }
        }
        // All at once: those who hand in count on the same numbers.
        self.counts.taken(taken.events, taken.octets);
        most.events -= taken.events;
        most.octets = most.octets.saturating_sub(taken.octets);
        more
    }

    fn observe(&mut self, event: &Event) {
        let Event::BrowserSaid { id: None, at, word } = event else {
            self.note(event);
            return;
        };
        if let Some(event) = self.join(*at, word) {
            self.note(&event);
        }
    }

    /// Finds the exchange that a browser's word is about. There may be none: what is not read, what
    /// came out of a cache. What the browser refused by itself becomes one of its own.
    fn join(&self, at: Moment, word: &Arc<Word>) -> Option<Event> {
        let word = Arc::clone(word);
        let id = self.judge.exchange_of(&word);
        if id.is_some() {
            return Some(Event::BrowserSaid { id, at, word });
        }
        word.is_unsent().then(|| Event::NeverSent {
            id: self.counts.number(),
            at,
            word,
        })
    }

    fn note(&mut self, event: &Event) {
        self.ledger.note(event);
        self.dirty.extend(event.exchange());
        self.dirty.extend(self.judge.observe(event).iter().copied());
    }

    /// What is to be written now: what is over, or was written before, or has been open for so long
    /// that people will want to see it.
    fn due(&mut self, now: Moment) -> Vec<ExchangeId> {
        self.tidy();
        let is_due = |id: &ExchangeId| {
            self.ledger
                .get(*id)
                .is_none_or(|entry| is_over(entry) || now.since(entry.heard) > OPEN_FOR)
        };
        let dirty = self.dirty.iter().copied();
        dirty.filter(is_due).collect()
    }

    /// Names each once, in order.
    fn tidy(&mut self) {
        self.dirty.sort_unstable();
        self.dirty.dedup();
    }

    /// Writes those, in order.
    fn write(&mut self, due: &[ExchangeId]) {
        if due.is_empty() {
            return;
        }
        let mut fresh = Vec::with_capacity(due.len());
        fresh.extend(due.iter().filter_map(|id| self.draft(*id)));
        let rows = fresh.iter().map(|draft| (&draft.stored, &draft.texts));
        match self.file.commit(rows) {
            Ok(()) => {
                self.dirty.retain(|id| due.binary_search(id).is_err());
                self.rests_until = None;
                self.committed(fresh);
                self.make_room();
            }
            Err(error) => self.failed(&error),
        }
    }

    fn make_room(&mut self) {
        match self.file.make_room() {
            Ok(true) => self.counts.make_room(),
            Ok(false) => {}
            Err(error) => self.failed(&error),
        }
    }

    /// A file that cannot be written now may be later, when there is room again.
    fn failed(&mut self, error: &rusqlite::Error) {
        if self.rests_until.is_none() {
            warn!(%error, "the capture cannot be written; trying again");
        }
        self.rests_until = Some(Instant::now() + REST);
        self.tidy();
        if self.dirty.len() > MOST_UNWRITTEN {
            self.give_up();
        }
    }

    /// Lets go of what could not be written.
    fn give_up(&mut self) {
        let unwritten = std::mem::take(&mut self.dirty);
        for id in unwritten {
            if self.ledger.get(id).is_some_and(is_over) {
                self.ledger.strike(id);
                self.counts.drop_exchanges(1);
            }
        }
    }

    /// What is to be written of an exchange; nothing if it stands there already. One that the judge
    /// has forgotten keeps the judgement it had.
    fn draft(&mut self, id: ExchangeId) -> Option<Draft> {
        let is_open = self.ledger.get(id).is_some();
        let written = self.written(id);
        let judged = match self.judge.judgement(id) {
            Some(judgement) => self.memo.judged(judgement),
            None => Arc::new(Judged::of(
                self.file.stored(id).filter(|_| is_open)?.judgement,
            )),
        };
        let is_news = written.is_none_or(|written| written.judgement != judged.digest);
        let rev = written.map_or(1, |written| written.rev + u32::from(is_news));
        let (recorded, request, sent) = if is_open {
            self.recorded(id)?
        } else if is_news {
            texts_of(self.file.stored(id)?.recorded)
        } else {
            return None;
        };
        Some(Draft {
            stored: Stored {
                rev,
                recorded,
                judgement: Arc::clone(&judged.judgement),
            },
            texts: Texts {
                request,
                sent,
                judgement: judged.json.clone(),
            },
            digest: judged.digest,
        })
    }

    /// An exchange of the ledger as the capture holds it, with the JSON of its heads.
    fn recorded(&mut self, id: ExchangeId) -> Option<WithTexts> {
        let exchange = &self.ledger.get(id)?.exchange;
        let request = self.memo.head(&exchange.request.headers);
        let sent = exchange.sent.as_ref();
        let sent = sent.map(|sent| self.memo.head(&sent.headers));
        let recorded = Recorded::with(
            exchange,
            self.memo.redactor(),
            request.fields.clone(),
            sent.as_ref().map(|head| head.fields.clone()),
        );
        let json = |head: &Arc<Head>| head.json.clone();
        Some((recorded, json(&request), sent.as_ref().map(json)))
    }

    /// What was written of an exchange last, from the file where it is long ago.
    fn written(&self, id: ExchangeId) -> Option<Written> {
        let known = self.written.get(&id).copied();
        if known.is_some() || id.0 > self.forgotten {
            return known;
        }
        let stored = self.file.stored(id)?;
        Some(Written {
            rev: stored.rev,
            judgement: Judged::of(stored.judgement).digest,
        })
    }

    fn committed(&mut self, fresh: Vec<Draft>) {
        self.change_told.send_replace(());
        let mut missed = 0;
        for Draft { stored, digest, .. } in fresh {
            let id = stored.recorded.id;
            self.written.insert(
                id,
                Written {
                    rev: stored.rev,
                    judgement: digest,
                },
            );
            if self.ledger.get(id).is_some_and(is_over) {
                self.ledger.strike(id);
            }
            if let Err(TrySendError::Full(_)) = self.show.try_send(Arc::new(stored)) {
                missed += 1;
            }
        }
        if missed > 0 {
            warn!(
                missed,
                "the terminal is too slow: lines left out here; `corstap log` has them"
            );
        }
        self.forget();
    }

    /// What was written long ago gets no other judgement.
    fn forget(&mut self) {
        if self.written.len() > 2 * MOST_WRITTEN {
            let newest = self.written.keys().map(|id| id.0).max().unwrap_or(0);
            self.forgotten = newest.saturating_sub(MOST_WRITTEN as u64);
            self.written.retain(|id, _| id.0 > self.forgotten);
        }
    }
}

fn is_over(entry: &Entry) -> bool {
    entry.exchange.ending != Ending::InProgress || entry.exchange.reason.is_some()
}

/// An exchange as the capture holds it, with the JSON of its heads.
type WithTexts = (Recorded, Text, Option<Text>);

/// One that was read from the capture.
fn texts_of(recorded: Recorded) -> WithTexts {
    let request = Text::new(row::json(&recorded.request.headers));
    let sent = recorded.sent.as_ref();
    let sent = sent.map(|sent| Text::new(row::json(&sent.headers)));
    (recorded, request, sent)
}
