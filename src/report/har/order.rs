//! Entries in the order of their starts, as many as fit into memory, and what those that wait tell of
//! the one that is next.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use super::shape::{ConnectionEnd, Entry, Header};
use crate::exchange::{Event, Moment, Protocol, RequestUrl};

/// The place of an entry: when it started, and which one of the file it is.
type Place = (Moment, u64);

/// What later entries tell of one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bounds {
    /// It has ended by then: something comes after it that does so only when it is over. The times of
    /// some files are not exact enough for that.
    pub(super) ended_by: Option<Moment>,
    /// Its connection carries another one.
    pub(super) goes_on: bool,
    /// How its connection ends, where this entry or another one of it tells.
    pub(super) connection_end: Option<ConnectionEnd>,
}

/// Entries that wait until no earlier one can come, or there is no room for more.
#[derive(Debug)]
pub(super) struct Order {
    most: usize,
    octets: usize,
    came: u64,
    waiting: BTreeMap<Place, Entry>,
    on_connection: HashMap<String, BTreeSet<Place>>,
    to_url: HashMap<String, BTreeSet<Place>>,
    ends: HashMap<String, ConnectionEnd>,
}

impl Order {
    /// For entries of so many octets.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            octets: 0,
            came: 0,
            waiting: BTreeMap::new(),
            on_connection: HashMap::new(),
            to_url: HashMap::new(),
            ends: HashMap::new(),
        }
    }

    pub(super) fn put(&mut self, entry: Entry) {
        let place = (entry.started(), self.came);
        self.came += 1;
        self.octets += entry.weight();
        if let Some(name) = entry.connection_name() {
            if let Some(end) = entry.connection_end {
                self.ends.insert(name.to_owned(), end);
            }
            let places = self.on_connection.entry(name.to_owned()).or_default();
            places.insert(place);
        }
        let places = self.to_url.entry(entry.request.url.clone()).or_default();
        places.insert(place);
        self.waiting.insert(place, entry);
    }

    /// Whether there is more than fits.
    pub(super) fn is_full(&self) -> bool {
        self.octets > self.most
    }

    /// Takes out the earliest one.
    pub(super) fn take(&mut self) -> Option<(Entry, Bounds)> {
        let entry = self.first()?;
        self.octets = self.octets.saturating_sub(entry.weight());
        let mut bounds = Bounds {
            connection_end: entry.connection_end,
            ..Bounds::default()
        };
        let mut next = None;
        if let Some(name) = entry.connection_name() {
            bounds.connection_end = self.ends.get(name).copied().or(bounds.connection_end);
            next = next_of(&self.on_connection, name);
            if next.is_none() {
                self.ends.remove(name);
            }
        }
        bounds.goes_on = next.is_some();
        let is_multiplexed = entry.protocol() == Protocol::Http2;
        let follower = entry.leads_to().and_then(|url| next_of(&self.to_url, &url));
        let after = next.filter(|_| !is_multiplexed);
        bounds.ended_by = after.into_iter().chain(follower).min();
        Some((entry, bounds))
    }

    /// The earliest one, once requests stand behind their preflights.
    fn first(&mut self) -> Option<Entry> {
        loop {
            let (place, mut entry) = self.waiting.pop_first()?;
            leave(&mut self.to_url, &entry.request.url, place);
            if let Some(name) = entry.connection_name() {
                leave(&mut self.on_connection, name, place);
            }
            let Some(answered) = self.asked_behind(&entry) else {
                return Some(entry);
            };
            self.octets = self.octets.saturating_sub(entry.weight());
            entry.moved = Some(answered);
            self.put(entry);
        }
    }

    /// When the preflight was answered that stands behind its request: browsers list a request
    /// when the page makes it, and then the preflight.
    fn asked_behind(&self, entry: &Entry) -> Option<Moment> {
        const AT_ONCE: Duration = Duration::from_millis(250);
        const MOST: usize = 8;
        if entry.moved.is_some() || !entry.may_precede_preflight {
            return None;
        }
        let until = entry.started().plus(AT_ONCE);
        let behind = self.to_url.get(&entry.request.url)?.iter().take(MOST);
        let mut asked = behind
            .filter(|(started, _)| *started <= until)
            .filter_map(|place| self.waiting.get(place))
            .filter(|other| other.asks_for(&entry.request.method));
        Some(asked.next()?.ended())
    }
}

/// Events whose time has not come: entries are told in the order of their starts, and each ends when
/// others have begun.
#[derive(Debug)]
pub(super) struct Later {
    most: usize,
    octets: usize,
    came: u64,
    events: BTreeMap<(Option<Moment>, u64), Event>,
    has_hurried: bool,
}

impl Later {
    /// For events of so many octets.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            octets: 0,
            came: 0,
            events: BTreeMap::new(),
            has_hurried: false,
        }
    }

    pub(super) fn put(&mut self, event: Event) {
        self.octets += weight(&event);
        self.events.insert((event.at(), self.came), event);
        self.came += 1;
    }

    /// The next event, if it comes before everything that starts from then on, or if too many wait.
    pub(super) fn due(&mut self, then: Option<Moment>) -> Option<Event> {
        let first = self.events.first_entry()?;
        let (at, _) = *first.key();
        if at > then {
            if self.octets <= self.most {
                return None;
            }
            self.has_hurried = true;
        }
        let event = first.remove();
        self.octets = self.octets.saturating_sub(weight(&event));
        Some(event)
    }

    /// Whether events were told before their time.
    pub(super) fn has_hurried(&self) -> bool {
        self.has_hurried
    }

    /// All that is left.
    pub(super) fn rest(self) -> impl Iterator<Item = Event> {
        self.events.into_values()
    }
}

fn weight(event: &Event) -> usize {
    size_of::<Event>() + event.weight()
}

fn next_of(places: &HashMap<String, BTreeSet<Place>>, name: &str) -> Option<Moment> {
    Some(places.get(name)?.first()?.0)
}

fn leave(places: &mut HashMap<String, BTreeSet<Place>>, name: &str, place: Place) {
    let Some(all) = places.get_mut(name) else {
        return;
    };
    all.remove(&place);
    if all.is_empty() {
        places.remove(name);
    }
}

impl Entry {
    /// Whether it is a preflight for that method.
    fn asks_for(&self, method: &str) -> bool {
        let mut headers = self.request.headers.iter().flatten();
        let is_it = |header: &Header| {
            let name = header.name.as_deref().unwrap_or_default();
            name.eq_ignore_ascii_case("access-control-request-method")
                && header.value.as_deref() == Some(method)
        };
        self.request.method == "OPTIONS" && headers.any(is_it)
    }

    /// The URL of the request that only comes once this one is answered: a preflight's own, a
    /// redirect's target.
    fn leads_to(&self) -> Option<String> {
        if self.request.method == "OPTIONS" {
            return Some(self.request.url.clone());
        }
        let (status, response) = self.answer()?;
        let mut headers = response.headers.iter().flatten();
        let location = headers.find(|header| {
            let name = header.name.as_deref().unwrap_or_default();
            name.eq_ignore_ascii_case("location")
        })?;
        let location = location.value.as_deref()?;
        let url = RequestUrl::parse(&self.request.url)?.join(location)?;
        (300..400).contains(&status).then(|| url.into())
    }
}
