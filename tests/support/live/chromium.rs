//! Chromium, asked what it makes of a case.

use std::path::PathBuf;

use corstap::browser::devtools::Event;
use corstap::browser::{Browser, DevTools, Error, Launch};
use corstap::cors::{Engine, Outcome, Rule};
use serde_json::{Value, json};

use super::outcome;
use crate::support::scene::Rig;
use crate::support::truth::{Case, Expected};

/// A Chromium that uses the rig's proxy.
pub fn start(program: PathBuf, rig: &Rig) -> Browser {
    let launch = Launch {
        program: Some(program),
        proxy: rig.proxy,
        spki_pin: rig.spki_pin.clone(),
    };
    launch.start().unwrap_or_else(|error| panic!("{error}"))
}

/// Has the browser do what the case's script did, in a context of its own, and asks what came of
/// the judged step.
pub async fn ask(devtools: &mut DevTools, case: &Case) -> Result<Expected, Error> {
    let context = devtools.open_context().await?;
    let tab = devtools.open_tab(Some(&context)).await?;
    devtools.call(Some(&tab), "Log.enable", json!({})).await?;
    devtools
        .navigate(&tab, &case.page_url(Engine::Chromium))
        .await?;
    let (steps, judged) = case.steps(Engine::Chromium);
    let mut saw = Value::Null;
    for step in &steps[..=judged] {
        devtools.take_events(&tab).await?;
        saw = devtools.evaluate(&tab, &format!("step({step})")).await?;
    }
    let events = devtools.take_events(&tab).await?;
    devtools.close_context(context).await?;
    Ok(said(&events, &steps[judged], &saw))
}

fn said(events: &[Event], step: &Value, saw: &Value) -> Expected {
    let failed: Vec<&Event> = events
        .iter()
        .filter(|event| event.method == "Network.loadingFailed")
        .collect();
    let cors = failed
        .iter()
        .find_map(|event| event.params["corsErrorStatus"]["corsError"].as_str());
    let is_blocked = |event: &&Event| {
        let error = event.params["errorText"].as_str().unwrap_or_default();
        let reason = event.params["blockedReason"].as_str();
        // The script itself asked for its own origin only.
        reason.is_some_and(|reason| reason != "origin") || error.contains("BLOCKED_BY")
    };
    let is_blocked = failed.iter().any(is_blocked) || events.iter().any(is_refused);
    let outcome = if cors.is_some() || is_blocked {
        Outcome::Blocked
    } else {
        outcome(step, saw)
    };
    Expected {
        outcome,
        by: cors.map(|_| Rule::Cors),
        code: cors.map(str::to_owned),
    }
}

/// Whether the browser says that it refuses what has come: the log alone tells of integrity, and of
/// the type of modules.
fn is_refused(event: &Event) -> bool {
    let entry = &event.params["entry"];
    let text = entry["text"].as_str().unwrap_or_default();
    event.method == "Log.entryAdded"
        && entry["level"] == "error"
        && (text.contains("integrity")
            || text.starts_with("Failed to load module script")
            || text.contains("MIME type"))
}
