//! What Firefox writes into its console of requests: what is about one that was sent, and what alone tells of
//! one that was not.

use std::sync::Arc;

use serde::Deserialize;

use super::origin_of;
use crate::exchange::word::{Bar, Said, Teller, UNTOLD, Way};
use crate::exchange::{AskedUrl, HeaderList, Initiator, Moment, Request, Word};

/// What Firefox says of a request by a scheme for which nothing is sent, and of a document that no page may
/// load.
const ELSEWHERE: [&str; 2] = ["CORSRequestNotHttp", "SOP"];

/// What it says of an answer that passes now, and would not by the standard.
const WARNING: &str = "CORSAllowHeaderFromPreflightDeprecation";

/// What is in the categories of what a policy would keep back that is only reported.
const REPORTED: &str = "CSPRO";

/// What Firefox says of a `WebSocket` that it did not open, or that broke.
const SOCKET: &str = "Web Socket";

/// What the console says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Message {
    /// Of what kind it is, as in `CORSMissingAllowOrigin2`: the same in every language.
    pub category: String,
    /// The words, in the browser's language.
    pub text: String,
    /// The script that it is about.
    #[serde(default)]
    pub source: String,
    /// The line in it, from 1.
    #[serde(default)]
    pub line: u32,
    /// The column in the line, from 1.
    #[serde(default)]
    pub column: u32,
}

/// Whether messages of a category are about one request each that was sent.
pub(super) fn is_of_request(category: &str) -> bool {
    let is_cors = category.starts_with("CORS") && !is_elsewhere(category);
    is_cors && plain(category) != WARNING || category == SOCKET
}

/// What a message tells that is about a request that was never sent.
pub(super) fn unsent(message: &Message, now: Moment) -> Option<Arc<Word>> {
    if is_elsewhere(&message.category) {
        return elsewhere(message, now);
    }
    kept_back(message, kept_back_by(&message.category)?, now)
}

fn is_elsewhere(category: &str) -> bool {
    ELSEWHERE.contains(&plain(category))
}

/// A category without its trailing digit, which counts the wordings.
pub(super) fn plain(category: &str) -> &str {
    category.trim_end_matches(|last: char| last.is_ascii_digit())
}

/// The rule that keeps requests in the browser, of which the console alone tells.
fn kept_back_by(category: &str) -> Option<Bar> {
    if category.contains(REPORTED) {
        None
    } else if category.starts_with("CSP") {
        Some(Bar::Csp)
    } else if category.starts_with("Mixed Content") {
        Some(Bar::MixedContent)
    } else {
        None
    }
}

/// A request by a scheme for which nothing is sent. The message may name the page too.
fn elsewhere(message: &Message, now: Moment) -> Option<Arc<Word>> {
    let ends = |last: char| last.is_whitespace() || "”“\"’‘".contains(last);
    let named = message.text.split(ends).filter(|word| word.contains("://"));
    let mut named = named.filter_map(|word| AskedUrl::parse(word.trim_end_matches('.')));
    let url = named.rfind(AskedUrl::is_never_sent)?;
    let code = plain(&message.category).to_owned();
    let said = if code.starts_with("CORS") {
        Said::Refused {
            by: Bar::Cors,
            code,
            parameter: None,
        }
    } else {
        Said::Failed { code }
    };
    Some(Arc::new(Word {
        teller: Teller::BiDi,
        request: Request {
            method: UNTOLD.to_owned(),
            url,
            headers: HeaderList::default(),
        },
        started: now,
        way: Way::Kept,
        said,
        initiator: None,
    }))
}

/// A request that was kept back.
fn kept_back(message: &Message, by: Bar, now: Moment) -> Option<Arc<Word>> {
    let start = message.text.find("http")?;
    let address = message.text.get(start..)?;
    let ends = |last: char| last.is_whitespace() || "”“\"’".contains(last);
    let url = AskedUrl::parse(address.split(ends).next()?)?;
    let is_script = !message.source.is_empty();
    let origin = is_script.then(|| origin_of(&message.source));
    let origin = origin.filter(|origin| !url.has_origin(origin.as_bytes()));
    Some(Arc::new(Word {
        teller: Teller::BiDi,
        request: Request {
            method: UNTOLD.to_owned(),
            url,
            headers: origin.iter().map(|origin| ("Origin", origin)).collect(),
        },
        started: now,
        way: Way::Kept,
        said: Said::Refused {
            by,
            code: message.category.clone(),
            parameter: None,
        },
        initiator: is_script.then(|| Initiator {
            kind: "script".to_owned(),
            url: Some(message.source.clone()),
            line: Some(message.line).filter(|line| *line > 0),
            column: Some(message.column).filter(|column| *column > 0),
            function: None,
        }),
    }))
}
