//! What a replay reads of a capture: a few columns, as they are stored.

use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::Error;
use super::capture::Capture;
use crate::exchange::Protocol;

/// The columns of an exchange that say what a policy would make of it.
#[derive(Clone, Copy, Debug)]
pub struct Columns<'a> {
    /// The method.
    pub method: &'a str,
    /// The URL.
    pub url: &'a str,
    /// The protocol.
    pub protocol: Protocol,
    /// The request's fields, as JSON.
    pub request_headers: &'a str,
    /// The judgement, as JSON.
    pub judgement: &'a str,
}

impl Capture {
    /// How many exchanges there are.
    pub fn count(&self) -> Result<u64, Error> {
        const COUNT: &str = "SELECT count(*) FROM exchange";
        let count = self.connection.query_row(COUNT, [], |row| row.get(0));
        let count: i64 = count.map_err(|source| failed(self, source))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Tells the columns of all exchanges, in the order of their numbers. It is several times
    /// faster than [`Capture::exchanges`], which reads all that is stored.
    pub fn columns<E: From<Error>>(
        &self,
        mut tell: impl FnMut(Columns<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        const SELECT: &str =
            "SELECT method, url, protocol, request_headers, judgement FROM exchange ORDER BY id";
        let failed = |source| E::from(failed(self, source));
        let mut select = self.connection.prepare(SELECT).map_err(failed)?;
        let mut rows = select.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            tell(Columns {
                method: text(row, 0).map_err(failed)?,
                url: text(row, 1).map_err(failed)?,
                protocol: protocol(text(row, 2).map_err(failed)?),
                request_headers: text(row, 3).map_err(failed)?,
                judgement: text(row, 4).map_err(failed)?,
            })?;
        }
        Ok(())
    }
}

fn failed(capture: &Capture, source: rusqlite::Error) -> Error {
    Error::Sqlite {
        path: capture.path().to_owned(),
        source,
    }
}

fn text<'r>(row: &'r Row<'_>, column: usize) -> rusqlite::Result<&'r str> {
    let value: ValueRef<'r> = row.get_ref(column)?;
    Ok(value.as_str()?)
}

fn protocol(name: &str) -> Protocol {
    match name {
        "h2" => Protocol::Http2,
        "http/1.0" => Protocol::Http10,
        _ => Protocol::Http11,
    }
}
