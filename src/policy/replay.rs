//! A policy played over recorded exchanges: what it would make of them, and what would change.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;

use super::rule::Rule;
use super::seen::{Passes, Seen};
use super::{Lookup, Policy};
use crate::cors::check::{Asked, Finding, cors_check};
use crate::cors::names::is_safelisted_method;
use crate::cors::preflight::{Preflight, preflight_check};
use crate::cors::{Cause, CredentialsMode};
use crate::exchange::{Moment, RequestUrl};

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
    /// A header name, which is withheld.
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
        let not_told = |rule, what| Made {
            rule,
            passes: Passes::default(),
            cause: None,
            not_told: Some(what),
        };
        let looked_up = RequestUrl::parse(&seen.url)
            .map(|url| self.rule_for_recorded(seen.origin.as_bytes(), &url, now));
        let rule = match looked_up {
            Some(Lookup::Rule(rule)) => rule,
            Some(Lookup::NotTold) => return not_told(None, NotTold::Path),
            Some(Lookup::None) | None => {
                return Made {
                    rule: None,
                    passes: Passes::all(seen.credentials, false),
                    cause: Some(Cause::AllowOriginMissing),
                    not_told: None,
                };
            }
        };
        if seen.has_withheld_names && (!rule.request_headers.any || rule.credentials) {
            return not_told(Some(rule), NotTold::Name);
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
        Made {
            rule: Some(rule),
            passes,
            cause: cause.map(|finding| finding.cause),
            not_told: None,
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
    fn count(&mut self, seen: &Seen<'_>, made: &Made<'_>) {
        self.exchanges += 1;
        match made.comes() {
            Comes::Allowed => self.allowed += 1,
            Comes::Undecided => self.undecided += 1,
            Comes::Blocked => self.blocked += 1,
            Comes::NotTold => self.not_told += 1,
        }
        self.newly_allowed += u64::from(made.is_newly_allowed(seen.today));
        self.newly_blocked += u64::from(made.is_newly_blocked(seen.today));
        if let (Some(cause), Comes::Blocked | Comes::Undecided) = (made.cause, made.comes()) {
            *self.causes.entry(cause.name()).or_default() += 1;
        }
        if let Some(rule) = made.rule {
            if let Some(count) = self.rules.get_mut(&rule.name) {
                *count += 1;
            } else {
                self.rules.insert(rule.name.clone(), 1);
            }
        }
    }

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

/// Values by a text.
type By<V> = HashMap<Box<str>, V, RandomState>;

/// What a policy makes of many exchanges, by origin, target and method.
#[derive(Debug)]
pub struct Replay<'p> {
    policy: &'p Policy,
    now: Moment,
    groups: By<By<By<Counts>>>,
}

/// Exchanges of one origin, target and method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The origin of the pages.
    pub origin: Box<str>,
    /// The origin of the server.
    pub target: Box<str>,
    /// The method: of preflights, the one they ask for.
    pub method: Box<str>,
    /// What came of them.
    pub counts: Counts,
}

impl<'p> Replay<'p> {
    /// A replay at that time, of nothing yet.
    pub fn of(policy: &'p Policy, now: Moment) -> Self {
        Self {
            policy,
            now,
            groups: HashMap::default(),
        }
    }

    /// Plays one exchange.
    pub fn play(&mut self, seen: &Seen<'_>) {
        let made = self.policy.make(seen, self.now);
        let targets = entry(&mut self.groups, &seen.origin);
        let methods = entry(targets, origin_of(&seen.url));
        entry(methods, &seen.method).count(seen, &made);
    }

    /// What came of it, in order.
    pub fn groups(self) -> Vec<Group> {
        let mut groups = Vec::new();
        for (origin, targets) in self.groups {
            for (target, methods) in targets {
                for (method, counts) in methods {
                    groups.push(Group {
                        origin: origin.clone(),
                        target: target.clone(),
                        method,
                        counts,
                    });
                }
            }
        }
        groups.sort_by(|a, b| {
            (&a.origin, &a.target, &a.method).cmp(&(&b.origin, &b.target, &b.method))
        });
        groups
    }
}

/// What a map has under a key, which is copied only where it is new.
fn entry<'m, V: Default>(map: &'m mut By<V>, key: &str) -> &'m mut V {
    if !map.contains_key(key) {
        map.insert(key.into(), V::default());
    }
    map.entry(key.into()).or_default()
}

/// The origin at the beginning of a URL.
pub(super) fn origin_of(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    let rest = url.get(host..).unwrap_or_default();
    let end = rest.find(['/', '?', '#']).map_or(url.len(), |at| at + host);
    url.get(..end).unwrap_or(url)
}
