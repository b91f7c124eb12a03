//! A failure with all that is known about its host, and the rules it is held against.

use std::cell::OnceCell;

use crate::cors::opinion::Situation;
use crate::cors::verdict::Links;
use crate::cors::{Cause, Confidence, Diagnosis, Kind, Outcome, Verdict};
use crate::exchange::{ExchangeId, Moment, RequestUrl, Response};
use crate::wire::headers::HeaderList;

use super::fact::{Fact, Shape};
use super::memory::{Host, MOST_FACTS, Roots};
use super::server::Server;
use super::{Root, answer, preflight, remedy, value};

/// How many exchanges show one root at most: the first that did, so that later ones change nothing.
pub(super) const MOST_EVIDENCE: usize = 3;

/// Whether everything that happened was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// It was: what was not seen was not there.
    Whole,
    /// Exchanges were dropped.
    Gaps,
}

/// An exchange whose roots are looked for.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Which one.
    pub id: ExchangeId,
    /// What its verdict rests on.
    pub situation: Situation<'a>,
    /// Its verdict.
    pub verdict: &'a Verdict,
    /// Its story.
    pub links: &'a Links,
}

impl Subject<'_> {
    /// Whether it may have a root: it is blocked, or may be; or it is a preflight, of which there
    /// may be too many.
    pub(super) fn is_of_interest(&self) -> bool {
        match self.verdict.answer.outcome {
            Outcome::Blocked | Outcome::Undecided => true,
            Outcome::Allowed => self.situation.profile.kind == Kind::Preflight,
            Outcome::Exempt | Outcome::Pending | Outcome::Failed | Outcome::NotAsked => false,
        }
    }
}

/// A failure, and what else is known.
pub(super) struct Case<'a> {
    pub(super) subject: &'a Subject<'a>,
    pub(super) response: &'a Response,
    pub(super) own: Fact,
    /// When it happened, if that is not long ago.
    pub(super) at: Option<Moment>,
    pub(super) host: &'a Host,
    pub(super) roots: &'a Roots,
    /// What tells of this exchange, once a rule has asked.
    pub(super) facts: OnceCell<Vec<&'a Fact>>,
    pub(super) sight: Sight,
}

/// A root that a rule has found, and what else shows it.
pub(super) struct Found {
    root: Root,
    confidence: Confidence,
    beside: Vec<ExchangeId>,
}

type Rule = fn(&Case<'_>) -> Option<Found>;

const RULES: [Rule; 19] = [
    value::wildcard_and_credentials,
    value::duplicate_layers,
    value::cached_without_vary,
    value::conditional_headers_on_304,
    value::allowlist_miss,
    value::static_allow_origin,
    answer::body_or_header_limit,
    answer::waf_or_bot_challenge,
    answer::gateway_error,
    answer::host_not_authorised,
    answer::login_redirect,
    answer::answered_by_other_layer,
    answer::error_path,
    answer::no_cors_config,
    preflight::redirect,
    preflight::unanswered,
    preflight::trace_headers,
    preflight::simple_request,
    preflight::expired_policy,
];

/// Holds a case against all rules; the surest root comes first. What is one of several
/// explanations is left out where there is a likelier one.
pub(super) fn diagnose(case: &Case<'_>) -> Vec<Diagnosis<Root>> {
    let mut found: Vec<Found> = if case.subject.verdict.answer.outcome == Outcome::Allowed {
        preflight::expired_policy(case).into_iter().collect()
    } else {
        RULES.iter().filter_map(|rule| rule(case)).collect()
    };
    if found.iter().any(|one| one.confidence >= Confidence::Medium) {
        found.retain(|one| one.confidence >= Confidence::Medium);
    }
    found.sort_by_key(|one| (std::cmp::Reverse(one.confidence), one.root));
    found.into_iter().map(|one| case.told(one)).collect()
}

impl<'a> Case<'a> {
    fn told(&self, found: Found) -> Diagnosis<Root> {
        let mut evidence = found.beside;
        evidence.retain(|id| *id != self.subject.id);
        evidence.sort_unstable();
        evidence.dedup();
        evidence.truncate(MOST_EVIDENCE - 1);
        evidence.insert(0, self.subject.id);
        Diagnosis {
            code: found.root,
            confidence: found.confidence,
            evidence,
            remedy: remedy::of(found.root, self),
        }
    }

    pub(super) fn shape(&self) -> &Shape {
        &self.own.shape
    }

    pub(super) fn headers(&self) -> &'a HeaderList {
        &self.response.headers
    }

    /// Every condition that is not met, in either credentials mode.
    pub(super) fn causes(&self) -> impl Iterator<Item = Cause> {
        let verdict = self.subject.verdict;
        let included = verdict.if_included.as_ref();
        let first = [
            verdict.answer.cause,
            included.and_then(|answer| answer.cause),
        ];
        let also = verdict.also.iter().copied();
        first.into_iter().flatten().chain(also)
    }

    /// What tells of this exchange, on the same host; itself may be among it.
    pub(super) fn facts(&self) -> &[&'a Fact] {
        self.facts.get_or_init(|| {
            let mut facts = Vec::with_capacity(MOST_FACTS);
            facts.extend(self.host.facts(self.subject.id, self.at));
            facts
        })
    }

    /// What other exchanges of the host were like.
    pub(super) fn others(&self) -> impl Iterator<Item = &'a Fact> {
        let id = self.subject.id;
        let facts = self.facts().iter().copied();
        facts.filter(move |fact| fact.id != id)
    }

    /// Itself, or the first that was just like it.
    pub(super) fn seen(&self) -> Option<&'a Fact> {
        self.host.seen(&self.own)
    }

    /// Where it was asked.
    pub(super) fn url(&self) -> Option<&'a RequestUrl> {
        self.subject.situation.request.url.web()
    }

    /// Successes of other names at the same port.
    pub(super) fn other_names(&self) -> impl Iterator<Item = &'a Fact> {
        let url = self.url();
        url.into_iter().flat_map(|url| self.roots.other_names(url))
    }

    /// The software, by this answer and by others of the host.
    pub(super) fn server(&self) -> Server {
        Server::of(self.headers()).or(self.host.server)
    }

    /// What requests proper were answered to the same page, where the answer lets it in.
    pub(super) fn let_in(&self) -> impl Iterator<Item = &'a Fact> {
        let origin = self.shape().origin;
        self.others()
            .filter(move |fact| fact.shape.lets_in() && fact.shape.origin == origin)
    }

    /// What came of other requests than OPTIONS at the same path.
    pub(super) fn at_this_path(&self) -> impl Iterator<Item = &'a Fact> {
        let path = self.own.path;
        self.others()
            .filter(move |fact| fact.path == path && !fact.shape.is_options)
    }

    pub(super) fn is(&self, kind: Kind) -> bool {
        self.shape().kind == kind
    }

    /// A field's value holds this word (given in small letters).
    pub(super) fn says(&self, field: &str, word: &str) -> bool {
        self.headers()
            .all(field)
            .any(|value| super::fact::says(value, word))
    }
}

impl Found {
    /// A root that the exchange shows by itself.
    pub(super) fn new(root: Root, confidence: Confidence) -> Self {
        Self {
            root,
            confidence,
            beside: Vec::new(),
        }
    }

    /// A root that other exchanges show, too.
    pub(super) fn beside<'f>(self, facts: impl IntoIterator<Item = &'f Fact>) -> Self {
        let mut beside: Vec<_> = facts.into_iter().map(|fact| fact.id).collect();
        beside.sort_unstable();
        beside.dedup();
        Self { beside, ..self }
    }
}
