//! Captures: one SQLite file a run, written by one thread, read by everyone else.
//!
//! Nothing waits for the store. What happens is handed in ([`Recorder`]); one thread lets the
//! judge observe it, writes it and, once it is committed, shows it ([`writer`]). What was shown is
//! kept: a kill at any moment loses none of it. While it is written, a lock beside it says so, and
//! nothing removes it.

pub mod capture;
pub mod columns;
mod common;
pub mod gist;
mod lock;
mod memo;
pub mod recorder;
pub mod row;
mod schema;
pub mod shelf;
pub mod writer;

use std::path::PathBuf;

pub use self::capture::Capture;
pub use self::recorder::{Losses, Recorder, Ticket};
pub use self::writer::{Finished, Shown, Writer};

use crate::private;

/// Why a capture cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is none.
    #[error("no capture in {0}; `corstap run` makes one")]
    None(PathBuf),
    /// It is another kind of file.
    #[error("{0} is not a corstap capture")]
    NotCapture(PathBuf),
    /// A later version of corstap wrote it.
    #[error(
        "{path} was written by a newer corstap (schema {found}, this one knows {known}); update corstap to read it"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// The last version known here.
        known: i64,
    },
    /// Its file or directory is not private.
    #[error(transparent)]
    Private(#[from] private::Error),
    /// SQLite reports an error.
    #[error("cannot use the capture {path}")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A row does not hold what it ought to.
    #[error("a row of the capture is damaged")]
    Row(#[from] serde_json::Error),
    /// The system gave no random octets.
    #[error("the system's random source failed")]
    Random,
}
