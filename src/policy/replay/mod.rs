//! A policy played over recorded exchanges: what it would make of them, and what would change.

mod made;
mod tally;

pub use self::made::{Comes, Made, NotTold};
pub use self::tally::Counts;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use self::tally::Tally;
use super::Policy;
use super::lookup::{Asker, Lookup};
use super::origin::WebOrigin;
use super::seen::Seen;
use super::target::Place;
use crate::exchange::Moment;

/// Values by a text.
type By<V> = HashMap<String, V, RandomState>;

/// What a policy makes of many exchanges, by origin, target and method.
#[derive(Debug)]
pub struct Replay<'p> {
    policy: &'p Policy,
    now: Moment,
    pages: By<Page<'p>>,
}

/// What the pages of an origin ask for, by the origin of the server.
#[derive(Debug)]
struct Page<'p> {
    asker: Option<Asker>,
    servers: By<Server<'p>>,
}

/// What they ask a server for, by method.
#[derive(Debug)]
struct Server<'p> {
    origin: Option<WebOrigin>,
    methods: By<Tally<'p>>,
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
            pages: HashMap::default(),
        }
    }

    /// Plays one exchange.
    pub fn play(&mut self, seen: &Seen<'_>) {
        let pages = self.pages.entry_ref(&*seen.origin);
        let Page { asker, servers } = pages.or_insert_with(|| Page::of(&seen.origin));
        let (server, path) = parts(&seen.url);
        let servers = servers.entry_ref(server);
        let Server { origin, methods } = servers.or_insert_with(|| Server::of(server));
        let rule = match asker.as_ref().zip(origin.as_ref()) {
            Some((asker, origin)) => self
                .policy
                .look_up(asker, Place::at(origin, path), self.now),
            None => Lookup::None,
        };
        let tally = methods.entry_ref(&*seen.method).or_default();
        tally.count(seen, rule);
    }

    /// What came of it, in order.
    pub fn groups(self) -> Vec<Group> {
        let mut groups = Vec::new();
        for (origin, page) in self.pages {
            for (target, server) in page.servers {
                for (method, tally) in server.methods {
                    groups.push(Group {
                        origin: origin.as_str().into(),
                        target: target.as_str().into(),
                        method: method.into(),
                        counts: tally.counts(),
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

impl Page<'_> {
    fn of(origin: &str) -> Self {
        Self {
            asker: Asker::of(origin.as_bytes()),
            servers: HashMap::default(),
        }
    }
}

impl Server<'_> {
    fn of(origin: &str) -> Self {
        Self {
            origin: WebOrigin::parse(origin),
            methods: HashMap::default(),
        }
    }
}

/// The origin at the beginning of a URL, and what is behind it.
pub(super) fn parts(url: &str) -> (&str, &str) {
    let host = url.find("://").map_or(0, |at| at + 3);
    let rest = url.get(host..).unwrap_or_default();
    let end = rest.find(['/', '?', '#']).map_or(url.len(), |at| at + host);
    url.split_at_checked(end).unwrap_or((url, ""))
}
