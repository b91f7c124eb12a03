//! Roots that show in what Access-Control-Allow-Origin says.

use crate::cors::origin::Difference;
use crate::cors::{Cause, Confidence, Kind};

use super::Root;
use super::case::{Case, Found};
use super::fact::{Allow, Fact, Mark, Signs};

const ALLOW_ORIGIN: &str = "access-control-allow-origin";
const ALLOW_CREDENTIALS: &str = "access-control-allow-credentials";

/// `*` and `true` in one answer.
pub(super) fn wildcard_and_credentials(case: &Case<'_>) -> Option<Found> {
    let is_cause = case.causes().any(|cause| {
        matches!(
            cause,
            Cause::WildcardWithCredentials
                | Cause::MethodWildcardCredentialed
                | Cause::HeaderWildcardCredentialed
        )
    });
    let is_both = case.shape().allow == Allow::Any
        && case.headers().first(ALLOW_CREDENTIALS) == Some(b"true");
    (is_cause && is_both).then(|| Found::new(Root::WildcardAndCredentials, Confidence::Certain))
}

/// Two lines; or one line that holds a value twice, or a value beside the asterisk, as gateways
/// join lines. A list of several origins may be one layer's mistake.
pub(super) fn duplicate_layers(case: &Case<'_>) -> Option<Found> {
    let headers = case.headers();
    if case.shape().allow == Allow::Several || headers.all(ALLOW_CREDENTIALS).count() > 1 {
        return Some(Found::new(Root::DuplicateLayers, Confidence::High));
    }
    let joined = |field| headers.first(field).is_some_and(is_joined);
    let is_joined = joined(ALLOW_ORIGIN) || joined(ALLOW_CREDENTIALS);
    is_joined.then(|| Found::new(Root::DuplicateLayers, Confidence::Medium))
}

fn is_joined(value: &[u8]) -> bool {
    let mut members: Vec<_> = value
        .split(|&octet| octet == b',')
        .map(crate::wire::trim_ows)
        .collect();
    let count = members.len();
    members.sort_unstable();
    members.dedup();
    count > 1 && (members.len() < count || members.contains(&b"*".as_slice()))
}

/// The value that was made for another origin; nothing if there is none, or it is a pattern or the
/// page's own origin in another spelling.
fn other_origin(case: &Case<'_>) -> Option<Mark> {
    let Allow::Other(value) = case.shape().allow else {
        return None;
    };
    let evidence = case.subject.verdict.evidence.first()?;
    match evidence.differs? {
        Difference::Scheme | Difference::Host | Difference::Port => Some(value),
        Difference::Null
        | Difference::NoScheme
        | Difference::HostSpelling
        | Difference::DefaultPort
        | Difference::TrailingSlash
        | Difference::Path
        | Difference::Pattern
        | Difference::Spelling => None,
    }
}

/// The origin that an answer names.
fn named(fact: &Fact) -> Option<Mark> {
    match fact.shape.allow {
        Allow::Own => fact.shape.origin,
        Allow::Other(value) => Some(value),
        Allow::Missing | Allow::Any | Allow::Several => None,
    }
}

/// An answer that says it was stored, does not vary by Origin, and was made for somebody else.
pub(super) fn cached_without_vary(case: &Case<'_>) -> Option<Found> {
    let shape = case.shape();
    if shape.has(Signs::VARY_ORIGIN) || case.is(Kind::Preflight) {
        return None;
    }
    let is_stored = shape.has(Signs::CACHED) || shape.status == 304;
    let asked_by = |wanted: Mark| {
        case.others()
            .find(move |fact| fact.shape.allow == Allow::Own && fact.shape.origin == Some(wanted))
    };
    let (confidence, fact) = match shape.allow {
        Allow::Other(_) => {
            let fact = asked_by(other_origin(case)?)?;
            if is_stored {
                (Confidence::High, fact)
            } else {
                // Without the mark of a cache: only if the server is known to name whoever asks.
                case.let_in().find(|fact| fact.shape.allow == Allow::Own)?;
                (Confidence::Medium, fact)
            }
        }
        Allow::Missing if is_stored && shape.is_success() => {
            let is_fresh = |fact: &&Fact| {
                fact.shape.lets_in() && !fact.shape.has(Signs::CACHED) && fact.shape.is_success()
            };
            // What was stored for a request without Origin has no field, if the server waits for one.
            let without = |fact: &&Fact| fact.shape.origin.is_none() && fact.shape.is_success();
            match case.at_this_path().find(is_fresh) {
                Some(fact) => (Confidence::High, fact),
                None if case.let_in().any(|fact| is_fresh(&fact)) => {
                    (Confidence::Medium, case.at_this_path().find(without)?)
                }
                None => return None,
            }
        }
        Allow::Missing | Allow::Any | Allow::Own | Allow::Several => return None,
    };
    Some(Found::new(Root::CachedWithoutVary, confidence).beside([fact]))
}

/// A 304 without the field, where the response at the same path has it.
pub(super) fn conditional_headers_on_304(case: &Case<'_>) -> Option<Found> {
    let shape = case.shape();
    if shape.status != 304 || shape.allow != Allow::Missing {
        return None;
    }
    let stored = || case.at_this_path().filter(|fact| fact.shape.is_success());
    let with = stored().find(|fact| fact.shape.lets_in());
    let (confidence, fact) = match with {
        Some(fact) => (Confidence::High, fact),
        None => (Confidence::Low, stored().next()?),
    };
    Some(Found::new(Root::ConditionalHeadersOn304, confidence).beside([fact]))
}

/// The server answers as one that knows this origin is not on its list, or lets others in.
pub(super) fn allowlist_miss(case: &Case<'_>) -> Option<Found> {
    let shape = case.shape();
    let varies = shape.has(Signs::VARY_ORIGIN);
    let is_refusal = match shape.allow {
        Allow::Missing => true,
        Allow::Other(_) => varies && other_origin(case).is_some(),
        Allow::Any | Allow::Own | Allow::Several => false,
    };
    if !is_refusal || shape.has(Signs::CACHED) || case.let_in().next().is_some() {
        return None;
    }
    if case.says("x-rack-cors", "miss") {
        return Some(Found::new(Root::AllowlistMiss, Confidence::High));
    }
    let is_preflight = case.is(Kind::Preflight);
    let is_plain = matches!(shape.status, 200..=399) || (is_preflight && is_refusing(shape.status));
    // Naming somebody else says no more than that it does not name this one.
    let speaks = shape.allow == Allow::Missing && (varies || shape.has(Signs::CORS));
    let let_in = || case.others().filter(|fact| fact.shape.allow == Allow::Own);
    let has_friends = let_in().next().is_some();
    let confidence = match (speaks, has_friends) {
        (true, true) if is_plain => Confidence::High,
        (true, false) | (false, true) if is_plain => Confidence::Medium,
        (true, true) => Confidence::Medium,
        (true, false) | (false, true) => Confidence::Low,
        (false, false) if varies => Confidence::Low,
        (false, false) => return None,
    };
    Some(Found::new(Root::AllowlistMiss, confidence).beside(let_in()))
}

/// The statuses by which CORS layers refuse a preflight.
fn is_refusing(status: u16) -> bool {
    matches!(status, 400 | 403)
}

/// One value, whoever asks.
pub(super) fn static_allow_origin(case: &Case<'_>) -> Option<Found> {
    let shape = case.shape();
    if shape.has(Signs::CACHED) {
        return None;
    }
    let value = other_origin(case)?;
    let names = || case.others().filter(|fact| named(fact).is_some());
    let is_other = |fact: &&Fact| named(fact) != Some(value);
    if names().any(|fact| is_other(&fact)) {
        return None;
    }
    let for_others = || names().filter(|fact| fact.shape.origin != shape.origin);
    let confidence = if for_others().next().is_some() {
        Confidence::High
    } else if shape.has(Signs::VARY_ORIGIN) {
        Confidence::Low
    } else {
        Confidence::Medium
    };
    Some(Found::new(Root::StaticAllowOrigin, confidence).beside(for_others()))
}
