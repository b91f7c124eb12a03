//! The browser's own word on a request: what it made of it, and what in the page asked for it.

use serde::{Deserialize, Serialize};

use super::{Moment, Request};

/// Stands for a method that a browser does not tell.
pub const UNTOLD: &str = "-";

/// What a browser tells of one request: one hop of a load, or one preflight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// How it is told.
    pub teller: Teller,
    /// The request, with the fields that the browser tells of.
    pub request: Request,
    /// When it was made.
    pub started: Moment,
    /// Whether it went out, as far as the browser tells.
    pub way: Way,
    /// What the browser made of it.
    pub said: Said,
    /// What asked for it.
    pub initiator: Option<Initiator>,
}

impl Word {
    /// Whether it is about a failure that the browser itself made of a request it never sent.
    pub fn is_unsent(&self) -> bool {
        match (self.way, &self.said) {
            (_, Said::Nothing | Said::Passed) | (Way::Sent, _) => false,
            (Way::Untold, said) => matches!(said, Said::Refused { .. }),
            (Way::Kept, Said::Refused { .. } | Said::Failed { .. }) => true,
        }
    }
}

/// The protocol that a browser tells by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Teller {
    /// The DevTools protocol.
    DevTools,
    /// WebDriver BiDi.
    BiDi,
}

/// Whether a request went out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It did.
    Sent,
    /// It did not: what came of it was settled in the browser.
    Kept,
    /// The browser does not tell.
    Untold,
}

/// What a browser made of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// Nothing: it goes on, or the page gave it up.
    Nothing,
    /// Its network let the page have the answer.
    Passed,
    /// A rule keeps it from the page.
    Refused {
        /// Whose.
        by: Bar,
        /// The browser's name for the reason.
        code: String,
        /// What that is about, where the browser names it.
        parameter: Option<String>,
    },
    /// The load failed, for no rule.
    Failed {
        /// The browser's name for the reason.
        code: String,
    },
}

/// What keeps a request or its answer from a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bar {
    /// The CORS protocol.
    Cors,
    /// Cross-Origin-Resource-Policy.
    Corp,
    /// Cross-Origin-Embedder-Policy.
    Coep,
    /// Opaque-response blocking.
    Orb,
    /// Mixed content.
    MixedContent,
    /// Content Security Policy.
    Csp,
    /// Local network access.
    LocalNetwork,
    /// Something in the browser itself: an extension, its own lists.
    Client,
}

/// What in a page asked for a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Initiator {
    /// What kind of thing it is, in the browser's word: `script`, `parser`, `preflight` …
    #[serde(rename = "type")]
    pub kind: String,
    /// The script or the page, where the browser tells.
    pub url: Option<String>,
    /// The line in it, from 1.
    pub line: Option<u32>,
    /// The column in the line, from 1.
    pub column: Option<u32>,
    /// The function.
    pub function: Option<String>,
}
