//! Browsers of our own: found, started with a throw-away profile, asked over the DevTools protocol.

pub mod devtools;
pub mod find;
pub mod launch;

pub use self::devtools::{DevTools, Tab};
pub use self::launch::{Browser, Launch};

use std::io;
use std::path::PathBuf;

/// Why a browser could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// None is installed where browsers usually are.
    #[error(
        "no Chromium found; install one (on Debian: apt-get install chromium), or name it with --browser FILE"
    )]
    NotFound,
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
    /// It sent something that is not DevTools protocol.
    #[error("the browser's answer cannot be read")]
    Json(#[from] serde_json::Error),
    /// The connection to it broke.
    #[error("the connection to the browser broke")]
    Io(#[from] io::Error),
    /// It refuses a command.
    #[error("the browser refuses {method}: {message}")]
    Refused {
        /// The command.
        method: String,
        /// What it said.
        message: String,
    },
}
