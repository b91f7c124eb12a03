//! Exchanges as rows of a list: as little of each as a list shows, so that a page can hold many.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::Shared;
use super::captures::asked;
use super::guard::refusal;
use crate::cors::verdict::PreflightBecause;
use crate::cors::{Cause, Kind, Outcome, Root, Rule};
use crate::exchange::{Ending, ExchangeId};
use crate::store::capture::Which;
use crate::store::row::Stored;
use crate::store::{self, Capture};

/// How many rows a page has.
const MOST: usize = 2000;

/// One exchange in a list.
#[derive(Debug, Serialize)]
pub(super) struct Row<'a> {
    id: ExchangeId,
    rev: u32,
    /// When it started, in milliseconds since 1970.
    at: i64,
    /// How long it took, in milliseconds.
    ms: Option<f64>,
    method: &'a str,
    url: &'a str,
    origin: Option<&'a str>,
    kind: Kind,
    status: Option<u16>,
    ending: Ending,
    outcome: Outcome,
    by: Option<Rule>,
    cause: Option<Cause>,
    root: Option<Root>,
    /// The preflight that was sent for it; one that still held belongs to an earlier story.
    preflight: Option<ExchangeId>,
    redirected_from: Option<ExchangeId>,
    /// The rule that made its response another one.
    rewritten: Option<&'a str>,
}

impl<'a> Row<'a> {
    pub(super) fn of(stored: &'a Stored) -> Self {
        let (recorded, judgement) = (&stored.recorded, &stored.judgement);
        let (answer, links) = (&judgement.verdict.answer, &judgement.links);
        let was_sent = links.preflight_because == Some(PreflightBecause::Sent);
        Self {
            id: recorded.id,
            rev: stored.rev,
            at: recorded.started.micros() / 1000,
            ms: recorded.elapsed_ms,
            method: &recorded.request.method,
            url: &recorded.request.url,
            origin: judgement.origin.as_deref(),
            kind: judgement.kind,
            status: recorded.sent.as_ref().map(|sent| sent.status),
            ending: recorded.ending,
            outcome: answer.outcome,
            by: answer.by,
            cause: answer.cause,
            root: judgement.roots.first().map(|root| root.code),
            preflight: links.preflight.filter(|_| was_sent),
            redirected_from: links.redirected_from,
            rewritten: recorded.rewrite.as_ref().map(|rewrite| &*rewrite.rule),
        }
    }
}

/// Which page is wanted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    capture: Option<String>,
    before: Option<u64>,
}

#[derive(Serialize)]
struct Page<'a> {
    rows: Vec<Row<'a>>,
    next: Option<ExchangeId>,
    change: i64,
}

/// A page of rows, the newest first.
pub(super) async fn page(
    State(shared): State<Arc<Shared>>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Response {
    let Ok(Query(wanted)) = wanted else {
        return refusal(
            StatusCode::BAD_REQUEST,
            "it takes capture=NAME and before=ID",
        );
    };
    let read = move |capture: &Capture| {
        let found = capture.page(Which::All, wanted.before.map(ExchangeId), MOST)?;
        let last = found.exchanges.last().filter(|_| found.has_more);
        let page = Page {
            rows: found.exchanges.iter().map(Row::of).collect(),
            next: last.map(|stored| stored.recorded.id),
            change: found.change.number(),
        };
        Ok::<_, store::Error>(Some(serde_json::to_string(&page)?))
    };
    asked(shared, wanted.capture, read).await
}
