//! Roots that show in which layer answered, and how its answers differ from others.

use crate::cors::{Confidence, Kind};

use super::Root;
use super::case::{Case, Found, Sight};
use super::fact::{Allow, Fact, Signs};
use super::server::{Defence, Family, defence};
use super::turn::{Turn, is_login};

/// 413, 414 and 431 say so themselves.
pub(super) fn body_or_header_limit(case: &Case<'_>) -> Option<Found> {
    let is_limit = matches!(case.shape().status, 413 | 414 | 431);
    (is_limit && is_missing(case)).then(|| Found::new(Root::BodyOrHeaderLimit, Confidence::High))
}

fn is_missing(case: &Case<'_>) -> bool {
    case.shape().allow == Allow::Missing
}

fn is_html(case: &Case<'_>) -> bool {
    case.says("content-type", "text/html")
}

/// A refusal with the mark of a defence: one that says it acted, or one that stands in front and
/// answers a script with a page.
pub(super) fn waf_or_bot_challenge(case: &Case<'_>) -> Option<Found> {
    if !matches!(case.shape().status, 403 | 405 | 429 | 503) || !is_missing(case) {
        return None;
    }
    let confidence = match defence(case.headers())? {
        Defence::Acted => Confidence::High,
        Defence::Present if is_html(case) => Confidence::Medium,
        Defence::Present => return None,
    };
    Some(Found::new(Root::WafOrBotChallenge, confidence).beside(case.let_in()))
}

/// A status that gateways answer with, with the mark of a gateway.
pub(super) fn gateway_error(case: &Case<'_>) -> Option<Found> {
    if !is_missing(case) {
        return None;
    }
    let confidence = match case.shape().status {
        502 | 504 | 520..=527 | 530 if is_gateway(case) => Confidence::High,
        502 | 504 => Confidence::Medium,
        503 if is_gateway(case) => Confidence::Medium,
        _ => return None,
    };
    Some(Found::new(Root::GatewayError, confidence).beside(case.let_in()))
}

fn is_gateway(case: &Case<'_>) -> bool {
    let by_name = match case.server().front {
        Some(
            Family::Nginx
            | Family::Apache
            | Family::Caddy
            | Family::Cloudflare
            | Family::CloudFront
            | Family::Fastly
            | Family::Akamai
            | Family::Alb
            | Family::ApiGateway
            | Family::Envoy,
        ) => true,
        Some(
            Family::Express
            | Family::Starlette
            | Family::Django
            | Family::Flask
            | Family::Rails
            | Family::Laravel
            | Family::Spring
            | Family::AspNet
            | Family::S3,
        )
        | None => false,
    };
    by_name || case.headers().contains("via") || case.headers().contains("x-cache")
}

/// Every answer under this name is the same refusal, while the same port answers under another.
pub(super) fn host_not_authorised(case: &Case<'_>) -> Option<Found> {
    let shape = case.shape();
    let is_refusal = matches!(shape.status, 400 | 403 | 421);
    if !is_refusal || !shape.knows_nothing() || case.sight == Sight::Gaps {
        return None;
    }
    let is_always = case
        .others()
        .all(|fact| fact.shape.status == shape.status && fact.shape.knows_nothing());
    let elsewhere: Vec<&Fact> = case
        .other_names()
        .filter(|fact| fact.shape.marker.front == shape.marker.front)
        .collect();
    if !is_always || elsewhere.is_empty() {
        return None;
    }
    let is_at_path = elsewhere.iter().any(|fact| fact.path == case.own.path);
    let confidence = if is_at_path {
        Confidence::High
    } else {
        Confidence::Medium
    };
    Some(Found::new(Root::HostNotAuthorised, confidence).beside(elsewhere))
}

/// The redirect to the login page, or the login page that it led to.
pub(super) fn login_redirect(case: &Case<'_>) -> Option<Found> {
    if !case.is(Kind::CrossOrigin) || case.shape().lets_in() {
        return None;
    }
    let from = case.url()?;
    if let Some(to) = super::preflight::target(case) {
        let confidence = match Turn::between(from, &to) {
            Turn::Login => Confidence::High,
            Turn::Slash | Turn::Https | Turn::Host | Turn::Away | Turn::Elsewhere => return None,
        };
        return Some(Found::new(Root::LoginRedirectOnXhr, confidence));
    }
    let hop = case.subject.links.redirected_from?;
    (is_login(from) && case.shape().is_success()).then(|| {
        let found = Found::new(Root::LoginRedirectOnXhr, Confidence::High);
        found.beside(&[Fact {
            id: hop,
            ..case.own
        }])
    })
}

/// The preflight at this path was let in, by other software, or by the only part that knows CORS.
pub(super) fn answered_by_other_layer(case: &Case<'_>) -> Option<Found> {
    let shape = case.shape();
    if !case.is(Kind::CrossOrigin) || !is_missing(case) || shape.has(Signs::CACHED) {
        return None;
    }
    let asked = case.let_in().find(|fact| {
        fact.shape.kind == Kind::Preflight && fact.path == case.own.path && fact.shape.is_success()
    })?;
    let is_other = asked.shape.marker.front != shape.marker.front;
    let is_other_application = asked.shape.marker.application != shape.marker.application;
    let lets_none_in = !case.let_in().any(|fact| !fact.shape.is_options);
    let confidence = if is_other && shape.status < 500 {
        Confidence::High
    } else if is_other_application || (lets_none_in && shape.is_success()) {
        Confidence::Medium
    } else {
        return None;
    };
    Some(Found::new(Root::PreflightAnsweredByOtherLayer, confidence).beside([asked]))
}

/// An error without the field, where the same page is let in by successes.
pub(super) fn error_path(case: &Case<'_>) -> Option<Found> {
    let is_error = matches!(case.shape().status, 400..);
    if !case.is(Kind::CrossOrigin) || !is_error || !is_missing(case) {
        return None;
    }
    let successes = || case.let_in().filter(|fact| fact.shape.status < 400);
    let proper = || successes().filter(|fact| !fact.shape.is_options);
    let found = |confidence| Found::new(Root::ErrorPathWithoutCors, confidence);
    if proper().next().is_some() {
        return Some(found(Confidence::High).beside(proper()));
    }
    let asked = successes().find(|fact| fact.path == case.own.path)?;
    Some(found(Confidence::Medium).beside([asked]))
}

/// No answer of this host shows anything of CORS, whatever was asked.
pub(super) fn no_cors_config(case: &Case<'_>) -> Option<Found> {
    let shape = case.shape();
    let knows_something = || case.facts().iter().any(|fact| !fact.shape.knows_nothing());
    if !shape.knows_nothing() || case.sight == Sight::Gaps || knows_something() {
        return None;
    }
    let asked = || case.others().filter(|fact| fact.shape.origin.is_some());
    let is_proof = |fact: &Fact| !fact.shape.is_options && fact.shape.is_success();
    let has_others = asked()
        .any(|fact| fact.shape.status != shape.status || fact.path != case.own.path)
        || asked().any(|fact| fact.shape.is_options != shape.is_options);
    let is_proven = is_proof(&case.own) || asked().any(is_proof);
    let confidence = match (is_proven, has_others) {
        (true, true) => Confidence::High,
        (true, false) => Confidence::Medium,
        (false, _) if shape.is_options && (shape.is_success() || is_bucket(case)) => {
            Confidence::Medium
        }
        (false, _) => Confidence::Low,
    };
    Some(Found::new(Root::NoCorsConfig, confidence).beside(asked()))
}

/// S3 refuses every preflight of a bucket that has no CORS configuration.
fn is_bucket(case: &Case<'_>) -> bool {
    case.server().front == Some(Family::S3)
}
