//! What `captures` takes.

use clap::{Args, Subcommand};

/// The captures there are.
#[derive(Debug, Args)]
pub struct Captures {
    /// What to do with them; without it they are listed.
    #[command(subcommand)]
    pub verb: Option<CapturesVerb>,
    /// Print one JSON object a line
    #[arg(long, global = true)]
    pub json: bool,
}

/// What to do with captures.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum CapturesVerb {
    /// Remove all but the newest, and but those that are being written
    Prune {
        /// How many to keep
        #[arg(long, value_name = "N")]
        keep: usize,
    },
}

/// How many captures to keep: a number, or `all`.
pub(super) fn keep(text: &str) -> Result<usize, String> {
    if text == "all" {
        return Ok(usize::MAX);
    }
    text.parse()
        .map_err(|_| "it is a number, as 20, or `all`".to_owned())
}

/// A size in octets: a number, with K, M, G or T for the powers of 1024.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let usage = || format!("`{text}` is not a size, as 512M or 4G");
    let digits = text.trim_end_matches(|last: char| !last.is_ascii_digit());
    let number: u64 = digits.parse().map_err(|_| usage())?;
    let unit = text.get(digits.len()..).unwrap_or_default();
    let power = match unit.to_ascii_uppercase().as_str() {
        "" | "B" => 0,
        "K" | "KB" | "KIB" => 1,
        "M" | "MB" | "MIB" => 2,
        "G" | "GB" | "GIB" => 3,
        "T" | "TB" | "TIB" => 4,
        _ => return Err(usage()),
    };
    number.checked_mul(1 << (10 * power)).ok_or_else(usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(size("512"), Ok(512));
        assert_eq!(size("64m"), Ok(64 << 20));
        assert_eq!(size("4G"), Ok(4 << 30));
        assert_eq!(size("4GiB"), Ok(4 << 30));
        assert!(size("G").is_err() && size("1X").is_err() && size("99999999999T").is_err());
        assert!(size("é").is_err() && size("").is_err());
        assert_eq!((keep("all"), keep("3")), (Ok(usize::MAX), Ok(3)));
        assert!(keep("-1").is_err());
    }
}
