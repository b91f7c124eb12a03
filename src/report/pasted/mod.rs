//! Console messages, pasted: which engine prints that, for which causes, and what it says of the
//! request.
//!
//! The templates are those of the [`catalogue`], and those of what is taken for
//! CORS. They may stand anywhere in the text: behind a place in a file, quoted by another tool, broken
//! into lines.

mod alike;
mod narrow;
mod plain;
mod template;

use serde::Serialize;

use self::alike::{Alike, GENERAL};
use self::narrow::{narrow, send};
use self::plain::plain;
use self::template::{Found, Template};
use super::catalogue::{self, Entry};
use crate::cors::{Cause, Engine};

/// What a console message comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reading {
    /// The engine that prints it; nothing where several do.
    pub engine: Option<Engine>,
    /// The engine's code for it, or the name given here to its text.
    pub code: Option<&'static str>,
    /// What was asked for.
    pub url: Option<String>,
    /// From where the request was redirected there.
    pub redirected_from: Option<String>,
    /// The origin of the page.
    pub origin: Option<String>,
    /// Whether it is about the preflight.
    pub is_preflight: bool,
    /// The name or value that it is about.
    pub parameter: Option<String>,
    /// The status of the answer.
    pub status: Option<u16>,
    /// What it may come from, the likeliest first.
    pub candidates: Vec<Entry>,
    /// What the server is to send, where the message tells.
    pub send: Vec<String>,
}

/// What a template stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Meaning {
    engine: Option<Engine>,
    code: Option<&'static str>,
    of: Of,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    /// The causes for which an engine prints its code.
    Causes,
    /// Something else in the catalogue, by its code.
    Code(&'static str),
}

/// What console messages in a text come to, in their order; nothing where there is none.
pub fn read(text: &str) -> Vec<Reading> {
    let text = plain(text);
    let mut read = readings(&text, &templates());
    if read.is_empty() {
        read = readings(&text, &GENERAL.iter().map(of_alike).collect::<Vec<_>>());
    }
    read
}

/// Everything that is printed, with what it stands for.
fn templates() -> Vec<(Template, Meaning)> {
    let mut all = Vec::new();
    for cause in Cause::ALL {
        for printed in catalogue::printed(cause) {
            let meaning = Meaning {
                engine: Some(printed.engine),
                code: Some(printed.code),
                of: Of::Causes,
            };
            let says = alike::older(printed.engine, printed.code).chain([printed.says]);
            for says in says {
                let template = Template::of(says);
                if !all.contains(&(template.clone(), meaning)) {
                    all.push((template, meaning));
                }
            }
        }
    }
    all.extend(alike::ALL.iter().map(of_alike));
    all
}

fn of_alike(alike: &Alike) -> (Template, Meaning) {
    let meaning = Meaning {
        engine: alike.engine,
        code: None,
        of: Of::Code(alike.code),
    };
    (Template::of(alike.says), meaning)
}

fn readings(text: &str, templates: &[(Template, Meaning)]) -> Vec<Reading> {
    let found = templates.iter().flat_map(|(template, meaning)| {
        let all = template.find_all(text).into_iter();
        all.map(move |found| (found, *meaning))
    });
    let mut begins = 0;
    let mut read = Vec::new();
    for (found, meanings) in apart(found.collect()) {
        let before = text.get(begins..found.start).unwrap_or_default();
        let after = text.get(found.end..).unwrap_or_default();
        begins = found.end;
        read.extend(reading(before, &found, after, &meanings));
    }
    read
}

/// What was found, in its order: where templates overlap, that of which most is there.
fn apart(mut all: Vec<(Found, Meaning)>) -> Vec<(Found, Vec<Meaning>)> {
    all.sort_by_key(|(found, _)| (std::cmp::Reverse(found.literal), found.start));
    let mut kept: Vec<(Found, Vec<Meaning>)> = Vec::new();
    for (found, meaning) in all {
        match kept.iter_mut().find(|(other, _)| other.overlaps(&found)) {
            Some((other, meanings)) if other.literal == found.literal => meanings.push(meaning),
            Some(_) => {}
            None => kept.push((found, vec![meaning])),
        }
    }
    kept.sort_by_key(|(found, _)| found.start);
    kept
}

/// Chromium prints the same for a preflight, with a sentence before it.
const PREFLIGHT: &str = "to preflight request doesn't pass access control check";

fn reading(before: &str, found: &Found, after: &str, meanings: &[Meaning]) -> Option<Reading> {
    let is_preflight = before.contains(PREFLIGHT);
    let of_phase = |meaning: &&Meaning| {
        let code = meaning.code.unwrap_or_default();
        let has_two = meanings
            .iter()
            .any(|other| other.code.is_some_and(|other| is_other_phase(code, other)));
        !has_two || code.starts_with("Preflight") == is_preflight
    };
    let meaning = meanings.iter().find(of_phase)?;
    let is_webkit = meaning.engine == Some(Engine::Webkit);
    let behind = if is_webkit { after } else { "" };
    let is_one = meanings.iter().all(|other| other.engine == meaning.engine);
    let mut reading = Reading {
        engine: meaning.engine.filter(|_| is_one),
        code: meaning.code.filter(|_| is_one),
        url: asked_for(before, &found.text, behind),
        redirected_from: template::after(before, "(redirected from "),
        origin: template::after(before, "from origin "),
        is_preflight: is_preflight
            || meaning
                .code
                .is_some_and(|code| code.to_ascii_lowercase().contains("preflight")),
        parameter: found.parameter.clone(),
        status: template::status(&found.text).or_else(|| template::status(after)),
        candidates: candidates(meanings, meaning),
        send: Vec::new(),
    };
    narrow(&mut reading);
    reading.send = send(&reading);
    Some(reading)
}

/// What was asked for: where the engine has it before its reason or, as Safari, behind it.
fn asked_for(before: &str, text: &str, after: &str) -> Option<String> {
    const BEFORE: [&str; 4] = [
        "Access to ",
        "remote resource at ",
        "redirection to ",
        "cannot load ",
    ];
    let named = BEFORE
        .iter()
        .find_map(|words| Some(before.rsplit_once(words)?.1));
    let behind = || Some(after.split_once("cannot load ")?.1);
    named
        .and_then(template::url)
        .or_else(|| behind().and_then(template::url))
        .or_else(|| template::url(text))
        .or_else(|| template::url(before))
}

fn is_other_phase(code: &str, other: &str) -> bool {
    code.strip_prefix("Preflight") == Some(other) || other.strip_prefix("Preflight") == Some(code)
}

fn candidates(meanings: &[Meaning], chosen: &Meaning) -> Vec<Entry> {
    let mut candidates: Vec<Entry> = Vec::new();
    let same_engine = |meaning: &&Meaning| meaning == &chosen || meaning.engine != chosen.engine;
    for meaning in meanings.iter().filter(same_engine) {
        let found = match (meaning.of, meaning.engine, meaning.code) {
            (Of::Code(code), _, _) => catalogue::find(code),
            (Of::Causes, Some(engine), Some(code)) => catalogue::printed_for(engine, code),
            (Of::Causes, _, _) => Vec::new(),
        };
        for entry in found {
            if candidates.iter().all(|known| known.code != entry.code) {
                candidates.push(entry);
            }
        }
    }
    candidates
}

#[cfg(test)]
mod tests;
