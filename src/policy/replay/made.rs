//! What a policy makes of one exchange.

use crate::cors::check::{Asked, Finding, cors_check};
use crate::cors::names::is_safelisted_method;
use crate::cors::preflight::{Preflight, preflight_check};
use crate::cors::{Cause, CredentialsMode};
use crate::exchange::Moment;
use crate::policy::lookup::{Asker, Lookup};
use crate::policy::origin::WebOrigin;
use crate::policy::seen::{Passes, Seen};
use crate::policy::target::Place;
use crate::policy::{Names, Policy, Rule};

use super::parts;

/// What a policy makes of an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made<'p> {
    /// The rule for it.
    pub rule: Option<&'p Rule>,
    /// Whether it passes.
    pub passes: Passes,
    /// Why it does not, where it does not.
    pub cause: Option<Cause>,
    /// What the capture does not tell, and the answer hangs on.
    pub not_told: Option<NotTold>,
}

/// What a capture does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NotTold {
    /// A segment of the path, which is withheld.
    Path,
    /// A header name or a method, which is withheld.
    Name,
}

/// What a policy makes of an exchange, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Comes {
    /// It passes.
    Allowed,
    /// It passes unless credentials are included.
    Undecided,
    /// It does not pass.
    Blocked,
    /// The capture does not tell.
    NotTold,
}

impl Made<'_> {
    /// In one word.
    pub fn comes(&self) -> Comes {
        let Passes { omitted, included } = self.passes;
        match (self.not_told, omitted, included) {
            (Some(_), ..) | (None, None, None) => Comes::NotTold,
            (None, Some(true) | None, Some(true) | None) => Comes::Allowed,
            (None, Some(false) | None, Some(false) | None) => Comes::Blocked,
            (None, Some(_), Some(_)) => Comes::Undecided,
        }
    }

    /// Whether it passes in a mode in which it does not today.
    pub fn is_newly_allowed(&self, today: Passes) -> bool {
        today.beside(self.passes).any(|pair| pair == (false, true))
    }

    /// Whether it does not pass in a mode in which it does today.
    pub fn is_newly_blocked(&self, today: Passes) -> bool {
        today.beside(self.passes).any(|pair| pair == (true, false))
    }
}

impl Policy {
    /// What the policy makes of an exchange: a server that follows it sends the fields of the rule,
    /// and the engine that made the request judges them.
    pub fn make(&self, seen: &Seen<'_>, now: Moment) -> Made<'_> {
        let asker = Asker::of(seen.origin.as_bytes());
        let (server, path) = parts(&seen.url);
        let server = WebOrigin::parse(server);
        let rule = match asker.as_ref().zip(server.as_ref()) {
            Some((asker, server)) => self.look_up(asker, Place::at(server, path), now),
            None => Lookup::None,
        };
        Made::of(seen, rule)
    }
}

impl<'p> Made<'p> {
    /// What comes of an exchange for which this is the rule.
    pub(super) fn of(seen: &Seen<'_>, rule: Lookup<'p>) -> Self {
        let rule = match rule {
            Lookup::Rule(rule) => rule,
            Lookup::NotTold => return Self::not_told(None, NotTold::Path),
            Lookup::None => return Self::without_rule(seen),
        };
        let hangs_on = |names: &Names| !names.any || rule.credentials;
        if seen.has_withheld_names && hangs_on(&rule.request_headers)
            || seen.has_withheld_method() && hangs_on(&rule.methods)
        {
            return Self::not_told(Some(rule), NotTold::Name);
        }
        let first = |mode| findings(rule, seen, mode).into_iter().next();
        let included = first(CredentialsMode::Include);
        let omitted = first(CredentialsMode::Omit);
        let passes = Passes::by(seen.credentials, |mode| {
            Some(match mode {
                CredentialsMode::Include => included.is_none(),
                CredentialsMode::Omit => omitted.is_none(),
            })
        });
        let cause = match seen.credentials {
            Some(CredentialsMode::Include) => included,
            Some(CredentialsMode::Omit) => omitted,
            None => omitted.or(included),
        };
        Self {
            rule: Some(rule),
            passes,
            cause: cause.map(|finding| finding.cause),
            not_told: None,
        }
    }

    fn without_rule(seen: &Seen<'_>) -> Self {
        Self {
            rule: None,
            passes: Passes::all(seen.credentials, false),
            cause: Some(Cause::AllowOriginMissing),
            not_told: None,
        }
    }

    fn not_told(rule: Option<&'p Rule>, what: NotTold) -> Self {
        Self {
            rule,
            passes: Passes::default(),
            cause: None,
            not_told: Some(what),
        }
    }
}

/// What the engine finds wrong with the answers of a rule.
fn findings(rule: &Rule, seen: &Seen<'_>, credentials: CredentialsMode) -> Vec<Finding> {
    let origin = seen.origin.as_bytes();
    let asked = Asked {
        origin,
        protocol: seen.protocol,
        credentials,
    };
    let needs_preflight = !is_safelisted_method(&seen.method) || !seen.names.is_empty();
    let mut findings = Vec::new();
    if seen.is_preflight || needs_preflight {
        let names = seen.names.join(",");
        let preflight = Preflight {
            method: seen.method.as_bytes(),
            headers: names.as_bytes(),
        };
        let answer = rule.preflight_answer(origin);
        findings.extend(preflight_check(seen.engine, preflight, asked, &answer));
    }
    if !seen.is_preflight {
        findings.extend(cors_check(seen.engine, asked, &rule.fields(origin)));
    }
    findings
}
