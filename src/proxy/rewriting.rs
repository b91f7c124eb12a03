//! `--rewrite`: the policy in force. It may be replaced while the proxy runs, and it ends by itself.

use std::sync::{Arc, PoisonError, RwLock};

use crate::clock;
use crate::exchange::{Moment, Protocol, Request, Response, Rewrite};
use crate::policy::rewrite::Rewriter;
use crate::store::Ticket;

/// The policy in force, shared by all who ask for it.
#[derive(Clone, Debug)]
pub struct Rewriting {
    rewriter: Arc<RwLock<Option<Arc<Rewriter>>>>,
    until: Moment,
}

impl Rewriting {
    /// Puts a policy in force until a moment.
    pub fn until(until: Moment, rewriter: Rewriter) -> Self {
        Self {
            rewriter: Arc::new(RwLock::new(Some(Arc::new(rewriter)))),
            until,
        }
    }

    /// Puts another policy in force, unless it is all over.
    pub fn replace(&self, rewriter: Rewriter) {
        let mut own = self
            .rewriter
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if own.is_some() {
            *own = Some(Arc::new(rewriter));
        }
    }

    /// Ends it for good.
    pub fn end(&self) {
        let mut own = self
            .rewriter
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *own = None;
    }

    /// The policy that is in force.
    pub fn in_force(&self, now: Moment) -> Option<Arc<Rewriter>> {
        let own = self.rewriter.read().unwrap_or_else(PoisonError::into_inner);
        own.clone().filter(|_| now < self.until)
    }

    /// What becomes of a response, which the record has before the browser. Where there is no
    /// record it passes as it is: nothing is rewritten unseen.
    pub(super) fn repair(
        &self,
        request: &Request,
        protocol: Protocol,
        sent: &Response,
        ticket: &Ticket,
    ) -> Option<Arc<Rewrite>> {
        let make = |rewriter: &Rewriter, now| rewriter.repair(request, protocol, sent, now);
        self.recorded(ticket, make)
    }

    /// The answer to a preflight in the server's place.
    pub(super) fn answer(
        &self,
        request: &Request,
        protocol: Protocol,
        ticket: &Ticket,
    ) -> Option<Arc<Rewrite>> {
        let make = |rewriter: &Rewriter, now| rewriter.answer(request, protocol, now);
        self.recorded(ticket, make)
    }

    fn recorded(
        &self,
        ticket: &Ticket,
        make: impl FnOnce(&Rewriter, Moment) -> Option<Rewrite>,
    ) -> Option<Arc<Rewrite>> {
        if !ticket.is_recorded() {
            return None;
        }
        let now = clock::now();
        let rewrite = Arc::new(make(&*self.in_force(now)?, now)?);
        ticket.rewritten(Arc::clone(&rewrite));
        Some(rewrite)
    }
}
