//! Firefox, asked what it makes of a case.

use std::path::PathBuf;

use corstap::browser::Error;
use corstap::browser::bidi::{BiDi, Complaint, Event};
use corstap::browser::firefox::{Browser, Launch};
use corstap::cors::{Engine, Outcome, Rule};
use serde_json::Value;

use super::outcome;
use crate::support::scene::Rig;
use crate::support::truth::{Case, Expected};

/// A Firefox that uses the rig's proxy.
pub async fn start(program: PathBuf, rig: &Rig) -> Browser {
    let launch = Launch {
        program: Some(program),
        proxy: rig.proxy,
        ca_pem: rig.ca_pem.clone(),
    };
    let started = launch.start().await;
    started.unwrap_or_else(|error| panic!("{error}"))
}

/// Has the browser do what the case's script did, in a context of its own, and asks what came of
/// the judged step.
pub async fn ask(bidi: &mut BiDi, case: &Case) -> Result<Expected, Error> {
    let context = bidi.open_context().await?;
    let tab = bidi.open_tab(&context).await?;
    bidi.navigate(&tab, &case.page_url(Engine::Firefox)).await?;
    let (steps, judged) = case.steps(Engine::Firefox);
    let mut saw = Value::Null;
    for step in &steps[..=judged] {
        bidi.take_console(&tab).await?;
        bidi.take_events();
        saw = bidi.evaluate(&tab, &format!("step({step})")).await?;
    }
    // A frame's process, too, passes on what the browser had to say before it answers this.
    bidi.evaluate(&tab, "step({ kind: 'pause' })").await?;
    let complaints = bidi.take_console(&tab).await?;
    let events = bidi.take_events();
    bidi.close_context(context).await?;
    Ok(said(&complaints, &events, &steps[judged], &saw))
}

fn said(complaints: &[Complaint], events: &[Event], step: &Value, saw: &Value) -> Expected {
    let errors = complaints.iter().filter(|told| !told.is_warning);
    let mut errors =
        errors.map(|told| told.category.trim_end_matches(|c: char| c.is_ascii_digit()));
    // It did not succeed, but for no reason that CORS knows.
    let of_cors = errors
        .clone()
        .find(|category| category.starts_with("CORS") && *category != "CORSDidNotSucceed");
    let is_blocked = errors.any(is_rule)
        || complaints.iter().any(|told| told.category == "ORB")
        || events.iter().any(is_refused);
    let outcome = if of_cors.is_some() || is_blocked {
        Outcome::Blocked
    } else {
        outcome(step, saw)
    };
    Expected {
        outcome,
        by: of_cors.map(|_| Rule::Cors),
        code: of_cors.map(str::to_owned),
    }
}

/// Whether errors of a category tell of a rule that the browser enforces beside CORS.
fn is_rule(category: &str) -> bool {
    matches!(category, "COEP" | "MIMEMISMATCH" | "Sub-resource Integrity")
}

/// Whether the browser refuses what has come.
fn is_refused(event: &Event) -> bool {
    let error = event.params["errorText"].as_str().unwrap_or_default();
    matches!(
        error,
        "NS_ERROR_DOM_CORP_FAILED" | "NS_ERROR_DOM_COEP_FAILED"
    )
}
