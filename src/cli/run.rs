//! What `run` takes.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Rewriting, Servers, address};

/// The proxy and its live log.
#[derive(Debug, Args)]
pub struct Run {
    /// Where to listen; port 0 takes any free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:2677", value_parser = address)]
    pub listen: SocketAddr,
    /// Read this host too, and everything below it; localhost, *.localhost, *.test, 127.0.0.1 and
    /// ::1 always are
    #[arg(long = "host", value_name = "PATTERN")]
    pub hosts: Vec<String>,
    /// Read every host; the CA must have been made so
    #[arg(long, conflicts_with = "hosts")]
    pub any_host: bool,
    /// How servers are reached.
    #[command(flatten)]
    pub servers: Servers,
    /// Where the development CA lives
    #[arg(long, value_name = "DIR")]
    pub ca_dir: Option<PathBuf>,
    /// Write the capture to this new file
    #[arg(long, value_name = "FILE")]
    pub capture: Option<PathBuf>,
    /// Which header values the capture holds; `all` includes cookies and tokens
    #[arg(long, default_value = "harmless")]
    pub values: Values,
    /// Hold back the end of a response for up to 100 ms where its verdict hangs on the credentials
    /// mode: a browser that blocks the response cancels it
    #[arg(long)]
    pub confirm: bool,
    /// A policy in force.
    #[command(flatten)]
    pub rewriting: Rewriting,
    /// Print one JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// Which header values a capture holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Values {
    /// Those known to be harmless
    Harmless,
    /// All of them, secrets included
    All,
}
