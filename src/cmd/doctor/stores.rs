//! The trust stores: where the CA is trusted, and where one is that was in its place.

use std::path::Path;

use super::Finding;
use crate::ca::DevCa;
use crate::ca::trust::{Error, State, Step, Subject};
use crate::cli::Run;
use crate::cmd::ca::trust::steps;
use crate::cmd::place;

const LEG: &str = "trust";
const INSTALL: &str =
    "corstap ca install (--dry-run tells what that does); corstap browse needs none";

pub(super) fn all(arguments: &Run) -> Vec<Finding> {
    let Ok(dir) = place::ca(arguments.ca_dir.as_deref()) else {
        return Vec::new();
    };
    let mut found = current(&DevCa::certificate_file(&dir));
    for former in DevCa::formers(&dir) {
        found.extend(stale(&former));
    }
    found
}

/// Where the CA is trusted. All or nothing is as it may be; some is an accident.
fn current(certificate: &Path) -> Vec<Finding> {
    let Ok(subject) = Subject::read(certificate) else {
        return Vec::new();
    };
    let steps = match steps(&subject) {
        Ok(steps) => steps,
        Err(error) => return vec![Finding::wrong(LEG, format!("{error:#}"), "set HOME")],
    };
    let states: Vec<_> = steps.iter().map(|step| (step, step.state())).collect();
    let is_trusted_somewhere = states
        .iter()
        .any(|(_, state)| matches!(state, Ok(State::Trusted)));
    let tell = |(step, state): &(&Step, Result<State, Error>)| {
        let place = &step.place;
        match state {
            Ok(State::Trusted) => Finding::ok(LEG, format!("{place}: trusts the CA")),
            Ok(State::Present) => {
                Finding::wrong(LEG, format!("{place}: has the CA, without trust"), INSTALL)
            }
            Ok(State::Absent) if is_trusted_somewhere => {
                let said = format!("{place}: does not trust the CA, which others do");
                Finding::wrong(LEG, said, INSTALL)
            }
            Ok(State::Absent) => {
                Finding::note(LEG, format!("{place}: does not trust the CA"), INSTALL)
            }
            Err(error) => {
                let said = format!("{place}: {error}");
                Finding::wrong(LEG, said, "then corstap doctor again")
            }
        }
    };
    states.iter().map(tell).collect()
}

/// Where a CA is still trusted that was replaced.
fn stale(former: &Path) -> Vec<Finding> {
    let subject = Subject::read(former);
    let Ok((subject, steps)) = subject
        .map_err(anyhow::Error::from)
        .and_then(|subject| steps(&subject).map(|steps| (subject, steps)))
    else {
        return Vec::new();
    };
    let is_there = |state| matches!(state, Ok(State::Trusted | State::Present));
    let there = steps.iter().filter(|step| is_there(step.state()));
    let tell = |step: &Step| {
        let said = format!(
            "{}: still has {}, which was replaced",
            step.place,
            subject.name()
        );
        let remedy = "corstap ca install removes it, and trusts the new one; corstap ca uninstall removes both";
        Finding::wrong(LEG, said, remedy)
    };
    there.map(tell).collect()
}
