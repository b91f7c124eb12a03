//! The policy bench: what is wrong with a policy, what it would change, and the least one that would do.
//! Nothing here is put in force.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::Shared;
use super::captures::asked;
use super::guard::refusal;
use crate::clock;
use crate::policy::Policy;
use crate::policy::replay::Replay;
use crate::policy::seen::{Rows, Seen};
use crate::policy::suggest::{Gathered, Wanted, suggest};
use crate::report::{lint, replay};
use crate::store::{self, Capture};

/// The name under which a policy is told of.
const NAME: &str = "policy.toml";

/// A policy, as it is being written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Draft {
    policy: String,
}

/// A policy, and the capture that it is played over.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Played {
    policy: String,
    capture: Option<String>,
}

/// The capture that a policy is to be made of.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Basis {
    capture: Option<String>,
}

/// What is wrong with a policy.
pub(super) async fn check(draft: Result<Json<Draft>, JsonRejection>) -> Response {
    let Ok(Json(draft)) = draft else {
        return refusal(StatusCode::BAD_REQUEST, "it takes {\"policy\": TEXT}");
    };
    let parsed = Policy::parse(draft.policy.as_bytes(), clock::now());
    let findings = parsed.findings.iter();
    let findings: Vec<_> = findings.map(|one| lint::json(NAME, one)).collect();
    Json(json!({ "findings": findings })).into_response()
}

/// What a policy would change for what was recorded.
pub(super) async fn play(
    State(shared): State<Arc<Shared>>,
    played: Result<Json<Played>, JsonRejection>,
) -> Response {
    let Ok(Json(played)) = played else {
        let told = "it takes {\"policy\": TEXT, \"capture\": NAME or null}";
        return refusal(StatusCode::BAD_REQUEST, told);
    };
    let policy = Policy::parse(played.policy.as_bytes(), clock::now()).policy;
    let read = move |capture: &Capture| {
        let mut replay = Replay::of(&policy, clock::now());
        each(capture, |seen| replay.play(seen))?;
        let groups = replay.groups();
        let groups: Vec<_> = groups.iter().map(replay::json).collect();
        Ok::<_, store::Error>(Some(json!({ "groups": groups }).to_string()))
    };
    asked(shared, played.capture, read).await
}

/// The least policy under which what was recorded passes.
pub(super) async fn least(
    State(shared): State<Arc<Shared>>,
    basis: Result<Json<Basis>, JsonRejection>,
) -> Response {
    let Ok(Json(basis)) = basis else {
        let told = "it takes {\"capture\": NAME or null}";
        return refusal(StatusCode::BAD_REQUEST, told);
    };
    let read = |capture: &Capture| {
        let mut gathered = Gathered::of(Wanted::default());
        each(capture, |seen| gathered.note(seen))?;
        let suggestion = suggest(gathered.needs(), clock::now());
        let told = json!({ "policy": suggestion.text, "rules": suggestion.rules });
        Ok::<_, store::Error>(Some(told.to_string()))
    };
    asked(shared, basis.capture, read).await
}

/// Tells every exchange of a capture that a policy decides.
fn each(capture: &Capture, mut tell: impl FnMut(&Seen<'_>)) -> Result<(), store::Error> {
    let mut rows = Rows::default();
    capture.columns(|columns| {
        let seen = rows.read(columns)?;
        if let Some(seen) = seen {
            tell(&seen);
        }
        Ok(())
    })
}
