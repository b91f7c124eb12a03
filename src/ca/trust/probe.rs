//! Whether a certificate is in a store.

use std::fs;
use std::path::PathBuf;

use super::{Error, Subject, Words};

/// Whether the certificate is in a store, and counts there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is there, and trusted.
    Trusted,
    /// It is there in part, or without trust.
    Present,
    /// It is not there.
    Absent,
}

/// How to see that.
#[derive(Clone, Debug)]
pub(super) enum Probe {
    /// By a file that is the certificate, and by a bundle that is made of such files.
    File {
        /// The file.
        file: PathBuf,
        /// The bundle; where there is none, it does not count.
        bundle: PathBuf,
        /// What the file holds.
        pem: String,
    },
    /// By a command that succeeds and prints its fingerprint if it is there.
    Command {
        /// The command.
        words: Words,
        /// The fingerprint, in hexadecimal digits.
        fingerprint: String,
        /// What it prints too if it is trusted; nothing where being there is enough.
        trust: Option<&'static str>,
    },
}

impl Probe {
    pub(super) fn file(file: PathBuf, bundle: PathBuf, subject: &Subject) -> Self {
        Self::File {
            file,
            bundle,
            pem: subject.pem.clone(),
        }
    }

    pub(super) fn state(&self) -> Result<State, Error> {
        match self {
            Self::File { file, bundle, pem } => {
                let is_there = fs::read_to_string(file).is_ok_and(|found| found == *pem);
                // Tools that make bundles keep certificates as they are, and add remarks.
                let bundle = fs::read_to_string(bundle).ok();
                let is_in = bundle.map(|bundle| bundle.contains(pem.trim()));
                Ok(match (is_there, is_in) {
                    (true, Some(true) | None) => State::Trusted,
                    (false, Some(false) | None) if !file.exists() => State::Absent,
                    _ => State::Present,
                })
            }
            Self::Command {
                words,
                fingerprint,
                trust,
            } => {
                let Some(said) = words.ask()? else {
                    return Ok(State::Absent);
                };
                Ok(match () {
                    () if !digits(&said).contains(fingerprint) => State::Absent,
                    () if trust.is_none_or(|trust| said.contains(trust)) => State::Trusted,
                    () => State::Present,
                })
            }
        }
    }
}

/// Text without what stands between the digits of a fingerprint, in capitals.
fn digits(text: &str) -> String {
    let kept = text.chars().filter(|c| !c.is_whitespace() && *c != ':');
    kept.map(|c| c.to_ascii_uppercase()).collect()
}
