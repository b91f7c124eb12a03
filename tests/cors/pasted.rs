//! Console messages of real browsers, as they were recorded: each leads back to its cause.

use std::path::Path;

use corstap::cors::{Cause, Engine, Phase};
use corstap::report::pasted::read;
use serde_json::Value;

fn cases() -> Vec<Value> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/truth.jsonl");
    let text = std::fs::read_to_string(file).expect("the data is there");
    let lines = text.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().expect("JSON")
}

/// What an engine printed in a case.
fn messages(case: &Value, engine: Engine) -> Vec<String> {
    let said = match engine {
        Engine::Chromium => &case["chromium"]["console"],
        Engine::Firefox => &case["firefox"]["message"],
        Engine::Webkit => &case["webkit"]["message"],
    };
    let all = said
        .as_array()
        .map_or(std::slice::from_ref(said), Vec::as_slice);
    all.iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

fn code(case: &Value, engine: Engine) -> Option<String> {
    let (object, field) = match engine {
        Engine::Chromium => ("chromium", "cors_error"),
        Engine::Firefox => ("firefox", "category"),
        Engine::Webkit => ("webkit", "code"),
    };
    let code = case[object][field].as_str()?;
    Some(
        code.trim_end_matches(|last: char| last.is_ascii_digit())
            .to_owned(),
    )
}

#[test]
fn what_browsers_said_leads_back_to_the_code_they_said_it_for() {
    let (mut wrong, mut right) = (Vec::new(), 0);
    for case in &cases() {
        for engine in Engine::ALL {
            let Some(code) = code(case, engine) else {
                continue;
            };
            for message in messages(case, engine) {
                let all = read(&message);
                let phases = [Phase::Actual, Phase::Preflight];
                let has_code = |cause: Cause| {
                    let codes = phases.map(|phase| cause.code(engine, phase, None));
                    codes.contains(&Some(code.as_str()))
                };
                let is_right = matches!(&all[..], [one] if one.engine == Some(engine)
                && one.code == Some(&code)
                && Cause::ALL.into_iter().filter(|cause| has_code(*cause)).all(|cause| {
                    cause == Cause::RedirectOriginNull
                        || cause == Cause::AuthorizationNeedsListing
                        || one.candidates.iter().any(|entry| entry.code == cause.name())
                }));
                if is_right {
                    right += 1;
                } else {
                    wrong.push(format!(
                        "{} {}: {message}\n{all:?}",
                        case["id"],
                        engine.name()
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(right > 900, "{right}");
}

#[test]
fn parameters_are_those_that_the_browsers_tell() {
    for case in &cases() {
        let told = &case["chromium"]["failed_parameter"];
        let Some(parameter) = told.as_str().filter(|parameter| !parameter.is_empty()) else {
            continue;
        };
        for message in messages(case, Engine::Chromium) {
            // Where the message does not have it, nobody can.
            if message.contains(&format!("'{parameter}'"))
                || message.contains(&format!(" {parameter} "))
            {
                let all = read(&message);
                let found = all.first().and_then(|one| one.parameter.as_deref());
                assert_eq!(found, Some(parameter), "{message}");
            }
        }
    }
}

#[test]
fn what_was_blocked_by_other_rules_is_not_taken_for_cors() {
    let mut wrong = Vec::new();
    for case in &cases() {
        for (engine, name) in [
            (Engine::Chromium, "chromium"),
            (Engine::Firefox, "firefox"),
            (Engine::Webkit, "webkit"),
        ] {
            let block = case[name]["block"].as_str().unwrap_or("cors");
            let wanted: &[&str] = match block {
                "csp" => &["csp"],
                "mixed-content" => &["mixed-content-blocked"],
                "orb" => &["orb-suspected"],
                "corp" => &["corp-blocked"],
                "sri" => &["sri"],
                "mime-type" => &["mime-type"],
                "local-network-access" => &["lna-denied", "lna-insecure", "lna-target-mismatch"],
                _ => continue,
            };
            for message in messages(case, engine) {
                let found = read(&message);
                // Firefox has a line that says nothing for some of them, and takes a module of a wrong
                // type for one that did not come.
                let is_silent = message.starts_with("Loading failed for")
                    || block == "mime-type" && message.contains("CORS request did not succeed");
                let is_right = found
                    .iter()
                    .any(|one| wanted.contains(&one.candidates[0].code));
                if !is_right && !is_silent {
                    wrong.push(format!("{block} {name}: {message}"));
                }
            }
        }
    }
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
