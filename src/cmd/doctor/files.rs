//! The files a run needs: the CA and the captures, and their permissions.

use std::fs;
use std::path::Path;

use super::Finding;
use crate::ca::DevCa;
use crate::cli::Run;
use crate::cmd::place;
use crate::private::{self, PrivateDir};

pub(super) fn all(arguments: &Run) -> Vec<Finding> {
    vec![authority(arguments), captures()]
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

pub(super) fn captures() -> Finding {
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
