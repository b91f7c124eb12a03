//! HAR files as different tools write them: however the same wire is told, the verdicts are the same.

use corstap::cors::Engine;
use serde_json::{Value, json};

use crate::support::truth::{Case, Score, cases};

/// A way to write the entries of a HAR file.
type Writing = (&'static str, fn(&mut [Value]));

/// Ways that lose nothing.
const WRITINGS: &[Writing] = &[
    ("no time taken", |all| {
        each(all, |entry| entry["time"] = json!(0));
    }),
    ("unknown time taken", |all| {
        each(all, |entry| entry["time"] = json!(-1));
    }),
    ("time taken left out", |all| {
        each(all, |entry| entry["time"] = Value::Null);
    }),
    (
        "the end of a connection at its first entry",
        end_at_the_first,
    ),
    ("last first", |all| all.reverse()),
    ("connections as numbers", |all| {
        each(all, |entry| {
            let number: Option<u64> = entry["connection"]
                .as_str()
                .and_then(|name| name.parse().ok());
            entry["connection"] = json!(number);
        });
    }),
    ("the end of a connection at its last entry", end_at_the_last),
    ("versions as numbers", |all| {
        each(all, |entry| entry["request"]["httpVersion"] = json!("1.1"));
    }),
    ("versions as in ALPN", |all| {
        each(all, |entry| {
            entry["request"]["httpVersion"] = json!("http/1.1");
        });
    }),
    ("no version", |all| {
        each(all, |entry| {
            drop(
                entry["request"]
                    .as_object_mut()
                    .and_then(|request| request.remove("httpVersion")),
            );
        });
    }),
    ("no response where there was none", |all| {
        each(all, |entry| {
            if entry["response"]["status"] == 0 && entry["response"]["_error"].is_null() {
                entry["response"] = Value::Null;
            }
        });
    }),
];

/// Ways that lose something; nothing may become wrong for it.
const LOSSY: &[Writing] = &[
    ("everything starts at once", |all| {
        each(all, |entry| {
            entry["startedDateTime"] = json!("2026-11-22T00:00:00Z");
        });
    }),
    ("no starts", |all| {
        each(all, |entry| {
            drop(
                entry
                    .as_object_mut()
                    .and_then(|entry| entry.remove("startedDateTime")),
            );
        });
    }),
    ("everything takes long", |all| {
        paced(all, 1);
        each(all, |entry| entry["time"] = json!(60_000));
    }),
    ("quick", |all| paced(all, 2)),
    ("at a browser's pace", |all| {
        paced(all, 15);
        each(all, |entry| entry["time"] = json!(4.25));
    }),
    ("no connections", |all| {
        each(all, |entry| entry["connection"] = Value::Null);
    }),
    ("connections without names", |all| {
        each(all, |entry| entry["connection"] = json!(""));
    }),
    ("no ends of connections", |all| {
        each(all, |entry| entry["_connectionEnd"] = Value::Null);
    }),
    ("no TLS sessions", |all| {
        each(all, |entry| entry["_tlsResumed"] = Value::Null);
    }),
    ("no fields but the standard's and the errors", |all| {
        each(all, |entry| {
            let fields = entry.as_object_mut().expect("an object");
            fields.retain(|name, _| !name.starts_with('_') && name != "connection");
        });
    }),
];

fn each(entries: &mut [Value], change: fn(&mut Value)) {
    entries.iter_mut().for_each(change);
}

/// Has entries start so many milliseconds after each other.
fn paced(entries: &mut [Value], millis: usize) {
    for (place, entry) in entries.iter_mut().enumerate() {
        let at = place * millis;
        entry["startedDateTime"] = json!(format!(
            "2026-11-22T00:00:{:02}.{:03}Z",
            at / 1000,
            at % 1000
        ));
    }
}

fn end_at_the_last(entries: &mut [Value]) {
    let names: Vec<Value> = entries
        .iter()
        .map(|entry| entry["connection"].clone())
        .collect();
    for (place, entry) in entries.iter_mut().enumerate() {
        if names[place + 1..].contains(&entry["connection"]) {
            entry["_connectionEnd"] = Value::Null;
        }
    }
}

fn end_at_the_first(entries: &mut [Value]) {
    entries.reverse();
    end_at_the_last(entries);
    entries.reverse();
}

/// The cases that a way of writing makes worse, with what they come to.
fn worse(
    cases: &[(Case, Engine, Score)],
    (name, write): Writing,
    is_worse: fn(&Score, &Score) -> bool,
) -> Vec<String> {
    let mut worse = Vec::new();
    for (case, engine, before) in cases {
        let mut entries = case.har_entries(*engine);
        write(&mut entries);
        let after = case.score_by(*engine, &entries);
        if is_worse(before, &after) {
            worse.push(format!(
                "{name}, {}: {} {before:?} {after:?}",
                engine.name(),
                case.id()
            ));
        }
    }
    worse
}

/// Some of the truth cases, judged as they were recorded; all of them take a while.
fn judged() -> Vec<(Case, Engine, Score)> {
    let step = if std::env::var_os("CORSTAP_FULL").is_some() {
        1
    } else {
        5
    };
    let mut judged = Vec::new();
    for engine in Engine::ALL {
        let with_wire = cases().into_iter().filter(|case| case.has_wire(engine));
        for case in with_wire.step_by(step) {
            let score = case.score(engine);
            judged.push((case, engine, score));
        }
    }
    judged
}

fn rank(score: &Score) -> u8 {
    match score {
        Score::Right => 2,
        Score::Among => 1,
        Score::Wrong(_) => 0,
    }
}

#[test]
fn verdicts_do_not_depend_on_how_a_file_is_written() {
    let judged = judged();
    let all: Vec<String> = WRITINGS
        .iter()
        .flat_map(|writing| {
            worse(&judged, *writing, |before, after| {
                rank(after) < rank(before)
            })
        })
        .collect();
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn what_a_file_leaves_out_makes_nothing_wrong() {
    let judged = judged();
    let all: Vec<String> = LOSSY
        .iter()
        .flat_map(|writing| {
            worse(&judged, *writing, |before, after| {
                rank(after) == 0 && rank(before) > 0
            })
        })
        .collect();
    assert!(all.is_empty(), "{}", all.join("\n"));
}
