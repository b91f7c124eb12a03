//! What the run says of itself.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::Shared;

/// How a run stands.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Where the proxy listens.
    pub proxy: SocketAddr,
    /// How much the clients of the proxy have shown of themselves: more is found once it changes.
    pub signs: usize,
    /// The policy that rewrites responses, if any does.
    pub rewriting: Option<Standing>,
}

/// A policy in force.
#[derive(Clone, Debug, Serialize)]
pub struct Standing {
    /// Its file.
    pub policy: String,
    /// When it is over, as RFC 3339 writes it.
    pub until: String,
}

pub(super) async fn status(State(shared): State<Arc<Shared>>) -> Json<Status> {
    Json((shared.parts.status)())
}
