//! Exchanges, counted by what comes of them.

use std::collections::BTreeMap;

use crate::cors::{CredentialsMode, Engine};
use crate::exchange::Protocol;
use crate::policy::lookup::Lookup;
use crate::policy::seen::{Passes, Seen};

use super::made::{Comes, Made};

/// How many cases are told apart: what comes of others is found out anew for each exchange.
const MOST_CASES: usize = 32;

/// How many exchanges came to what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All of them.
    pub exchanges: u64,
    /// Those that pass.
    pub allowed: u64,
    /// Those that pass unless credentials are included.
    pub undecided: u64,
    /// Those that do not pass.
    pub blocked: u64,
    /// Those of which the capture does not tell enough.
    pub not_told: u64,
    /// Those that pass where they do not today.
    pub newly_allowed: u64,
    /// Those that do not pass where they do today.
    pub newly_blocked: u64,
    /// Why some do not pass.
    pub causes: BTreeMap<&'static str, u64>,
    /// The rules that were for them.
    pub rules: BTreeMap<Box<str>, u64>,
}

impl Counts {
    /// These and those.
    pub fn add(&mut self, other: &Self) {
        self.exchanges += other.exchanges;
        self.allowed += other.allowed;
        self.undecided += other.undecided;
        self.blocked += other.blocked;
        self.not_told += other.not_told;
        self.newly_allowed += other.newly_allowed;
        self.newly_blocked += other.newly_blocked;
    }
}

/// The exchanges of one origin, target and method. What comes of them is found out once for those
/// that are alike.
#[derive(Debug, Default)]
pub(super) struct Tally<'p> {
    cases: Vec<Case<'p>>,
    others: Counts,
}

/// Exchanges that are alike in all that the outcome hangs on.
#[derive(Debug)]
struct Case<'p> {
    rule: Lookup<'p>,
    is_preflight: bool,
    names: Box<[String]>,
    protocol: Protocol,
    engine: Engine,
    credentials: Option<CredentialsMode>,
    today: Passes,
    made: Made<'p>,
    exchanges: u64,
}

impl<'p> Tally<'p> {
    /// Counts an exchange for which this is the rule.
    pub(super) fn count(&mut self, seen: &Seen<'_>, rule: Lookup<'p>) {
        let mut cases = self.cases.iter_mut();
        if let Some(case) = cases.find(|case| case.is_of(seen, rule)) {
            case.exchanges += 1;
            return;
        }
        let case = Case::of(seen, rule);
        if self.cases.len() < MOST_CASES {
            self.cases.push(case);
        } else {
            case.add_to(&mut self.others);
        }
    }

    /// What they come to.
    pub(super) fn counts(self) -> Counts {
        let mut counts = self.others;
        for case in self.cases {
            case.add_to(&mut counts);
        }
        counts
    }
}

impl<'p> Case<'p> {
    fn of(seen: &Seen<'_>, rule: Lookup<'p>) -> Self {
        Self {
            rule,
            is_preflight: seen.is_preflight,
            names: seen.names.as_ref().into(),
            protocol: seen.protocol,
            engine: seen.engine,
            credentials: seen.credentials,
            today: seen.today,
            made: Made::of(seen, rule),
            exchanges: 1,
        }
    }

    fn is_of(&self, seen: &Seen<'_>, rule: Lookup<'p>) -> bool {
        self.rule.is_same(rule)
            && self.is_preflight == seen.is_preflight
            && self.protocol == seen.protocol
            && self.engine == seen.engine
            && self.credentials == seen.credentials
            && self.today == seen.today
            && *self.names == *seen.names
    }

    fn add_to(&self, counts: &mut Counts) {
        let Self {
            made, exchanges, ..
        } = self;
        counts.exchanges += exchanges;
        match made.comes() {
            Comes::Allowed => counts.allowed += exchanges,
            Comes::Undecided => counts.undecided += exchanges,
            Comes::Blocked => counts.blocked += exchanges,
            Comes::NotTold => counts.not_told += exchanges,
        }
        if made.is_newly_allowed(self.today) {
            counts.newly_allowed += exchanges;
        }
        if made.is_newly_blocked(self.today) {
            counts.newly_blocked += exchanges;
        }
        if let (Some(cause), Comes::Blocked | Comes::Undecided) = (made.cause, made.comes()) {
            *counts.causes.entry(cause.name()).or_default() += exchanges;
        }
        if let Some(rule) = made.rule {
            *counts.rules.entry(rule.name.clone()).or_default() += exchanges;
        }
    }
}
