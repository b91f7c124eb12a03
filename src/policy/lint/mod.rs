//! The lint: what is well formed and wrong all the same.

mod names;
mod origins;
mod shadow;
mod targets;

use std::collections::HashMap;
use std::ops::Range;

use super::Policy;
use super::finding::Code;
use super::parse::{Draft, Item, Reader};
use crate::exchange::Moment;

/// The longest that any browser holds the answer to a preflight, in seconds (Firefox).
const LONGEST: u32 = 86_400;
/// The longest that every browser holds it, in seconds (WebKit).
const SHORTEST: u32 = 600;

/// Notes what is wrong with rules that were read; the policy is what they come to.
pub(super) fn check(reader: &mut Reader<'_>, drafts: &[Draft], policy: &Policy, now: Moment) {
    check_names(reader, drafts);
    for draft in drafts {
        reader.rule = Some(draft.title.clone());
        check_expiry(reader, draft, now);
        check_max_age(reader, draft);
        origins::check(reader, draft);
        targets::check(reader, draft);
        names::check(reader, draft);
    }
    shadow::check(reader, drafts, policy, now);
    reader.rule = None;
}

fn check_names(reader: &mut Reader<'_>, drafts: &[Draft]) {
    let mut first: HashMap<&str, &Range<usize>> = HashMap::new();
    for draft in drafts {
        let Some(name) = &draft.name else { continue };
        if let Some(earlier) = first.get(&*name.value) {
            reader.rule = Some(draft.title.clone());
            let earlier = reader.place(earlier);
            let finding = reader.find_value(Code::NameDuplicate, &name.span, &name.value);
            finding.other = Some(earlier);
        } else {
            first.insert(&name.value, &name.span);
        }
    }
}

fn check_expiry(reader: &mut Reader<'_>, draft: &Draft, now: Moment) {
    if let Some(expires) = &draft.expires
        && now.utc().date() > expires.value
    {
        reader.find_value(Code::RuleExpired, &expires.span, &expires.value.to_string());
    }
}

fn check_max_age(reader: &mut Reader<'_>, draft: &Draft) {
    let Some(Item { value, span }) = &draft.max_age else {
        return;
    };
    let code = match *value {
        value if value <= SHORTEST => return,
        value if value <= LONGEST => Code::MaxAgeCut,
        _ => Code::MaxAgeTooLong,
    };
    reader.find_value(code, span, &value.to_string());
}

impl Draft {
    fn has_credentials(&self) -> bool {
        self.credentials.as_ref().is_some_and(|item| item.value)
    }
}
