//! Which look-alikes an exchange shows.

use std::borrow::Cow;

use crate::cors::opinion::{Opinion, Situation};
use crate::cors::verdict::PreflightBecause;
use crate::cors::{Confidence, CredentialsMode, Diagnosis, Kind};
use crate::exchange::{Ending, ExchangeId};

use super::LookAlike;

/// The look-alikes that an exchange shows, by the opinion of its engine. Ordinary exchanges show
/// none, and cost a few comparisons.
pub(in crate::cors) fn told(
    situation: &Situation<'_>,
    id: ExchangeId,
    opinion: &Opinion,
    mode: Option<CredentialsMode>,
) -> Vec<Diagnosis<LookAlike>> {
    let one = match opinion {
        Opinion::Barred(bar) => {
            let document = situation.around.embedder.map(|page| page.document);
            let by_page = document.filter(|_| bar.look_alike == LookAlike::CoepBlocked);
            Some((bar.look_alike, bar.confidence, by_page))
        }
        Opinion::Failed(_) => failure(situation),
        Opinion::Blocked(_) if situation.effective().is_none() => failure(situation),
        Opinion::Allowed => unhappy(situation, mode),
        Opinion::Exempt | Opinion::Pending | Opinion::Blocked(_) => None,
    };
    one.into_iter()
        .map(|(code, confidence, other)| diagnosis(code, confidence, id, other))
        .collect()
}

/// That a browser does not enforce what it should: an actual request after a preflight that was
/// refused, and none that was accepted.
pub(in crate::cors) fn not_enforced(
    situation: &Situation<'_>,
    id: ExchangeId,
    because: Option<PreflightBecause>,
) -> Option<Diagnosis<LookAlike>> {
    let refused = situation.around.refused?;
    (because == Some(PreflightBecause::Missing)).then(|| {
        let code = LookAlike::BrowserNotEnforcing;
        diagnosis(code, Confidence::Medium, id, Some(refused))
    })
}

fn diagnosis(
    code: LookAlike,
    confidence: Confidence,
    id: ExchangeId,
    other: Option<ExchangeId>,
) -> Diagnosis<LookAlike> {
    Diagnosis {
        code,
        confidence,
        evidence: other.into_iter().chain([id]).collect(),
        remedy: Cow::Borrowed(code.remedy()),
    }
}

type One = (LookAlike, Confidence, Option<ExchangeId>);

/// Why a load failed in the transport, or was refused by the server.
fn failure(situation: &Situation<'_>) -> Option<One> {
    if situation.profile.kind == Kind::Websocket && situation.response.is_some() {
        let is_refused = situation
            .response
            .is_some_and(|response| matches!(response.status, 401 | 403));
        let confidence = if is_refused {
            Confidence::High
        } else {
            Confidence::Low
        };
        return Some((LookAlike::WebsocketOrigin, confidence, None));
    }
    if let Some(upgraded) = upgraded(situation) {
        return Some(upgraded);
    }
    let code = match situation.ending {
        Ending::Dns => LookAlike::DnsFailure,
        Ending::Refused => LookAlike::ConnectRefused,
        Ending::Tls => LookAlike::TlsUpstream,
        Ending::Timeout => LookAlike::Timeout,
        Ending::NoResponse | Ending::NotHttp | Ending::ResetByServer | Ending::Truncated => {
            LookAlike::NoAnswer
        }
        Ending::InProgress | Ending::Complete | Ending::ResetByClient | Ending::NeverSent => {
            return None;
        }
    };
    Some((code, Confidence::Certain, None))
}

/// A handshake that fails where the page has http URLs asked for over TLS.
fn upgraded(situation: &Situation<'_>) -> Option<One> {
    let page = situation.around.embedder.filter(|page| page.upgrades)?;
    let has_no_tls = matches!(
        situation.ending,
        Ending::Tls | Ending::Refused | Ending::NoResponse | Ending::ResetByServer
    );
    has_no_tls.then_some((
        LookAlike::MixedContent,
        Confidence::Low,
        Some(page.document),
    ))
}

/// What may be wrong with an answer that the page gets.
fn unhappy(situation: &Situation<'_>, mode: Option<CredentialsMode>) -> Option<One> {
    if situation.profile.kind != Kind::CrossOrigin {
        return None;
    }
    let response = situation.response?;
    if response.status < 400 {
        let is_literal = mode == Some(CredentialsMode::Include)
            && response.headers.first("access-control-expose-headers") == Some(b"*");
        return is_literal.then_some((LookAlike::NotExposed, Confidence::High, None));
    }
    let around = situation.around;
    if let Some(cookie) = around.unsent_cookie
        && mode != Some(CredentialsMode::Omit)
    {
        let confidence = match mode {
            Some(CredentialsMode::Include) => Confidence::High,
            Some(CredentialsMode::Omit) | None => Confidence::Medium,
        };
        return Some((LookAlike::SamesiteCookie, confidence, Some(cookie)));
    }
    if response.status == 419 {
        return Some((
            LookAlike::CsrfRejected,
            Confidence::High,
            around.csrf_cookie,
        ));
    }
    let cookie = around.csrf_cookie?;
    Some((LookAlike::CsrfRejected, Confidence::Medium, Some(cookie)))
}
