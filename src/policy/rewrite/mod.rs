//! Rewriting: what a policy makes of the responses that browsers would not let pass.
//!
//! [`Rewriter::of`] says which policies may do so; [`Rewriter::repair`] and [`Rewriter::answer`]
//! say what becomes of one response. A response that passes stays as it is, and so does one that no
//! rule can help.

mod edits;
mod grant;
mod marker;

use std::fmt;
use std::sync::Arc;

use self::edits::Editor;
use self::grant::Grant;
use super::finding::{Finding, Severity};
use super::{Parsed, Policy, PreflightMode, Rule};
use crate::exchange::{Moment, Protocol, Request, Response, Rewrite};
use crate::wire::edit::{Edit, edited_fields, edited_status};
use crate::wire::headers::HeaderList;

/// For how many seconds the answer to a preflight holds at most that a rule has made.
const MOST_AGE: u32 = 5;
/// The field that says who made the response what it is.
pub const MARKER: &str = "corstap-rewrite";

/// A policy that may be in force.
#[derive(Clone, Debug)]
pub struct Rewriter {
    policy: Policy,
}

/// Why a policy may not be in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Something in it is unsafe or broken.
    Finding(Finding),
    /// An origin that is neither exact nor localhost on any port.
    Pattern {
        /// The name of the rule.
        rule: Box<str>,
        /// The origin as the policy spells it.
        origin: String,
    },
    /// It has no rules.
    NoRules,
    /// The last day of every rule is over.
    Expired,
}

impl Rewriter {
    /// Takes a policy as it was read, if it may be in force; else says everything that stands
    /// against it.
    pub fn of(parsed: &Parsed, now: Moment) -> Result<Self, Vec<Refusal>> {
        let is_against = |finding: &&Finding| finding.severity() >= Severity::Broken;
        let found = parsed.findings.iter().filter(is_against).cloned();
        let mut refusals: Vec<Refusal> = found.map(Refusal::Finding).collect();
        let rules = parsed.policy.rules();
        refusals.extend(rules.iter().flat_map(patterns));
        if refusals.is_empty() && rules.is_empty() {
            refusals.push(Refusal::NoRules);
        } else if !rules.is_empty() && rules.iter().all(|rule| rule.has_expired(now)) {
            refusals.push(Refusal::Expired);
        }
        if refusals.is_empty() {
            let policy = parsed.policy.clone();
            Ok(Self { policy })
        } else {
            Err(refusals)
        }
    }

    /// The rules, in order.
    pub fn rules(&self) -> &[Rule] {
        self.policy.rules()
    }

    /// When the last rule is over; nothing where one of them has no end.
    pub fn ends(&self) -> Option<Moment> {
        const DAY: i64 = 24 * 60 * 60 * 1_000_000;
        let days = self.rules().iter().map(|rule| rule.expires);
        let last = days.collect::<Option<Vec<_>>>()?.into_iter().max()?;
        let begins = last.midnight().assume_utc().unix_timestamp();
        Some(Moment::from_micros(begins * 1_000_000 + DAY))
    }

    /// What becomes of a response; nothing where it passes, no rule is for it, or none can help.
    pub fn repair(
        &self,
        request: &Request,
        protocol: Protocol,
        sent: &Response,
        now: Moment,
    ) -> Option<Rewrite> {
        let grant = Grant::of(&self.policy, request, protocol, now)?;
        // With a 304 the browser updates the answer that it has (RFC 9111 section 4.3.4), and would keep
        // what a rule adds for longer than the rule is in force.
        let is_kept = sent.status == 304 && !grant.is_for_preflight();
        if sent.status == 101 || is_kept || !grant.blocks_some(sent) {
            return None;
        }
        let mut editor = Editor::new(&sent.headers);
        grant.edit(&mut editor, Some(sent));
        let edits = editor.edits();
        let delivered = Response {
            status: edited_status(sent.status, &edits),
            headers: edited_fields(&sent.headers, &edits),
        };
        grant
            .is_better(&delivered, sent)
            .then(|| rewrite(grant.rule, edits, delivered))
    }

    /// The answer to a preflight that the server is not asked; nothing where it is.
    pub fn answer(&self, request: &Request, protocol: Protocol, now: Moment) -> Option<Rewrite> {
        let grant = Grant::of(&self.policy, request, protocol, now)?;
        if grant.rule.preflight != PreflightMode::Answer || !grant.is_for_preflight() {
            return None;
        }
        let none = HeaderList::default();
        let mut editor = Editor::new(&none);
        grant.edit(&mut editor, None);
        let edits = editor.edits();
        let delivered = Response {
            status: 204,
            headers: edited_fields(&none, &edits),
        };
        grant
            .passes_some(&delivered)
            .then(|| rewrite(grant.rule, edits, delivered))
    }
}

fn rewrite(rule: &Rule, edits: Vec<Edit>, delivered: Response) -> Rewrite {
    Rewrite {
        rule: Arc::from(&*rule.name),
        edits,
        delivered,
    }
}

/// The patterns of a rule that may not be in force.
fn patterns(rule: &Rule) -> impl Iterator<Item = Refusal> {
    let origins = rule.origins.iter();
    let wide = origins.filter(|origin| !origin.is_exact_or_localhost());
    wide.map(|origin| Refusal::Pattern {
        rule: rule.name.clone(),
        origin: origin.to_string(),
    })
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finding(finding) => {
                let (line, code) = (finding.place.line, finding.code.name());
                write!(f, "line {line}: {code}")?;
                match &finding.value {
                    Some(value) => write!(f, ": {value}"),
                    None => Ok(()),
                }
            }
            Self::Pattern { rule, origin } => write!(
                f,
                "rule \"{rule}\": {origin} is more than one origin. While responses are rewritten only exact origins \
                 and http(s)://localhost:* may be listed: list the origins one by one"
            ),
            Self::NoRules => f.write_str("it has no rules"),
            Self::Expired => {
                f.write_str("all its rules have expired: set `expires` to a later day")
            }
        }
    }
}
