//! The read side: captures listed, opened and asked.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Row};

use super::row::{self, Stored, number};
use super::{Error, schema, shelf, writer};
use crate::exchange::{ExchangeId, Moment};

/// How many rows are read at a time. Nothing is held open between them: whoever reads slowly must
/// not make the log beside the file grow.
const AT_ONCE: i64 = 256;

/// The ending of a capture's file name.
pub const EXTENSION: &str = "corstap";

/// A capture, open for reading. It may still be written to.
#[derive(Debug)]
pub struct Capture {
    /// Its name.
    pub name: String,
    path: PathBuf,
    pub(super) connection: Connection,
}

/// Which exchanges are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All of them.
    All,
    /// Those that pages cannot have.
    Failed,
    /// Those that a rule made pages get otherwise than the server sent them.
    Rewritten,
}

/// What is in a capture, all in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contents {
    /// When it was begun.
    pub started: Option<Moment>,
    /// How many exchanges it has.
    pub exchanges: u64,
    /// How many of them have failed.
    pub failed: u64,
    /// Whether it holds all values, secrets included.
    pub has_all_values: bool,
}

/// The number of a change: every insert and every update has one, in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change(i64);

impl Change {
    /// The change of a number, as readers keep it.
    pub fn numbered(number: i64) -> Self {
        Self(number)
    }

    /// Its number.
    pub fn number(self) -> i64 {
        self.0
    }
}

/// Some exchanges of a capture at one moment, the newest first.
#[derive(Debug)]
pub struct Page {
    /// The exchanges.
    pub exchanges: Vec<Stored>,
    /// Whether there are older ones.
    pub has_more: bool,
    /// The last change there was at that moment: what comes later is not in the page.
    pub change: Change,
}

impl Capture {
    /// Opens the capture of a file.
    pub fn open(path: &Path) -> Result<Self, Error> {
        if !path.exists() {
            return Err(Error::None(path.to_owned()));
        }
        if !path.is_file() {
            return Err(Error::NotCapture(path.to_owned()));
        }
        let connection = schema::read(path)?;
        Ok(Self {
            name: writer::name_of(path),
            path: path.to_owned(),
            connection,
        })
    }

    /// Opens the newest capture of a directory: file names begin with the time.
    pub fn newest(dir: &Path) -> Result<Self, Error> {
        let newest = shelf::files(dir).into_iter().next();
        Self::open(&newest.ok_or_else(|| Error::None(dir.to_owned()))?)
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is in it, all in all.
    pub fn contents(&self) -> Result<Contents, Error> {
        let count = |select: &str| self.ask(select, |row| row.get::<_, i64>(0));
        let said = |select: &str| match self.ask(select, |row| row.get::<_, String>(0)) {
            Err(Error::Sqlite {
                source: rusqlite::Error::QueryReturnedNoRows,
                ..
            }) => Ok(String::new()),
            said => said,
        };
        Ok(Contents {
            started: Moment::parse(&said("SELECT value FROM capture WHERE key = 'started'")?),
            exchanges: row::unsigned(count("SELECT count(*) FROM exchange")?),
            failed: row::unsigned(count("SELECT count(*) FROM exchange WHERE failed")?),
            has_all_values: said("SELECT value FROM capture WHERE key = 'values'")? == "all",
        })
    }

    /// One exchange.
    pub fn exchange(&self, id: ExchangeId) -> Result<Option<Stored>, Error> {
        let select = "SELECT * FROM exchange WHERE id = ?1 LIMIT ?2";
        let found = self.select(select, number(id.0))?;
        Ok(found.into_iter().next().map(|(_, stored)| stored))
    }

    /// Tells exchanges in the order of their numbers, one after the other; an error of `tell` ends
    /// it.
    pub fn exchanges<E: From<Error>>(
        &self,
        which: Which,
        tell: impl FnMut(Stored) -> Result<(), E>,
    ) -> Result<(), E> {
        self.exchanges_from(which, ExchangeId(0), tell)
    }

    /// The same, from a number on.
    pub fn exchanges_from<E: From<Error>>(
        &self,
        which: Which,
        first: ExchangeId,
        mut tell: impl FnMut(Stored) -> Result<(), E>,
    ) -> Result<(), E> {
        let select = match which {
            Which::All => "SELECT * FROM exchange WHERE id > ?1 ORDER BY id LIMIT ?2",
            Which::Rewritten => {
                "SELECT * FROM exchange WHERE rewrite IS NOT NULL AND id > ?1 ORDER BY id LIMIT ?2"
            }
            Which::Failed => "SELECT * FROM exchange WHERE failed AND id > ?1 ORDER BY id LIMIT ?2",
        };
        let mut last = number(first.0).saturating_sub(1);
        loop {
            let some = self.select(select, last)?;
            let Some((_, newest)) = some.last() else {
                return Ok(());
            };
            last = number(newest.recorded.id.0);
            for (_, stored) in some {
                tell(stored)?;
            }
        }
    }

    /// The number from which on there are so many exchanges, or fewer if there are no more.
    pub fn last(&self, which: Which, many: u64) -> Result<ExchangeId, Error> {
        let select = match which {
            Which::All => "SELECT min(id) FROM (SELECT id FROM exchange ORDER BY id DESC LIMIT ?1)",
            Which::Rewritten => {
                "SELECT min(id) FROM (SELECT id FROM exchange WHERE rewrite IS NOT NULL ORDER BY id DESC LIMIT ?1)"
            }
            Which::Failed => {
                "SELECT min(id) FROM (SELECT id FROM exchange WHERE failed ORDER BY id DESC LIMIT ?1)"
            }
        };
        let mut select = self.prepared(select)?;
        let first = select.query_row([number(many)], |row| row.get::<_, Option<i64>>(0));
        let first = first.map_err(|source| self.failed(source))?;
        Ok(ExchangeId(first.map_or(u64::MAX, row::unsigned)))
    }

    /// Tells what was written after a change, in that order, and says what the last change was.
    pub fn changes<E: From<Error>>(
        &self,
        after: Change,
        mut tell: impl FnMut(Stored) -> Result<(), E>,
    ) -> Result<Change, E> {
        let mut last = after;
        loop {
            let some = self.select(CHANGED_AFTER, last.0)?;
            let Some((newest, _)) = some.last() else {
                return Ok(last);
            };
            last = Change(*newest);
            for (_, stored) in some {
                tell(stored)?;
            }
        }
    }

    /// The newest exchanges before one (or of all), so many of them.
    pub fn page(
        &self,
        which: Which,
        before: Option<ExchangeId>,
        most: usize,
    ) -> Result<Page, Error> {
        let failed = |source| self.failed(source);
        // One transaction sees one moment.
        let moment = self.connection.unchecked_transaction().map_err(failed)?;
        let last = "SELECT coalesce(max(change), 0) FROM exchange";
        let change = moment
            .query_row(last, [], |row| row.get(0))
            .map_err(failed)?;
        let select = newest_before(which);
        let before = before.map_or(i64::MAX, |id| number(id.0));
        let found = self.some(select, before, number(most as u64).saturating_add(1))?;
        let has_more = found.len() > most;
        Ok(Page {
            exchanges: found
                .into_iter()
                .take(most)
                .map(|(_, stored)| stored)
                .collect(),
            has_more,
            change: Change(change),
        })
    }

    /// What was written after a change, in that order, so much of it; each with its own change.
    pub fn changes_in_part(
        &self,
        after: Change,
        most: usize,
    ) -> Result<Vec<(Change, Stored)>, Error> {
        let some = self.some(CHANGED_AFTER, after.0, number(most as u64))?;
        let numbered = |(change, stored)| (Change(change), stored);
        Ok(some.into_iter().map(numbered).collect())
    }

    /// Some rows with the numbers of their changes.
    fn select(&self, select: &str, parameter: i64) -> Result<Vec<(i64, Stored)>, Error> {
        self.some(select, parameter, AT_ONCE)
    }

    /// The same, so many of them.
    fn some(&self, select: &str, parameter: i64, most: i64) -> Result<Vec<(i64, Stored)>, Error> {
        let failed = |source| self.failed(source);
        let mut select = self.prepared(select)?;
        let mut rows = select.query([parameter, most]).map_err(failed)?;
        let mut some = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            let change = row.get("change").map_err(failed)?;
            let stored = row::read(row).map_err(|error| error.of(&self.path))?;
            some.push((change, stored));
        }
        Ok(some)
    }

    fn ask<T>(
        &self,
        select: &str,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        let mut select = self.prepared(select)?;
        select
            .query_row([], read)
            .map_err(|source| self.failed(source))
    }

    fn prepared(&self, select: &str) -> Result<rusqlite::CachedStatement<'_>, Error> {
        let prepared = self.connection.prepare_cached(select);
        prepared.map_err(|source| self.failed(source))
    }

    fn failed(&self, source: rusqlite::Error) -> Error {
        Error::Sqlite {
            path: self.path.clone(),
            source,
        }
    }
}

/// What was written after a change.
const CHANGED_AFTER: &str = "SELECT * FROM exchange WHERE change > ?1 ORDER BY change LIMIT ?2";

/// The newest exchanges before one.
fn newest_before(which: Which) -> &'static str {
    match which {
        Which::All => "SELECT * FROM exchange WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
        Which::Failed => {
            "SELECT * FROM exchange WHERE failed AND id < ?1 ORDER BY id DESC LIMIT ?2"
        }
        Which::Rewritten => {
            "SELECT * FROM exchange WHERE rewrite IS NOT NULL AND id < ?1 ORDER BY id DESC LIMIT ?2"
        }
    }
}

#[cfg(test)]
mod tests;
