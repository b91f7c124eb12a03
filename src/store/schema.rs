//! The tables of a capture, and their versions.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::Error;
use crate::private;

/// The schema version this program writes and the last it reads. Version 1 has no columns `via`
/// and `unverified`, version 2 has no `rewrite`; up to version 3 `exchange` is a table, which holds the
/// texts itself; version 4 has no `content`.
const VERSION: i64 = 5;
/// `CORS`: marks the file as ours (SQLite's `application_id`).
const APPLICATION_ID: i64 = 0x434f_5253;

/// The table of the exchanges, in captures that hold texts once for many of them.
pub(super) const ROWS: &str = "exchange_row";
/// The first version that does.
const WITH_TEXTS: i64 = 4;

/// How much of a file stays in memory that is read, in KiB: the exchanges stand apart from their texts, and
/// who reads both in turn comes back to the same pages.
const READ_KIB: i64 = 8 * 1024;

/// How large the pages of the file are, in octets: a dozen exchanges, or some texts. What is larger makes
/// each commit of few exchanges write more.
const PAGE: i64 = 4 * 1024;

/// `change` numbers every insert and update, so that readers can ask what is new. The columns
/// beside the JSON ones are those that lists select by. JSON that many exchanges have in common stands
/// once in `text`, `until` the last exchange that may have it; the view gives it back to each, and
/// looks up only what is asked for.
const TABLES: &str = "
    CREATE TABLE capture (
        key   TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT;
    CREATE TABLE text (
        id    INTEGER PRIMARY KEY,
        until INTEGER NOT NULL,
        json  TEXT NOT NULL
    ) STRICT;
    CREATE INDEX text_until ON text (until);
    CREATE TABLE exchange_row (
        id               INTEGER PRIMARY KEY,
        change           INTEGER NOT NULL,
        rev              INTEGER NOT NULL,
        started          INTEGER NOT NULL,
        elapsed_ms       REAL,
        connection       INTEGER NOT NULL,
        protocol         TEXT NOT NULL,
        client           TEXT,
        server           TEXT,
        method           TEXT NOT NULL,
        url              TEXT NOT NULL,
        request_headers  INTEGER NOT NULL,
        status           INTEGER,
        response_headers INTEGER,
        content          TEXT,
        ending           TEXT NOT NULL,
        reason           TEXT,
        via              TEXT,
        unverified       TEXT,
        rewrite          TEXT,
        failed           INTEGER NOT NULL,
        judgement        INTEGER NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX exchange_change ON exchange_row (change);
    CREATE INDEX exchange_failed ON exchange_row (id) WHERE failed;
    CREATE INDEX exchange_rewrite ON exchange_row (id) WHERE rewrite IS NOT NULL;
    CREATE VIEW exchange AS SELECT
        id, change, rev, started, elapsed_ms, connection, protocol, client, server, method, url,
        (SELECT json FROM text WHERE text.id = exchange_row.request_headers) AS request_headers,
        status,
        (SELECT json FROM text WHERE text.id = exchange_row.response_headers) AS response_headers,
        content, ending, reason, via, unverified, rewrite, failed,
        (SELECT json FROM text WHERE text.id = exchange_row.judgement) AS judgement
    FROM exchange_row;
";

/// Makes the tables in a new, empty file; the log beside it stays at so many octets.
pub(super) fn create(path: &Path, log: i64) -> Result<Connection, Error> {
    let failed = |source| Error::Sqlite {
        path: path.to_owned(),
        source,
    };
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let make = || {
        connection.pragma_update(None, "page_size", PAGE)?;
        connection.execute_batch(&format!(
            "BEGIN; {TABLES} PRAGMA application_id = {APPLICATION_ID};
            PRAGMA user_version = {VERSION}; COMMIT;"
        ))?;
        // From here on the log beside the file has what is new; without it, the file is still a
        // capture.
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "journal_size_limit", log)?;
        connection.pragma_update(None, "wal_autocheckpoint", log / PAGE)?;
        connection.pragma_update(None, "synchronous", "NORMAL")
    };
    make().map_err(failed)?;
    Ok(connection)
}

/// What holds the exchanges of a capture as they are stored.
pub(super) fn rows(connection: &Connection) -> rusqlite::Result<&'static str> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(if version < WITH_TEXTS {
        "exchange"
    } else {
        ROWS
    })
}

/// Opens a capture for reading.
pub(super) fn read(path: &Path) -> Result<Connection, Error> {
    let failed = |source| Error::Sqlite {
        path: path.to_owned(),
        source,
    };
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    match pragma("application_id") {
        Ok(APPLICATION_ID) => {}
        Err(error) if error.sqlite_error_code() != Some(rusqlite::ErrorCode::NotADatabase) => {
            return Err(failed(error));
        }
        Ok(_) | Err(_) => return Err(Error::NotCapture(path.to_owned())),
    }
    let found = pragma("user_version").map_err(failed)?;
    if found > VERSION {
        return Err(Error::Newer {
            path: path.to_owned(),
            found,
            known: VERSION,
        });
    }
    let cache = connection.pragma_update(None, "cache_size", -READ_KIB);
    cache.map_err(failed)?;
    Ok(connection)
}

/// Opens a file that is no link.
fn open(path: &Path, access: OpenFlags) -> Result<Connection, Error> {
    if path.is_symlink() {
        return Err(private::Error::Link(path.to_owned()).into());
    }
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    Connection::open_with_flags(resolved(path), flags).map_err(|source| Error::Sqlite {
        path: path.to_owned(),
        source,
    })
}

/// The same file by a way without links: SQLite, told to follow none, follows those of directories
/// no more than the file's own.
fn resolved(path: &Path) -> PathBuf {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    let dir = dir.unwrap_or(Path::new(".")).canonicalize();
    match (dir, path.file_name()) {
        (Ok(dir), Some(name)) => dir.join(name),
        // It will not be there either.
        (Err(_), _) | (_, None) => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capture_from_a_newer_version_is_refused_with_what_to_do() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a.corstap");
        std::fs::write(&path, "").expect("written");
        create(&path, 1 << 20)
            .expect("made")
            .pragma_update(None, "user_version", 7)
            .expect("set");
        let error = read(&path).expect_err("refused").to_string();
        assert!(
            error.contains("newer corstap (schema 7, this one knows 5); update"),
            "{error}"
        );
    }

    #[test]
    fn links_of_directories_are_followed_and_one_of_the_file_is_not() {
        let outer = tempfile::tempdir().expect("a directory");
        let real = outer.path().join("real");
        std::fs::create_dir_all(real.join("inner")).expect("made");
        std::os::unix::fs::symlink(&real, outer.path().join("link")).expect("linked");
        let path = outer.path().join("link/inner/a.corstap");
        std::fs::write(&path, "").expect("written");
        drop(create(&path, 1 << 20).expect("made by a link"));
        read(&path).expect("read by a link");
        let link = real.join("b.corstap");
        std::os::unix::fs::symlink(&path, &link).expect("linked");
        let error = read(&link).expect_err("refused").to_string();
        assert!(
            error.contains("b.corstap is a symbolic link; corstap does not follow"),
            "{error}"
        );
    }

    #[test]
    fn another_file_is_not_taken_for_a_capture() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a.corstap");
        std::fs::write(&path, "not a database, but text that is long enough").expect("written");
        assert!(matches!(read(&path), Err(Error::NotCapture(_))));
        std::fs::write(&path, "").expect("written");
        assert!(matches!(read(&path), Err(Error::NotCapture(_))));
    }
}
