//! What `demo` takes.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::address;

/// The demonstration.
#[derive(Debug, Args)]
pub struct Demo {
    /// Drive an installed Chromium, and compare its words with ours
    #[arg(long)]
    pub headless: bool,
    /// The browser to drive
    #[arg(long, value_name = "FILE", requires = "headless")]
    pub browser: Option<PathBuf>,
    /// Where the proxy listens; port 0 takes any free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:0", value_parser = address)]
    pub listen: SocketAddr,
}
