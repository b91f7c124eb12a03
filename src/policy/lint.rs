//! The lint: what is well formed and wrong all the same.

use std::collections::HashMap;
use std::ops::Range;

use super::finding::Code;
use super::parse::{Draft, Reader};
use super::pattern::OriginPattern;
use crate::exchange::Moment;

/// Notes what is wrong with rules that were read.
pub(super) fn check(reader: &mut Reader<'_>, drafts: &[Draft], now: Moment) {
    check_names(reader, drafts);
    for draft in drafts {
        reader.rule = Some(draft.title.clone());
        check_expiry(reader, draft, now);
        check_origins(reader, draft);
    }
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

fn check_origins(reader: &mut Reader<'_>, draft: &Draft) {
    let has_credentials = draft.credentials.as_ref().is_some_and(|item| item.value);
    for origin in &draft.origins {
        match &origin.value {
            OriginPattern::Null => {
                reader.find_value(Code::OriginNull, &origin.span, "null");
            }
            OriginPattern::Any if has_credentials => {
                reader.find_value(Code::AnyOriginWithCredentials, &origin.span, "*");
            }
            OriginPattern::Any | OriginPattern::Web(_) | OriginPattern::Custom(_) => {}
        }
    }
}
