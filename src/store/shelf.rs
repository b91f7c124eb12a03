//! The shelf: the captures of a directory, listed and thinned out.

use std::fs;
use std::path::{Path, PathBuf};

use super::capture::{Capture, Contents, EXTENSION};
use super::{Error, lock};

/// A capture as it is listed.
#[derive(Debug)]
pub struct Shelved {
    /// Its name.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// How large it is, in octets, with what SQLite keeps beside it.
    pub octets: u64,
    /// Whether it is being written.
    pub is_in_use: bool,
    /// What is in it; an error where it cannot be read.
    pub contents: Result<Contents, Error>,
}

/// The captures of a directory, the newest first.
pub fn list(dir: &Path) -> Vec<Shelved> {
    files(dir).into_iter().map(shelved).collect()
}

/// The file of the capture that has this name.
pub fn named(dir: &Path, name: &str) -> Option<PathBuf> {
    let mut files = files(dir).into_iter();
    files.find(|path| super::writer::name_of(path) == name)
}

/// Removes all captures of a directory but the newest ones and those that are being written; says
/// which.
pub fn prune(dir: &Path, keep: usize) -> Result<Vec<PathBuf>, Error> {
    let old = files(dir).into_iter().skip(keep);
    let mut removed = Vec::new();
    for path in old.filter(|path| !lock::is_held(path)) {
        lock::remove(&path)?;
        removed.push(path);
    }
    Ok(removed)
}

/// The files of the captures of a directory, the newest first: their names begin with the time.
/// What is a link, or a directory, is none.
pub(super) fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let is_file = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_file());
    let mut files: Vec<PathBuf> = entries
        .filter(is_file)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == EXTENSION))
        .collect();
    files.sort_unstable_by(|one, other| other.cmp(one));
    files
}

fn shelved(path: PathBuf) -> Shelved {
    let contents = Capture::open(&path).and_then(|capture| capture.contents());
    Shelved {
        name: super::writer::name_of(&path),
        octets: lock::octets(&path),
        is_in_use: lock::is_held(&path),
        contents,
        path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::secret::{Redactor, Values};
    use crate::store::Writer;

    fn write(dir: &Path, name: &str) -> (Writer, crate::store::Recorder) {
        let path = dir.join(name).with_extension(EXTENSION);
        let redactor = Redactor::new(&[7; 32], Values::Harmless);
        let (writer, recorder, _) = Writer::start(&path, redactor).expect("started");
        (writer, recorder)
    }

    fn names(dir: &Path) -> Vec<String> {
        list(dir).into_iter().map(|listed| listed.name).collect()
    }

    #[test]
    fn the_newest_are_kept_and_those_that_are_written() {
        let dir = tempfile::tempdir().expect("a directory");
        for name in ["2", "3", "4"] {
            let (writer, recorder) = write(dir.path(), name);
            drop(recorder);
            writer.finish();
        }
        let (writer, recorder) = write(dir.path(), "1");
        assert_eq!(names(dir.path()), ["4", "3", "2", "1"]);
        let used: Vec<bool> = list(dir.path()).iter().map(|one| one.is_in_use).collect();
        assert_eq!(used, [false, false, false, true]);
        let removed = prune(dir.path(), 1).expect("pruned");
        assert_eq!(removed.len(), 2);
        assert_eq!(names(dir.path()), ["4", "1"]);
        drop(recorder);
        writer.finish();
        assert!(!list(dir.path())[1].is_in_use);
        prune(dir.path(), 0).expect("pruned");
        assert_eq!(fs::read_dir(dir.path()).expect("there").count(), 0);
    }

    #[test]
    fn what_a_killed_process_left_is_not_in_use() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("1.corstap");
        let (writer, recorder) = write(dir.path(), "1");
        drop(recorder);
        writer.finish();
        fs::write(dir.path().join("1.corstap-lock"), "").expect("written");
        assert!(!list(dir.path())[0].is_in_use);
        assert_eq!(prune(dir.path(), 0).expect("pruned"), [path]);
        assert_eq!(fs::read_dir(dir.path()).expect("there").count(), 0);
    }

    #[test]
    fn what_is_no_capture_is_left_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        let elsewhere = tempfile::tempdir().expect("a directory");
        let target = elsewhere.path().join("precious");
        fs::write(&target, "").expect("written");
        std::os::unix::fs::symlink(&target, dir.path().join("1.corstap")).expect("linked");
        fs::create_dir(dir.path().join("2.corstap")).expect("made");
        fs::write(dir.path().join("notes.txt"), "").expect("written");
        assert_eq!(
            prune(dir.path(), 0).expect("pruned"),
            [""; 0].map(PathBuf::from)
        );
        assert!(target.exists() && dir.path().join("notes.txt").exists());
    }
}
