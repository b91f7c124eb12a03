//! Recorded traffic, from captures and HAR files, one exchange after the other.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::place;
use crate::ca;
use crate::exchange::secret::{Redactor, Values};
use crate::policy::seen::Seen;
use crate::report::{har, offline};
use crate::store::Capture;
use crate::term::Progress;

/// What every SQLite file begins with.
const SQLITE: &[u8] = b"SQLite format 3\0";

/// Tells every exchange of these files that a policy decides; of the newest capture, if there is
/// no file.
pub(super) fn each(files: &[PathBuf], mut tell: impl FnMut(&Seen<'_>)) -> Result<()> {
    let mut progress = Progress::of("replaying");
    if files.is_empty() {
        return of_capture(&place::open_capture(None)?, &mut progress, &mut tell);
    }
    for file in files {
        let context = || format!("cannot replay {}", file.display());
        if is_capture(file) {
            let capture = Capture::open(file)?;
            of_capture(&capture, &mut progress, &mut tell).with_context(context)?;
        } else {
            of_har(file, &mut tell).with_context(context)?;
        }
    }
    Ok(())
}

/// Whether it is a capture, or nothing that could be a HAR file.
fn is_capture(path: &Path) -> bool {
    let mut start = [0; SQLITE.len()];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut start));
    let is_named = path
        .extension()
        .is_some_and(|ending| ending == crate::store::capture::EXTENSION);
    is_named || (read.is_ok() && start == SQLITE)
}

fn of_capture(
    capture: &Capture,
    progress: &mut Progress,
    tell: &mut impl FnMut(&Seen<'_>),
) -> Result<()> {
    let (mut done, of) = (0, capture.count()?);
    capture.columns(|columns| -> Result<()> {
        let seen = Seen::of_columns(
            columns.method,
            columns.url,
            columns.protocol,
            columns.request_headers,
            columns.judgement,
        );
        if let Some(seen) = seen.context("a row of the capture is damaged")? {
            tell(&seen);
        }
        done += 1;
        if done % 1024 == 0 {
            progress.at(done, Some(of));
        }
        Ok(())
    })
}

fn of_har(path: &Path, tell: &mut impl FnMut(&Seen<'_>)) -> Result<()> {
    let imported = har::parse(&fs::read(path)?)?;
    let redactor = Redactor::new(&ca::random()?, Values::Harmless);
    for told in offline::tell(&imported.events, &redactor) {
        if let Some(seen) = Seen::of(&told.recorded, &told.judgement) {
            tell(&seen);
        }
    }
    Ok(())
}
