//! Roots that show in how OPTIONS is answered, and why it was asked.

use crate::cors::names::is_safelisted_method;
use crate::cors::preflight::Preflight;
use crate::cors::{Cause, Confidence, Kind, Outcome, redirect as redirects};
use crate::exchange::RequestUrl;

use super::Root;
use super::case::{Case, Found};
use super::fact::Signs;
use super::server::Family;
use super::turn::Turn;

/// How often a preflight is made before that is worth a word.
const OFTEN: u32 = 3;

/// Where the answer redirects to.
pub(super) fn target(case: &Case<'_>) -> Option<RequestUrl> {
    let from = &case.subject.situation.request.url;
    RequestUrl::from_url(&redirects::target(from, case.response)?)
}

/// A redirect, by what it changes.
pub(super) fn redirect(case: &Case<'_>) -> Option<Found> {
    if !case.is(Kind::Preflight) {
        return None;
    }
    let to = target(case)?;
    let (root, confidence) = match Turn::between(case.url()?, &to) {
        Turn::Slash => (Root::OptionsRedirectSlash, Confidence::Certain),
        Turn::Https => (Root::OptionsRedirectHttps, Confidence::Certain),
        Turn::Host => (Root::OptionsRedirectHost, Confidence::High),
        Turn::Login => (Root::OptionsRedirectLogin, Confidence::High),
        Turn::Away => (Root::OptionsRedirectLogin, Confidence::Low),
        Turn::Elsewhere => return None,
    };
    Some(Found::new(root, confidence))
}

/// OPTIONS is refused where other methods are not, or for want of credentials.
pub(super) fn unanswered(case: &Case<'_>) -> Option<Found> {
    if !case.is(Kind::Preflight) {
        return None;
    }
    match case.shape().status {
        401 | 407 => Some(needs_auth(case, Confidence::High)),
        // A bucket asks nobody to authenticate here: none of its rules fits.
        403 if case.server().front == Some(Family::S3) => None,
        403 if case.shape().knows_nothing() => Some(needs_auth(case, forbidden(case))),
        404 => no_route(case, None),
        405 | 501 => no_route(case, Some(not_allowed(case))),
        _ => None,
    }
}

fn needs_auth(case: &Case<'_>, confidence: Confidence) -> Found {
    let with_credentials = case
        .at_this_path()
        .filter(|fact| fact.shape.is_success() && fact.shape.has(Signs::CREDENTIALS));
    Found::new(Root::OptionsNeedsAuth, confidence).beside(with_credentials)
}

/// A 403 may have other reasons: it counts where the same URL answers those who have credentials.
fn forbidden(case: &Case<'_>) -> Confidence {
    let succeeds = |with: bool| {
        case.at_this_path()
            .any(|fact| fact.shape.is_success() && fact.shape.has(Signs::CREDENTIALS) == with)
    };
    if succeeds(true) && !succeeds(false) {
        Confidence::High
    } else {
        Confidence::Low
    }
}

fn no_route(case: &Case<'_>, alone: Option<Confidence>) -> Option<Found> {
    let succeeds = || case.at_this_path().filter(|fact| fact.shape.status < 400);
    let found = |confidence| Found::new(Root::OptionsNoRoute, confidence);
    if succeeds().next().is_some() {
        return Some(found(Confidence::High).beside(succeeds()));
    }
    let status = case.shape().status;
    if status == 404 && case.at_this_path().any(|fact| fact.shape.status == 404) {
        // Nothing is there for anybody.
        return None;
    }
    Some(found(alone.unwrap_or(Confidence::Low)))
}

/// "Method not allowed" says it; with an Allow that does not list OPTIONS, twice.
fn not_allowed(case: &Case<'_>) -> Confidence {
    if case.headers().contains("allow") && !case.says("allow", "options") {
        Confidence::High
    } else {
        Confidence::Medium
    }
}

/// Header names that tracing and AJAX libraries add.
pub(super) const OF_LIBRARIES: [&str; 20] = [
    "traceparent",
    "tracestate",
    "baggage",
    "sentry-trace",
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "x-datadog-origin",
    "x-datadog-parent-id",
    "x-datadog-sampling-priority",
    "x-datadog-trace-id",
    "newrelic",
    "uber-trace-id",
    "elastic-apm-traceparent",
    "x-cloud-trace-context",
    "request-id",
    "request-context",
    "x-requested-with",
];

pub(super) fn is_of_library(name: &[u8]) -> bool {
    OF_LIBRARIES
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

/// The question of a preflight.
pub(super) fn question<'a>(case: &Case<'a>) -> Option<Preflight<'a>> {
    case.is(Kind::Preflight).then_some(())?;
    Preflight::of(&case.subject.situation.request.headers)
}

/// The headers that are not allowed are those of a library; or nothing but these makes a preflight
/// necessary.
pub(super) fn trace_headers(case: &Case<'_>) -> Option<Found> {
    let preflight = question(case)?;
    let found = |confidence| Found::new(Root::TraceHeadersAdded, confidence);
    if is_about_headers(case) {
        let mut refused = refused(case, preflight).peekable();
        refused.peek()?;
        return refused.all(is_of_library).then(|| found(Confidence::High));
    }
    let is_only_reason = is_safelisted(preflight)
        && preflight.header_names().next().is_some()
        && preflight.header_names().all(is_of_library);
    is_only_reason.then(|| found(Confidence::Medium))
}

/// Whether the first condition not met is about headers.
fn is_about_headers(case: &Case<'_>) -> bool {
    matches!(
        case.causes().next(),
        Some(Cause::HeaderNotAllowed | Cause::HeaderWildcardCredentialed)
    )
}

/// The names asked for that Access-Control-Allow-Headers does not list.
fn refused<'a>(case: &Case<'a>, preflight: Preflight<'a>) -> impl Iterator<Item = &'a [u8]> {
    let headers = case.headers();
    preflight.header_names().filter(move |name| {
        let mut listed = headers
            .all("access-control-allow-headers")
            .flat_map(|value| value.split(|&octet| octet == b','))
            .map(crate::wire::trim_ows);
        !listed.any(|listed| listed.eq_ignore_ascii_case(name))
    })
}

fn is_safelisted(preflight: Preflight<'_>) -> bool {
    std::str::from_utf8(preflight.method).is_ok_and(is_safelisted_method)
}

/// The one header that a preflight is made for.
pub(super) fn only_header<'a>(case: &Case<'a>) -> Option<&'a [u8]> {
    let preflight = question(case)?;
    let mut names = preflight.header_names();
    let name = names.next()?;
    (is_safelisted(preflight) && names.next().is_none()).then_some(name)
}

/// One header makes the preflight necessary; requests without it are answered as they should be.
pub(super) fn simple_request(case: &Case<'_>) -> Option<Found> {
    let name = only_header(case)?;
    if is_of_library(name) {
        return None;
    }
    let proper = || {
        let fits = case.let_in().filter(|fact| !fact.shape.is_options);
        fits.filter(|fact| fact.shape.is_success())
    };
    let is_content_type = name.eq_ignore_ascii_case(b"content-type") && is_about_headers(case);
    let confidence = if proper().next().is_some() || is_content_type {
        Confidence::Medium
    } else {
        Confidence::Low
    };
    Some(Found::new(Root::SimpleRequestExpected, confidence).beside(proper()))
}

/// The same preflight again and again, whose answer does not say that it holds.
pub(super) fn expired_policy(case: &Case<'_>) -> Option<Found> {
    if !case.is(Kind::Preflight) || case.subject.verdict.answer.outcome == Outcome::Blocked {
        return None;
    }
    let seen = case.seen().filter(|seen| seen.times >= OFTEN)?;
    let age = case.headers().first("access-control-max-age");
    let seconds = age.map(|age| {
        std::str::from_utf8(age)
            .ok()
            .and_then(|age| age.parse::<i64>().ok())
    });
    let confidence = match seconds {
        Some(Some(..=0)) => Confidence::Certain,
        None | Some(None) => Confidence::High,
        Some(Some(1..=5)) => Confidence::Medium,
        Some(Some(6..)) => return None,
    };
    Some(Found::new(Root::ExpiredPreflightPolicy, confidence).beside([seen]))
}
