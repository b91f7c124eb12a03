//! The one place that asks for the time.

use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use time::UtcOffset;

use crate::exchange::Moment;

/// Now.
pub fn now() -> Moment {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Moment::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// How far local time is ahead of UTC; 0 where that cannot be told.
///
/// It is asked once: call it early in `main`, before there are threads.
pub fn local_offset() -> UtcOffset {
    static OFFSET: OnceLock<UtcOffset> = OnceLock::new();
    *OFFSET.get_or_init(|| UtcOffset::current_local_offset().unwrap_or(UtcOffset::UTC))
}
