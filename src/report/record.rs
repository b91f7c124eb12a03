//! One exchange as JSON, version 1: the form of `corstap log --json` and of everything else that
//! lists exchanges for programs.

use std::borrow::Cow;
use std::net::SocketAddr;

use serde::Serialize;

use super::explain::{Explanation, explain};
use super::readable::readable;
use crate::cors::classify::Because;
use crate::cors::verdict::{Links, Production};
use crate::cors::{Destination, Diagnosis, Judgement, Kind, Root, Verdict};
use crate::exchange::recorded::{Recorded, RecordedRequest, RecordedResponse};
use crate::exchange::rewrite::RecordedEdit;
use crate::exchange::{ConnectionId, Content, Ending, ExchangeId, Initiator, Protocol, Unverified};

/// The version of the form.
pub const VERSION: u32 = 1;

/// One exchange, as it stands on one line of JSON.
#[derive(Debug, Serialize)]
pub struct Record<'a> {
    v: u32,
    rev: u32,
    id: ExchangeId,
    capture: &'a str,
    started: String,
    elapsed_ms: Option<f64>,
    connection: ConnectionId,
    protocol: Protocol,
    client: Option<SocketAddr>,
    server: Option<SocketAddr>,
    via: Option<&'a str>,
    unverified: Option<&'a Unverified>,
    origin: Option<&'a str>,
    kind: Kind,
    kind_because: Because,
    destination: Option<Destination>,
    request: &'a RecordedRequest,
    sent: Option<&'a RecordedResponse>,
    /// What its content is, where that was looked at.
    content: Option<Content>,
    delivered: Option<&'a RecordedResponse>,
    ending: Ending,
    reason: Option<&'a str>,
    retry_of: Option<ExchangeId>,
    initiator: Option<&'a Initiator>,
    links: &'a Links,
    verdict: Cow<'a, Verdict>,
    roots: &'a [Diagnosis<Root>],
    rewrite: Option<Rewrite<'a>>,
    /// What would have become of the request without the rewrites before it.
    production: Option<Production>,
    explanation: Option<Explanation>,
}

impl<'a> Record<'a> {
    /// What is told of a recorded exchange of a capture. `rev` counts the judgements it has had.
    pub fn new(
        capture: &'a str,
        rev: u32,
        recorded: &'a Recorded,
        judgement: &'a Judgement,
    ) -> Self {
        Self {
            v: VERSION,
            rev,
            id: recorded.id,
            capture,
            started: recorded.started.rfc3339(),
            elapsed_ms: recorded.elapsed_ms,
            connection: recorded.connection,
            protocol: recorded.protocol,
            client: recorded.client,
            server: recorded.reach.server,
            via: recorded.reach.via.as_deref(),
            unverified: recorded.reach.unverified.as_ref(),
            origin: judgement.origin.as_deref(),
            kind: judgement.kind,
            kind_because: judgement.kind_because,
            destination: judgement.destination,
            request: &recorded.request,
            sent: recorded.sent.as_ref(),
            content: recorded.content,
            delivered: recorded.delivered.as_ref(),
            ending: recorded.ending,
            reason: recorded.reason.as_deref(),
            retry_of: judgement.retry_of,
            initiator: judgement.initiator.as_ref(),
            links: &judgement.links,
            verdict: verdict(recorded, judgement),
            roots: &judgement.roots,
            rewrite: Rewrite::of(recorded, judgement),
            production: judgement.production,
            explanation: explain(recorded, judgement),
        }
    }
}

/// What a rule made of the response, and the verdict on that.
#[derive(Debug, Serialize)]
struct Rewrite<'a> {
    rule: &'a str,
    edits: &'a [RecordedEdit],
    verdict: Option<&'a Verdict>,
}

impl<'a> Rewrite<'a> {
    fn of(recorded: &'a Recorded, judgement: &'a Judgement) -> Option<Self> {
        let rewrite = recorded.rewrite.as_ref()?;
        Some(Self {
            rule: &rewrite.rule,
            edits: &rewrite.edits,
            verdict: judgement.delivered.as_deref(),
        })
    }
}

/// The verdict, with what script can read.
fn verdict<'a>(recorded: &Recorded, judgement: &'a Judgement) -> Cow<'a, Verdict> {
    let mut verdict = Cow::Borrowed(&judgement.verdict);
    if let Some(readable) = readable(recorded, judgement) {
        verdict.to_mut().readable = Some(readable);
    }
    verdict
}
