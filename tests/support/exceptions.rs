//! The truth cases that we do not judge as the browser did, with the reasons.

use std::collections::BTreeSet;
use std::path::Path;

use corstap::cors::Engine;
use corstap::exchange::Protocol;
use serde::Deserialize;

#[derive(Deserialize)]
struct File {
    exceptions: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    reason: String,
    /// The one protocol over which they are exceptions, if it is one; and then not always.
    over: Option<Protocol>,
    #[serde(default)]
    chromium: Vec<String>,
    #[serde(default)]
    firefox: Vec<String>,
    #[serde(default)]
    webkit: Vec<String>,
}

/// The cases that are an exception in an engine.
pub fn exceptions(engine: Engine) -> BTreeSet<String> {
    listed("tests/cors/exceptions.toml", engine, None)
}

/// The cases that are an exception in an engine whenever they are played live, and only then.
pub fn live_exceptions(engine: Engine) -> BTreeSet<String> {
    listed("tests/browser/exceptions.toml", engine, None)
}

/// Those that are one now and then when they are played over that protocol, too.
pub fn live_exceptions_over(engine: Engine, over: Protocol) -> BTreeSet<String> {
    listed("tests/browser/exceptions.toml", engine, Some(over))
}

fn listed(file: &str, engine: Engine, over: Option<Protocol>) -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = std::fs::read_to_string(path).expect("the exceptions are there");
    let file: File = toml::from_str(&text).expect("the exceptions are TOML");
    let of_engine = |entry: Entry| {
        assert!(!entry.reason.is_empty(), "every exception has a reason");
        match engine {
            Engine::Chromium => entry.chromium,
            Engine::Firefox => entry.firefox,
            Engine::Webkit => entry.webkit,
        }
    };
    let is_over = |entry: &Entry| entry.over.is_none() || entry.over == over;
    let entries = file.exceptions.into_iter().filter(is_over);
    entries.flat_map(of_engine).collect()
}
