//! What may keep exchanges from coming: the findings of the doctor, as far as they take no time.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;

use super::Shared;
use super::guard::refusal;

/// Examines the run, and what is around it; gives a list in JSON.
pub type Examine = Box<dyn Fn() -> BoxFuture<'static, anyhow::Result<String>> + Send + Sync>;

/// What is found now.
pub(super) async fn findings(State(shared): State<Arc<Shared>>) -> Response {
    match (shared.parts.examine)().await {
        Ok(json) => ([(header::CONTENT_TYPE, "application/json")], json).into_response(),
        Err(error) => refusal(StatusCode::INTERNAL_SERVER_ERROR, &format!("{error:#}")),
    }
}
