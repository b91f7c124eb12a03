//! Where things live on this platform: captures in the state directory, the CA in the data
//! directory.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use directories::ProjectDirs;

use crate::clock;
use crate::store::Capture;
use crate::store::capture::EXTENSION;

fn dirs() -> Result<ProjectDirs> {
    ProjectDirs::from("", "", "corstap").context("there is no home directory; set HOME")
}

/// The directory of the captures.
pub fn captures() -> Result<PathBuf> {
    let dirs = dirs()?;
    Ok(dirs
        .state_dir()
        .unwrap_or_else(|| dirs.data_local_dir())
        .join("captures"))
}

/// The directory of the CA: the one that was named, or the platform's.
pub fn ca(named: Option<&Path>) -> Result<PathBuf> {
    match named {
        Some(dir) => Ok(dir.to_owned()),
        None => Ok(dirs()?.data_dir().join("ca")),
    }
}

/// The directory of throw-away browsers' profiles.
pub fn browsers() -> Result<PathBuf> {
    Ok(dirs()?.cache_dir().join("browsers"))
}

/// A file name for a new capture: the time first, so that names sort by it.
pub fn new_capture() -> String {
    let started: String = clock::now()
        .rfc3339()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    format!("{started}-{}.{EXTENSION}", std::process::id())
}

/// Opens the capture that was named, or the newest one.
pub fn open_capture(named: Option<&Path>) -> Result<Capture> {
    Ok(match named {
        Some(path) => Capture::open(path)?,
        None => Capture::newest(&captures()?)?,
    })
}
