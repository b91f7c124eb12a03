//! What is remembered of each host.

use std::cell::OnceCell;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use foldhash::fast::RandomState;

use crate::cors::recent::Recent;
use crate::cors::{Diagnosis, Profile};
use crate::exchange::{ExchangeId, Moment, Request, RequestUrl, Response};

use super::Root;
use super::case::{self, Case, MOST_EVIDENCE, Sight, Subject};
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
    suspects: VecDeque<Suspect>,
}

/// A failure that later exchanges may shed light on.
#[derive(Debug)]
struct Suspect {
    id: ExchangeId,
    at: Moment,
    path: Mark,
}

/// Which failures of its host something new may shed light on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Light {
    /// None: it is known already.
    None,
    /// Those at the same path: elsewhere, enough of its kind is known.
    AtPath,
    /// All of them.
    All,
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
        let Some(url) = request.url.web() else {
            return;
        };
        let key = key(url);
        if self.hosts.get(key).is_none() {
            let port = url.authority.port;
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
        let light = host.learn(fact, response);
        changed.extend(host.suspects_in(light, fact.path));
        if fact.shape.is_suspect() {
            host.suspect(&fact);
        }
    }

    /// The roots of a failure, the surest first; none for what is no failure.
    pub fn beneath(&self, subject: &Subject<'_>, sight: Sight) -> Vec<Diagnosis<Root>> {
        let situation = &subject.situation;
        let (Some(response), true) = (situation.response, subject.is_of_interest()) else {
            return Vec::new();
        };
        let url = situation.request.url.web();
        let Some(host) = url.and_then(|url| self.hosts.get(key(url))) else {
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
    /// Takes note of a fact; of one that is known already, only that it came again.
    fn learn(&mut self, fact: Fact, response: &Response) -> Light {
        let shape = fact.shape.mark();
        if self.at_paths.learn(fact, shape.at(fact.path)).is_some() {
            return Light::None;
        }
        let is_over = |suspect: &mut Suspect| fact.first.since(suspect.at) > LATER;
        while self.suspects.pop_front_if(is_over).is_some() {}
        match self.shapes.learn(fact, shape) {
            Some(known) if known.tells_enough(fact.first) => Light::AtPath,
            Some(_) => Light::All,
            None => {
                self.server = self.server.or(Server::of(&response.headers));
                Light::All
            }
        }
    }

    /// The failures whose roots may have changed.
    fn suspects_in(&self, light: Light, path: Mark) -> impl Iterator<Item = ExchangeId> {
        let is_lit = move |suspect: &&Suspect| match light {
            Light::None => false,
            Light::AtPath => suspect.path == path,
            Light::All => true,
        };
        self.suspects
            .iter()
            .filter(is_lit)
            .map(|suspect| suspect.id)
    }

    fn suspect(&mut self, fact: &Fact) {
        if self.suspects.len() >= MOST_SUSPECTS {
            self.suspects.pop_front();
        }
        self.suspects.push_back(Suspect {
            id: fact.id,
            at: fact.first,
            path: fact.path,
        });
    }

    /// The fact, or the first that was just like it.
    pub(super) fn seen(&self, fact: &Fact) -> Option<&Fact> {
        self.at_paths.find(fact.shape.mark().at(fact.path))
    }

    /// When a failure happened, if that is not long ago.
    fn when(&self, id: ExchangeId) -> Option<Moment> {
        let mut suspects = self.suspects.iter();
        suspects
            .find(|suspect| suspect.id == id)
            .map(|suspect| suspect.at)
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

/// How often a kind of fact was seen, and when last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    last: Moment,
    times: u32,
}

impl Seen {
    /// Whether one more at another path makes no difference: nobody looks for more of a kind than
    /// are named as evidence.
    fn tells_enough(self, now: Moment) -> bool {
        self.times as usize > MOST_EVIDENCE && now.since(self.last) <= EARLIER
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
    /// Says how often, and when, one like it was seen before.
    fn learn(&mut self, fact: Fact, mark: Mark) -> Option<Seen> {
        let place = self.places.get(&mark).copied();
        if let Some(known) = place.and_then(|place| self.facts.get_mut(place)) {
            let seen = Seen {
                last: known.last,
                times: known.times,
            };
            known.last = fact.last;
            known.times = known.times.saturating_add(1);
            return Some(seen);
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
        None
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
    use crate::wire::headers::HeaderList;

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
    fn what_is_well_known_sheds_light_on_failures_at_its_path_only() {
        let mut host = Host::default();
        let answer = Response {
            status: 200,
            headers: HeaderList::default(),
        };
        let mut lights = (1..=6).map(|id| host.learn(fact(id), &answer));
        let known = MOST_EVIDENCE + 1;
        assert!(lights.by_ref().take(known).all(|light| light == Light::All));
        assert!(lights.all(|light| light == Light::AtPath));
        host.suspect(&fact(2));
        let lit = |light, id| host.suspects_in(light, fact(id).path).count();
        assert_eq!((lit(Light::All, 6), lit(Light::AtPath, 6)), (1, 0));
        assert_eq!((lit(Light::AtPath, 2), lit(Light::None, 2)), (1, 0));
    }

    #[test]
    fn a_ring_keeps_the_first_of_a_kind_and_forgets_the_oldest_kind() {
        let mut ring: Ring<2> = Ring::default();
        for (id, is_new) in [(1, true), (1, false), (2, true), (3, true), (2, false)] {
            assert_eq!(
                ring.learn(fact(id), Mark::of(&id)).is_none(),
                is_new,
                "{id}"
            );
        }
        let held: Vec<_> = ring.facts.iter().map(|fact| fact.id.0).collect();
        assert_eq!(held, [3, 2]);
        assert_eq!(ring.facts[1].times, 2);
    }
}
