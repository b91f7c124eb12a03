//! What changes, as server-sent events.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Deserialize;
use tokio::sync::watch;

use super::Shared;
use super::exchanges::record;
use super::guard::refusal;
use super::rows::Row;
use crate::store::capture::Change;
use crate::store::{self, Capture};

/// How many changes are read at once.
const AT_ONCE: usize = 256;
/// How long nothing is said at most, so that a reader that is gone is noticed.
const QUIET: Duration = Duration::from_secs(15);

/// From where on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct From {
    after: Option<i64>,
    /// As rows of a list, rather than whole.
    #[serde(default)]
    rows: bool,
}

/// Every change after one, and then what comes. What was read is told once, in the order of the
/// numbers; an exchange that has changed again meanwhile is told as it is now.
pub(super) async fn changes(
    State(shared): State<Arc<Shared>>,
    fields: HeaderMap,
    from: Result<Query<From>, QueryRejection>,
) -> Response {
    let Ok(Query(from)) = from else {
        return refusal(
            StatusCode::BAD_REQUEST,
            "it takes after=N, the number of a change, and rows=true",
        );
    };
    let last_seen = match fields.get("last-event-id").map(|id| id.to_str()) {
        None => None,
        Some(id) => match id.ok().and_then(|id| id.parse().ok()) {
            Some(id) => Some(id),
            None => {
                return refusal(
                    StatusCode::BAD_REQUEST,
                    "Last-Event-ID is the number of a change",
                );
            }
        },
    };
    let reader = Reader {
        capture: shared.parts.capture.clone(),
        changed: shared.parts.changed.clone(),
        last: Change::numbered(last_seen.or(from.after).unwrap_or(0)),
        as_rows: from.rows,
        waiting: VecDeque::new(),
    };
    let events = stream::unfold(reader, async |mut reader| {
        let event = reader.next().await?;
        Some((event, reader))
    });
    let keep_alive = KeepAlive::new().interval(QUIET);
    Sse::new(events).keep_alive(keep_alive).into_response()
}

/// Reads on in a capture.
struct Reader {
    capture: PathBuf,
    changed: watch::Receiver<()>,
    last: Change,
    as_rows: bool,
    waiting: VecDeque<Event>,
}

impl Reader {
    /// The next change; nothing once there can be none, or the capture cannot be read: who listens
    /// then asks again from the last one it has heard.
    async fn next(&mut self) -> Option<Result<Event, store::Error>> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(Ok(event));
            }
            // Seen before it is read: what is committed meanwhile wakes us again.
            self.changed.mark_unchanged();
            if let Err(error) = self.read().await {
                return Some(Err(error));
            }
            if self.waiting.is_empty() {
                self.changed.changed().await.ok()?;
            }
        }
    }

    async fn read(&mut self) -> Result<(), store::Error> {
        let (path, last, as_rows) = (self.capture.clone(), self.last, self.as_rows);
        let reading = tokio::task::spawn_blocking(move || {
            let capture = Capture::open(&path)?;
            let changes = capture.changes_in_part(last, AT_ONCE)?;
            let mut events = VecDeque::with_capacity(changes.len());
            let mut last = last;
            for (change, stored) in changes {
                let (name, data) = if as_rows {
                    ("row", serde_json::to_string(&Row::of(&stored))?)
                } else {
                    ("exchange", record(&capture.name, &stored)?)
                };
                let id = change.number().to_string();
                events.push_back(Event::default().id(id).event(name).data(data));
                last = change;
            }
            Ok::<_, store::Error>((events, last))
        });
        // A reader that has failed has said so; nothing was read.
        let Ok(read) = reading.await else {
            return Ok(());
        };
        (self.waiting, self.last) = read?;
        Ok(())
    }
}
