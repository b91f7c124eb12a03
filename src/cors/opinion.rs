//! Opinions: what one engine makes of an exchange in one credentials mode, and the verdict that
//! all of them come to.

use crate::exchange::{Ending, ExchangeId, Protocol, Request, Response};
use crate::wire::headers::latin1;

use super::around::Around;
use super::check::{Asked, Finding, cors_check};
use super::classify::{Kind, Profile};
use super::credentials::{Because, Credentials, CredentialsMode};
use super::engine::PerEngine;
use super::exposed;
use super::loading::Mode;
use super::lookalike::{self, Bar, LookAlike};
use super::opinions::{Both, Opinions};
use super::preflight::{Preflight, preflight_check};
use super::redirect::{self, MOST_REDIRECTS, Refusal, check_target};
use super::refused;
use super::verdict::{Answer, Basis, Evidence, Outcome, Verdict, Where};
use super::websocket;
use super::{Cause, Destination, Engine, Phase};

/// Everything an opinion on an exchange depends on, but for engine and credentials mode.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// What the request is.
    pub profile: Profile,
    /// The protocol.
    pub protocol: Protocol,
    /// The request.
    pub request: &'a Request,
    /// The response, if there is one.
    pub response: Option<&'a Response>,
    /// How it ended so far.
    pub ending: Ending,
    /// How many redirects came before it.
    pub redirects: u8,
    /// Whether it is a redirect that nothing follows.
    pub is_left: bool,
    /// What other exchanges tell of it.
    pub around: &'a Around,
}

/// What one engine makes of an exchange in one credentials mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opinion {
    /// The page may have it.
    Allowed,
    /// CORS does not apply.
    Exempt,
    /// There is no response yet.
    Pending,
    /// Conditions that are not met, the one that counts first; never empty.
    Blocked(Vec<Finding>),
    /// The load fails, for a cause that is none of CORS, if it has a name.
    Failed(Option<Cause>),
    /// Another rule than CORS blocks it, or the load fails although CORS passed.
    Barred(Bar),
}

impl Opinion {
    /// The opinion of `engine`, if the request's credentials mode is `credentials`.
    pub fn of(engine: Engine, situation: &Situation<'_>, credentials: CredentialsMode) -> Self {
        let Some(response) = situation.effective() else {
            return situation.without_response(engine);
        };
        if refused::refuses(engine, situation.request, response) {
            return Self::Failed(None);
        }
        let asked = Asked {
            origin: situation
                .request
                .headers
                .first("origin")
                .unwrap_or_default(),
            protocol: situation.protocol,
            credentials,
        };
        let opinion = match situation.profile.kind {
            Kind::Preflight => situation.preflight(engine, asked, response),
            Kind::CrossOrigin => situation.cross_origin(engine, asked, response),
            Kind::SameOrigin => situation.same_origin(engine, response),
            Kind::Websocket if !situation.is_opened(engine, response) => Self::Failed(None),
            Kind::NoCors => situation.no_cors(engine, response),
            Kind::Navigation => situation.framed(engine, response),
            Kind::Websocket | Kind::NotBrowser => Self::Exempt,
        };
        if situation.ending == Ending::Truncated && situation.needs_all(engine, &opinion) {
            Self::Failed(None)
        } else {
            opinion
        }
    }

    /// What it comes to.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Allowed => Outcome::Allowed,
            Self::Exempt => Outcome::Exempt,
            Self::Pending => Outcome::Pending,
            Self::Blocked(_) => Outcome::Blocked,
            Self::Failed(_) => Outcome::Failed,
            Self::Barred(bar) => bar.outcome(),
        }
    }

    fn from_findings(findings: Vec<Finding>) -> Self {
        if findings.is_empty() {
            Self::Allowed
        } else {
            Self::Blocked(findings)
        }
    }

    pub(super) fn findings(&self) -> &[Finding] {
        match self {
            Self::Blocked(findings) => findings,
            Self::Allowed | Self::Exempt | Self::Pending | Self::Failed(_) | Self::Barred(_) => &[],
        }
    }

    pub(super) fn basis(&self) -> Basis {
        match self {
            Self::Barred(bar) => bar.basis,
            Self::Allowed | Self::Exempt | Self::Pending | Self::Blocked(_) | Self::Failed(_) => {
                Basis::Measured
            }
        }
    }

    pub(super) fn answer(&self, engine: Engine, phase: Phase) -> Answer {
        match self {
            Self::Blocked(findings) if let Some(first) = findings.first() => {
                Answer::blocked(engine, phase, first)
            }
            Self::Failed(Some(cause)) => Answer::failed(engine, phase, *cause),
            Self::Barred(bar) => Answer::barred(phase, bar),
            Self::Allowed
            | Self::Exempt
            | Self::Pending
            | Self::Blocked(_)
            | Self::Failed(None) => Answer::plain(self.outcome()),
        }
    }
}

impl Situation<'_> {
    fn without_response(&self, engine: Engine) -> Opinion {
        if self.ending == Ending::InProgress {
            return Opinion::Pending;
        }
        let cause = match self.profile.kind {
            Kind::Preflight => Cause::PreflightNoResponse,
            Kind::CrossOrigin => Cause::NoResponse,
            Kind::SameOrigin
            | Kind::NoCors
            | Kind::Navigation
            | Kind::Websocket
            | Kind::NotBrowser => {
                return Opinion::Failed(None);
            }
        };
        // Firefox takes what is not HTTP for an HTTP/0.9 answer, which has no fields.
        if self.ending == Ending::NotHttp && engine == Engine::Firefox {
            Opinion::Blocked(vec![Finding::new(Cause::AllowOriginMissing)])
        } else {
            Opinion::Failed(Some(cause))
        }
    }

    fn preflight(&self, engine: Engine, asked: Asked<'_>, response: &Response) -> Opinion {
        let Some(preflight) = Preflight::of(&self.request.headers) else {
            return Opinion::Exempt;
        };
        if let Some(refused) = self.refused_first(engine, response) {
            return refused;
        }
        let findings = preflight_check(engine, preflight, asked, response);
        let is_redirect = |first: &Finding| first.cause == Cause::PreflightRedirect;
        if engine == Engine::Firefox
            && findings.first().is_some_and(is_redirect)
            && redirect::has_odd_scheme(&self.request.url, response)
        {
            return Opinion::Failed(Some(Cause::RedirectBadScheme));
        }
        Opinion::from_findings(self.tainted(findings))
    }

    /// Firefox looks at where a redirect leads before it does the CORS check.
    fn refused_first(&self, engine: Engine, response: &Response) -> Option<Opinion> {
        if engine != Engine::Firefox {
            return None;
        }
        if redirect::has_closed_scheme(&self.request.url, response) {
            return Some(Opinion::Failed(Some(Cause::RedirectBadScheme)));
        }
        self.mixed_content(engine, response).map(Opinion::Barred)
    }

    fn cross_origin(&self, engine: Engine, asked: Asked<'_>, response: &Response) -> Opinion {
        if let Some(refused) = self.refused_first(engine, response) {
            return refused;
        }
        let findings = cors_check(engine, asked, &response.headers);
        if !findings.is_empty() {
            return Opinion::from_findings(self.tainted(findings));
        }
        match self.redirect(engine, asked.origin, response) {
            Opinion::Allowed => self.loaded(engine, Mode::Cors, response, Opinion::Allowed),
            other @ (Opinion::Exempt
            | Opinion::Pending
            | Opinion::Blocked(_)
            | Opinion::Failed(_)
            | Opinion::Barred(_)) => other,
        }
    }

    /// The answer as the page gets it: a 304 stands for the stored one, brought up to date.
    pub(super) fn effective(&self) -> Option<&Response> {
        let revalidated = self.around.revalidated.as_ref();
        revalidated.map(|stored| &stored.response).or(self.response)
    }

    /// A response that passes, and may lead on.
    pub(super) fn redirect(&self, engine: Engine, origin: &[u8], response: &Response) -> Opinion {
        match check_target(engine, origin, &self.request.url, response) {
            Some(Refusal::Blocked(finding)) => Opinion::Blocked(vec![finding]),
            Some(Refusal::Failed(cause)) => Opinion::Failed(Some(cause)),
            None if self.redirects >= MOST_REDIRECTS && redirect::location(response).is_some() => {
                Opinion::Failed(Some(Cause::RedirectLoop))
            }
            None => match self.mixed_content(engine, response) {
                Some(bar) => Opinion::Barred(bar),
                None if self.is_left => {
                    Opinion::Barred(Bar::suspected(LookAlike::RedirectNotFollowed))
                }
                None => Opinion::Allowed,
            },
        }
    }

    /// Whether what passes fails for want of its end. Loaded without CORS, sound and film are played
    /// as far as they have come, and script sees nothing of the content of a fetch.
    fn needs_all(&self, engine: Engine, opinion: &Opinion) -> bool {
        let is_part = self.profile.kind == Kind::NoCors && *opinion == Opinion::Exempt;
        match (engine, self.profile.destination) {
            _ if *opinion == Opinion::Allowed => true,
            // Measured; what WebKit does is not known.
            (Engine::Chromium, Some(Destination::Image))
            | (
                Engine::Chromium | Engine::Firefox,
                Some(Destination::Script | Destination::Style),
            ) => is_part,
            _ => false,
        }
    }

    fn is_opened(&self, engine: Engine, response: &Response) -> bool {
        websocket::is_opened(engine, self.protocol, self.request, response)
    }

    /// An origin that a redirect made `null` is the cause, where it is the reason for a mismatch.
    fn tainted(&self, mut findings: Vec<Finding>) -> Vec<Finding> {
        let is_null = self.request.headers.first("origin") == Some(b"null");
        if is_null && self.redirects > 0 {
            for finding in &mut findings {
                if finding.cause == Cause::AllowOriginMismatch {
                    finding.cause = Cause::RedirectOriginNull;
                }
            }
        }
        findings
    }

    pub(super) fn own_origin(&self) -> Vec<u8> {
        self.request.url.origin().into_bytes()
    }

    pub(super) fn phase(&self) -> Phase {
        let is_redirect = self
            .effective()
            .is_some_and(|response| redirect::location(response).is_some());
        if self.profile.kind == Kind::Preflight {
            Phase::Preflight
        } else if is_redirect {
            Phase::RedirectHop
        } else {
            Phase::Actual
        }
    }

    /// The verdict of `engine`, with those of all engines beside it.
    pub fn verdict(&self, id: ExchangeId, engine: Engine, credentials: Credentials) -> Verdict {
        self.verdict_by(&Opinions::of(self), id, engine, credentials)
    }

    /// The same, by the opinions on it.
    pub(super) fn verdict_by(
        &self,
        opinions: &Opinions,
        id: ExchangeId,
        engine: Engine,
        credentials: Credentials,
    ) -> Verdict {
        let both = opinions.get(engine);
        let shown = both.shown(credentials.mode);
        let phase = self.phase();
        let answer = |engine| opinions.get(engine).answer(engine, phase, credentials.mode);
        let answers = PerEngine::of(answer);
        let own = answers.get(engine).clone();
        let (first, others) = match shown.findings() {
            [first, others @ ..] => (Some(first), others),
            [] => (None, [].as_slice()),
        };
        let is_decided = own.answer.outcome != Outcome::Undecided;
        Verdict {
            also: others.iter().map(|finding| finding.cause).collect(),
            credentials: self.told(credentials, both),
            if_included: own.if_included,
            if_omitted: own.if_omitted,
            confirmed: None,
            readable: self.readable(&own.answer, credentials),
            evidence: first
                .filter(|_| is_decided)
                .map(|first| self.evidence(id, first))
                .into_iter()
                .collect(),
            not_cors: lookalike::told(self, id, shown, credentials.mode),
            answer: own.answer,
            engines: answers,
        }
    }

    /// The credentials mode as it is told: where it makes no difference, that is said.
    fn told(&self, credentials: Credentials, both: &Both) -> Credentials {
        let is_cors = matches!(self.profile.kind, Kind::Preflight | Kind::CrossOrigin);
        let is_irrelevant = credentials.mode.is_none() && self.response.is_some() && both.agree();
        if is_cors && is_irrelevant {
            Credentials {
                mode: None,
                because: Some(Because::Irrelevant),
            }
        } else {
            credentials
        }
    }

    /// The first line of a field in the answer's own head, from 1.
    fn own_line(&self, field: &str) -> Option<usize> {
        let (place, _) = self.response?.headers.lines(field).next()?;
        Some(place + 1)
    }

    /// What script can read of a 304, whose own head does not show it; for every other answer
    /// that is found out when it is told.
    fn readable(&self, answer: &Answer, credentials: Credentials) -> Option<exposed::Readable> {
        let revalidated = self.around.revalidated.as_deref()?;
        let fields = revalidated
            .response
            .headers
            .iter()
            .map(|(name, value)| (latin1(name), latin1(value)))
            .collect::<Vec<_>>();
        let fields = fields.iter().map(|(name, value)| (&**name, Some(&**value)));
        exposed::readable(
            self.profile.kind,
            self.profile.destination,
            answer.outcome,
            credentials.mode,
            200,
            &fields,
        )
    }

    fn evidence(&self, id: ExchangeId, finding: &Finding) -> Evidence {
        let headers = self.effective().map(|response| &response.headers);
        let line = finding.field.and_then(|field| headers?.lines(field).next());
        let revalidated = self.around.revalidated.as_deref();
        let stored = revalidated
            .zip(line)
            .and_then(|(answer, (place, _))| Some((answer.stored, answer.stored_line(place)?)));
        Evidence {
            exchange: stored.map_or(id, |(exchange, _)| exchange),
            place: Where::Sent,
            field: finding.field.map(Into::into),
            line: stored
                .map(|(_, line)| line)
                .or_else(|| self.own_line(finding.field?)),
            value: line.map(|(_, value)| latin1(value).into_owned()),
            differs: finding.differs,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cors::Rule;
    use crate::exchange::RequestUrl;

    fn request(lines: &[(&str, &str)]) -> Request {
        Request {
            method: "GET".to_owned(),
            url: RequestUrl::parse("https://api.test/a").expect("valid"),
            headers: lines.iter().copied().collect(),
        }
    }

    fn verdict(answer: &[(&str, &str)], credentials: Credentials) -> Verdict {
        let request = request(&[("Origin", "https://app.test")]);
        verdict_of(Engine::Chromium, &request, 200, answer, credentials)
    }

    fn verdict_of(
        engine: Engine,
        request: &Request,
        status: u16,
        answer: &[(&str, &str)],
        credentials: Credentials,
    ) -> Verdict {
        let response = Response {
            status,
            headers: answer.iter().copied().collect(),
        };
        let situation = Situation {
            profile: Profile::of(request, Protocol::Http11),
            protocol: Protocol::Http11,
            request,
            response: Some(&response),
            ending: Ending::Complete,
            redirects: 0,
            is_left: false,
            around: &Around::default(),
        };
        situation.verdict(ExchangeId(1), engine, credentials)
    }

    #[test]
    fn firefox_looks_at_where_a_redirect_leads_before_it_does_the_cors_check() {
        let page = [
            ("Origin", "https://app.test"),
            ("Referer", "https://app.test/"),
        ];
        let mut preflight = request(&page);
        preflight.method = "OPTIONS".to_owned();
        preflight
            .headers
            .push(b"Access-Control-Request-Method", b"PUT");
        let allowed = ("Access-Control-Allow-Origin", "https://app.test");
        let omit = Credentials::known(CredentialsMode::Omit, Because::Cookie);
        let of = |engine, request: &Request, location, fields: &[(&'static str, &'static str)]| {
            let answer = [&[("Location", location)], fields].concat();
            let answer = verdict_of(engine, request, 302, &answer, omit).answer;
            (answer.outcome, answer.by, answer.cause)
        };
        let failed = (Outcome::Failed, None, Some(Cause::RedirectBadScheme));
        let mixed = (Outcome::Blocked, Some(Rule::MixedContent), None);
        let missing = (
            Outcome::Blocked,
            Some(Rule::Cors),
            Some(Cause::AllowOriginMissing),
        );
        for request in [&request(&page), &preflight] {
            let firefox = |location, fields: &[_]| of(Engine::Firefox, request, location, fields);
            assert_eq!(firefox("http://api.test/b", &[]), mixed);
            assert_eq!(firefox("http://api.test/b", &[allowed]), mixed);
            assert_eq!(firefox("ws://api.test/b", &[]), failed);
            assert_eq!(firefox("app://b", &[]), missing);
            assert_eq!(firefox("app://b", &[allowed]), failed);
        }
        let plain = of(Engine::Chromium, &request(&page), "http://api.test/b", &[]);
        assert_eq!(plain, missing);
    }

    #[test]
    fn a_wildcard_is_undecided_until_the_mode_is_known() {
        let wildcard = [("Access-Control-Allow-Origin", "*")];
        let undecided = verdict(&wildcard, Credentials::default());
        assert_eq!(undecided.answer.outcome, Outcome::Undecided);
        let cause =
            |answer: Option<Box<Answer>>| answer.map(|answer| (answer.outcome, answer.cause));
        assert_eq!(
            cause(undecided.if_included),
            Some((Outcome::Blocked, Some(Cause::WildcardWithCredentials)))
        );
        assert_eq!(cause(undecided.if_omitted), Some((Outcome::Allowed, None)));

        let known = Credentials::known(CredentialsMode::Include, Because::Cookie);
        assert_eq!(
            verdict(&wildcard, known).answer.cause,
            Some(Cause::WildcardWithCredentials)
        );
    }

    #[test]
    fn the_offending_line_is_the_evidence() {
        let lines = [
            ("Vary", "Origin"),
            ("Access-Control-Allow-Origin", "https://app.test/"),
        ];
        let evidence = &verdict(&lines, Credentials::default()).evidence[0];
        assert_eq!(
            (evidence.line, evidence.value.as_deref()),
            (Some(2), Some("https://app.test/"))
        );
    }

    #[test]
    fn where_the_mode_makes_no_difference_that_is_said() {
        let told = verdict(&[], Credentials::default()).credentials;
        assert_eq!(
            told,
            Credentials {
                mode: None,
                because: Some(Because::Irrelevant)
            }
        );
    }
}
