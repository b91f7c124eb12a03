//! Opinions: what one engine makes of an exchange in one credentials mode.

use crate::exchange::{Content, Ending, Protocol, Request, Response};

use super::around::Around;
use super::cause::Several;
use super::check::{Asked, Finding, cors_check};
use super::classify::{Kind, Profile};
use super::credentials::CredentialsMode;
use super::loading::Mode;
use super::lookalike::{Bar, LookAlike};
use super::preflight::{Preflight, preflight_check};
use super::redirect::{self, MOST_REDIRECTS, Refusal, check_target};
use super::refused;
use super::verdict::{Answer, Basis, Outcome};
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
    /// What its content is, where that was looked at.
    pub content: Option<Content>,
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
        if situation.is_undecodable(engine, &opinion) {
            let bar = Bar::failed(LookAlike::ContentCoding);
            Self::Barred(bar.printing(engine, "ERR_CONTENT_DECODING_FAILED"))
        } else if situation.ending == Ending::Truncated && situation.needs_all(engine, &opinion) {
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
        } else if self.is_taken_for_several(engine) {
            Opinion::Blocked(vec![Finding {
                several: Some(Several::Unanswered),
                ..Finding::new(cause)
            }])
        } else {
            Opinion::Failed(Some(cause))
        }
    }

    /// Whether an engine takes a connection that ends before the answer for several values.
    fn is_taken_for_several(&self, engine: Engine) -> bool {
        engine == Engine::Firefox
            && self.ending == Ending::NoResponse
            && self.protocol != Protocol::Http2
            && self.request.method == "PUT"
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

    /// Firefox looks at where a redirect leads before it does the CORS check; WebKit at least whether it is
    /// FTP, where it follows any.
    fn refused_first(&self, engine: Engine, response: &Response) -> Option<Opinion> {
        let is_followed = engine == Engine::Firefox || self.profile.kind != Kind::Preflight;
        if is_followed && redirect::has_closed_scheme(engine, &self.request.url, response) {
            return Some(Opinion::Failed(Some(Cause::RedirectBadScheme)));
        }
        if engine != Engine::Firefox {
            return None;
        }
        self.mixed_content(engine, response).map(Opinion::Barred)
    }

    fn cross_origin(&self, engine: Engine, asked: Asked<'_>, response: &Response) -> Opinion {
        if let Some(refused) = self.refused_first(engine, response) {
            return refused;
        }
        if let Some(bar) = self.refused_type(engine, response) {
            return Opinion::Barred(bar);
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
            None if self.redirects >= MOST_REDIRECTS && redirect::leads_on(engine, response) => {
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

    /// Whether what passes fails because nothing can be made of its content. Script that gets an opaque
    /// response does not see that, and WebKit takes it as it is, unless it should be Brotli's (measured).
    fn is_undecodable(&self, engine: Engine, opinion: &Opinion) -> bool {
        let is_opaque = self.profile.destination == Some(Destination::Empty);
        let is_used = match self.profile.kind {
            Kind::CrossOrigin | Kind::SameOrigin => *opinion == Opinion::Allowed,
            Kind::NoCors => *opinion == Opinion::Exempt && !is_opaque,
            Kind::Navigation => *opinion == Opinion::Exempt,
            Kind::Preflight | Kind::Websocket | Kind::NotBrowser => false,
        };
        self.content == Some(Content::Miscoded) && is_used && self.minds_coding(engine)
    }

    fn minds_coding(&self, engine: Engine) -> bool {
        let coding = || self.effective()?.headers.first("content-encoding");
        engine != Engine::Webkit
            || coding().is_some_and(|coding| coding.eq_ignore_ascii_case(b"br"))
    }

    /// Whether what passes fails for want of its end. Loaded without CORS, sound and film are played
    /// as far as they have come, and script sees nothing of the content of a fetch.
    fn needs_all(&self, engine: Engine, opinion: &Opinion) -> bool {
        let is_part = self.profile.kind == Kind::NoCors && *opinion == Opinion::Exempt;
        match (engine, self.profile.destination) {
            _ if *opinion == Opinion::Allowed => true,
            // Measured.
            (Engine::Chromium | Engine::Webkit, Some(Destination::Image))
            | (_, Some(Destination::Script | Destination::Style)) => is_part,
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
}
