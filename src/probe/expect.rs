//! What the policy says of a request.

use crate::cors::names::is_safelisted_method;
use crate::policy::pattern::{HostPattern, Port, WebPattern};
use crate::policy::{Names, OriginPattern, Rule};

use super::access::Access;
use super::matrix::{Asks, Question, Wanted};
use super::origins::{Candidate, Likeness};

/// How far the rules for a URL let a page of an origin get, the first that is for it deciding.
pub fn expected(rules: &[&Rule], question: &Question) -> Access {
    let Some(rule) = rule_of(rules, question.origin.as_ref()) else {
        return Access::Refused;
    };
    let most = if rule.credentials {
        Access::Credentialed
    } else {
        Access::Anonymous
    };
    let Asks::Preflight { method, headers } = &question.asks else {
        return most;
    };
    let method = if is_safelisted_method(method) {
        Access::Credentialed
    } else {
        named(&rule.methods, rule.methods.has_method(method))
    };
    let headers = headers.iter().map(|name| {
        let is_listed = rule.request_headers.has_header(name.as_bytes());
        named(&rule.request_headers, is_listed)
    });
    headers.fold(most.min(method), Access::min)
}

/// An asterisk stands for all only without credentials.
fn named(names: &Names, is_listed: bool) -> Access {
    if is_listed {
        Access::Credentialed
    } else if names.any {
        Access::Anonymous
    } else {
        Access::Refused
    }
}

/// The rule for an origin.
pub(super) fn rule_of<'r>(rules: &[&'r Rule], origin: Option<&Candidate>) -> Option<&'r Rule> {
    let origin = origin?;
    // Browsers send small letters only, so that a policy need not tell the cases apart.
    let is_sent_by_browsers = origin.likeness != Likeness::Case;
    let covers = |pattern: &OriginPattern| {
        *pattern == OriginPattern::Any
            || is_sent_by_browsers && pattern.matches(origin.origin.as_bytes())
    };
    rules
        .iter()
        .find(|rule| rule.origins.iter().any(covers))
        .copied()
}

/// What a rule has that is to be tried.
pub fn wanted(rule: &Rule) -> Wanted {
    Wanted {
        rule: rule.name.to_string(),
        origins: rule.origins.iter().map(example).collect(),
        methods: all(&rule.methods),
        headers: all(&rule.request_headers),
    }
}

fn all(names: &Names) -> Vec<String> {
    let listed = names.listed.iter().map(ToString::to_string);
    names
        .any
        .then(|| "*".to_owned())
        .into_iter()
        .chain(listed)
        .collect()
}

/// The origin of a pattern, or one that it covers.
fn example(pattern: &OriginPattern) -> Candidate {
    let likeness = match pattern {
        OriginPattern::Web(WebPattern {
            host: HostPattern::Exact(_),
            port: Port::Exact(_),
            ..
        })
        | OriginPattern::Custom(_)
        | OriginPattern::Null => Likeness::Listed,
        OriginPattern::Web(_) | OriginPattern::Any => Likeness::Covered,
    };
    let origin = match pattern {
        OriginPattern::Any => Candidate::stranger().origin,
        OriginPattern::Web(_) | OriginPattern::Custom(_) | OriginPattern::Null => pattern
            .to_string()
            .replacen("//*.", "//corstap-probe.", 1)
            .replacen(":*", ":3000", 1),
    };
    Candidate { origin, likeness }
}
