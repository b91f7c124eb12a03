//! What `suggest` takes.

use std::path::PathBuf;

use clap::Args;

/// The least policy for recorded traffic.
///
/// On a terminal, without --origin, --target and --all, each pair of an origin and a server is asked for.
#[derive(Debug, Args)]
pub struct Suggest {
    /// A capture, or a HAR file; without it the newest capture
    #[arg(long = "capture", value_name = "FILE")]
    pub captures: Vec<PathBuf>,
    /// Let pages of this origin have what they asked for; without it all of them
    #[arg(long = "origin", value_name = "ORIGIN")]
    pub origins: Vec<String>,
    /// Let pages have what they asked for of this server, or below this path; without it of all
    #[arg(long = "target", value_name = "URL")]
    pub targets: Vec<String>,
    /// Take everything that was recorded, and ask for nothing
    #[arg(long, conflicts_with_all = ["origins", "targets"])]
    pub all: bool,
}
