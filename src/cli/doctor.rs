//! What is typed for `corstap doctor`.

use clap::Args;

use super::Run;

/// The check of every leg.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Servers to reach as a run would: http://HOST:PORT or https://HOST:PORT
    #[arg(value_name = "URL")]
    pub servers: Vec<String>,
    /// Start no browser
    #[arg(long)]
    pub no_browser: bool,
    /// What `run` takes: checked is whether that would work.
    #[command(flatten)]
    pub run: Run,
}
