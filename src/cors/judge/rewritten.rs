//! Where a rule made another response of what the server sent: the verdict is about what was sent,
//! and the browser acts on what it got.

use std::sync::Arc;

use crate::exchange::{Ending, ExchangeId, Moment, Response, Rewrite};

use super::super::Kind;
use super::super::around::Around;
use super::super::opinion::Situation;
use super::super::redirect::MOST_REDIRECTS;
use super::super::verdict::{Outcome, Production, Verdict};
use super::watched::Watched;
use super::{Judge, MOST_WATCHED, PATIENCE};

impl Judge {
    /// Takes note of what a rule makes of the answer that comes next, or has answered itself.
    pub(super) fn rewritten(&mut self, id: ExchangeId, at: Moment, rewrite: &Arc<Rewrite>) {
        let Some(watched) = self.watched.get_mut(id.0) else {
            return;
        };
        watched.rewrite = Some(Arc::clone(rewrite));
        watched.answered = Some(at);
        self.octets += rewrite.weight();
        self.has_rewrites = true;
        self.changed.push(id);
        if watched.profile.kind == Kind::Preflight {
            self.preflight_answered(id, at);
        }
    }

    /// The request of a preflight is waited for, where the browser has to accept the answer.
    pub(super) fn preflight_answered(&mut self, id: ExchangeId, at: Moment) {
        let Some(watched) = self.watched.get(id.0) else {
            return;
        };
        let may_be_accepted = watched.may_be_accepted();
        self.surroundings
            .preflight_answered(id, &watched.request, may_be_accepted);
        if may_be_accepted && self.unfollowed.len() < MOST_WATCHED {
            self.unfollowed.push_back((at.plus(PATIENCE), id));
        }
    }

    /// What would have become of an exchange without the rewrites before it; nothing where that
    /// makes no difference.
    pub(super) fn production(&self, id: ExchangeId) -> Option<Production> {
        if !self.has_rewrites {
            return None;
        }
        let mut at = id;
        let mut unknown = None;
        for _ in 0..=MOST_REDIRECTS {
            let links = &self.watched.get(at.0)?.links;
            let before = [links.preflight, links.redirected_from];
            let without = before.map(|before| self.without_rewrite(before?));
            if without.contains(&Some(Production::NotSent)) {
                return Some(Production::NotSent);
            }
            unknown = unknown.or(without.into_iter().flatten().next());
            let Some(hop) = links.redirected_from else {
                break;
            };
            at = hop;
        }
        unknown
    }

    /// Whether what follows this exchange would have been sent without the rewrite of its answer.
    fn without_rewrite(&self, id: ExchangeId) -> Option<Production> {
        let watched = self.watched.get(id.0)?;
        watched.rewrite.as_ref()?;
        match watched.verdict(id).answer.outcome {
            Outcome::Allowed | Outcome::Exempt => None,
            Outcome::Blocked | Outcome::Failed => Some(Production::NotSent),
            Outcome::Undecided | Outcome::Pending | Outcome::NotAsked => Some(Production::Unknown),
        }
    }
}

impl Watched {
    /// The response as the browser got it.
    pub(super) fn delivered(&self) -> Option<&Response> {
        let rewritten = self.rewrite.as_ref().map(|rewrite| &rewrite.delivered);
        rewritten.or(self.response.as_deref())
    }

    /// What a browser may have stored of it. A 304 is about what was stored before it.
    pub(super) fn stored<'a>(&'a self, sent: &'a Response) -> &'a Response {
        match &self.rewrite {
            Some(rewrite) if sent.status != 304 => &rewrite.delivered,
            Some(_) | None => sent,
        }
    }

    /// Looks at what the browser got. What a repaired 304 says stands in its own head.
    pub(super) fn with_delivered<T>(&self, look: impl FnOnce(&Situation<'_>) -> T) -> T {
        let around = Around {
            revalidated: None,
            ..self.around.clone()
        };
        look(&Situation {
            response: self.delivered(),
            ending: self.ending,
            around: &around,
            ..self.situation()
        })
    }

    /// The verdict on what a rule made of it.
    pub(super) fn verdict_on_delivered(&self, id: ExchangeId) -> Option<Verdict> {
        self.rewrite.as_ref()?;
        let (engine, credentials) = (self.engine(), self.credentials());
        let mut verdict =
            self.with_delivered(|situation| situation.verdict(id, engine, credentials));
        verdict.confirmed = self.confirmed(&verdict);
        Some(verdict)
    }

    /// What is to be judged as sent: where a rule has answered, nothing was, and nothing will be.
    pub(super) fn ending_of_sent(&self) -> Ending {
        if self.rewrite.is_some() && self.response.is_none() {
            Ending::InProgress
        } else {
            self.ending
        }
    }
}
