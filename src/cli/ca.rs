//! What `ca` takes.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// The development CA.
#[derive(Debug, Args)]
pub struct Ca {
    /// What to do with it.
    #[command(subcommand)]
    pub verb: CaVerb,
}

/// What to do with the development CA.
#[derive(Debug, Subcommand)]
pub enum CaVerb {
    /// Say where it is, what it can sign, and how to trust it
    Show {
        /// Where the development CA lives
        #[arg(long, value_name = "DIR")]
        ca_dir: Option<PathBuf>,
    },
    /// Make a new one in its place, for other hosts
    Rotate {
        /// A host it can sign for, with everything below it; localhost, *.localhost, *.test,
        /// 127.0.0.1 and ::1 always are
        #[arg(long = "host", value_name = "PATTERN")]
        hosts: Vec<String>,
        /// Let it sign for every host
        #[arg(long, conflicts_with = "hosts")]
        any_host: bool,
        /// Where the development CA lives
        #[arg(long, value_name = "DIR")]
        ca_dir: Option<PathBuf>,
    },
}
