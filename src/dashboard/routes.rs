//! Which path is what.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::{
    Shared, assets, captures, exchanges, findings, guard, live, policy, report, rows, status,
};

/// All routes. Those below `/api` tell what was recorded, and need the token.
pub(super) fn router(shared: Arc<Shared>) -> Router {
    let api = Router::new()
        .route("/exchanges", get(exchanges::page))
        .route("/exchanges/{id}", get(exchanges::one))
        .route("/changes", get(live::changes))
        .route("/rows", get(rows::page))
        .route("/captures", get(captures::all))
        .route("/status", get(status::status))
        .route("/findings", get(findings::findings))
        .route("/report", get(report::report))
        .route("/policy/check", post(policy::check))
        .route("/policy/replay", post(policy::play))
        .route("/policy/suggest", post(policy::least))
        .fallback(nothing)
        .layer(from_fn_with_state(Arc::clone(&shared), guard::with_token));
    Router::new()
        .nest("/api", api)
        .route("/proxy.pac", get(pac))
        .merge(assets::router())
        .fallback(nothing)
        .layer(from_fn_with_state(Arc::clone(&shared), guard::guard))
        .with_state(shared)
}

async fn nothing(_request: Request) -> Response {
    guard::refusal(StatusCode::NOT_FOUND, "there is nothing here")
}

/// What is read goes through the proxy. Browsers fetch it before they have any token.
async fn pac(State(shared): State<Arc<Shared>>) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/x-ns-proxy-autoconfig")];
    (kind, shared.parts.pac.clone()).into_response()
}
