//! The rule for a request.

use super::index::keys;
use super::origin::Origin;
use super::target::{Coverage, Place, has_withheld_segments};
use super::{Policy, Rule, path};
use crate::exchange::{Moment, RequestUrl};

/// An origin, ready to be looked up.
#[derive(Clone, Debug)]
pub(super) struct Asker {
    pub(super) origin: Origin,
    /// The keys of all patterns that cover it.
    pub(super) keys: String,
}

/// The rule for a request of a capture, in which segments of the path may be withheld.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lookup<'p> {
    /// This one.
    Rule(&'p Rule),
    /// None.
    None,
    /// It hangs on what is withheld.
    NotTold,
}

impl Lookup<'_> {
    /// Whether it is the very same.
    pub(super) fn is_same(self, other: Self) -> bool {
        match (self, other) {
            (Self::Rule(one), Self::Rule(other)) => std::ptr::eq(one, other),
            (Self::None, Self::None) | (Self::NotTold, Self::NotTold) => true,
            (Self::Rule(_) | Self::None | Self::NotTold, _) => false,
        }
    }
}

impl Asker {
    /// That of the value of an Origin field; nothing if it is no origin.
    pub(super) fn of(origin: &[u8]) -> Option<Self> {
        let origin = Origin::parse(origin)?;
        let keys = keys(&origin);
        Some(Self { origin, keys })
    }
}

impl Policy {
    /// The rule for requests with this value of the Origin field to this URL: the first that is for
    /// them and has not expired.
    pub fn rule_for(&self, origin: &[u8], url: &RequestUrl, now: Moment) -> Option<&Rule> {
        self.rule_at(&Asker::of(origin)?, Place::of(url), now)
    }

    fn rule_at(&self, asker: &Asker, place: Place<'_>, now: Moment) -> Option<&Rule> {
        let in_force = |rule: &Rule| !rule.has_expired(now);
        if path::is_ambiguous(place.path) {
            let mut rules = self.rules.iter();
            return rules.find(|rule| in_force(rule) && rule.is_for(&asker.origin, place));
        }
        let is_in_force = |number: usize| self.rules.get(number).is_some_and(in_force);
        self.rules.get(self.index.first(asker, place, is_in_force)?)
    }

    /// The same for a request of a capture.
    pub(super) fn look_up(&self, asker: &Asker, place: Place<'_>, now: Moment) -> Lookup<'_> {
        if !has_withheld_segments(place.path) {
            return self
                .rule_at(asker, place, now)
                .map_or(Lookup::None, Lookup::Rule);
        }
        let in_force = self.rules.iter().filter(|rule| !rule.has_expired(now));
        for rule in in_force.filter(|rule| rule.names(&asker.origin)) {
            let coverages = || {
                rule.targets
                    .iter()
                    .map(|target| target.covers_recorded(place))
            };
            if coverages().any(|coverage| coverage == Coverage::Covered) {
                return Lookup::Rule(rule);
            }
            if coverages().any(|coverage| coverage == Coverage::NotTold) {
                return Lookup::NotTold;
            }
        }
        Lookup::None
    }
}
