//! Recorded traffic, from captures and HAR files, one exchange after the other.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::har::HarFile;
use super::place;
use crate::policy::seen::{Rows, Seen};
use crate::store::Capture;
use crate::store::capture::EXTENSION;
use crate::term::{Progress, Terminal};

/// What every SQLite file begins with.
const SQLITE: &[u8] = b"SQLite format 3\0";

/// What the bar says is done.
const REPLAYING: &str = "replaying";

/// Tells every exchange of these files that a policy decides; of the newest capture, if there is
/// no file.
pub(super) fn each(files: &[PathBuf], mut tell: impl FnMut(&Seen<'_>)) -> Result<()> {
    if files.is_empty() {
        return of_capture(&place::open_capture(None)?, &mut tell);
    }
    for file in files {
        of_file(file, &mut tell).with_context(|| format!("cannot replay {}", file.display()))?;
    }
    Ok(())
}

/// A capture, or a HAR file, which may be a pipe: what is read of it is not there a second time.
fn of_file(path: &Path, tell: &mut impl FnMut(&Seen<'_>)) -> Result<()> {
    if path.extension().is_some_and(|ending| ending == EXTENSION) {
        return of_capture(&Capture::open(path)?, tell);
    }
    let mut file = HarFile::open(path, REPLAYING)?;
    if file.begins_with(SQLITE)? {
        return of_capture(&Capture::open(path)?, tell);
    }
    of_har(file, tell)
}

fn of_capture(capture: &Capture, tell: &mut impl FnMut(&Seen<'_>)) -> Result<()> {
    let mut progress = Progress::of(REPLAYING);
    let (mut done, of, mut rows) = (0, capture.count()?, Rows::default());
    capture.columns(|columns| -> Result<()> {
        let seen = rows.read(columns);
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

fn of_har(mut file: HarFile, tell: &mut impl FnMut(&Seen<'_>)) -> Result<()> {
    let doubts = file.judge(|told| {
        if let Some(seen) = Seen::of(&told.recorded, &told.judgement) {
            tell(&seen);
        }
        ControlFlow::Continue(())
    })?;
    file.progress().borrow_mut().wipe();
    for doubt in doubts {
        Terminal::note(&format!("corstap: {doubt}\n"));
    }
    Ok(())
}
