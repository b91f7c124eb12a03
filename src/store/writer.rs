//! The one thread that writes: observes, judges, commits, and only then shows.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::watch;
use tracing::{error, warn};

use super::lock::Lock;
use super::memo::{Head, Judged, Memo};
use super::recorder::{Counts, Losses};
use super::row::{self, Stored, Texts};
use super::{Error, Recorder, schema};
use crate::cors::Judge;
use crate::exchange::ledger::{Entry, Ledger};
use crate::exchange::recorded::Recorded;
use crate::exchange::secret::{Redactor, Values};
use crate::exchange::{Ending, Event, ExchangeId, Moment, Word};
use crate::{clock, private};

/// How long events are gathered into one transaction.
const GATHER: Duration = Duration::from_millis(10);
/// How many events go into one transaction at most.
const MOST_GATHERED: usize = 4096;
/// An exchange that is still open after this long is written as it is.
const OPEN_FOR: Duration = Duration::from_millis(300);
/// How many shown exchanges may wait for somebody who looks.
const MOST_SHOWN: usize = 4096;
/// How many written exchanges may still get another judgement.
const MOST_WRITTEN: usize = 16 * 1024;
/// How long a file that somebody else has locked is waited for; what waits for it meanwhile is tried
/// again after a [`REST`].
const LOCKED: Duration = Duration::from_millis(500);
/// The same for the last time, when nobody will try again.
const LOCKED_LAST: Duration = Duration::from_secs(1);
/// After a failure, how long the file is left alone.
const REST: Duration = Duration::from_secs(1);
/// Which part of the exchanges makes room at once: the oldest one in so many, and no more than that.
const ROOM: i64 = 64;
const MOST_ROOM: i64 = 256;
/// How many exchanges may wait for a file that cannot be written.
const MOST_UNWRITTEN: usize = 16 * 1024;

/// About how many exchanges there are: without counting them.
const SPAN: &str = "SELECT coalesce(max(id) - min(id) + 1, 0) FROM exchange";
/// Lets the oldest ones go.
const OLDEST: &str =
    "DELETE FROM exchange WHERE id IN (SELECT id FROM exchange ORDER BY id LIMIT ?1)";

/// An exchange that was committed.
pub type Shown = Arc<Stored>;

/// How large a capture may become, in octets, with the log beside it, before its oldest exchanges make
/// room for new ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(u64);

impl Size {
    /// The least there is.
    pub const LEAST: Self = Self(16 << 20);
    /// What is usual.
    pub const USUAL: Self = Self(1 << 30);

    /// So many octets; nothing where a capture could not work with so few.
    pub fn of(octets: u64) -> Option<Self> {
        (octets >= Self::LEAST.0).then_some(Self(octets))
    }

    /// How large the log stays. For as much as is written at once, it may become twice that.
    fn log(self) -> i64 {
        row::number(self.0 / 8).clamp(1 << 20, 16 << 20)
    }

    /// How large the file may become before there has to be room.
    fn file(self) -> i64 {
        row::number(self.0) - 2 * self.log()
    }
}

/// A capture being written.
#[derive(Debug)]
pub struct Writer {
    /// The capture's name.
    pub capture: String,
    /// The capture's file.
    pub path: PathBuf,
    counts: Arc<Counts>,
    changed: watch::Receiver<()>,
    /// Says whether anything was written.
    thread: JoinHandle<bool>,
}

/// What became of the exchanges that were handed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Whether the capture holds nothing.
    pub is_empty: bool,
    /// How many are missing in it.
    pub lost: u64,
}

impl Writer {
    /// Starts a capture in the file at `path`, which must not exist. What is committed is shown on
    /// the receiver; who does not look in time misses lines there, never in the capture.
    pub fn start(
        path: &Path,
        redactor: Redactor,
    ) -> Result<(Self, Recorder, Receiver<Shown>), Error> {
        Self::start_within(Size::USUAL, path, redactor)
    }

    /// The same, for a capture of this size.
    pub fn start_within(
        size: Size,
        path: &Path,
        redactor: Redactor,
    ) -> Result<(Self, Recorder, Receiver<Shown>), Error> {
        let lock = Lock::take(path)?;
        drop(private::create(path)?);
        let capture = name_of(path);
        let connection =
            begin(path, &capture, redactor.values(), size.log()).inspect_err(|_| {
                // What was not begun is no capture: nobody has to find it empty.
                let _ = fs::remove_file(path);
            })?;
        let (recorder, events, counts) = Recorder::new();
        let (show, shown) = mpsc::sync_channel(MOST_SHOWN);
        let (change_told, changed) = watch::channel(());
        let desk = Desk {
            connection,
            memo: Memo::new(redactor),
            counts: Arc::clone(&counts),
            show,
            change_told,
            judge: Judge::new(),
            ledger: Ledger::default(),
            dirty: BTreeSet::new(),
            written: HashMap::new(),
            forgotten: 0,
            change: 0,
            rests_until: None,
            most: Gathered {
                events: MOST_GATHERED,
                octets: usize::try_from(size.log() / 4).unwrap_or(usize::MAX),
            },
            most_octets: size.file(),
            lock,
        };
        let thread = thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || desk.run(&events));
        let thread = thread.map_err(|source| private::Error::Io {
            path: path.to_owned(),
            source,
        })?;
        Ok((
            Self {
                capture,
                path: path.to_owned(),
                counts,
                changed,
                thread,
            },
            recorder,
            shown,
        ))
    }

    /// Tells that something was committed, to whoever reads the capture itself.
    pub fn changed(&self) -> watch::Receiver<()> {
        self.changed.clone()
    }

    /// What is missing in the capture.
    pub fn losses(&self) -> Losses {
        Losses(Arc::clone(&self.counts))
    }

    /// Waits until everything handed in is written. All recorders must be gone.
    pub fn finish(self) -> Finished {
        let has_written = self.thread.join().unwrap_or_else(|_| {
            error!("the writer has failed; this is a bug in corstap");
            true
        });
        Finished {
            is_empty: !has_written,
            lost: self.counts.dropped(),
        }
    }
}

/// A capture's name is that of its file.
pub fn name_of(path: &Path) -> String {
    path.file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default()
}

fn begin(path: &Path, capture: &str, values: Values, log: i64) -> Result<Connection, Error> {
    let connection = schema::create(path, log)?;
    let described = connection
        .busy_timeout(LOCKED)
        .and_then(|()| describe(&connection, capture, values));
    described.map_err(|source| Error::Sqlite {
        path: path.to_owned(),
        source,
    })?;
    Ok(connection)
}

fn describe(connection: &Connection, capture: &str, values: Values) -> rusqlite::Result<()> {
    let values = match values {
        Values::Harmless => "harmless",
        Values::All => "all",
    };
    let mut insert = connection.prepare("INSERT INTO capture VALUES (?1, ?2)")?;
    insert.execute(("name", capture))?;
    insert.execute(("started", clock::now().rfc3339()))?;
    insert.execute(("corstap", env!("CARGO_PKG_VERSION")))?;
    insert.execute(("values", values))?;
    Ok(())
}

/// The writer's desk: what is open, what is to be written, what was.
struct Desk {
    connection: Connection,
    memo: Memo,
    counts: Arc<Counts>,
    show: SyncSender<Shown>,
    change_told: watch::Sender<()>,
    judge: Judge,
    ledger: Ledger,
    dirty: BTreeSet<ExchangeId>,
    written: HashMap<ExchangeId, Written>,
    /// What was written of exchanges up to this one may be forgotten here; the file has it.
    forgotten: u64,
    change: i64,
    rests_until: Option<Instant>,
    most: Gathered,
    most_octets: i64,
    lock: Lock,
}

/// How much goes into one transaction.
#[derive(Clone, Copy)]
struct Gathered {
    events: usize,
    octets: usize,
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
    /// Writes what comes, until no more will; says whether anything was written.
    fn run(mut self, events: &Receiver<Event>) -> bool {
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
        let rest: Vec<ExchangeId> = self.dirty.iter().copied().collect();
        let _ = self.connection.busy_timeout(LOCKED_LAST);
        self.write(&rest);
        self.give_up();
        self.put_away();
        let has_written = self.change > 0;
        // Whoever finds it no longer in use finds it whole.
        drop((self.connection, self.lock));
        has_written
    }

    /// Makes one file of the capture, which can be read even where nothing can be written; unless
    /// somebody has it open, who would have to be waited for.
    fn put_away(&self) {
        let at_once = self.connection.busy_timeout(Duration::ZERO);
        let _ = at_once.and_then(|()| {
            self.connection
                .pragma_update(None, "journal_mode", "DELETE")
        });
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
            Ok(event) => self.observe(&event),
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
        while most.events > 0 && most.octets > 0 {
            let event = events.try_recv()?;
            self.observe(&event);
            most.events -= 1;
            most.octets = most.octets.saturating_sub(event.weight());
        }
        Ok(())
    }

    fn observe(&mut self, event: &Event) {
        self.counts.taken(event);
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
    fn due(&self, now: Moment) -> Vec<ExchangeId> {
        let is_due = |id: &ExchangeId| {
            self.ledger
                .get(*id)
                .is_none_or(|entry| is_over(entry) || now.since(entry.heard) > OPEN_FOR)
        };
        self.dirty.iter().copied().filter(is_due).collect()
    }

    fn write(&mut self, due: &[ExchangeId]) {
        if due.is_empty() {
            return;
        }
        let fresh: Vec<Draft> = due.iter().filter_map(|id| self.draft(*id)).collect();
        match self.commit(&fresh) {
            Ok(()) => {
                for id in due {
                    self.dirty.remove(id);
                }
                self.rests_until = None;
                self.committed(fresh);
                if let Err(error) = self.make_room() {
                    self.failed(&error);
                }
            }
            Err(error) => self.failed(&error),
        }
    }

    /// Lets the oldest exchanges go when the capture is too large, until as much is free as came in;
    /// what comes next takes their place in the file.
    fn make_room(&mut self) -> rusqlite::Result<()> {
        while self.used()? > self.most_octets {
            self.counts.make_room();
            let span = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
            let exchanges = self.connection.query_row(SPAN, [], span)?;
            let many = (exchanges / ROOM + 1).min(MOST_ROOM);
            let mut delete = self.connection.prepare_cached(OLDEST)?;
            if delete.execute([many])? == 0 {
                break;
            }
        }
        Ok(())
    }

    /// How many octets of the file hold something.
    fn used(&self) -> rusqlite::Result<i64> {
        let ask = |what: &str| {
            self.connection
                .pragma_query_value(None, what, |row| row.get::<_, i64>(0))
        };
        Ok((ask("page_count")? - ask("freelist_count")?) * ask("page_size")?)
    }

    /// A file that cannot be written now may be later, when there is room again.
    fn failed(&mut self, error: &rusqlite::Error) {
        if self.rests_until.is_none() {
            warn!(%error, "the capture cannot be written; trying again");
        }
        self.rests_until = Some(Instant::now() + REST);
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
            None => Arc::new(Judged::of(self.stored(id).filter(|_| is_open)?.judgement)),
        };
        let is_news = written.is_none_or(|written| written.judgement != judged.digest);
        let rev = written.map_or(1, |written| written.rev + u32::from(is_news));
        let (recorded, request, sent) = if is_open {
            self.recorded(id)?
        } else if is_news {
            texts_of(self.stored(id)?.recorded)
        } else {
            return None;
        };
        Some(Draft {
            stored: Stored {
                rev,
                recorded,
                judgement: judged.judgement.clone(),
            },
            texts: Texts {
                request,
                sent,
                judgement: Arc::clone(&judged.json),
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
        let json = |head: &Arc<Head>| Arc::clone(&head.json);
        Some((recorded, json(&request), sent.as_ref().map(json)))
    }

    /// What was written of an exchange last, from the file where it is long ago.
    fn written(&self, id: ExchangeId) -> Option<Written> {
        let known = self.written.get(&id).copied();
        if known.is_some() || id.0 > self.forgotten {
            return known;
        }
        let stored = self.stored(id)?;
        Some(Written {
            rev: stored.rev,
            judgement: Judged::of(stored.judgement).digest,
        })
    }

    /// An exchange that is no longer in the ledger, from the capture.
    fn stored(&self, id: ExchangeId) -> Option<Stored> {
        let mut select = self
            .connection
            .prepare_cached("SELECT * FROM exchange WHERE id = ?1")
            .ok()?;
        let mut rows = select.query([row::number(id.0)]).ok()?;
        row::read(rows.next().ok()??).ok()
    }

    fn commit(&mut self, fresh: &[Draft]) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached(row::INSERT)?;
            for (draft, change) in fresh.iter().zip(self.change + 1..) {
                row::insert(&mut insert, change, &draft.stored, &draft.texts)?;
            }
        }
        transaction.commit()
    }

    fn committed(&mut self, fresh: Vec<Draft>) {
        self.change += row::number(fresh.len() as u64);
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
type WithTexts = (Recorded, Arc<str>, Option<Arc<str>>);

/// One that was read from the capture.
fn texts_of(recorded: Recorded) -> WithTexts {
    let request = row::json(&recorded.request.headers).into();
    let sent = recorded.sent.as_ref();
    let sent = sent.map(|sent| row::json(&sent.headers).into());
    (recorded, request, sent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{Protocol, Request, RequestUrl};
    use crate::store::Capture;
    use crate::store::capture::Which;
    use crate::store::recorder::Arrival;

    /// How many octets the files of a capture have.
    fn octets(path: &Path) -> u64 {
        super::super::lock::octets(path)
    }

    #[test]
    fn a_full_capture_keeps_its_newest_exchanges_and_its_size() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("full.corstap");
        let redactor = Redactor::new(&[7; 32], Values::Harmless);
        let (writer, recorder, shown) =
            Writer::start_within(Size::LEAST, &path, redactor).expect("started");
        let client = "127.0.0.1:1".parse().expect("an address");
        let line = recorder.connected(Arrival::now(client), None);
        let names: Vec<String> = (0..512).map(|number| format!("X-Name-{number}")).collect();
        let mut most = 0;
        for number in 1..=1000_u64 {
            let url = format!("https://api.test/{number}");
            // Small ones first: what is let go is not what came.
            let names = names.iter().take(if number < 300 { 8 } else { 512 });
            let request = Arc::new(Request {
                method: "GET".to_owned(),
                url: RequestUrl::parse(&url).expect("valid"),
                headers: names.map(|name| (name, "x")).collect(),
            });
            let mut ticket = recorder.open(line.id(), Protocol::Http11, client, request);
            ticket.ended(Ending::Complete, None);
            // One by one, so that the file grows as it does when it is used.
            shown.recv().expect("shown once it is committed");
            most = most.max(octets(&path));
        }
        assert!(writer.losses().is_full());
        drop((line, recorder));
        assert_eq!(writer.finish().lost, 0);
        let Size(allowed) = Size::LEAST;
        assert!(most <= allowed && most > allowed / 2, "{most} octets");
        let capture = Capture::open(&path).expect("a capture");
        let mut kept = Vec::new();
        capture
            .exchanges::<Error>(Which::All, |stored| {
                kept.push(stored.recorded.id.0);
                Ok(())
            })
            .expect("read");
        let (first, last) = (kept[0], kept[kept.len() - 1]);
        assert!(
            first > 300 && last == 1000 && kept.len() > 100,
            "{first} to {last}"
        );
        assert_eq!(kept, (first..=last).collect::<Vec<_>>());
    }
}
