//! What a replay reads of a capture: a few columns, as they are stored, and the texts that stand behind
//! their numbers, each of them once.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, Statement};

use super::capture::Capture;
use super::{Error, schema};
use crate::exchange::Protocol;
use crate::exchange::columns::{Columns, Text};

/// How much memory the texts may take that are kept, in octets.
const MOST_OCTETS: usize = 4 * 1024 * 1024;

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
        let failed = |source| E::from(failed(self, source));
        let table = schema::rows(&self.connection).map_err(failed)?;
        let select = format!(
            "SELECT method, url, protocol, request_headers, judgement FROM {table} ORDER BY id"
        );
        let mut texts = Texts::default();
        let mut find = texts_of(&self.connection, table).map_err(failed)?;
        let mut select = self.connection.prepare(&select).map_err(failed)?;
        let mut rows = select.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            texts.read(row, &mut find).map_err(failed)?;
            tell(columns(row, &texts).map_err(failed)?)?;
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

/// Finds texts by their numbers; nothing where rows hold them themselves.
fn texts_of<'c>(
    connection: &'c Connection,
    table: &str,
) -> rusqlite::Result<Option<Statement<'c>>> {
    let has_numbers = table == schema::ROWS;
    has_numbers
        .then(|| connection.prepare("SELECT json FROM text WHERE id = ?1"))
        .transpose()
}

/// The texts that were read of late, by their numbers.
#[derive(Default)]
struct Texts {
    known: HashMap<i64, String, RandomState>,
    octets: usize,
}

impl Texts {
    /// Reads those of a row that are not known.
    fn read(&mut self, row: &Row<'_>, find: &mut Option<Statement<'_>>) -> rusqlite::Result<()> {
        let Some(find) = find else {
            return Ok(());
        };
        if self.octets > MOST_OCTETS {
            self.known.clear();
            self.octets = 0;
        }
        for column in [REQUEST_HEADERS, JUDGEMENT] {
            let number: i64 = row.get(column)?;
            if !self.known.contains_key(&number) {
                let json: String = find.query_row([number], |row| row.get(0))?;
                self.octets += json.len();
                self.known.insert(number, json);
            }
        }
        Ok(())
    }

    fn of<'a>(&'a self, row: &'a Row<'_>, column: usize) -> rusqlite::Result<Text<'a>> {
        if let ValueRef::Integer(number) = row.get_ref(column)? {
            let json = self.known.get(&number).map(String::as_str);
            return Ok(Text {
                number: Some(number),
                json: json.unwrap_or_default(),
            });
        }
        Ok(Text {
            number: None,
            json: text(row, column)?,
        })
    }
}

/// Where they stand in what is selected.
const REQUEST_HEADERS: usize = 3;
const JUDGEMENT: usize = 4;

fn columns<'a>(row: &'a Row<'_>, texts: &'a Texts) -> rusqlite::Result<Columns<'a>> {
    Ok(Columns {
        method: text(row, 0)?,
        url: text(row, 1)?,
        protocol: protocol(text(row, 2)?),
        request_headers: texts.of(row, REQUEST_HEADERS)?,
        judgement: texts.of(row, JUDGEMENT)?,
    })
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
