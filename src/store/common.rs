//! What many exchanges have in common: the JSON of a head, or of a judgement, stands in a capture once.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::{Arc, LazyLock};

use foldhash::fast::RandomState;
use rusqlite::{CachedStatement, Connection, Row};

use super::row::{Texts, number};
use crate::exchange::ExchangeId;

/// How many texts are known, and how large, in octets, one of them may be.
const MOST: usize = 1024;
const LARGEST: usize = 8 * 1024;
/// A text that an exchange has again may be had by so many more before that is written down.
const AHEAD: u64 = 64;

const INSERT: &str = "INSERT INTO text VALUES (?1, ?2, ?3)";
const KEEP: &str = "UPDATE text SET until = ?2 WHERE id = ?1";
const OLDEST: &str = "SELECT min(id) FROM exchange_row";
const LET_GO: &str = "DELETE FROM text WHERE until < ?1";

/// A text, and what it is looked up by.
#[derive(Clone, Debug)]
pub(super) struct Text {
    pub(super) json: Arc<str>,
    hash: u64,
}

impl Text {
    pub(super) fn new(json: String) -> Self {
        /// The same for all of a process, and for no other: nobody outside can make two alike.
        static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::default);
        Self {
            hash: SEED.hash_one(&json),
            json: json.into(),
        }
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.json, &other.json) || self.hash == other.hash && self.json == other.json
    }
}

impl Eq for Text {}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.hash.hash(state);
    }
}

/// The texts that were written of late.
#[derive(Debug, Default)]
pub(super) struct Common {
    known: HashMap<Text, Place, RandomState>,
    last: i64,
}

/// Where a text stands, and the last exchange that may have it.
#[derive(Clone, Copy, Debug)]
struct Place {
    number: i64,
    until: ExchangeId,
}

/// Where the texts of an exchange stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Places {
    pub(super) request: i64,
    pub(super) sent: Option<i64>,
    pub(super) judgement: i64,
}

/// Writes texts within a transaction.
pub(super) struct Writing<'c> {
    common: &'c mut Common,
    insert: CachedStatement<'c>,
    keep: CachedStatement<'c>,
}

impl Common {
    /// For the transaction that is open.
    pub(super) fn writing<'c>(
        &'c mut self,
        connection: &'c Connection,
    ) -> rusqlite::Result<Writing<'c>> {
        Ok(Writing {
            common: self,
            insert: connection.prepare_cached(INSERT)?,
            keep: connection.prepare_cached(KEEP)?,
        })
    }

    /// The transaction came to nothing: what it wrote is not there.
    pub(super) fn forget(&mut self) {
        self.known.clear();
    }

    /// Removes the texts that no exchange has any more, and forgets them: who has one later needs it
    /// written again.
    pub(super) fn let_go(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let min = |row: &Row<'_>| row.get::<_, Option<i64>>(0);
        let Some(oldest) = connection.prepare_cached(OLDEST)?.query_row([], min)? else {
            return Ok(());
        };
        connection.prepare_cached(LET_GO)?.execute([oldest])?;
        self.known
            .retain(|_, place| number(place.until.0) >= oldest);
        Ok(())
    }

    fn note(&mut self, text: &Text, place: Place) {
        if text.json.len() > LARGEST {
            return;
        }
        if self.known.len() >= MOST {
            self.known.clear();
        }
        self.known.insert(text.clone(), place);
    }
}

impl Writing<'_> {
    /// Where the texts of an exchange stand; they are written where they do not yet.
    pub(super) fn place(&mut self, id: ExchangeId, texts: &Texts) -> rusqlite::Result<Places> {
        let sent = texts.sent.as_ref();
        Ok(Places {
            request: self.text(id, &texts.request)?,
            sent: sent.map(|sent| self.text(id, sent)).transpose()?,
            judgement: self.text(id, &texts.judgement)?,
        })
    }

    fn text(&mut self, id: ExchangeId, text: &Text) -> rusqlite::Result<i64> {
        let Some(place) = self.common.known.get_mut(text) else {
            return self.write(id, text);
        };
        if place.until < id {
            place.until = ExchangeId(id.0 + AHEAD);
            self.keep.execute((place.number, number(place.until.0)))?;
        }
        Ok(place.number)
    }

    fn write(&mut self, until: ExchangeId, text: &Text) -> rusqlite::Result<i64> {
        self.common.last += 1;
        let place = Place {
            number: self.common.last,
            until,
        };
        self.insert
            .execute((place.number, number(until.0), &*text.json))?;
        self.common.note(text, place);
        Ok(place.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::schema;

    fn texts(request: &str, judgement: &str) -> Texts {
        Texts {
            request: Text::new(request.to_owned()),
            sent: None,
            judgement: Text::new(judgement.to_owned()),
        }
    }

    fn count(connection: &Connection) -> i64 {
        let count = connection.query_row("SELECT count(*) FROM text", [], |row| row.get(0));
        count.expect("counted")
    }

    #[test]
    fn a_text_is_written_once_and_goes_with_the_last_exchange_that_has_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a.corstap");
        std::fs::write(&path, "").expect("written");
        let connection = schema::create(&path, 1 << 20).expect("made");
        let row = |id: i64| {
            let row = "INSERT INTO exchange_row SELECT ?1, ?1, 1, 0, NULL, 1, 'h2', NULL, NULL, 'GET', '', 1,
                NULL, NULL, NULL, 'complete', NULL, NULL, NULL, NULL, 0, 1";
            connection.execute(row, [id]).expect("a row");
        };
        let mut common = Common::default();
        let mut writing = common.writing(&connection).expect("writing");
        let first = writing
            .place(ExchangeId(1), &texts("head", "own 1"))
            .expect("placed");
        let second = writing
            .place(ExchangeId(2), &texts("head", "own 2"))
            .expect("placed");
        drop(writing);
        assert_eq!(first.request, second.request);
        assert_ne!(first.judgement, second.judgement);
        assert_eq!(count(&connection), 3);

        row(2);
        common.let_go(&connection).expect("let go");
        assert_eq!(count(&connection), 2, "the first exchange is gone");
        connection
            .execute("DELETE FROM exchange_row", [])
            .expect("gone");
        row(3 + i64::try_from(AHEAD).expect("small"));
        common.let_go(&connection).expect("let go");
        assert_eq!(count(&connection), 0);

        let mut writing = common.writing(&connection).expect("writing");
        for id in [ExchangeId(1), ExchangeId(5000)] {
            writing.place(id, &texts("head", "own 2")).expect("placed");
        }
        drop(writing);
        assert_eq!(count(&connection), 2, "what was let go is written again");
    }

    #[test]
    fn what_a_failed_transaction_wrote_is_written_again() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a.corstap");
        std::fs::write(&path, "").expect("written");
        let mut connection = schema::create(&path, 1 << 20).expect("made");
        let mut common = Common::default();
        for is_kept in [false, true] {
            let transaction = connection.transaction().expect("begun");
            let placed = common
                .writing(&transaction)
                .and_then(|mut writing| writing.place(ExchangeId(1), &texts("head", "own")));
            placed.expect("placed");
            if is_kept {
                transaction.commit().expect("kept");
            } else {
                transaction.rollback().expect("undone");
                common.forget();
            }
        }
        assert_eq!(count(&connection), 2);
    }

    #[test]
    fn large_texts_and_many_do_not_make_it_grow() {
        let mut common = Common::default();
        let place = Place {
            number: 1,
            until: ExchangeId(1),
        };
        for number in 0..2 * MOST {
            common.note(&Text::new(number.to_string()), place);
        }
        common.note(&Text::new("a".repeat(2 * LARGEST)), place);
        assert!(common.known.len() <= MOST);
        assert!(common.known.keys().all(|text| text.json.len() <= LARGEST));
    }
}
