//! Gists: what exchanges are selected and grouped by, read without the rest of their rows.

use rusqlite::{Row, ToSql};

use super::row::number;
use super::{Capture, Error};
use crate::exchange::{ExchangeId, Moment};

/// What an exchange is selected and grouped by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gist {
    /// Which one.
    pub id: ExchangeId,
    /// Its URL.
    pub url: String,
    /// The origin of the page.
    pub origin: Option<String>,
    /// What is wrong: the cause, or what is not CORS, or how it ended.
    pub cause: Option<String>,
    /// In which part of the load.
    pub phase: Option<String>,
    /// When it began.
    pub started: Moment,
    /// Whether a page cannot have it.
    pub has_failed: bool,
}

/// Which exchanges are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted<'a> {
    /// The newest ones that pages cannot have, from a moment on.
    Failed(Moment),
    /// The newest ones of all, from a moment on.
    All(Moment),
    /// These.
    Named(&'a [ExchangeId]),
}

/// The judgement is asked for what it has no column for: only of what is selected.
const COLUMNS: &str = "
    SELECT id, url, judgement ->> '$.origin' AS origin,
        coalesce(
            judgement ->> '$.verdict.cause', judgement ->> '$.verdict.if_included.cause',
            judgement ->> '$.verdict.not_cors[0].code', ending
        ) AS cause,
        judgement ->> '$.verdict.phase' AS phase, started, failed
    FROM exchange";

impl Capture {
    /// Whether it holds all values, secrets included.
    pub fn has_all_values(&self) -> Result<bool, Error> {
        let select = "SELECT count(*) FROM capture WHERE key = 'values' AND value = 'all'";
        let found = self
            .connection
            .query_row(select, [], |row| row.get::<_, i64>(0));
        found
            .map(|found| found > 0)
            .map_err(|source| Error::Sqlite {
                path: self.path().to_owned(),
                source,
            })
    }

    /// The gists of exchanges, at most so many, in order;
    pub fn gists(&self, wanted: Wanted<'_>, most: u64) -> Result<Vec<Gist>, Error> {
        let mut gists = match wanted {
            Wanted::Failed(since) => self.newest_gists("failed AND started >= ?1", since, most)?,
            Wanted::All(since) => self.newest_gists("started >= ?1", since, most)?,
            Wanted::Named(ids) => {
                let mut gists = Vec::new();
                for id in ids {
                    let select = format!("{COLUMNS} WHERE id = ?1");
                    gists.extend(self.read_gists(&select, &[&number(id.0)])?);
                }
                gists
            }
        };
        gists.sort_by_key(|gist| gist.id);
        gists.dedup_by_key(|gist| gist.id);
        Ok(gists)
    }

    fn newest_gists(&self, which: &str, since: Moment, most: u64) -> Result<Vec<Gist>, Error> {
        let select = format!("{COLUMNS} WHERE {which} ORDER BY id DESC LIMIT ?2");
        self.read_gists(&select, &[&since.micros(), &number(most)])
    }

    fn read_gists(&self, select: &str, parameters: &[&dyn ToSql]) -> Result<Vec<Gist>, Error> {
        let failed = |source| Error::Sqlite {
            path: self.path().to_owned(),
            source,
        };
        let mut select = self.connection.prepare_cached(select).map_err(failed)?;
        let rows = select.query_map(parameters, gist).map_err(failed)?;
        rows.collect::<Result<_, _>>().map_err(failed)
    }
}

fn gist(row: &Row<'_>) -> rusqlite::Result<Gist> {
    Ok(Gist {
        id: ExchangeId(row.get::<_, i64>("id")?.unsigned_abs()),
        url: row.get("url")?,
        origin: row.get("origin")?,
        cause: row.get("cause")?,
        phase: row.get("phase")?,
        started: Moment::from_micros(row.get("started")?),
        has_failed: row.get("failed")?,
    })
}
