//! The opinions of all engines in both credentials modes: six of them, of which most exchanges
//! need one or two, because the others cannot differ.

use crate::exchange::{Content, Ending, Response};
use crate::wire::headers::HeaderList;

use super::around::is_nested;
use super::loading::Load;
use super::opinion::{Opinion, Situation};
use super::redirect::has_redirect_status;
use super::verdict::{Answer, EngineAnswer, Outcome};
use super::{Cause, CredentialsMode, Destination, Engine, Kind, Phase};

/// What every engine makes of an exchange.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Opinions {
    chromium: Both,
    /// Firefox's and WebKit's, unless they are Chromium's.
    others: Option<(Both, Both)>,
}

impl Opinions {
    /// Those on an exchange.
    pub(super) fn of(situation: &Situation<'_>) -> Self {
        let is_by_mode = situation.depends_on_mode();
        let both = |engine| Both::by(engine, situation, is_by_mode);
        let chromium = both(Engine::Chromium);
        let others = (!situation.is_beyond_dispute(&chromium))
            .then(|| (both(Engine::Firefox), both(Engine::Webkit)));
        Self { chromium, others }
    }

    /// Those of one engine.
    pub(super) fn get(&self, engine: Engine) -> &Both {
        match (engine, &self.others) {
            (Engine::Chromium, _) | (_, None) => &self.chromium,
            (Engine::Firefox, Some((firefox, _))) => firefox,
            (Engine::Webkit, Some((_, webkit))) => webkit,
        }
    }
}

impl Situation<'_> {
    /// Whether an engine's opinion may depend on the credentials mode. It does not if credentials
    /// are allowed in so many letters and there is no asterisk to be taken for a literal.
    pub(super) fn depends_on_mode(&self) -> bool {
        let is_cors = matches!(self.profile.kind, Kind::Preflight | Kind::CrossOrigin);
        let Some(response) = self.effective().filter(|_| is_cors) else {
            return false;
        };
        let headers = &response.headers;
        let mut allowed = headers.all("access-control-allow-credentials");
        let is_allowed = allowed.next() == Some(b"true") && allowed.next().is_none();
        !is_allowed
            || has_asterisk(headers.all("access-control-allow-origin"))
            || has_asterisk(headers.all("access-control-allow-methods"))
            || has_asterisk(headers.all("access-control-allow-headers"))
    }

    /// Whether all engines are of the opinion that Chromium is of: where nothing that they read or
    /// weigh each in its own way has a part in it.
    fn is_beyond_dispute(&self, chromium: &Both) -> bool {
        let Some(response) = self.effective() else {
            return !matches!(self.ending, Ending::NotHttp | Ending::NoResponse);
        };
        // What one network layer refuses, or cannot decode, another may take, and each has its own way with
        // redirects.
        if chromium.omitted == Opinion::Failed(None)
            || self.content == Some(Content::Miscoded)
            || has_redirect_status(response)
        {
            return false;
        }
        match self.profile.kind {
            // Firefox alone may have opened one.
            Kind::Websocket => chromium.omitted == Opinion::Exempt,
            Kind::NotBrowser => true,
            Kind::Navigation => !is_nested(self.profile.destination),
            Kind::SameOrigin => self.load().is_none_or(Load::is_free_at_home),
            Kind::NoCors => chromium.omitted == Opinion::Exempt && self.is_loaded_alike(response),
            Kind::CrossOrigin => self.takes_any_type() && is_plain(&response.headers),
            // Each has its own order for the status and for lists that cannot be parsed.
            Kind::Preflight => {
                (200..300).contains(&response.status)
                    && is_plain(&response.headers)
                    && !chromium.has_unparsable()
            }
        }
    }

    /// Whether what Chromium loads without CORS all others load too: a success that no policy
    /// speaks of. Each has its own way with fonts, style sheets, captions, and what is played.
    fn is_loaded_alike(&self, response: &Response) -> bool {
        (200..300).contains(&response.status)
            && self.around.embedder.is_none()
            && !response.headers.contains("cross-origin-resource-policy")
            && self.is_of_its_kind(response)
            && !matches!(
                self.profile.destination,
                Some(
                    Destination::Audio
                        | Destination::Font
                        | Destination::Style
                        | Destination::Track
                        | Destination::Video
                )
            )
    }

    /// Whether the content is, as far as it was seen, what it was asked for as; engines differ in what
    /// they make of any other, and of parts.
    fn is_of_its_kind(&self, response: &Response) -> bool {
        let is = |destination, content| {
            self.profile.destination == Some(destination) && self.content == Some(content)
        };
        let is_expected = self.content.is_none()
            || is(Destination::Image, Content::Image)
            || is(Destination::Script, Content::Text);
        response.status != 206 && is_expected
    }

    fn takes_any_type(&self) -> bool {
        self.load().is_none()
    }
}

/// Whether all engines read the same in the fields that decide: none is empty or on two lines.
fn is_plain(headers: &HeaderList) -> bool {
    is_one_value(headers.all("access-control-allow-origin"))
        && is_one_value(headers.all("access-control-allow-credentials"))
        && is_one_value(headers.all("access-control-allow-methods"))
        && is_one_value(headers.all("access-control-allow-headers"))
}

/// One at most.
fn is_one_value<'a>(mut lines: impl Iterator<Item = &'a [u8]>) -> bool {
    !lines.next().is_some_and(<[u8]>::is_empty) && lines.next().is_none()
}

fn has_asterisk<'a>(mut lines: impl Iterator<Item = &'a [u8]>) -> bool {
    lines.any(|value| value.contains(&b'*'))
}

/// One engine's opinions for both credentials modes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Both {
    omitted: Opinion,
    /// That with credentials, where it may be another one.
    included: Option<Opinion>,
}

impl Both {
    /// Those of an engine on an exchange.
    pub(super) fn of(engine: Engine, situation: &Situation<'_>) -> Self {
        Self::by(engine, situation, situation.depends_on_mode())
    }

    fn by(engine: Engine, situation: &Situation<'_>, is_by_mode: bool) -> Self {
        let opinion = |mode| Opinion::of(engine, situation, mode);
        Self {
            omitted: opinion(CredentialsMode::Omit),
            included: is_by_mode.then(|| opinion(CredentialsMode::Include)),
        }
    }

    /// What it comes to without credentials, and with them.
    pub(super) fn outcomes(&self) -> (Outcome, Outcome) {
        (self.omitted.outcome(), self.included().outcome())
    }

    fn included(&self) -> &Opinion {
        self.included.as_ref().unwrap_or(&self.omitted)
    }

    fn has_unparsable(&self) -> bool {
        let findings = self.omitted.findings().iter();
        let mut causes = findings.map(|finding| finding.cause);
        causes.any(|cause| {
            cause == Cause::AllowMethodsUnparsable || cause == Cause::AllowHeadersUnparsable
        })
    }

    /// Whether the modes come to the same, as far as a user can tell.
    pub(super) fn agree(&self) -> bool {
        self.included.as_ref().is_none_or(|included| {
            included.outcome() == self.omitted.outcome()
                && included.findings().first() == self.omitted.findings().first()
        })
    }

    /// The opinion that is shown: that of the mode, if it is known; else that without credentials,
    /// whose findings hold in both.
    pub(super) fn shown(&self, mode: Option<CredentialsMode>) -> &Opinion {
        match mode {
            Some(CredentialsMode::Include) => self.included(),
            Some(CredentialsMode::Omit) | None => &self.omitted,
        }
    }

    /// What the engine makes of it. Where the mode is unknown and decides, both answers are given.
    /// What is blocked either way is blocked: the first condition that fails in both modes is told.
    pub(super) fn answer(
        &self,
        engine: Engine,
        phase: Phase,
        mode: Option<CredentialsMode>,
    ) -> EngineAnswer {
        let shown = self.shown(mode).answer(engine, phase);
        if mode.is_some() || self.agree() {
            let basis = self.shown(mode).basis();
            return EngineAnswer {
                basis,
                ..EngineAnswer::decided(shown)
            };
        }
        let is_lost =
            |opinion: &Opinion| matches!(opinion.outcome(), Outcome::Blocked | Outcome::Failed);
        let either_way = is_lost(self.included()) && is_lost(&self.omitted);
        EngineAnswer {
            if_included: Some(Box::new(self.included().answer(engine, phase))),
            if_omitted: Some(Box::new(shown.clone())),
            ..EngineAnswer::decided(if either_way {
                shown
            } else {
                Answer::plain(Outcome::Undecided)
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::super::around::Around;
    use super::*;
    use crate::cors::{Phase, Profile};
    use crate::exchange::{AskedUrl, Protocol, Request};

    const DESTINATIONS: [&str; 9] = [
        "audio", "empty", "font", "image", "manifest", "script", "style", "track", "video",
    ];
    const TYPES: [&str; 7] = [
        "",
        "application/json",
        "image/png",
        "text/css",
        "text/html",
        "text/javascript",
        "text/plain",
    ];
    /// Each alone, beside the type.
    const OTHERS: [(&str, &str); 5] = [
        ("X-Other", "1"),
        ("X-Content-Type-Options", "nosniff"),
        ("Content-Length", "0"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Location", "/b"),
    ];

    fn request(destination: &str) -> Request {
        let lines = [
            ("User-Agent", "Mozilla/5.0 Chrome/156.0.0.0 Safari/537.36"),
            ("Sec-Fetch-Mode", "no-cors"),
            ("Sec-Fetch-Site", "cross-site"),
            ("Sec-Fetch-Dest", destination),
        ];
        Request {
            method: "GET".to_owned(),
            url: AskedUrl::parse("https://api.test/a").expect("valid"),
            headers: lines.into_iter().collect(),
        }
    }

    /// Whether the opinions on an answer are beyond dispute; if so, they have to be one.
    fn is_undisputed(request: &Request, response: &Response, content: Option<Content>) -> bool {
        let situation = Situation {
            profile: Profile::of(request, Protocol::Http11),
            protocol: Protocol::Http11,
            request,
            response: Some(response),
            content,
            ending: Ending::Complete,
            redirects: 0,
            is_left: false,
            around: &Around::default(),
        };
        are_undisputed(&situation)
    }

    fn are_undisputed(situation: &Situation<'_>) -> bool {
        let are_undisputed = Opinions::of(situation).others.is_none();
        for mode in [CredentialsMode::Include, CredentialsMode::Omit] {
            let of = |engine| Opinion::of(engine, situation, mode);
            let [chromium, others @ ..] = Engine::ALL.map(of);
            let are_one = others.iter().all(|other| *other == chromium);
            assert!(are_one || !are_undisputed, "{situation:?}");
        }
        are_undisputed
    }

    /// What Firefox makes of a request that gets no answer, with its code.
    fn unanswered(method: &str, protocol: Protocol, ending: Ending) -> (Outcome, String) {
        let lines = [
            (
                "User-Agent",
                "Mozilla/5.0 rv:140.0 Gecko/20100101 Firefox/140.0",
            ),
            ("Origin", "https://app.test"),
            ("Sec-Fetch-Mode", "cors"),
            ("Sec-Fetch-Site", "cross-site"),
        ];
        let request = Request {
            method: method.to_owned(),
            url: AskedUrl::parse("https://api.test/a").expect("valid"),
            headers: lines.into_iter().collect(),
        };
        let situation = Situation {
            profile: Profile::of(&request, protocol),
            protocol,
            request: &request,
            response: None,
            content: None,
            ending,
            redirects: 0,
            is_left: false,
            around: &Around::default(),
        };
        are_undisputed(&situation);
        let answers = Opinions::of(&situation);
        let firefox = answers.get(Engine::Firefox);
        let answer = firefox.answer(Engine::Firefox, Phase::Actual, None).answer;
        let code = answer.code.map(Cow::into_owned);
        (answer.outcome, code.unwrap_or_default())
    }

    #[test]
    fn firefox_takes_a_put_that_http_1_ends_before_the_answer_for_several_values() {
        let (failed, code) = (Outcome::Failed, "CORSDidNotSucceed");
        let several = (Outcome::Blocked, "CORSMultipleAllowOriginNotAllowed");
        let (http, http2) = (Protocol::Http11, Protocol::Http2);
        for (method, protocol, ending, (outcome, code)) in [
            ("PUT", http, Ending::NoResponse, several),
            ("PUT", http2, Ending::NoResponse, (failed, code)),
            ("PUT", http, Ending::ResetByServer, (failed, code)),
            ("GET", http, Ending::NoResponse, (failed, code)),
            ("POST", http, Ending::NoResponse, (failed, code)),
            ("DELETE", http, Ending::NoResponse, (failed, code)),
        ] {
            let told = unanswered(method, protocol, ending);
            assert_eq!(told, (outcome, code.to_owned()), "{method} {ending}");
        }
    }

    #[test]
    fn what_is_beyond_dispute_is_the_opinion_of_all() {
        let mut undisputed = 0;
        for destination in DESTINATIONS {
            let request = request(destination);
            for status in [200, 204, 206, 302, 304, 404] {
                for kind in TYPES {
                    for other in OTHERS {
                        let headers = [("Content-Type", kind), other].into_iter().collect();
                        let response = Response { status, headers };
                        let seen = Content::ALL.into_iter().map(Some);
                        for content in seen.chain([None]) {
                            undisputed += u32::from(is_undisputed(&request, &response, content));
                        }
                    }
                }
            }
        }
        assert!(undisputed > 200, "{undisputed}");
    }
}
