//! The targets of a rule.

use std::collections::HashMap;
use std::ops::Range;

use super::super::finding::Code;
use super::super::parse::{Draft, Item, Reader};
use super::super::pattern::OriginPattern;
use super::super::target::Target;
use crate::exchange::Scheme;

pub(super) fn check(reader: &mut Reader<'_>, draft: &Draft) {
    check_mixed_content(reader, draft);
    check_covered(reader, draft);
}

/// An https page is kept from http servers, but those of this machine.
fn check_mixed_content(reader: &mut Reader<'_>, draft: &Draft) {
    let is_https = |origin: &Item<OriginPattern>| match &origin.value {
        OriginPattern::Web(pattern) => pattern.scheme == Scheme::Https,
        OriginPattern::Custom(_) | OriginPattern::Null | OriginPattern::Any => false,
    };
    let Some(page) = draft.origins.iter().find(|origin| is_https(origin)) else {
        return;
    };
    let page = reader.place(&page.span);
    for Item { value, span } in &draft.targets {
        let is_insecure = value.origin.scheme == Scheme::Http;
        if is_insecure && !value.origin.authority.host.is_loopback() {
            let finding = reader.find_value(Code::TargetMixedContent, span, &value.to_string());
            finding.other = Some(page);
        }
    }
}

/// Targets that stand twice, or that a shorter one covers.
fn check_covered(reader: &mut Reader<'_>, draft: &Draft) {
    let mut places: HashMap<Key<'_>, &Range<usize>> = HashMap::new();
    for target in draft.targets.iter().rev() {
        // The first of the same comes last.
        places.insert(Key::of(&target.value), &target.span);
    }
    for Item { value, span } in &draft.targets {
        let first = places.get(&Key::of(value)).copied();
        let mut wider = wider(value);
        let (code, other) = match (first, wider.find_map(|key| places.get(&key))) {
            (Some(first), _) if first != span => (Code::ValueDuplicate, first),
            (_, Some(other)) => (Code::TargetCovered, *other),
            _ => continue,
        };
        let other = reader.place(other);
        reader.find_value(code, span, &value.to_string()).other = Some(other);
    }
}

/// What makes two targets the same.
#[derive(PartialEq, Eq, Hash)]
struct Key<'a> {
    target: &'a super::super::origin::WebOrigin,
    segments: &'a [Box<[u8]>],
    below: bool,
}

impl<'a> Key<'a> {
    fn of(target: &'a Target) -> Self {
        Self {
            target: &target.origin,
            segments: &target.segments,
            below: target.below,
        }
    }
}

/// The targets that cover this one, itself excepted.
fn wider(target: &Target) -> impl Iterator<Item = Key<'_>> {
    let own = target.segments.len();
    let all = (0..=own).flat_map(|length| [(length, false), (length, true)]);
    let wider = all.filter(move |(length, below)| *length < own || (target.below && !*below));
    wider.map(|(length, below)| Key {
        target: &target.origin,
        segments: target.segments.get(..length).unwrap_or_default(),
        below,
    })
}
