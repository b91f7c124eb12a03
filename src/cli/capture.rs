//! What the verbs take that read a capture.

use std::path::PathBuf;

use clap::Args;

/// Which capture is read.
#[derive(Debug, Args)]
pub struct FromCapture {
    /// The capture to read; without it the newest one
    #[arg(long, value_name = "FILE")]
    pub capture: Option<PathBuf>,
    /// Print one JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// The list of exchanges.
#[derive(Debug, Args)]
pub struct Log {
    /// Go on with what comes
    #[arg(long)]
    pub follow: bool,
    /// Only what is blocked or has failed
    #[arg(long)]
    pub failed: bool,
    /// Only the newest so many
    #[arg(long, value_name = "N", conflicts_with = "follow")]
    pub last: Option<u64>,
    /// Which capture.
    #[command(flatten)]
    pub from: FromCapture,
}

/// One exchange.
#[derive(Debug, Args)]
pub struct Show {
    /// The number of the exchange
    #[arg(value_parser = number)]
    pub id: u64,
    /// Which capture.
    #[command(flatten)]
    pub from: FromCapture,
}

/// A number as it is listed: 17, or #17.
pub(super) fn number(text: &str) -> Result<u64, String> {
    let digits = text.strip_prefix('#').unwrap_or(text);
    digits
        .parse()
        .map_err(|_| "it is like 17; `corstap log` lists them".to_owned())
}
