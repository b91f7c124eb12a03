//! The captures that can be looked at: the one of this run, and those on the shelf.
//!
//! A page names a capture, never a file: a name that is not listed is refused.

use std::fmt::Display;
use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Shared;
use super::guard::refusal;
use crate::store::{self, Capture, shelf};

#[derive(Serialize)]
struct Listed {
    name: String,
    /// Whether it is the one that this run writes.
    current: bool,
}

/// The captures, that of this run first, then the newest.
pub(super) async fn all(State(shared): State<Arc<Shared>>) -> Response {
    let list = move || {
        let parts = &shared.parts;
        let own = Listed {
            name: store::writer::name_of(&parts.capture),
            current: true,
        };
        let others = shelf::list(&parts.captures).into_iter();
        let others =
            others.filter(|shelved| shelved.path != parts.capture && shelved.contents.is_ok());
        let others = others.map(|shelved| Listed {
            name: shelved.name,
            current: false,
        });
        let all: Vec<Listed> = std::iter::once(own).chain(others).collect();
        serde_json::to_string(&all)
    };
    told(blocking(list).await)
}

/// Asks the capture of a name, or that of this run, where nothing else has to wait for it.
pub(super) async fn asked<E>(
    shared: Arc<Shared>,
    name: Option<String>,
    read: impl FnOnce(&Capture) -> Result<Option<String>, E> + Send + 'static,
) -> Response
where
    E: From<store::Error> + Display + Send + 'static,
{
    let reading = move || match file(&shared, name.as_deref()) {
        Some(file) => read(&Capture::open(&file)?),
        None => Ok(None),
    };
    match blocking(reading).await {
        Some(Ok(None)) => refusal(
            StatusCode::NOT_FOUND,
            "there is no such exchange or capture",
        ),
        Some(Ok(Some(json))) => told::<E>(Some(Ok(json))),
        Some(Err(error)) => told(Some(Err(error))),
        None => told::<E>(None),
    }
}

/// The file of a capture that is listed.
fn file(shared: &Shared, name: Option<&str>) -> Option<PathBuf> {
    let parts = &shared.parts;
    match name {
        Some(name) => shelf::named(&parts.captures, name),
        None => Some(parts.capture.clone()),
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}

/// JSON, or why there is none.
fn told<E: Display>(answer: Option<Result<String, E>>) -> Response {
    match answer {
        Some(Ok(json)) => {
            let kind = [(header::CONTENT_TYPE, "application/json")];
            (kind, json).into_response()
        }
        Some(Err(error)) => refusal(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        None => refusal(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the capture cannot be read",
        ),
    }
}
