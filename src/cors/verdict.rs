//! Verdicts: what a browser makes of an exchange, in the form they are stored and printed in.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::exchange::{ExchangeId, Initiator};
use crate::wire::headers::{from_latin1, latin1};

use super::check::Finding;
use super::engine::PerEngine;
use super::exposed::Readable;
use super::lookalike::Bar;
use super::origin::Difference;
use super::{
    Cause, Credentials, Destination, Diagnosis, Engine, Kind, LookAlike, Phase, Root, Rule,
    classify,
};

/// What comes of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The browser lets the page have it.
    Allowed,
    /// The browser refuses it.
    Blocked,
    /// It depends on the credentials mode, which is not known.
    Undecided,
    /// CORS does not apply.
    Exempt,
    /// No response yet.
    Pending,
    /// Not a block: the transport failed, or the load failed although CORS passed.
    Failed,
    /// A rule answered the preflight; the server was not asked.
    NotAsked,
}

impl Outcome {
    /// The name used in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Blocked => "blocked",
            Self::Undecided => "undecided",
            Self::Exempt => "exempt",
            Self::Pending => "pending",
            Self::Failed => "failed",
            Self::NotAsked => "not-asked",
        }
    }
}

/// One engine's answer, for one credentials mode or for both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// What comes of it.
    pub outcome: Outcome,
    /// Whose rule blocks it.
    pub by: Option<Rule>,
    /// The first condition the engine stops at.
    pub cause: Option<Cause>,
    /// In which part of the load.
    pub phase: Option<Phase>,
    /// What the engine prints for it.
    pub code: Option<Cow<'static, str>>,
    /// What its message names: a value, a method, a header.
    pub parameter: Option<String>,
}

impl Answer {
    /// An answer without a cause.
    pub fn plain(outcome: Outcome) -> Self {
        Self {
            outcome,
            by: None,
            cause: None,
            phase: None,
            code: None,
            parameter: None,
        }
    }

    /// Blocked by CORS, for what was found first.
    pub fn blocked(engine: Engine, phase: Phase, finding: &Finding) -> Self {
        Self {
            outcome: Outcome::Blocked,
            by: Some(Rule::Cors),
            cause: Some(finding.cause),
            phase: Some(phase),
            code: finding
                .cause
                .code(engine, phase, finding.several)
                .map(Cow::Borrowed),
            parameter: finding
                .parameter
                .as_deref()
                .map(|named| printed(engine, named)),
        }
    }

    /// Blocked by another rule than CORS, or failed although CORS passed.
    pub fn barred(phase: Phase, bar: &Bar) -> Self {
        Self {
            by: bar.by,
            phase: Some(phase),
            code: bar.code.map(Cow::Borrowed),
            ..Self::plain(bar.outcome())
        }
    }

    /// Failed, for a cause that is none of CORS.
    pub fn failed(engine: Engine, phase: Phase, cause: Cause) -> Self {
        let code = (engine == Engine::Firefox)
            .then(|| cause.code(engine, phase, None))
            .flatten();
        Self {
            cause: Some(cause),
            phase: Some(phase),
            code: code.map(Cow::Borrowed),
            ..Self::plain(Outcome::Failed)
        }
    }
}

/// Whether an engine's rule was checked against that engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// It was: real browsers did this.
    Measured,
    /// It follows from the standard or from the engine's source.
    Predicted,
}

/// What an engine's message names, as the engine prints its octets, which all take for UTF-8: WebKit then
/// prints each octet as a character, and so does Chromium where they are none.
pub(super) fn printed(engine: Engine, octets: &str) -> String {
    if octets.is_ascii() {
        return octets.to_owned();
    }
    let utf8 = from_latin1(octets);
    match engine {
        Engine::Chromium => str::from_utf8(&utf8).unwrap_or(octets).to_owned(),
        Engine::Firefox => String::from_utf8_lossy(&utf8).into_owned(),
        Engine::Webkit => latin1(String::from_utf8_lossy(&utf8).as_bytes()).into_owned(),
    }
}

/// One engine's answer, with both where the credentials mode decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineAnswer {
    /// Its answer.
    #[serde(flatten)]
    pub answer: Answer,
    /// How well its rules are known.
    pub basis: Basis,
    /// Its answer if credentials are included, where that decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_included: Option<Box<Answer>>,
    /// Its answer if they are omitted, where that decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_omitted: Option<Box<Answer>>,
}

impl EngineAnswer {
    /// An answer that does not depend on what is unknown.
    pub fn decided(answer: Answer) -> Self {
        Self {
            answer,
            basis: Basis::Measured,
            if_included: None,
            if_omitted: None,
        }
    }
}

/// Which response a piece of evidence stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Where {
    /// In the response as the server sent it.
    Sent,
}

/// The bytes that show a cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The exchange they were seen in.
    pub exchange: ExchangeId,
    /// In which of its messages.
    #[serde(rename = "where")]
    pub place: Where,
    /// The field; nothing where its absence is the evidence.
    pub field: Option<Cow<'static, str>>,
    /// Which field line of the head it is, from 1.
    pub line: Option<usize>,
    /// Its value.
    pub value: Option<String>,
    /// For an origin that is not the one expected: the part that differs.
    pub differs: Option<Difference>,
}

/// What showed the browser's own answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConfirmedBy {
    /// The request that a preflight asked for was made.
    ActualRequest,
    /// The browser cancelled the answer while its end was held back.
    Cancelled,
    /// The browser did not cancel the answer while its end was held back.
    NotCancelled,
    /// The browser closed the connection at once, as it does when it blocks an answer.
    Closed,
    /// The browser said so over the DevTools protocol.
    #[serde(rename = "devtools")]
    DevTools,
    /// The browser said so over WebDriver BiDi.
    #[serde(rename = "bidi")]
    BiDi,
}

impl ConfirmedBy {
    /// Whether the browser said it in so many words.
    pub fn is_word(self) -> bool {
        match self {
            Self::DevTools | Self::BiDi => true,
            Self::ActualRequest | Self::Cancelled | Self::NotCancelled | Self::Closed => false,
        }
    }

    /// What it shows by itself that the browser made of the answer.
    pub fn outcome(self) -> Option<Outcome> {
        match self {
            Self::ActualRequest | Self::NotCancelled => Some(Outcome::Allowed),
            Self::Cancelled | Self::Closed => Some(Outcome::Blocked),
            Self::DevTools | Self::BiDi => None,
        }
    }
}

/// The browser's own answer, seen from the wire or told by the browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmed {
    /// What showed it.
    pub by: ConfirmedBy,
    /// Whether it is the verdict.
    pub agrees: bool,
    /// The browser's code, where it told one.
    pub code: Option<String>,
    /// The browser's parameter, where it told one.
    pub parameter: Option<String>,
}

/// The verdict on an exchange: that of the engine that made the request, with all three beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The answer of the engine that made the request (Chromium where it is unknown).
    #[serde(flatten)]
    pub answer: Answer,
    /// The other conditions that are not met.
    pub also: Vec<Cause>,
    /// The credentials mode, as far as it is known.
    pub credentials: Credentials,
    /// The answer if credentials are included, where that decides.
    pub if_included: Option<Box<Answer>>,
    /// The answer if credentials are omitted, where that decides.
    pub if_omitted: Option<Box<Answer>>,
    /// The browser's own answer, where it showed.
    pub confirmed: Option<Confirmed>,
    /// The header names that script can read, per engine, of a response that passes. It is filled
    /// in when the exchange is told; the judge does so only where its head does not show them.
    #[serde(default)]
    pub readable: Option<Readable>,
    /// All three engines' answers.
    pub engines: PerEngine<EngineAnswer>,
    /// The bytes that show the cause.
    pub evidence: Vec<Evidence>,
    /// What is wrong where CORS is not.
    pub not_cors: Vec<Diagnosis<LookAlike>>,
}

impl Verdict {
    /// Whether a page is refused, or the load failed: what people look for.
    pub fn is_failure(&self) -> bool {
        match self.answer.outcome {
            Outcome::Blocked | Outcome::Failed => true,
            Outcome::Allowed
            | Outcome::Undecided
            | Outcome::Exempt
            | Outcome::Pending
            | Outcome::NotAsked => false,
        }
    }
}

/// What would have become of a request without the rewrites before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Production {
    /// It would not have been sent: its preflight, or the redirect that led to it, fails there.
    NotSent,
    /// Nothing tells: the server was not asked, or it hangs on the credentials mode.
    Unknown,
}

/// Why a cross-origin request has, or has not, a preflight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PreflightBecause {
    /// One was sent for it.
    Sent,
    /// An earlier one still held.
    Cached,
    /// None is needed.
    NotNeeded,
    /// One is needed and none was seen.
    Missing,
}

/// The other exchanges of the same story.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Links {
    /// The preflight that let this request through.
    pub preflight: Option<ExchangeId>,
    /// Why there is one, or none.
    pub preflight_because: Option<PreflightBecause>,
    /// The requests that this preflight let through.
    pub actual: Vec<ExchangeId>,
    /// The hop that led here.
    pub redirected_from: Option<ExchangeId>,
    /// The hop that this one led to.
    pub redirected_to: Option<ExchangeId>,
}

/// Everything the judge says of an exchange.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// The origin of the page, as the request tells it.
    pub origin: Option<String>,
    /// Its part in the CORS protocol.
    pub kind: Kind,
    /// How that is known.
    pub kind_because: classify::Because,
    /// What the load is for.
    pub destination: Option<Destination>,
    /// The first of the identical requests that were not answered, of which this is a repeat.
    pub retry_of: Option<ExchangeId>,
    /// What in the page asked for it, as the browser tells.
    #[serde(default)]
    pub initiator: Option<Initiator>,
    /// The other exchanges of the same story.
    pub links: Links,
    /// The verdict, which is about the response as the server sent it.
    pub verdict: Verdict,
    /// The verdict on what a rule made of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered: Option<Box<Verdict>>,
    /// What would have become of the request without the rewrites before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub production: Option<Production>,
    /// The server layers at fault, the surest first.
    pub roots: Vec<Diagnosis<Root>>,
}

impl Verdict {
    /// No server was asked.
    pub(super) fn is_not_asked(&mut self) {
        self.answer.outcome = Outcome::NotAsked;
        let PerEngine {
            chromium,
            firefox,
            webkit,
        } = &mut self.engines;
        for engine in [chromium, firefox, webkit] {
            engine.answer.outcome = Outcome::NotAsked;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the three print, as they were seen to.
    #[test]
    fn octets_beyond_ascii_are_printed_as_each_engine_does() {
        for (octets, chromium, firefox, webkit) in [
            (
                &b"https://a.test"[..],
                "https://a.test",
                "https://a.test",
                "https://a.test",
            ),
            (b"a\xc3\xa9", "a\u{e9}", "a\u{e9}", "a\u{c3}\u{a9}"),
            (b"\xe9", "\u{e9}", "\u{fffd}", "\u{ef}\u{bf}\u{bd}"),
            (
                b"\xc3\xa9\xe9",
                "\u{c3}\u{a9}\u{e9}",
                "\u{e9}\u{fffd}",
                "\u{c3}\u{a9}\u{ef}\u{bf}\u{bd}",
            ),
            (
                b"\xef\xbb\xbfa",
                "\u{feff}a",
                "\u{feff}a",
                "\u{ef}\u{bb}\u{bf}a",
            ),
            (
                b"\xf0\x9f\x98\x80",
                "\u{1f600}",
                "\u{1f600}",
                "\u{f0}\u{9f}\u{98}\u{80}",
            ),
        ] {
            let named = latin1(octets);
            let of = |engine| printed(engine, &named);
            assert_eq!(of(Engine::Chromium), chromium, "{named}");
            assert_eq!(of(Engine::Firefox), firefox, "{named}");
            assert_eq!(of(Engine::Webkit), webkit, "{named}");
        }
    }
}
