//! What puts a policy in force.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

/// A policy in force.
#[derive(Clone, Debug, Default, Args)]
pub struct Rewriting {
    /// The policy that --rewrite puts in force
    #[arg(long, value_name = "FILE", requires = "rewrite")]
    pub policy: Option<PathBuf>,
    /// Let responses that browsers would block pass, for the origins and targets that the policy
    /// lists
    ///
    /// Each is told as what it is in production, and carries a field `corstap-rewrite`. A policy
    /// that changes is read again. Other responses, and other origins, are left alone.
    #[arg(long, requires = "policy")]
    pub rewrite: bool,
    /// After how long rewriting ends by itself, as in 30m or 2d [default: 8h]
    #[arg(long, value_name = "TIME", requires = "rewrite", value_parser = time)]
    pub rewrite_for: Option<Duration>,
}

/// How long something takes: a number of seconds, minutes, hours or days.
fn time(text: &str) -> Result<Duration, String> {
    let usage = || format!("`{text}` is no time; it is like 90s, 30m, 8h or 2d");
    let (number, unit) = text.split_at(text.len() - text.chars().last().map_or(0, char::len_utf8));
    let number: u32 = number.parse().map_err(|_| usage())?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return Err(usage()),
    };
    if number == 0 {
        return Err(usage());
    }
    Ok(Duration::from_secs(u64::from(number) * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_and_a_unit() {
        let seconds = |text| time(text).map(|time| time.as_secs()).ok();
        assert_eq!(seconds("90s"), Some(90));
        assert_eq!(seconds("8h"), Some(8 * 60 * 60));
        assert_eq!(seconds("2d"), Some(2 * 24 * 60 * 60));
        for text in ["", "8", "h", "-1h", "0h", "1.5h", "8é", "99999999999h"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
