//! Firefox, asked what it makes of a case.

use std::path::PathBuf;

use corstap::browser::Error;
use corstap::browser::bidi::{BiDi, Complaint, Event};
use corstap::browser::firefox::{Browser, Launch};
use corstap::cors::{Engine, Outcome, Rule};
use serde_json::Value;

use super::{Said, names, outcome};
use crate::support::scene::Rig;
use crate::support::truth::{Case, Expected, named_in};

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
pub async fn ask(bidi: &mut BiDi, case: &Case) -> Result<Said, Error> {
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

fn said(complaints: &[Complaint], events: &[Event], step: &Value, saw: &Value) -> Said {
    let errors = complaints.iter().filter(|told| !told.is_warning);
    // It did not succeed, but for no reason that CORS knows.
    let of_cors = errors.clone().find(|told| {
        told.category.starts_with("CORS") && plain(&told.category) != "CORSDidNotSucceed"
    });
    let mut rules = errors.filter_map(rule);
    let by = of_cors
        .map(|_| Rule::Cors)
        // The console calls what the resource's policy refuses by that of the page.
        .or_else(|| events.iter().find_map(refused_by))
        .or_else(|| rules.next())
        .or_else(|| complaints.iter().find_map(opaque));
    let made = Expected {
        outcome: by.map_or_else(|| outcome(step, saw), |_| Outcome::Blocked),
        by,
        code: of_cors.map(|told| plain(&told.category).to_owned()),
    };
    Said {
        made,
        named: of_cors
            .and_then(|told| named_in(Engine::Firefox, &told.text))
            .filter(|named| !named.is_empty()),
        readable: names(saw),
    }
}

/// A category without its trailing digit, which counts the wordings.
fn plain(category: &str) -> &str {
    category.trim_end_matches(|last: char| last.is_ascii_digit())
}

/// Opaque-response blocking is told as a warning.
fn opaque(told: &Complaint) -> Option<Rule> {
    (told.category == "ORB").then_some(Rule::Orb)
}

/// The rule beside CORS that an error tells of.
fn rule(told: &Complaint) -> Option<Rule> {
    match plain(&told.category) {
        "CSS Loader" if told.text.contains("MIME type") => Some(Rule::MimeType),
        "COEP" => Some(Rule::Coep),
        "Mixed Content Blocker" => Some(Rule::MixedContent),
        "MIMEMISMATCH" => Some(Rule::MimeType),
        "Sub-resource Integrity" => Some(Rule::Sri),
        _ => None,
    }
}

/// The rule by which the browser refuses what has come.
fn refused_by(event: &Event) -> Option<Rule> {
    match event.params["errorText"].as_str()? {
        "NS_ERROR_DOM_CORP_FAILED" => Some(Rule::Corp),
        "NS_ERROR_DOM_COEP_FAILED" => Some(Rule::Coep),
        "NS_ERROR_XFO_VIOLATION" => Some(Rule::XFrameOptions),
        "NS_ERROR_CSP_FRAME_ANCESTOR_VIOLATION" => Some(Rule::Csp),
        _ => None,
    }
}
