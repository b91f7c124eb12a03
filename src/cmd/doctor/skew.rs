//! Whether the clock is right, as far as that can be told without asking anybody: by what was written
//! before, and by the dates that servers gave their answers.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::Finding;
use crate::ca::DevCa;
use crate::cli::Run;
use crate::clock;
use crate::cmd::place;
use crate::exchange::secret::Value;
use crate::exchange::{Moment, RequestUrl};
use crate::store::capture::Which;
use crate::store::row::Stored;
use crate::store::{self, Capture};

const LEG: &str = "clock";
const REMEDY: &str = "set the clock (with NTP: timedatectl set-ntp true); then corstap ca rotate";
/// How far the clock may be off.
const SLACK: Duration = Duration::from_mins(2);
/// How many of the newest exchanges are looked at.
const LATELY: u64 = 1000;
/// How many hosts have to agree: the clock of one may be wrong itself.
const AGREED: usize = 2;

/// A clock that is behind makes certificates that are not valid yet, and one that was ahead has made
/// files that are dated later than now.
pub(super) fn clock(arguments: &Run) -> Finding {
    let now = clock::now();
    let newest = place::captures().and_then(|dir| Ok(Capture::newest(&dir)?));
    let capture = newest.ok();
    behind(arguments, capture.as_ref(), now)
        .or_else(|| capture.and_then(|capture| by_servers(&capture)))
        .unwrap_or_else(|| Finding::ok(LEG, format!("it is {}", now.rfc3339())))
}

/// What was written later than now.
fn behind(arguments: &Run, capture: Option<&Capture>, now: Moment) -> Option<Finding> {
    let dir = place::ca(arguments.ca_dir.as_deref()).ok();
    let ca = dir.and_then(|dir| dated(&DevCa::certificate_file(&dir)));
    let begun = capture.and_then(|capture| capture.contents().ok()?.started);
    let written = [
        ("the CA was made", ca),
        ("the newest capture was begun", begun),
    ];
    written.into_iter().find_map(|(what, when)| {
        let ahead = when?.since(now);
        let said = format!("{what} {} s from now", ahead.as_secs());
        (ahead > SLACK).then(|| Finding::wrong(LEG, said, REMEDY))
    })
}

/// When a file was written.
fn dated(file: &Path) -> Option<Moment> {
    let modified = fs::metadata(file).ok()?.modified().ok()?;
    let since = modified.duration_since(UNIX_EPOCH).ok()?;
    let micros = i64::try_from(since.as_micros()).ok()?;
    Some(Moment::from_micros(micros))
}

/// Servers elsewhere that agree on another time, in the dates of their answers.
fn by_servers(capture: &Capture) -> Option<Finding> {
    let mut ahead: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    let first = capture.last(Which::All, LATELY).ok()?;
    let heard = capture.exchanges_from(Which::All, first, |stored| {
        if let Some((host, seconds)) = host_ahead(&stored) {
            ahead.entry(host).or_default().push(seconds);
        }
        Ok::<_, store::Error>(())
    });
    heard.ok()?;
    let hosts: Vec<(String, i64)> = ahead
        .into_iter()
        .filter_map(|(host, seconds)| Some((host, median(seconds)?)))
        .collect();
    let off = median(hosts.iter().map(|(_, seconds)| *seconds).collect())?;
    let agree = hosts.iter().filter(|(_, seconds)| is_near(*seconds, off));
    let agree: Vec<&str> = agree.map(|(host, _)| host.as_str()).collect();
    if is_near(off, 0) || agree.len() < AGREED.max(hosts.len() / 2 + 1) {
        return None;
    }
    let way = if off > 0 { "behind" } else { "ahead of" };
    let seconds = off.unsigned_abs();
    let said = format!("it was {seconds} s {way} those of {}", agree.join(", "));
    Some(Finding::wrong(LEG, said, REMEDY))
}

fn is_near(one: i64, other: i64) -> bool {
    one.abs_diff(other) <= SLACK.as_secs()
}

fn median(mut all: Vec<i64>) -> Option<i64> {
    all.sort_unstable();
    all.get(all.len() / 2).copied()
}

/// How many seconds the clock of a server was ahead of ours, when it answered. One on this machine has the
/// same clock, and what a cache has kept has the date of another time.
fn host_ahead(stored: &Stored) -> Option<(String, i64)> {
    let recorded = &stored.recorded;
    let is_elsewhere = !recorded.reach.server?.ip().to_canonical().is_loopback();
    let fields = &recorded.sent.as_ref()?.headers;
    let value = |wanted: &str| {
        fields.iter().find_map(|(name, value)| match value {
            Value::Plain(value) if name.eq_ignore_ascii_case(wanted) => Some(value.as_str()),
            Value::Plain(_) | Value::Withheld(_) => None,
        })
    };
    if !is_elsewhere || value("age").is_some() {
        return None;
    }
    let date = OffsetDateTime::parse(value("date")?, &Rfc2822).ok()?;
    let took = Duration::try_from_secs_f64(recorded.elapsed_ms? / 1000.0).ok()?;
    let ended = recorded.started.plus(took);
    let host = RequestUrl::parse(&recorded.request.url)?.authority.host;
    let ours = ended.utc().unix_timestamp();
    Some((host.to_string(), date.unix_timestamp().saturating_sub(ours)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_servers_write_them() {
        let parsed = OffsetDateTime::parse("Fri, 27 Nov 2026 15:00:00 GMT", &Rfc2822);
        let expected = time::macros::datetime!(2026-11-27 15:00:00 UTC);
        assert_eq!(parsed, Ok(expected));
    }
}
