//! The file that is written: rows in, old ones out, and in order at the end.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, Row};

use super::Size;
use crate::clock;
use crate::exchange::ExchangeId;
use crate::exchange::secret::Values;
use crate::private;
use crate::store::common::Common;
use crate::store::lock::Lock;
use crate::store::row::{self, Addresses, Stored, Texts};
use crate::store::{Error, schema};

/// How long a file that somebody else has locked is waited for; what waits for it meanwhile is tried
/// again later.
const LOCKED: Duration = Duration::from_millis(500);
/// The same for the last time, when nobody will try again.
const LOCKED_LAST: Duration = Duration::from_secs(1);
/// Which part of the exchanges makes room at once: the oldest one in so many, and no more than that.
const ROOM: i64 = 64;
const MOST_ROOM: i64 = 256;

/// About how many exchanges there are: without counting them.
const SPAN: &str = "SELECT coalesce(max(id) - min(id) + 1, 0) FROM exchange_row";
/// Lets the oldest ones go.
const OLDEST: &str =
    "DELETE FROM exchange_row WHERE id IN (SELECT id FROM exchange_row ORDER BY id LIMIT ?1)";

/// A capture's file, while this process writes it.
pub(super) struct File {
    connection: Connection,
    common: Common,
    addresses: Addresses,
    /// The number of the last change.
    change: i64,
    most_octets: i64,
    lock: Lock,
}

impl File {
    /// Begins the capture of that name in a file that must not exist.
    pub(super) fn begin(
        path: &Path,
        capture: &str,
        values: Values,
        size: Size,
    ) -> Result<Self, Error> {
        let lock = Lock::take(path)?;
        drop(private::create(path)?);
        let connection = begin(path, capture, values, size.log()).inspect_err(|_| {
            // What was not begun is no capture: nobody has to find it empty.
            let _ = fs::remove_file(path);
        })?;
        Ok(Self {
            connection,
            common: Common::default(),
            addresses: Addresses::default(),
            change: 0,
            most_octets: size.file(),
            lock,
        })
    }

    /// Whether nothing was written.
    pub(super) fn is_empty(&self) -> bool {
        self.change == 0
    }

    /// An exchange that was written.
    pub(super) fn stored(&self, id: ExchangeId) -> Option<Stored> {
        let mut select = self
            .connection
            .prepare_cached("SELECT * FROM exchange WHERE id = ?1")
            .ok()?;
        let mut rows = select.query([row::number(id.0)]).ok()?;
        row::read(rows.next().ok()??).ok()
    }

    /// Writes all of them, or none.
    pub(super) fn commit<'d>(
        &mut self,
        drafts: impl Iterator<Item = (&'d Stored, &'d Texts)>,
    ) -> rusqlite::Result<()> {
        match self.write(drafts) {
            Ok(change) => self.change = change,
            Err(error) => {
                self.common.forget();
                return Err(error);
            }
        }
        Ok(())
    }

    fn write<'d>(
        &mut self,
        drafts: impl Iterator<Item = (&'d Stored, &'d Texts)>,
    ) -> rusqlite::Result<i64> {
        let mut change = self.change;
        let transaction = self.connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached(row::INSERT)?;
            let mut common = self.common.writing(&transaction)?;
            for (stored, texts) in drafts {
                let places = common.place(stored.recorded.id, texts)?;
                change += 1;
                row::insert(&mut insert, change, stored, places, &mut self.addresses)?;
            }
        }
        transaction.commit()?;
        Ok(change)
    }

    /// Lets the oldest exchanges go when the capture is too large, until as much is free as came in;
    /// what comes next takes their place in the file. Says whether some had to go.
    pub(super) fn make_room(&mut self) -> rusqlite::Result<bool> {
        let mut has_made_room = false;
        while self.used()? > self.most_octets {
            has_made_room = true;
            let span = |row: &Row<'_>| row.get::<_, i64>(0);
            let exchanges = self.connection.query_row(SPAN, [], span)?;
            let many = (exchanges / ROOM + 1).min(MOST_ROOM);
            let mut delete = self.connection.prepare_cached(OLDEST)?;
            if delete.execute([many])? == 0 {
                break;
            }
            drop(delete);
            self.common.let_go(&self.connection)?;
        }
        Ok(has_made_room)
    }

    /// How many octets of the file hold something.
    fn used(&self) -> rusqlite::Result<i64> {
        let ask = |what: &str| {
            self.connection
                .pragma_query_value(None, what, |row| row.get::<_, i64>(0))
        };
        Ok((ask("page_count")? - ask("freelist_count")?) * ask("page_size")?)
    }

    /// What is written next is written for the last time: it is waited for longer.
    pub(super) fn wait_longer(&self) {
        // Where it cannot be said it is waited for as before.
        let _ = self.connection.busy_timeout(LOCKED_LAST);
    }

    /// Makes one file of the capture, which can be read even where nothing can be written; unless
    /// somebody has it open, who would have to be waited for. Whoever finds it no longer in use finds
    /// it whole.
    pub(super) fn put_away(self) {
        let at_once = self.connection.busy_timeout(Duration::ZERO);
        let _ = at_once.and_then(|()| {
            self.connection
                .pragma_update(None, "journal_mode", "DELETE")
        });
        drop((self.connection, self.lock));
    }
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
