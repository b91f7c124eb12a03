//! The index: the rules for an origin and a URL, found by the server, the path and the origin
//! without going through them.

use std::collections::HashMap;
use std::fmt::Write;

use foldhash::fast::FixedState;

use super::origin::{Origin, WebOrigin};
use super::path::{self, Segments};
use super::pattern::{HostPattern, OriginPattern, Port, WebPattern, is_label};
use super::rule::Rule;
use crate::exchange::RequestUrl;

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
type ByOrigin = Map<Box<str>, Vec<usize>>;

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
                    let numbers = place.entry(key(pattern).into()).or_default();
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
        origin: &Origin,
        url: &RequestUrl,
        is_wanted: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let mut node = self.servers.get(&WebOrigin::of_url(url))?;
        let readings = path::readings(&url.path);
        let segments: &Segments<'_> = readings.first()?;
        let keys = keys(origin);
        let mut first: Option<usize> = None;
        let mut look = |place: &ByOrigin| {
            for key in keys.split('\n').filter(|_| !place.is_empty()) {
                let numbers = place.get(key).map(Vec::as_slice).unwrap_or_default();
                let found = numbers.iter().copied().find(|number| is_wanted(*number));
                first = [first, found].into_iter().flatten().min();
            }
        };
        look(&node.here);
        for segment in segments {
            look(&node.below);
            let Some(next) = node.next.get(&**segment) else {
                break;
            };
            node = next;
            look(&node.here);
        }
        first
    }
}

/// A pattern as it is looked up, its port always written.
fn key(pattern: &OriginPattern) -> String {
    let OriginPattern::Web(WebPattern { scheme, host, port }) = pattern else {
        return pattern.to_string();
    };
    let mut key = format!("{}://", scheme.name());
    let _ = match host {
        HostPattern::Exact(host) => write!(key, "{host}"),
        HostPattern::Below(parent) => write!(key, "*.{parent}"),
    };
    let _ = match port {
        Port::Exact(port) => write!(key, ":{port}"),
        Port::Any => write!(key, ":*"),
    };
    key
}

/// The keys of all patterns that cover an origin, a line each.
fn keys(origin: &Origin) -> String {
    let WebOrigin { scheme, authority } = match origin {
        Origin::Opaque => return "*\nnull".to_owned(),
        Origin::Custom(text) => return format!("*\n{text}"),
        Origin::Web(origin) => origin,
    };
    let (scheme, port) = (scheme.name(), authority.port);
    let mut keys = String::with_capacity(256);
    let _ = write!(
        keys,
        "*\n{scheme}://{0}:{port}\n{scheme}://{0}:*",
        authority.host
    );
    let mut rest = match &authority.host {
        crate::wire::target::Host::Name(name) => &**name,
        crate::wire::target::Host::Ip(_) => "",
    };
    while let Some((label, parent)) = rest.split_once('.') {
        if !is_label(label) || parent.is_empty() {
            break;
        }
        let _ = write!(
            keys,
            "\n{scheme}://*.{parent}:{port}\n{scheme}://*.{parent}:*"
        );
        rest = parent;
    }
    keys
}
