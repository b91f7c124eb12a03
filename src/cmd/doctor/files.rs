//! The files a run needs: the CA and the captures, their permissions, and the clock they were dated by.

use std::fs;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use super::Finding;
use crate::ca::DevCa;
use crate::cli::Run;
use crate::clock;
use crate::cmd::place;
use crate::private::{self, PrivateDir};

/// How far the clock may be behind what was written before.
const SLACK: Duration = Duration::from_mins(2);

pub(super) fn all(arguments: &Run) -> Vec<Finding> {
    vec![authority(arguments), clock(arguments), captures()]
}

fn authority(arguments: &Run) -> Finding {
    const LEG: &str = "ca";
    let found = place::ca(arguments.ca_dir.as_deref()).and_then(|dir| Ok(DevCa::find(&dir)?));
    match found {
        Ok(Some(dev)) => {
            let (hosts, until) = (dev.ca.hosts(), dev.ca.not_after().date());
            Finding::ok(
                LEG,
                format!("can sign for {hosts}, until {until}; its key is yours alone"),
            )
        }
        Ok(None) => Finding::note(LEG, "there is none yet", "the first corstap run makes one"),
        Err(error) => Finding::wrong(
            LEG,
            format!("{error:#}"),
            "corstap does not use it like that; corstap ca rotate makes a new one",
        ),
    }
}

/// A clock that is behind makes certificates that are not valid yet, and one that was ahead has made
/// files that are dated later than now.
fn clock(arguments: &Run) -> Finding {
    const LEG: &str = "clock";
    let remedy = "set the clock (with NTP: timedatectl set-ntp true); then corstap ca rotate";
    let now = clock::now().micros();
    let dir = place::ca(arguments.ca_dir.as_deref());
    let dated = dir
        .ok()
        .and_then(|dir| dated(&DevCa::certificate_file(&dir)));
    let ahead = dated.and_then(|dated| u64::try_from(dated - now).ok());
    match ahead.map(Duration::from_micros) {
        Some(ahead) if ahead > SLACK => {
            let said = format!("the CA was made {} s from now", ahead.as_secs());
            Finding::wrong(LEG, said, remedy)
        }
        Some(_) | None => Finding::ok(LEG, format!("it is {}", clock::now().rfc3339())),
    }
}

/// When a file was written, in microseconds.
fn dated(file: &Path) -> Option<i64> {
    let modified = fs::metadata(file).ok()?.modified().ok()?;
    let since = modified.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_micros()).ok()
}

fn captures() -> Finding {
    const LEG: &str = "captures";
    let dir = match place::captures() {
        Ok(dir) => dir,
        Err(error) => return Finding::wrong(LEG, format!("{error:#}"), "set HOME"),
    };
    match try_writing(&dir) {
        Ok(()) => Finding::ok(
            LEG,
            format!("can be written to {}, for you alone", dir.display()),
        ),
        Err(error) => Finding::wrong(
            LEG,
            format!("{:#}", anyhow::Error::from(error)),
            "see to its owner and permissions; or name another place: corstap run --capture FILE",
        ),
    }
}

/// Makes a file as a run does, and removes it.
fn try_writing(dir: &Path) -> Result<(), private::Error> {
    let file = PrivateDir::open(dir)?.join(&format!(".doctor-{}", std::process::id()));
    drop(private::create(&file)?);
    // Nobody takes it for a capture if it stays.
    let _ = fs::remove_file(file);
    Ok(())
}
