//! Rules that earlier ones leave nothing for.

use super::super::Policy;
use super::super::finding::Code;
use super::super::parse::{Draft, Reader};
use crate::exchange::Moment;

/// The first rule for a request counts, so a later one may never come to its turn.
pub(super) fn check(reader: &mut Reader<'_>, drafts: &[Draft], policy: &Policy, now: Moment) {
    let is_in_force = |number: usize| {
        policy
            .rules
            .get(number)
            .is_some_and(|rule| !rule.has_expired(now))
    };
    for (number, draft) in drafts.iter().enumerate() {
        let pairs = draft
            .origins
            .iter()
            .flat_map(|origin| draft.targets.iter().map(move |target| (origin, target)));
        let earlier: Vec<Option<usize>> = pairs
            .map(|(origin, target)| {
                let first = policy
                    .index
                    .first_including(&origin.value, &target.value, is_in_force);
                first.filter(|first| *first < number)
            })
            .collect();
        let Some(first) = earlier
            .iter()
            .flatten()
            .next()
            .and_then(|first| drafts.get(*first))
        else {
            continue;
        };
        let code = if earlier.iter().all(Option::is_some) {
            Code::RuleShadowed
        } else {
            Code::RulePartlyShadowed
        };
        reader.rule = Some(draft.title.clone());
        let other = reader.place(&first.span);
        let finding = reader.find_value(code, &draft.span, &first.title);
        finding.other = Some(other);
    }
}
