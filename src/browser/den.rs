//! Dens: directories for throw-away profiles, and for what browsers keep beside them. Each is locked for as
//! long as corstap, its guard or its browser is there, so that those of runs that were killed can be told
//! from those in use.

use std::fs::{self, File};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags};
use tokio::process::Command;

use super::{Error, guard};
use crate::private::PrivateDir;

/// What names of dens begin with, among others and apart from them.
const NAME: &str = "b-";
const NAME_APART: &str = "corstap-";
/// The lock in each of them.
const LOCK: &str = "lock";
/// The longest path of a socket that fits (`sun_path`), and what browsers add to it.
const LONGEST: usize = 107;
const SOCKET: &str = "/.org.chromium.Chromium.XXXXXX/SingletonSocket";

/// A directory for one browser. Whoever made it has it removed.
#[derive(Debug)]
pub(super) struct Den {
    path: PathBuf,
    lock: OwnedFd,
}

impl Den {
    /// Makes a den among the others, and removes those that nobody is in any more.
    pub(super) fn make(among: &Path) -> Result<Self, Error> {
        let dir = PrivateDir::open(among)?;
        let _alone = dir.lock()?;
        sweep(among);
        let mut named = tempfile::Builder::new();
        Self::furnish(named.prefix(NAME).tempdir_in(among)?.keep())
    }

    /// Makes a den where everything temporary is, for a browser that ends before corstap does.
    pub(super) fn make_apart() -> Result<Self, Error> {
        let mut named = tempfile::Builder::new();
        Self::furnish(named.prefix(NAME_APART).tempdir()?.keep())
    }

    fn furnish(path: PathBuf) -> Result<Self, Error> {
        let file = File::create_new(path.join(LOCK))?;
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        for inner in ["p", "t"] {
            fs::create_dir(path.join(inner))?;
        }
        Ok(Self {
            path,
            lock: file.into(),
        })
    }

    /// All of it.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The browser's profile.
    pub(super) fn profile(&self) -> PathBuf {
        self.path.join("p")
    }

    /// Has a browser put what is temporary here, unless sockets have too long a path then.
    pub(super) fn hold_temporary(&self, browser: &mut Command) {
        let dir = self.path.join("t");
        if dir.as_os_str().len() + SOCKET.len() <= LONGEST {
            browser.env("TMPDIR", dir);
        }
    }

    /// Has a browser put here what it keeps for all profiles alike.
    pub(super) fn hold_common(&self, browser: &mut Command) {
        for place in [
            "XDG_CONFIG_HOME",
            "XDG_CACHE_HOME",
            "BREAKPAD_DUMP_LOCATION",
        ] {
            browser.env(place, self.path.join("t"));
        }
    }

    /// The lock, for those who are to hold it too.
    pub(super) fn lock(&self) -> Result<OwnedFd, Error> {
        Ok(self.lock.try_clone()?)
    }
}

impl Drop for Den {
    /// A guard has removed it; unless it was killed, or there was none.
    fn drop(&mut self) {
        guard::remove(&self.path);
    }
}

/// Removes the dens that nobody has locked.
fn sweep(among: &Path) {
    let entries = fs::read_dir(among).into_iter().flatten().flatten();
    for entry in entries {
        let is_den = entry.file_name().to_string_lossy().starts_with(NAME)
            && entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_den && is_left(&entry.path()) {
            guard::remove(&entry.path());
        }
    }
}

fn is_left(den: &Path) -> bool {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    match rustix::fs::open(den.join(LOCK), flags, Mode::empty()) {
        Ok(lock) => {
            let locked = rustix::fs::flock(lock.as_fd(), FlockOperation::NonBlockingLockExclusive);
            locked.is_ok()
        }
        // Whoever makes one has all of them locked until it has a lock of its own.
        Err(error) => error == rustix::io::Errno::NOENT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_behind_is_removed_and_what_is_in_use_is_not() {
        let outer = tempfile::tempdir().expect("a directory");
        let among = outer.path().join("browsers");
        let used = Den::make(&among).expect("made");
        let left = among.join("b-gone");
        fs::create_dir(&left).expect("made");
        fs::write(left.join(LOCK), "").expect("written");
        let other = among.join("mine");
        fs::create_dir(&other).expect("made");
        let next = Den::make(&among).expect("made");
        assert!(used.path().is_dir() && next.path().is_dir() && other.is_dir());
        assert!(!left.exists(), "nobody is in it");
        let (used, inherited) = (used.path().to_owned(), used.lock().expect("cloned"));
        // What a browser has inherited keeps its profile, whatever became of corstap.
        let third = Den::make(&among).expect("made");
        assert!(used.is_dir());
        drop((inherited, next, third));
    }

    #[test]
    fn a_link_is_not_followed() {
        let outer = tempfile::tempdir().expect("a directory");
        let among = outer.path().join("browsers");
        let precious = outer.path().join("precious");
        fs::create_dir(&precious).expect("made");
        drop(Den::make(&among).expect("made"));
        std::os::unix::fs::symlink(&precious, among.join("b-link")).expect("linked");
        drop(Den::make(&among).expect("made"));
        assert!(precious.is_dir());
    }
}
