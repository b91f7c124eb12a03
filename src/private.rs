//! Files and directories that are their owner's alone: keys and captures.
//!
//! A directory is 0700, a file 0600; neither is a link, both belong to the effective user. What is
//! found otherwise is refused and never mended, because somebody else may have read it.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, FlockOperation, Mode, OFlags, Stat};

/// Why a file or directory is not used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is a link.
    #[error(
        "{0} is a symbolic link; corstap does not follow links to private files. Name what it leads to, or remove it"
    )]
    Link(PathBuf),
    /// It is not a directory.
    #[error("{0} is not a directory; name another one or move it away")]
    NotDirectory(PathBuf),
    /// It is not a regular file.
    #[error("{0} is not a regular file; move it away")]
    NotFile(PathBuf),
    /// It belongs to someone else.
    #[error("{0} belongs to another user; use a directory of your own")]
    Owner(PathBuf),
    /// Others may read or write it.
    #[error(
        "{path} may be used by other users (mode {mode:04o}); if nobody did, `chmod {wanted:o} {path}`"
    )]
    Mode {
        /// Which one.
        path: PathBuf,
        /// The permission bits found.
        mode: u32,
        /// Those it ought to have.
        wanted: u32,
    },
    /// It has another name elsewhere.
    #[error("{0} is hard-linked under another name; find out why, then make it anew")]
    HardLink(PathBuf),
    /// The system refused.
    #[error("cannot use {path}")]
    Io {
        /// What was to be used.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A directory that only its owner can look into.
#[derive(Debug)]
pub struct PrivateDir {
    path: PathBuf,
    handle: OwnedFd,
}

/// Holds the lock on a directory until it is dropped.
#[derive(Debug)]
pub struct Locked<'a>(&'a PrivateDir);

impl PrivateDir {
    /// Opens a directory, which is made (0700, with its parents) if it is missing.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let failed = |source: io::Error| Error::Io {
            path: path.to_owned(),
            source,
        };
        if let Some(parent) = path.parent() {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(parent)
                .map_err(failed)?;
        }
        match fs::DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(failed(error));
            }
            Ok(()) | Err(_) => {}
        }
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| match error {
            rustix::io::Errno::LOOP => Error::Link(path.to_owned()),
            rustix::io::Errno::NOTDIR if path.is_symlink() => Error::Link(path.to_owned()),
            rustix::io::Errno::NOTDIR => Error::NotDirectory(path.to_owned()),
            error => failed(error.into()),
        })?;
        check(path, &stat(&handle, path)?, 0o700)?;
        Ok(Self {
            path: path.to_owned(),
            handle,
        })
    }

    /// The path of a file in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Waits until no other process holds the lock, and takes it.
    pub fn lock(&self) -> Result<Locked<'_>, Error> {
        rustix::fs::flock(&self.handle, FlockOperation::LockExclusive)
            .map_err(|e| self.failed(e))?;
        Ok(Locked(self))
    }

    /// Reads a private file; nothing if it does not exist.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        self.read_checked(name, check_file)
    }

    /// Reads a file that others may read too; nothing if it does not exist.
    pub fn read_shared(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        self.read_checked(name, |path, handle| {
            check_regular(path, &stat(handle, path)?)
        })
    }

    fn read_checked(
        &self,
        name: &str,
        check: impl FnOnce(&Path, &OwnedFd) -> Result<(), Error>,
    ) -> Result<Option<Vec<u8>>, Error> {
        let path = self.join(name);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let handle = match rustix::fs::openat(&self.handle, name, flags, Mode::empty()) {
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(rustix::io::Errno::LOOP) => return Err(Error::Link(path)),
            other => other.map_err(|error| self.failed(error))?,
        };
        check(&path, &handle)?;
        let mut octets = Vec::new();
        let failed = |source| Error::Io {
            path: path.clone(),
            source,
        };
        File::from(handle)
            .read_to_end(&mut octets)
            .map_err(failed)?;
        Ok(Some(octets))
    }

    fn failed(&self, error: rustix::io::Errno) -> Error {
        Error::Io {
            path: self.path.clone(),
            source: error.into(),
        }
    }
}

impl Locked<'_> {
    /// Writes a file as a whole: at any moment there is either what was there before or all of the
    /// new one.
    pub fn write(&self, name: &str, octets: &[u8]) -> Result<(), Error> {
        let dir = self.0;
        let temporary = format!(".{name}.new");
        self.remove(&temporary)?;
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let handle =
            rustix::fs::openat(&dir.handle, &temporary, flags, mode).map_err(|e| dir.failed(e))?;
        let failed = |source| Error::Io {
            path: dir.join(name),
            source,
        };
        let mut file = File::from(handle);
        file.write_all(octets)
            .and_then(|()| file.sync_all())
            .map_err(failed)?;
        rustix::fs::renameat(&dir.handle, &temporary, &dir.handle, name)
            .map_err(|error| dir.failed(error))?;
        rustix::fs::fsync(&dir.handle).map_err(|error| dir.failed(error))
    }

    /// Removes a file, if it is there.
    fn remove(&self, name: &str) -> Result<(), Error> {
        match rustix::fs::unlinkat(&self.0.handle, name, rustix::fs::AtFlags::empty()) {
            Err(rustix::io::Errno::NOENT) => Ok(()),
            other => other.map_err(|error| self.0.failed(error)),
        }
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        // The kernel lets go of the lock with the handle at the latest.
        let _ = rustix::fs::flock(&self.0.handle, FlockOperation::Unlock);
    }
}

/// Makes a new, empty private file; it is an error if one is there.
pub fn create(path: &Path) -> Result<File, Error> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = Mode::RUSR | Mode::WUSR;
    let failed = |error: rustix::io::Errno| Error::Io {
        path: path.to_owned(),
        source: error.into(),
    };
    rustix::fs::openat(CWD, path, flags, mode)
        .map(File::from)
        .map_err(failed)
}

/// Writes a file as a whole, in whatever directory: at any moment there is either what was there
/// before or all of the new one, which only its owner can read. What is there must be a regular file.
pub fn replace(path: &Path, octets: &[u8]) -> Result<(), Error> {
    let failed = |source: io::Error| Error::Io {
        path: path.to_owned(),
        source,
    };
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => return Err(Error::Link(path.to_owned())),
        Ok(found) if !found.is_file() => return Err(Error::NotFile(path.to_owned())),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    // It is made anew (O_EXCL), 0600, under a name that nobody can guess, and goes if this fails.
    let mut file =
        tempfile::NamedTempFile::new_in(dir.unwrap_or(Path::new("."))).map_err(failed)?;
    file.write_all(octets)
        .and_then(|()| file.as_file().sync_all())
        .map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

fn stat(handle: impl AsFd, path: &Path) -> Result<Stat, Error> {
    rustix::fs::fstat(handle).map_err(|error| Error::Io {
        path: path.to_owned(),
        source: error.into(),
    })
}

fn check_file(path: &Path, handle: &OwnedFd) -> Result<(), Error> {
    let stat = stat(handle, path)?;
    check_regular(path, &stat)?;
    if stat.st_nlink != 1 {
        return Err(Error::HardLink(path.to_owned()));
    }
    check(path, &stat, 0o600)
}

fn check_regular(path: &Path, stat: &Stat) -> Result<(), Error> {
    if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
        Ok(())
    } else {
        Err(Error::NotFile(path.to_owned()))
    }
}

fn check(path: &Path, stat: &Stat, wanted: u32) -> Result<(), Error> {
    let mode = Mode::from_raw_mode(stat.st_mode).as_raw_mode();
    if stat.st_uid != rustix::process::geteuid().as_raw() {
        return Err(Error::Owner(path.to_owned()));
    }
    if mode & 0o077 != 0 {
        return Err(Error::Mode {
            path: path.to_owned(),
            mode,
            wanted,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn dir() -> (tempfile::TempDir, PrivateDir) {
        let outer = tempfile::tempdir().expect("a temporary directory");
        let inner = PrivateDir::open(&outer.path().join("a/b")).expect("made");
        (outer, inner)
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("there").permissions().mode() & 0o777
    }

    #[test]
    fn what_is_made_is_the_owners_alone() {
        let (outer, dir) = dir();
        dir.lock()
            .expect("free")
            .write("key", b"secret")
            .expect("written");
        assert_eq!(
            dir.read("key").expect("read").as_deref(),
            Some(b"secret".as_slice())
        );
        assert_eq!(mode(&outer.path().join("a/b")), 0o700);
        assert_eq!(mode(&dir.join("key")), 0o600);
        assert_eq!(
            fs::read_dir(outer.path().join("a/b"))
                .expect("there")
                .count(),
            1
        );
    }

    #[test]
    fn a_file_is_replaced_as_a_whole() {
        let (_outer, dir) = dir();
        let lock = dir.lock().expect("free");
        let read = || dir.read("key").expect("read").expect("there");
        lock.write("key", b"1").expect("written");
        assert_eq!(read(), b"1");
        lock.write("key", b"2").expect("written");
        assert_eq!(read(), b"2");
    }

    #[test]
    fn a_file_that_is_not_private_is_refused_with_what_to_do() {
        let (_outer, dir) = dir();
        let key = dir.join("key");
        let error = || dir.read("key").expect_err("refused").to_string();
        fs::write(&key, "secret").expect("written");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("set");
        assert!(error().ends_with(&format!(
            "(mode 0644); if nobody did, `chmod 600 {}`",
            key.display()
        )));
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("set");
        fs::hard_link(&key, dir.join("other")).expect("linked");
        assert!(error().contains("hard-linked"));
        fs::remove_file(&key).expect("removed");
        symlink(dir.join("other"), &key).expect("linked");
        assert!(error().contains("symbolic link"));
        fs::remove_file(&key).expect("removed");
        symlink(dir.join("nowhere"), &key).expect("linked");
        assert!(error().contains("symbolic link"));
        fs::remove_file(&key).expect("removed");
        fs::create_dir(&key).expect("made");
        assert!(error().contains("not a regular file"));
    }

    #[test]
    fn a_fifo_is_refused_and_does_not_hang() {
        let (_outer, dir) = dir();
        rustix::fs::mknodat(
            CWD,
            dir.join("key"),
            FileType::Fifo,
            Mode::RUSR | Mode::WUSR,
            0,
        )
        .expect("made");
        assert!(
            dir.read("key")
                .expect_err("refused")
                .to_string()
                .contains("not a regular file")
        );
    }

    #[test]
    fn a_directory_that_is_not_private_is_refused() {
        let (outer, dir) = dir();
        let path = outer.path().join("a/b");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("set");
        let error = PrivateDir::open(&path).expect_err("refused").to_string();
        assert!(
            error.contains("(mode 0755)") && error.contains("chmod 700"),
            "{error}"
        );
        drop(dir);
        let link = outer.path().join("link");
        symlink(&path, &link).expect("linked");
        assert!(
            PrivateDir::open(&link)
                .expect_err("refused")
                .to_string()
                .contains("symbolic link")
        );
    }
}
