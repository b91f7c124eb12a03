//! Conclusions: the verdict that the opinions on an exchange come to, with its evidence.

use crate::exchange::ExchangeId;
use crate::wire::headers::latin1;

use super::Engine;
use super::check::Finding;
use super::classify::Kind;
use super::credentials::{Because, Credentials};
use super::engine::PerEngine;
use super::exposed;
use super::lookalike;
use super::opinion::Situation;
use super::opinions::{Both, Opinions};
use super::verdict::{Answer, Evidence, Outcome, Verdict, Where};

impl Situation<'_> {
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
    use crate::cors::around::Around;
    use crate::cors::classify::Profile;
    use crate::cors::credentials::CredentialsMode;
    use crate::cors::{Cause, Rule};
    use crate::exchange::{AskedUrl, Ending, Protocol, Request, Response};

    fn request(lines: &[(&str, &str)]) -> Request {
        Request {
            method: "GET".to_owned(),
            url: AskedUrl::parse("https://api.test/a").expect("valid"),
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
            content: None,
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
