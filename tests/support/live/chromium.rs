//! Chromium, asked what it makes of a case.

use std::path::PathBuf;

use corstap::browser::devtools::Event;
use corstap::browser::{Browser, DevTools, Error, Launch};
use corstap::cors::{Engine, Outcome, Rule};
use serde_json::{Value, json};

use super::{Said, names, outcome};
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
pub async fn ask(devtools: &mut DevTools, case: &Case) -> Result<Said, Error> {
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

fn said(events: &[Event], step: &Value, saw: &Value) -> Said {
    let failed: Vec<&Event> = events
        .iter()
        .filter(|event| event.method == "Network.loadingFailed")
        .collect();
    let status = failed
        .iter()
        .map(|event| &event.params["corsErrorStatus"])
        .find(|status| status["corsError"].is_string());
    let cors = status.and_then(|status| status["corsError"].as_str());
    let named = status.and_then(|status| status["failedParameter"].as_str());
    let by = match cors {
        Some(_) => Some(Rule::Cors),
        None => failed.iter().copied().find_map(blocked_by),
    };
    let by = by.or_else(|| events.iter().find_map(refused_by));
    let is_blocked = by.is_some() || failed.iter().copied().any(is_blocked);
    // A frame shows a page of the browser's own then, which loads.
    let is_lost = failed
        .iter()
        .any(|failed| failed.params["type"] == "Document");
    let made = Expected {
        outcome: if is_blocked {
            Outcome::Blocked
        } else if is_lost {
            Outcome::Failed
        } else {
            outcome(step, saw)
        },
        by,
        code: cors.map(str::to_owned),
    };
    Said {
        made,
        named: named.filter(|named| !named.is_empty()).map(str::to_owned),
        readable: names(saw),
    }
}

/// Whether a rule stopped a load: of its own accord the script asks for its own origin only.
fn is_blocked(failed: &Event) -> bool {
    let reason = failed.params["blockedReason"].as_str();
    reason.is_some_and(|reason| reason != "origin")
}

/// The rule beside CORS that a load was stopped by, if it is told.
fn blocked_by(failed: &Event) -> Option<Rule> {
    if failed.params["errorText"] == "net::ERR_BLOCKED_BY_ORB" {
        return Some(Rule::Orb);
    }
    match failed.params["blockedReason"].as_str()? {
        "csp" => Some(Rule::Csp),
        "mixed-content" => Some(Rule::MixedContent),
        "content-type" => Some(Rule::MimeType),
        "integrity" => Some(Rule::Sri),
        reason if reason.contains("coep") => Some(Rule::Coep),
        reason if reason.starts_with("corp") => Some(Rule::Corp),
        _ => None,
    }
}

/// The rule by which the browser says that it refuses what has come: the log alone tells of
/// integrity, and of the type of modules.
fn refused_by(event: &Event) -> Option<Rule> {
    let entry = &event.params["entry"];
    let text = entry["text"].as_str().unwrap_or_default();
    if event.method != "Log.entryAdded" || entry["level"] != "error" {
        None
    } else if text.contains("integrity") {
        Some(Rule::Sri)
    } else if text.starts_with("Mixed Content") {
        Some(Rule::MixedContent)
    } else if text.starts_with("Refused to display") {
        Some(Rule::XFrameOptions)
    } else if text.starts_with("Framing ") && !text.contains("report-only") {
        Some(Rule::Csp)
    } else if text.starts_with("Failed to load module script") || is_of_type(text) {
        Some(Rule::MimeType)
    } else {
        None
    }
}

/// An `EventSource` just fails.
fn is_of_type(text: &str) -> bool {
    text.contains("MIME type") && !text.starts_with("EventSource")
}
