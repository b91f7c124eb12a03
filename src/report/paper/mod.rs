//! Papers: failures told to those who did not see them, for a bug report that is safe to paste.
//!
//! What is told is made once, as a value ([`Paper`]); [`markdown`], [`html`], [`curl`] and [`har`]
//! are ways to write it down, and its own form in JSON is another. Everything that came over the wire
//! is inert in each of them.

mod ask;
mod chain;
mod compose;
pub mod curl;
mod diff;
mod facts;
pub mod har;
pub mod html;
mod inert;
pub mod markdown;
mod page;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value as Json;

pub use self::chain::related;
pub use self::compose::{paper, target};

use crate::cors::verdict::Basis;
use crate::cors::{Cause, Confidence, Engine, Judgement, Outcome, Phase};
use crate::exchange::ExchangeId;
use crate::exchange::recorded::Recorded;

/// The version of the form in JSON.
pub const VERSION: u32 = 1;

/// An exchange that a paper can draw on.
#[derive(Clone, Debug)]
pub struct Source {
    /// How many judgements it has had.
    pub rev: u32,
    /// The exchange.
    pub recorded: Recorded,
    /// The judgement on it.
    pub judgement: Judgement,
}

/// The exchanges that a paper can draw on.
pub type Sources = BTreeMap<ExchangeId, Source>;

/// Failures of one cause, of one page at one server: a section. The last one is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Which they are, in order.
    pub ids: Vec<ExchangeId>,
}

/// What a paper is about.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// The name of the capture.
    pub capture: String,
    /// Whether the capture holds all values, secrets included.
    pub has_all_values: bool,
    /// The fields whose values are told all the same, because the user named them.
    pub included: Vec<String>,
    /// How many groups of failures are not told.
    pub left_out: usize,
    /// How many exchanges were looked at, the newest ones, where there are more.
    pub looked_at: Option<u64>,
}

/// Failures, told to those who did not see them.
#[derive(Clone, Debug, Serialize)]
pub struct Paper {
    v: u32,
    corstap: &'static str,
    /// The name of the capture.
    pub capture: String,
    /// What it is about, in a line.
    pub title: String,
    /// What is withheld in it, and what is not.
    pub values: String,
    /// A section for each group of failures.
    pub sections: Vec<Section>,
    /// How many groups of failures are not told.
    pub left_out: usize,
}

/// Failures of one cause, of one page at one server.
#[derive(Clone, Debug, Serialize)]
pub struct Section {
    /// What has failed, in a line.
    pub title: String,
    /// The exchange that is told.
    pub id: ExchangeId,
    /// How many failed alike.
    pub count: usize,
    /// The first and the last of them, and what they asked for.
    pub alike: Vec<Asked>,
    /// What comes of it.
    pub outcome: Outcome,
    /// Why, by name.
    pub cause: String,
    /// In which part of the load.
    pub phase: Option<Phase>,
    /// Why, in a sentence.
    pub sentence: String,
    /// What each engine prints.
    pub messages: Vec<Message>,
    /// The other conditions that are not met.
    pub also: Vec<Cause>,
    /// What happened, in order.
    pub story: Vec<Step>,
    /// The heads that show it.
    pub evidence: Evidence,
    /// Which layer of the server is at fault.
    pub roots: Vec<RootTold>,
    /// What to change, and on whose side.
    pub remedy: String,
    /// The field lines that an answer needs to pass, where that is the remedy.
    pub send: Vec<String>,
    /// Where the standard has it.
    pub standard: Option<String>,
    /// Where and how it was seen.
    pub environment: Vec<Fact>,
    /// The requests that show it again.
    pub asks: Vec<Ask>,
    /// A script for the page's console that shows it again.
    pub page: Option<String>,
    /// The exchange, as `corstap log --json` has it.
    pub exchange: Json,
}

/// A method and a URL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// Which exchange.
    pub id: ExchangeId,
    /// The method.
    pub method: String,
    /// The URL, its secrets withheld.
    pub url: String,
}

/// What an engine prints.
#[derive(Clone, Debug, Serialize)]
pub struct Message {
    /// The engine.
    pub engine: Engine,
    /// Its code, or the name given here to its text.
    pub code: String,
    /// The text on its console.
    pub text: Option<String>,
    /// How well its rules are known.
    pub basis: Basis,
    /// Whether it is printed only if credentials are included.
    pub if_included: bool,
}

/// One exchange of the story.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// Which one.
    pub id: ExchangeId,
    /// Its part in the story.
    pub part: Part,
    /// The method.
    pub method: String,
    /// The URL, its secrets withheld.
    pub url: String,
    /// What a preflight asks for: the method and the header names.
    pub asks: Option<String>,
    /// What came back.
    pub answer: String,
    /// What came of it.
    pub outcome: Outcome,
}

/// The part of an exchange in a story.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// A preflight.
    Preflight,
    /// The request of the page.
    Request,
    /// What a redirect led to.
    Redirected,
}

impl Part {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Preflight => "preflight",
            Self::Request => "request",
            Self::Redirected => "after a redirect",
        }
    }
}

/// The heads that show a cause.
#[derive(Clone, Debug, Serialize)]
pub struct Evidence {
    /// The request, without what has no part in CORS.
    pub request: Vec<Line>,
    /// The status of the answer.
    pub status: Option<u16>,
    /// The answer.
    pub answer: Vec<Line>,
    /// The field that is not there and ought to be.
    pub absent: Option<&'static str>,
    /// What went wrong, where no answer came.
    pub ending: Option<String>,
}

/// A field line.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// The name.
    pub name: String,
    /// The value, or what stands for it.
    pub value: String,
    /// Whether it is the evidence.
    pub is_at_fault: bool,
    /// Which part of the value is wrong, in characters from 0, where that can be told.
    pub marked: Option<(usize, usize)>,
}

/// A layer of the server that is at fault.
#[derive(Clone, Debug, Serialize)]
pub struct RootTold {
    /// Its name.
    pub code: &'static str,
    /// How sure that is.
    pub confidence: Confidence,
    /// What is so.
    pub meaning: &'static str,
    /// What to change.
    pub remedy: String,
    /// The exchanges that show it.
    pub evidence: Vec<Step>,
}

/// Something about where and how a failure was seen.
#[derive(Clone, Debug, Serialize)]
pub struct Fact {
    /// What it is.
    pub name: &'static str,
    /// How it is.
    pub value: String,
}

/// A request that shows a failure again.
#[derive(Clone, Debug, Serialize)]
pub struct Ask {
    /// What it is.
    pub title: String,
    /// What to know of it.
    pub notes: Vec<String>,
    /// The method.
    pub method: String,
    /// The URL.
    pub url: String,
    /// The field lines.
    pub headers: Vec<(String, String)>,
    /// Whether it goes over HTTP/2.
    pub is_http2: bool,
}

impl Source {
    fn pair(&self) -> (&Recorded, &Judgement) {
        (&self.recorded, &self.judgement)
    }
}
