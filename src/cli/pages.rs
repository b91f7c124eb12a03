//! What `pages` takes.

use std::path::PathBuf;

use clap::Args;

/// Man pages and completions.
#[derive(Debug, Args)]
pub struct Pages {
    /// Where to write them, laid out as below /usr/share
    pub dir: PathBuf,
}
