//! Cells in words: a table for people, objects for programs.

use std::fmt::Write;

use serde::Serialize;

use super::access::Access;
use super::cell::{Cell, Comparison};
use super::findings::value;
use super::matrix::Asks;
use super::origins::Likeness;
use super::request::Fetch;
use crate::report::text::printable;

/// What is told of an answer's fields: nothing in them is a secret.
const TOLD: [&str; 8] = [
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-expose-headers",
    "access-control-max-age",
    "vary",
    "cache-control",
];

/// The cells, a line each, what differs in capitals.
pub fn table(cells: &[Cell], fetch: Fetch) -> String {
    let rows: Vec<[String; 5]> = cells.iter().map(|cell| row(cell, fetch)).collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: [usize; 5] = std::array::from_fn(width);
    let mut table = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            let _ = write!(line, "{cell:width$}  ");
        }
        table.push_str(line.trim_end());
        table.push('\n');
    }
    table
}

fn row(cell: &Cell, fetch: Fetch) -> [String; 5] {
    let comparison = cell.comparison();
    let word = if comparison == Comparison::Agrees {
        comparison.word().to_owned()
    } else {
        comparison.word().to_uppercase()
    };
    let (origin, likeness) = match &cell.question.origin {
        Some(origin) => (origin.origin.clone(), origin.likeness.word()),
        None => ("(no Origin)".to_owned(), ""),
    };
    [
        word,
        request(&cell.question.asks, fetch),
        origin,
        likeness.to_owned(),
        printable(&outcome(cell)).into_owned(),
    ]
}

fn request(asks: &Asks, fetch: Fetch) -> String {
    match asks {
        Asks::Page => fetch.method().to_owned(),
        Asks::NoSuchPage => format!("{} no such page", fetch.method()),
        Asks::Preflight { method, headers } => format!("preflight {method} {}", headers.join(","))
            .trim_end()
            .to_owned(),
    }
}

/// What the server does, and what the policy says where that is something else.
fn outcome(cell: &Cell) -> String {
    let answer = match &cell.answer {
        Ok(answer) => answer,
        Err(why) => return why.clone(),
    };
    let status = answer.head.status;
    let Some(found) = cell.found().filter(|_| cell.question.origin.is_some()) else {
        return format!("{status}");
    };
    let because = answer.reading.because.filter(|_| found == Access::Refused);
    let because = because.map(|cause| format!(": {}", cause.name()));
    let said = match cell.comparison() {
        Comparison::Wider | Comparison::Narrower => format!(" (policy: {})", cell.expected.word()),
        Comparison::Agrees | Comparison::Unanswered => String::new(),
    };
    format!(
        "{status} {}{}{said}",
        found.word(),
        because.unwrap_or_default()
    )
}

/// A cell as JSON.
#[derive(Debug, Serialize)]
pub struct Record<'a> {
    comparison: Comparison,
    method: &'static str,
    asks: &'static str,
    origin: Option<&'a str>,
    likeness: Option<Likeness>,
    preflight: Option<Preflight<'a>>,
    policy: Access,
    server: Option<Access>,
    because: Option<&'static str>,
    status: Option<u16>,
    headers: Vec<(&'static str, String)>,
    unanswered: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Preflight<'a> {
    method: &'a str,
    headers: &'a [String],
}

impl<'a> Record<'a> {
    /// The object for a cell.
    pub fn new(cell: &'a Cell, fetch: Fetch) -> Self {
        let (asks, method, preflight) = match &cell.question.asks {
            Asks::Page => ("page", fetch.method(), None),
            Asks::NoSuchPage => ("no-such-page", fetch.method(), None),
            Asks::Preflight { method, headers } => {
                ("preflight", "OPTIONS", Some(Preflight { method, headers }))
            }
        };
        let origin = cell.question.origin.as_ref();
        let answer = cell.answer.as_ref().ok();
        let because = answer.and_then(|answer| answer.reading.because);
        Self {
            comparison: cell.comparison(),
            method,
            asks,
            origin: origin.map(|one| &*one.origin),
            likeness: origin.map(|one| one.likeness),
            preflight,
            policy: cell.expected,
            server: cell.found().filter(|_| origin.is_some()),
            because: because
                .filter(|_| origin.is_some())
                .map(crate::cors::Cause::name),
            status: cell.head().map(|head| head.status),
            headers: told(cell),
            unanswered: cell.answer.as_ref().err().map(String::as_str),
        }
    }
}

fn told(cell: &Cell) -> Vec<(&'static str, String)> {
    let field = |name| Some((name, value(cell.head()?, name)?));
    TOLD.into_iter().filter_map(field).collect()
}
