//! What `explain` takes.

use std::path::PathBuf;

use clap::Args;

/// The verdicts on a HAR file, or the meaning of a code or a message.
#[derive(Debug, Args)]
pub struct Explain {
    /// A HAR file; a code, one of corstap's or one that a browser prints; or a message from a
    /// browser's console. - reads a file or messages from standard input
    #[arg(value_name = "FILE|CODE|MESSAGE", required_unless_present = "list")]
    pub what: Option<PathBuf>,
    /// List all codes
    #[arg(long, conflicts_with = "what")]
    pub list: bool,
    /// Print one JSON object a line
    #[arg(long)]
    pub json: bool,
}
