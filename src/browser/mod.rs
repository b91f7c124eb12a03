//! Browsers of our own: found, started with a throw-away profile, and asked: Chromium over the
//! DevTools protocol, Firefox over WebDriver BiDi.

pub mod bidi;
mod den;
pub mod devtools;
pub mod find;
pub mod firefox;
pub mod guard;
pub mod launch;
pub mod link;
pub mod listener;
mod message;
mod profile;
mod targets;
pub mod visit;
pub mod word;

pub use self::bidi::BiDi;
pub use self::devtools::{DevTools, Tab};
pub use self::launch::{Browser, Launch};
pub use self::link::Link;
pub use self::listener::Listener;
pub use self::visit::{Visit, Visiting};

use std::io;
use std::path::PathBuf;

use crate::private;

/// Why a browser could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No Chromium is installed where browsers usually are.
    #[error(
        "no Chromium found; install one (on Debian: apt-get install chromium), or name it with --browser FILE"
    )]
    NotFound,
    /// No Firefox is installed where browsers usually are.
    #[error(
        "no Firefox found; install one (on Debian: apt-get install firefox-esr), or name it with --browser FILE"
    )]
    NoFirefox,
    /// A browser that was named is not installed.
    #[error("no {0} found where it usually is; install it, or name it with --browser FILE")]
    NotInstalled(find::Brand),
    /// It is confined in a way that cannot be dealt with.
    #[error(
        "{0} is installed as a Flatpak, which keeps the pipes and the profile of corstap out; install it as a \
         package, or name another one with --browser"
    )]
    Flatpak(find::Brand),
    /// Nothing speaks the DevTools protocol there.
    #[error(
        "no browser speaks the DevTools protocol on port {0}; start it with --remote-debugging-port={0} and a \
         --user-data-dir of its own"
    )]
    NoDevTools(u16),
    /// The directory of profiles cannot be used.
    #[error(transparent)]
    Private(#[from] private::Error),
    /// What writes certificate stores is not installed.
    #[error(
        "certutil not found, which makes Firefox trust the CA; install it (on Debian: apt-get install \
         libnss3-tools; on macOS: brew install nss)"
    )]
    NoCertutil,
    /// The certificate store could not be written.
    #[error("certutil cannot write the browser's certificate store: {0}")]
    Certutil(String),
    /// It ended before it was ready.
    #[error("the browser ended at once; its last words: {0}")]
    Ended(String),
    /// It could not be started.
    #[error("cannot start {browser}")]
    Start {
        /// Which one.
        browser: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It ended, or does not answer.
    #[error("the browser is gone: {0}")]
    Gone(&'static str),
    /// Its answer has no such part.
    #[error("the browser's answer lacks {0}")]
    Lacking(&'static str),
    /// It sent something that cannot be read.
    #[error("the browser's answer cannot be read")]
    Json(#[from] serde_json::Error),
    /// The connection to it broke.
    #[error("the connection to the browser broke")]
    Io(#[from] io::Error),
    /// The system refuses something.
    #[error("the system refuses to lock or to share a file")]
    System(#[from] rustix::io::Errno),
    /// It refuses a command.
    #[error("the browser refuses {method}: {message}")]
    Refused {
        /// The command.
        method: String,
        /// What it said.
        message: String,
    },
}
