//! The one thread that writes: observes, judges, commits, and only then shows.

mod desk;
mod file;

use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};

use tokio::sync::watch;
use tracing::error;

use self::desk::{Desk, Gathered};
use self::file::File;
use super::recorder::{Counts, Losses};
use super::row::{self, Stored};
use super::{Error, Recorder};
use crate::exchange::secret::Redactor;
use crate::private;

/// How many shown exchanges may wait for somebody who looks.
const MOST_SHOWN: usize = 4096;

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
        let capture = name_of(path);
        let file = File::begin(path, &capture, redactor.values(), size)?;
        let (recorder, events, counts) = Recorder::new();
        let (show, shown) = mpsc::sync_channel(MOST_SHOWN);
        let (change_told, changed) = watch::channel(());
        let desk = Desk::new(
            file,
            Gathered::within(size),
            redactor,
            Arc::clone(&counts),
            show,
            change_told,
        );
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

#[cfg(test)]
mod tests;
