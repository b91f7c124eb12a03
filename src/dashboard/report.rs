//! Reports on exchanges, in the forms that `corstap report` has.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::Shared;
use super::captures::asked;
use super::guard::refusal;
use crate::exchange::ExchangeId;
use crate::store::Capture;

/// How many exchanges one report is on.
const MOST: usize = 64;

/// The forms of a report that the page asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// For a code host's issue.
    Markdown,
    /// For other tools.
    Har,
    /// For a shell.
    Curl,
}

/// Writes a report; nothing where there is no such exchange.
pub type Write = fn(&Capture, &[ExchangeId], Form) -> anyhow::Result<Option<String>>;

/// What is wanted: the numbers of exchanges with commas between them, and a form.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    capture: Option<String>,
    ids: String,
    format: Form,
}

/// A report.
pub(super) async fn report(
    State(shared): State<Arc<Shared>>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Response {
    let told = "it takes ids=ID,ID…, format=markdown, har or curl, and capture=NAME";
    let Ok(Query(wanted)) = wanted else {
        return refusal(StatusCode::BAD_REQUEST, told);
    };
    let ids = wanted.ids.split(',').map(|id| id.parse().map(ExchangeId));
    let Ok(ids) = ids.take(MOST).collect::<Result<Vec<ExchangeId>, _>>() else {
        return refusal(StatusCode::BAD_REQUEST, told);
    };
    let write = shared.parts.report;
    let read = move |capture: &Capture| write(capture, &ids, wanted.format);
    asked(shared, wanted.capture, read).await
}
