//! The index: the rules for an origin and a URL, found by the server, the path and the origin
//! without going through them.

use std::fmt::Write;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::lookup::Asker;
use super::origin::{Origin, WebOrigin};
use super::path::{self, Segments};
use super::pattern::{HostPattern, OriginPattern, Port, WebPattern, is_label};
use super::rule::Rule;
use super::target::{Place, Target};
use crate::exchange::Scheme;
use crate::wire::target::{Authority, Host};

type Map<K, V> = HashMap<K, V, FixedState>;

/// Rules by server, then by path, then by origin.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    servers: Map<WebOrigin, Node>,
}

/// The rules whose path ends here, and the paths that go on.
#[derive(Clone, Debug, Default)]
struct Node {
    /// For this path, and for all below it.
    here: ByOrigin,
    /// For what is below only.
    below: ByOrigin,
    next: Map<Box<[u8]>, Node>,
}

/// The numbers of rules, in order, by the pattern as [`key`] writes it.
#[derive(Clone, Debug, Default)]
struct ByOrigin(Map<Box<str>, Vec<usize>>);

impl Index {
    pub(super) fn of(rules: &[Rule]) -> Self {
        let mut index = Self::default();
        for (number, rule) in rules.iter().enumerate() {
            for target in &rule.targets {
                let mut node = index.servers.entry(target.origin.clone()).or_default();
                for segment in &target.segments {
                    node = node.next.entry(segment.clone()).or_default();
                }
                let place = if target.below {
                    &mut node.below
                } else {
                    &mut node.here
                };
                for pattern in &rule.origins {
                    let numbers = place.0.entry(key(pattern).into()).or_default();
                    if numbers.last() != Some(&number) {
                        numbers.push(number);
                    }
                }
            }
        }
        index
    }

    /// The first rule for them that `is_wanted`. Not for paths with several readings: each could
    /// lead to another rule.
    pub(super) fn first(
        &self,
        Asker { keys, .. }: &Asker,
        place: Place<'_>,
        is_wanted: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let mut node = self.servers.get(&place.server)?;
        let readings = path::readings(place.path);
        let segments: &Segments<'_> = readings.first()?;
        let mut first = node.here.first(keys, &is_wanted);
        for segment in segments {
            first = earlier(first, node.below.first(keys, &is_wanted));
            let Some(next) = node.next.get(&**segment) else {
                break;
            };
            node = next;
            first = earlier(first, node.here.first(keys, &is_wanted));
        }
        first
    }

    /// The first rule that `is_wanted` and covers all that an origin pattern and a target cover.
    pub(super) fn first_including(
        &self,
        pattern: &OriginPattern,
        target: &Target,
        is_wanted: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let mut node = self.servers.get(&target.origin)?;
        let keys = covering_keys(pattern);
        let mut first = node.here.first(&keys, &is_wanted);
        for segment in &target.segments {
            first = earlier(first, node.below.first(&keys, &is_wanted));
            let Some(next) = node.next.get(segment) else {
                return first;
            };
            node = next;
            first = earlier(first, node.here.first(&keys, &is_wanted));
        }
        let last = target.below.then(|| node.below.first(&keys, &is_wanted));
        earlier(first, last.flatten())
    }
}

impl ByOrigin {
    /// The first rule that `is_wanted` under any of these keys, which stand a line each.
    fn first(&self, keys: &str, is_wanted: impl Fn(usize) -> bool) -> Option<usize> {
        if self.0.is_empty() {
            return None;
        }
        let of_key = |key: &str| {
            self.0
                .get(key)?
                .iter()
                .copied()
                .find(|number| is_wanted(*number))
        };
        keys.split('\n').filter_map(of_key).min()
    }
}

fn earlier(a: Option<usize>, b: Option<usize>) -> Option<usize> {
    a.into_iter().chain(b).min()
}

/// A pattern as it is looked up, its port always written.
pub(super) fn key(pattern: &OriginPattern) -> String {
    let OriginPattern::Web(WebPattern { scheme, host, port }) = pattern else {
        return pattern.to_string();
    };
    let mut key = String::with_capacity(64);
    match host {
        HostPattern::Exact(host) => write_key(&mut key, *scheme, "", host, *port),
        HostPattern::Below(parent) => write_key(&mut key, *scheme, "*.", parent, *port),
    }
    key
}

fn write_key(
    to: &mut String,
    scheme: Scheme,
    below: &str,
    host: &impl std::fmt::Display,
    port: Port,
) {
    let _ = match port {
        Port::Exact(port) => write!(to, "{}://{below}{host}:{port}", scheme.name()),
        Port::Any => write!(to, "{}://{below}{host}:*", scheme.name()),
    };
}

/// The keys of all patterns that cover an origin, a line each.
pub(super) fn keys(origin: &Origin) -> String {
    match origin {
        Origin::Opaque => "*\nnull".to_owned(),
        Origin::Custom(text) => format!("*\n{text}"),
        Origin::Web(origin) => {
            let Authority { host, port } = &origin.authority;
            let mut keys = String::with_capacity(256);
            keys.push('*');
            push_keys(&mut keys, origin.scheme, "", host, Port::Exact(*port));
            if let Host::Name(name) = host {
                push_parents(&mut keys, origin.scheme, name, Port::Exact(*port));
            }
            keys
        }
    }
}

/// The keys of all patterns that cover all of a pattern, a line each.
pub(super) fn covering_keys(pattern: &OriginPattern) -> String {
    let OriginPattern::Web(WebPattern { scheme, host, port }) = pattern else {
        return match pattern {
            OriginPattern::Any => "*".to_owned(),
            OriginPattern::Null | OriginPattern::Custom(_) | OriginPattern::Web(_) => {
                format!("*\n{pattern}")
            }
        };
    };
    let mut keys = String::with_capacity(256);
    keys.push('*');
    match host {
        HostPattern::Exact(host) => {
            push_keys(&mut keys, *scheme, "", host, *port);
            if let Host::Name(name) = host {
                push_parents(&mut keys, *scheme, name, *port);
            }
        }
        HostPattern::Below(parent) => {
            push_keys(&mut keys, *scheme, "*.", parent, *port);
            push_parents(&mut keys, *scheme, parent, *port);
        }
    }
    keys
}

/// The patterns of this host: with this port, and with any.
fn push_keys(
    keys: &mut String,
    scheme: Scheme,
    below: &str,
    host: &impl std::fmt::Display,
    port: Port,
) {
    if port != Port::Any {
        keys.push('\n');
        write_key(keys, scheme, below, host, port);
    }
    keys.push('\n');
    write_key(keys, scheme, below, host, Port::Any);
}

/// The patterns of names that a name is below.
fn push_parents(keys: &mut String, scheme: Scheme, name: &str, port: Port) {
    let mut rest = name;
    while let Some((label, parent)) = rest.split_once('.') {
        if !is_label(label) || parent.is_empty() {
            return;
        }
        push_keys(keys, scheme, "*.", &parent, port);
        rest = parent;
    }
}
