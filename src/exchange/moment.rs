//! Points in time, as values.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A point in time: microseconds since 1970-01-01T00:00:00Z. It is written with milliseconds
/// (RFC 3339, UTC).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(i64);

impl Moment {
    /// From microseconds since the Unix epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch.
    pub fn micros(self) -> i64 {
        self.0
    }

    /// Parses an RFC 3339 time with any offset.
    pub fn parse(text: &str) -> Option<Self> {
        let nanos = OffsetDateTime::parse(text, &Rfc3339)
            .ok()?
            .unix_timestamp_nanos();
        i64::try_from(nanos / 1000).ok().map(Self)
    }

    /// How long after `earlier` this is; nothing if it is before.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// This moment, later by `duration`.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)),
        )
    }

    /// As RFC 3339 in UTC with milliseconds: `2026-11-22T13:05:11.123Z`.
    pub fn rfc3339(self) -> String {
        let format = time::macros::format_description!(
            "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
        );
        self.utc().format(&format).unwrap_or_default()
    }

    /// The date and time of day in UTC.
    pub fn utc(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_any_offset_and_written_in_utc() {
        let moment = Moment::parse("2026-11-22T14:05:11.123456+01:00").expect("valid");
        assert_eq!(moment.rfc3339(), "2026-11-22T13:05:11.123Z");
        assert_eq!(
            moment.plus(Duration::from_secs(1)).since(moment),
            Duration::from_secs(1)
        );
        assert_eq!(
            moment.since(moment.plus(Duration::from_secs(1))),
            Duration::ZERO
        );
        assert_eq!(Moment::parse("yesterday"), None);
    }
}
