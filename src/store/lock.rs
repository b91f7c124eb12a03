//! The mark that a capture is being written: a lock on a file beside it, which the kernel lets go
//! of with the process that holds it, however that ends.
//!
//! The capture itself is never opened to be locked: closing any handle on it would take SQLite's own
//! locks on it away from the whole process.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::Error;
use crate::private;

/// The files of a capture: what SQLite keeps beside it, the lock, and last itself.
const ENDS: [&str; 4] = ["-wal", "-shm", "-lock", ""];

/// Says that a capture is being written, until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    /// Takes the lock of a capture that is about to be made. What a process left that was killed is
    /// taken over.
    pub(super) fn take(capture: &Path) -> Result<Self, Error> {
        let path = beside(capture, "-lock");
        let failed = |error: Errno| private::Error::Io {
            path: path.clone(),
            source: error.into(),
        };
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let handle = rustix::fs::openat(CWD, &path, flags, mode).map_err(failed)?;
        rustix::fs::flock(&handle, FlockOperation::NonBlockingLockExclusive).map_err(failed)?;
        Ok(Self {
            path,
            _file: File::from(handle),
        })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Whether a process writes this capture.
pub(super) fn is_held(capture: &Path) -> bool {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let lock = beside(capture, "-lock");
    let Ok(handle) = rustix::fs::openat(CWD, &lock, flags, Mode::empty()) else {
        return false;
    };
    rustix::fs::flock(&handle, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK)
}

/// Removes a capture with what is beside it: the capture last, so that nothing is left that nobody
/// lists.
pub(super) fn remove(capture: &Path) -> Result<(), Error> {
    for path in ENDS.map(|end| beside(capture, end)) {
        match fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(private::Error::Io { path, source }.into());
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// How many octets the files of a capture have.
pub(super) fn octets(capture: &Path) -> u64 {
    let lengths = ENDS.map(|end| fs::symlink_metadata(beside(capture, end)));
    lengths.iter().flatten().map(fs::Metadata::len).sum()
}

fn beside(capture: &Path, end: &str) -> PathBuf {
    let mut file = capture.as_os_str().to_owned();
    file.push(end);
    file.into()
}
