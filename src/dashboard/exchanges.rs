//! Exchanges, as they were committed.

use std::sync::Arc;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::Shared;
use super::captures::asked;
use super::guard::refusal;
use crate::exchange::ExchangeId;
use crate::report::record::Record;
use crate::store::capture::Which;
use crate::store::row::Stored;
use crate::store::{self, Capture};

/// How many exchanges a page has, unless it is asked for fewer.
const MOST: usize = 500;

/// Which page is wanted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    capture: Option<String>,
    before: Option<u64>,
    limit: Option<usize>,
    #[serde(default)]
    failed: bool,
}

/// Of which capture.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Of {
    capture: Option<String>,
}

/// A page of exchanges, the newest first.
pub(super) async fn page(
    State(shared): State<Arc<Shared>>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Response {
    let Ok(Query(wanted)) = wanted else {
        let told = "it takes before=ID, limit=N, failed=true and capture=NAME";
        return refusal(StatusCode::BAD_REQUEST, told);
    };
    let which = if wanted.failed {
        Which::Failed
    } else {
        Which::All
    };
    let limit = wanted.limit.unwrap_or(MOST).clamp(1, MOST);
    let before = wanted.before.map(ExchangeId);
    let read = move |capture: &Capture| {
        let page = capture.page(which, before, limit)?;
        let last = page.exchanges.last().filter(|_| page.has_more);
        let next = last.map(|stored| stored.recorded.id);
        let mut all = String::new();
        for stored in &page.exchanges {
            let before = if all.is_empty() { "" } else { "," };
            all.push_str(before);
            all.push_str(&record(&capture.name, stored)?);
        }
        let next = serde_json::to_string(&next)?;
        let change = page.change.number();
        Ok::<_, store::Error>(Some(format!(
            "{{\"exchanges\":[{all}],\"next\":{next},\"change\":{change}}}"
        )))
    };
    asked(shared, wanted.capture, read).await
}

/// One exchange.
pub(super) async fn one(
    State(shared): State<Arc<Shared>>,
    id: Result<Path<u64>, PathRejection>,
    of: Result<Query<Of>, QueryRejection>,
) -> Response {
    let (Ok(Path(id)), Ok(Query(of))) = (id, of) else {
        return refusal(
            StatusCode::BAD_REQUEST,
            "the number of an exchange is like 17, and it takes capture=NAME",
        );
    };
    let read = move |capture: &Capture| {
        let stored = capture.exchange(ExchangeId(id))?;
        Ok::<_, store::Error>(
            stored
                .map(|stored| record(&capture.name, &stored))
                .transpose()?,
        )
    };
    asked(shared, of.capture, read).await
}

/// An exchange as JSON.
pub(super) fn record(capture: &str, stored: &Stored) -> Result<String, serde_json::Error> {
    let record = Record::new(capture, stored.rev, &stored.recorded, &stored.judgement);
    serde_json::to_string(&record)
}
