//! What `check` takes.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Probe;

/// The judgement on a policy.
#[derive(Debug, Args)]
pub struct Check {
    /// The policy, a TOML file (- reads standard input)
    #[arg(value_name = "POLICY")]
    pub policy: PathBuf,
    /// Play the policy over this capture or HAR file, and say what would change
    #[arg(long = "capture", value_name = "FILE")]
    pub captures: Vec<PathBuf>,
    /// Print one JSON object a line
    #[arg(long)]
    pub json: bool,
    /// Print a report that continuous integration reads
    #[arg(long, value_name = "FORMAT", conflicts_with = "json")]
    pub format: Option<CiFormat>,
    /// Exit with 1 for advice, too
    #[arg(long)]
    pub strict: bool,
    /// The server to be probed.
    #[command(flatten)]
    pub probe: Probe,
}

/// A form that continuous integration reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CiFormat {
    /// SARIF 2.1.0
    Sarif,
    /// JUnit XML
    Junit,
}
