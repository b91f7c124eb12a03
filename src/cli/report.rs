//! What `report` takes.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::capture::number;
use crate::exchange::Moment;

/// A bug report.
#[derive(Debug, Args)]
pub struct Report {
    /// The numbers of the exchanges; without any, what is blocked or has failed
    #[arg(value_name = "ID", value_parser = number)]
    pub ids: Vec<u64>,
    /// Only what is blocked or has failed, also among those named
    #[arg(long)]
    pub failed: bool,
    /// Every exchange, whatever came of it
    #[arg(long, conflicts_with_all = ["failed", "ids"])]
    pub all: bool,
    /// Only what began since then: 90s, 15m, 2h, 1d ago, or a time like 2026-11-22T13:05:00Z
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub since: Option<Since>,
    /// Only what pages of this origin asked for
    #[arg(long, value_name = "ORIGIN")]
    pub origin: Option<String>,
    /// Only what was asked of this server: an origin, a host, or the beginning of a URL
    #[arg(long, value_name = "URL")]
    pub target: Option<String>,
    /// The capture to read; without it the newest one
    #[arg(long, value_name = "FILE")]
    pub capture: Option<PathBuf>,
    /// The form of the report
    #[arg(long, default_value = "markdown")]
    pub format: Format,
    /// Tell the values of this header field although they may be secrets; the capture must have been
    /// made with --values all
    #[arg(long, value_name = "FIELD")]
    pub include: Vec<String>,
    /// Write the report to this file, which is yours alone (0600), and not to standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// The forms of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For an issue
    Markdown,
    /// One file for a browser
    Html,
    /// HTTP Archive 1.2
    Har,
    /// For programs
    Json,
    /// Commands for a shell
    Curl,
}

/// From when on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// So many seconds ago.
    Ago(u64),
    /// That moment.
    At(Moment),
}

/// `15m`, or a time.
fn since(text: &str) -> Result<Since, String> {
    let ago = || {
        let unit = match text.chars().last()? {
            's' => 1,
            'm' => 60,
            'h' => 60 * 60,
            'd' => 24 * 60 * 60,
            _ => return None,
        };
        let number = text.get(..text.len() - 1)?.parse::<u64>().ok()?;
        number.checked_mul(unit).map(Since::Ago)
    };
    let at = || Moment::parse(text).map(Since::At);
    ago()
        .or_else(at)
        .ok_or_else(|| "it is like 15m, 2h, 1d or 2026-11-22T13:05:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_a_time_ago_or_a_time() {
        assert_eq!(since("90s"), Ok(Since::Ago(90)));
        assert_eq!(since("2h"), Ok(Since::Ago(7200)));
        let at = Moment::parse("2026-11-22T13:05:00Z").expect("a time");
        assert_eq!(since("2026-11-22T14:05:00+01:00"), Ok(Since::At(at)));
        for wrong in ["", "m", "ten", "99999999999999999999d", "1é"] {
            assert!(since(wrong).is_err(), "{wrong}");
        }
    }
}
