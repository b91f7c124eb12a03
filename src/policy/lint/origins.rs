//! The origins of a rule.

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::Range;

use super::super::finding::Code;
use super::super::index::{covering_keys, key};
use super::super::parse::{Draft, Item, Reader};
use super::super::pattern::{HostPattern, OriginPattern, Port, WebPattern};
use crate::exchange::Scheme;
use crate::wire::target::Host;

/// Names at the end of hosts that are of no public registry: nobody can have one of them below.
const RESERVED: [&str; 9] = [
    "example",
    "internal",
    "invalid",
    "lan",
    "local",
    "localhost",
    "onion",
    "test",
    "arpa",
];

pub(super) fn check(reader: &mut Reader<'_>, draft: &Draft) {
    for origin in &draft.origins {
        check_one(reader, draft, origin);
    }
    check_covered(reader, draft);
}

fn check_one(reader: &mut Reader<'_>, draft: &Draft, origin: &Item<OriginPattern>) {
    let written = origin.value.to_string();
    match &origin.value {
        OriginPattern::Null => {
            reader.find_value(Code::OriginNull, &origin.span, &written);
        }
        OriginPattern::Any if draft.has_credentials() => {
            let credentials = draft
                .credentials
                .as_ref()
                .map(|item| reader.place(&item.span));
            let finding = reader.find_value(Code::AnyOriginWithCredentials, &origin.span, &written);
            finding.other = credentials;
        }
        OriginPattern::Any | OriginPattern::Custom(_) => {}
        OriginPattern::Web(pattern) => {
            for code in of_web(pattern, draft) {
                reader.find_value(code, &origin.span, &written);
            }
        }
    }
    check_private(reader, draft, origin);
}

fn of_web(pattern: &WebPattern, draft: &Draft) -> Vec<Code> {
    let WebPattern { scheme, host, port } = pattern;
    let is_here = matches!(host, HostPattern::Exact(host) if host.is_loopback())
        || matches!(host, HostPattern::Below(parent) if is_below(parent, "localhost"));
    let mut codes = Vec::new();
    if let HostPattern::Below(parent) = host {
        if is_public_suffix(parent) {
            codes.push(Code::OriginPublicSuffix);
        } else if draft.has_credentials() && !is_here {
            codes.push(Code::SubdomainsWithCredentials);
        }
    }
    let is_own = |target: &Item<super::super::target::Target>| {
        let authority = &target.value.origin.authority;
        target.value.origin.scheme == *scheme
            && *host == HostPattern::Exact(authority.host.clone())
            && *port == Port::Exact(authority.port)
    };
    if draft.targets.iter().any(is_own) {
        codes.push(Code::OriginIsTarget);
    }
    let to_https =
        |target: &Item<super::super::target::Target>| target.value.origin.scheme == Scheme::Https;
    match scheme {
        Scheme::Http if is_here => {}
        Scheme::Http if draft.has_credentials() => codes.push(Code::HttpOriginWithCredentials),
        Scheme::Http if draft.targets.iter().any(to_https) => codes.push(Code::HttpOrigin),
        Scheme::Http | Scheme::Https => {}
    }
    if *port == Port::Any && !is_here {
        codes.push(Code::AnyPort);
    }
    codes
}

/// Whether anybody may register a name below this one.
fn is_public_suffix(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let last = name.rsplit('.').next().unwrap_or_default();
    if RESERVED.contains(&last) {
        return false;
    }
    psl::suffix(name.as_bytes()).is_some_and(|suffix| suffix.as_bytes() == name.as_bytes())
}

/// A public page that may read what only this machine, or a private network, can reach.
fn check_private(reader: &mut Reader<'_>, draft: &Draft, origin: &Item<OriginPattern>) {
    let is_public = match &origin.value {
        OriginPattern::Any => true,
        OriginPattern::Null | OriginPattern::Custom(_) => false,
        OriginPattern::Web(pattern) => match &pattern.host {
            HostPattern::Exact(host) => is_public(host),
            HostPattern::Below(parent) => is_public_name(parent),
        },
    };
    let is_private = |target: &&Item<super::super::target::Target>| {
        is_private(&target.value.origin.authority.host)
    };
    let Some(target) = draft.targets.iter().find(is_private).filter(|_| is_public) else {
        return;
    };
    let other = reader.place(&target.span);
    let finding = reader.find_value(Code::TargetPrivate, &origin.span, &origin.value.to_string());
    finding.instead = Some(target.value.to_string().into());
    finding.other = Some(other);
}

fn is_public(host: &Host) -> bool {
    match host {
        Host::Name(name) => is_public_name(name),
        Host::Ip(_) => !is_private(host),
    }
}

fn is_public_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let last = name.rsplit('.').next().unwrap_or_default();
    name.contains('.') && !RESERVED.contains(&last)
}

/// Whether only this machine, or a private network, has the host
/// ([address spaces](https://wicg.github.io/local-network-access/#ip-address-space)).
fn is_private(host: &Host) -> bool {
    match host {
        Host::Ip(address) => match address.to_canonical() {
            IpAddr::V4(address) => {
                address.is_private() || address.is_loopback() || address.is_link_local()
            }
            IpAddr::V6(address) => {
                address.is_loopback()
                    || address.is_unique_local()
                    || address.is_unicast_link_local()
            }
        },
        Host::Name(_) => {
            let name = host.name().unwrap_or_default();
            let private = ["internal", "lan", "local", "localhost", "home.arpa"];
            !name.contains('.') || private.iter().any(|parent| is_below(name, parent))
        }
    }
}

fn is_below(name: &str, parent: &str) -> bool {
    name == parent
        || name
            .strip_suffix(parent)
            .is_some_and(|before| before.ends_with('.'))
}

/// Origins that stand twice, or that another pattern covers.
fn check_covered(reader: &mut Reader<'_>, draft: &Draft) {
    let mut places: HashMap<String, &Range<usize>> = HashMap::new();
    for origin in draft.origins.iter().rev() {
        // The first of the same comes last.
        places.insert(key(&origin.value), &origin.span);
    }
    for Item { value, span } in &draft.origins {
        let own = key(value);
        let first = places.get(&own).copied();
        let covering = covering_keys(value);
        let mut wider = covering.split('\n').filter(|key| *key != own);
        let (code, other) = match (first, wider.find_map(|key| places.get(key))) {
            (Some(first), _) if first != span => (Code::ValueDuplicate, first),
            (_, Some(other)) => (Code::OriginCovered, *other),
            _ => continue,
        };
        let other = reader.place(other);
        reader.find_value(code, span, &value.to_string()).other = Some(other);
    }
}
