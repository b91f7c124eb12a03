//! Papers made of what went over the wire, without a capture in between.

use corstap::exchange::secret::{Redactor, Values};
use corstap::report::paper::{About, Group, Paper, Source, Sources, paper};
use corstap::report::{har, offline};
use serde_json::{Value, json};

/// The exchanges of a HAR file, their secrets withheld.
pub fn sources(har: &[u8]) -> Sources {
    let redactor = Redactor::new(&[7; 32], Values::Harmless);
    let events = har::parse(har).expect("a HAR file").events;
    let told = offline::tell(&events, &redactor).into_iter();
    told.map(|told| {
        let source = Source {
            rev: 1,
            recorded: told.recorded,
            judgement: told.judgement,
        };
        (source.recorded.id, source)
    })
    .collect()
}

pub fn about() -> About {
    About {
        capture: "tests".to_owned(),
        ..About::default()
    }
}

/// A paper on everything that fails, each in a section of its own.
pub fn failures(sources: &Sources) -> Paper {
    let failed = sources
        .values()
        .filter(|source| source.judgement.verdict.is_failure());
    let groups: Vec<Group> = failed
        .map(|source| Group {
            ids: vec![source.recorded.id],
        })
        .collect();
    paper(&about(), &groups, sources)
}

pub type Lines<'a> = &'a [(&'a str, &'a str)];

/// An entry of a HAR file.
pub fn entry(method: &str, url: &str, request: Lines<'_>, status: u16, answer: Lines<'_>) -> Value {
    let lines = |lines: Lines<'_>| -> Vec<Value> {
        let lines = lines.iter();
        lines
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect()
    };
    json!({
        "startedDateTime": "2026-11-22T13:05:11Z", "time": 5,
        "request": {"method": method, "url": url, "httpVersion": "HTTP/1.1", "headers": lines(request)},
        "response": {"status": status, "headers": lines(answer)},
    })
}

pub fn har_of(entries: &[Value]) -> Vec<u8> {
    json!({"log": {"version": "1.2", "entries": entries}})
        .to_string()
        .into_bytes()
}
