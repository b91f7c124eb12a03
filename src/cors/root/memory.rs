//! What is remembered of each host.

use std::cell::OnceCell;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use foldhash::fast::RandomState;

use crate::cors::recent::Recent;
use crate::cors::{Diagnosis, Profile};
use crate::exchange::{ExchangeId, Moment, Request, RequestUrl, Response};

use super::Root;
use super::case::{self, Case, Sight, Subject};
use super::fact::{Fact, Mark};
use super::server::Server;

/// How many hosts are remembered.
const MOST_HOSTS: usize = 256;
/// How many kinds of answers of one host are remembered.
const MOST_SHAPES: usize = 64;
/// How many kinds of answers at certain paths of one host are remembered.
const MOST_AT_PATHS: usize = 128;
/// How many facts tell of one failure.
pub(super) const MOST_FACTS: usize = MOST_SHAPES + MOST_AT_PATHS;
/// How many failures of one host later exchanges may shed light on.
const MOST_SUSPECTS: usize = 32;
/// How long after a failure other exchanges still tell of it: a server that was put right since
/// is another one.
const LATER: Duration = Duration::from_secs(30);
/// How long before a failure they do.
const EARLIER: Duration = Duration::from_mins(10);

/// Remembers what the answers of each host have in common, and finds the roots of failures.
#[derive(Debug, Default)]
pub struct Roots {
    hosts: Recent<Mark, Host, MOST_HOSTS>,
}

/// What is remembered of a host: of scheme, name and port.
#[derive(Debug, Default)]
pub(super) struct Host {
    pub(super) port: u16,
    /// The software its answers named so far.
    pub(super) server: Server,
    shapes: Ring<MOST_SHAPES>,
    at_paths: Ring<MOST_AT_PATHS>,
    suspects: VecDeque<(ExchangeId, Moment)>,
}

impl Roots {
    /// Takes note of an answer. Added to `changed` are the failures whose roots may have.
    pub fn learn(
        &mut self,
        id: ExchangeId,
        at: Moment,
        profile: Profile,
        request: &Request,
        response: &Response,
        changed: &mut Vec<ExchangeId>,
    ) {
        let key = key(&request.url);
        if self.hosts.get(key).is_none() {
            let port = request.url.authority.port;
            self.hosts.insert(
                key,
                Host {
                    port,
                    ..Host::default()
                },
            );
        }
        let Some(host) = self.hosts.get_mut(key) else {
            return;
        };
        let fact = Fact::of(id, at, profile, request, response);
        if host.learn(fact, response) {
            changed.extend(host.suspects.iter().map(|(id, _)| *id));
        }
        if fact.shape.is_suspect() {
            host.suspect(id, at);
        }
    }

    /// The roots of a failure, the surest first; none for what is no failure.
    pub fn beneath(&self, subject: &Subject<'_>, sight: Sight) -> Vec<Diagnosis<Root>> {
        let situation = &subject.situation;
        let (Some(response), true) = (situation.response, subject.is_of_interest()) else {
            return Vec::new();
        };
        let Some(host) = self.hosts.get(key(&situation.request.url)) else {
            return Vec::new();
        };
        let at = host.when(subject.id);
        let own = Fact::of(
            subject.id,
            at.unwrap_or_else(|| Moment::from_micros(0)),
            situation.profile,
            situation.request,
            response,
        );
        case::diagnose(&Case {
            subject,
            response,
            own,
            at,
            host,
            roots: self,
            facts: OnceCell::new(),
            sight,
        })
    }

    /// Successes of other names at the same port, where that is not one that goes without saying.
    pub(super) fn other_names(&self, url: &RequestUrl) -> impl Iterator<Item = &Fact> {
        let (key, port) = (key(url), url.authority.port);
        let goes_without_saying = matches!(port, 80 | 443);
        let others = self.hosts.iter().filter(move |(other, host)| {
            !goes_without_saying && **other != key && host.port == port
        });
        others
            .flat_map(|(_, host)| &host.shapes.facts)
            .filter(|fact| fact.shape.is_success())
    }
}

impl Host {
    /// Takes note of a fact, and says whether it is new; of one that is known already, only that
    /// it came again.
    fn learn(&mut self, fact: Fact, response: &Response) -> bool {
        let shape = fact.shape.mark();
        if !self.at_paths.learn(fact, shape.at(fact.path)) {
            return false;
        }
        if self.shapes.learn(fact, shape) {
            self.server = self.server.or(Server::of(&response.headers));
        }
        self.suspects
            .retain(|(_, at)| fact.first.since(*at) <= LATER);
        true
    }

    fn suspect(&mut self, id: ExchangeId, at: Moment) {
        if self.suspects.len() >= MOST_SUSPECTS {
            self.suspects.pop_front();
        }
        self.suspects.push_back((id, at));
    }

    /// The fact, or the first that was just like it.
    pub(super) fn seen(&self, fact: &Fact) -> Option<&Fact> {
        self.at_paths.find(fact.shape.mark().at(fact.path))
    }

    /// When a failure happened, if that is not long ago.
    fn when(&self, id: ExchangeId) -> Option<Moment> {
        let mut suspects = self.suspects.iter();
        suspects.find(|(other, _)| *other == id).map(|(_, at)| *at)
    }

    /// What tells of an exchange: what happened not too long before and after it. Of one that is
    /// no recent failure, what came before.
    pub(super) fn facts(&self, id: ExchangeId, at: Option<Moment>) -> impl Iterator<Item = &Fact> {
        let all = self.shapes.facts.iter().chain(&self.at_paths.facts);
        let until = at.map(|at| at.plus(LATER));
        all.filter(move |fact| match at.zip(until) {
            Some((at, until)) => fact.first <= until && fact.last.plus(EARLIER) >= at,
            None => fact.id <= id,
        })
    }
}

/// Facts that differ from each other; when there are too many, the oldest go first.
#[derive(Debug, Default)]
struct Ring<const MOST: usize> {
    facts: Vec<Fact>,
    /// One for each fact: what it is told from the others by.
    marks: Vec<Mark>,
    /// Where the fact of a mark is.
    places: HashMap<Mark, usize, RandomState>,
    next: usize,
}

impl<const MOST: usize> Ring<MOST> {
    /// Says whether the fact is new.
    fn learn(&mut self, fact: Fact, mark: Mark) -> bool {
        let place = self.places.get(&mark).copied();
        if let Some(known) = place.and_then(|place| self.facts.get_mut(place)) {
            known.last = fact.last;
            known.times = known.times.saturating_add(1);
            return false;
        }
        let oldest = (self.facts.get_mut(self.next), self.marks.get_mut(self.next));
        if let (Some(oldest), Some(its_mark)) = oldest {
            self.places.remove(its_mark);
            (*oldest, *its_mark) = (fact, mark);
        } else {
            self.facts.push(fact);
            self.marks.push(mark);
        }
        self.places.insert(mark, self.next);
        self.next = (self.next + 1) % MOST;
        true
    }

    fn find(&self, mark: Mark) -> Option<&Fact> {
        self.facts.get(*self.places.get(&mark)?)
    }
}

fn key(url: &RequestUrl) -> Mark {
    Mark::of(&(url.scheme, &url.authority))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cors::Kind;
    use crate::cors::root::fact::{Allow, Marker, Shape, Signs};

    fn fact(id: u64) -> Fact {
        let shape = Shape {
            kind: Kind::CrossOrigin,
            is_options: false,
            question: Mark::default(),
            origin: None,
            status: 200,
            allow: Allow::Missing,
            signs: Signs::default(),
            marker: Marker::default(),
        };
        Fact {
            id: ExchangeId(id),
            first: Moment::from_micros(0),
            last: Moment::from_micros(0),
            times: 1,
            path: Mark::of(&id),
            shape,
        }
    }

    #[test]
    fn a_ring_keeps_the_first_of_a_kind_and_forgets_the_oldest_kind() {
        let mut ring: Ring<2> = Ring::default();
        for (id, is_new) in [(1, true), (1, false), (2, true), (3, true), (2, false)] {
            assert_eq!(ring.learn(fact(id), Mark::of(&id)), is_new, "{id}");
        }
        let held: Vec<_> = ring.facts.iter().map(|fact| fact.id.0).collect();
        assert_eq!(held, [3, 2]);
        assert_eq!(ring.facts[1].times, 2);
    }
}
