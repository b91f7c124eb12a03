//! The remedies: what to change, and on whose side.

use super::super::catalogue;
use super::story::Story;
use crate::cors::names::is_safelisted_method;
use crate::cors::verdict::Answer;
use crate::cors::{Cause, CredentialsMode, Phase};
use crate::exchange::Ending;
use crate::exchange::Scheme;

/// What to change, and the field lines to send, where that is it.
pub(super) struct Remedy {
    pub(super) text: String,
    pub(super) send: Vec<String>,
}

impl From<&str> for Remedy {
    fn from(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            send: Vec::new(),
        }
    }
}

impl Story<'_> {
    /// What lets the page have it, by this answer of a browser's.
    pub(super) fn remedy(&self, answer: &Answer) -> Remedy {
        let Some(cause) = answer.cause else {
            return self.remedy_of_failure(answer);
        };
        match cause {
            Cause::RedirectOriginNull => {
                "In the page: ask for the final URL. Or on the server: do not redirect to a third origin. Never allow null.".into()
            }
            Cause::PreflightRedirect => {
                "In the page: ask for the final URL. Or on the server: answer OPTIONS before redirecting.".into()
            }
            Cause::MethodCase => "In the page: write the method in capital letters.".into(),
            Cause::RedirectUserinfo => "On the server: redirect to a URL without user and password.".into(),
            Cause::RedirectBadScheme => "On the server: redirect to http or https only.".into(),
            Cause::PreflightNoResponse | Cause::NoResponse | Cause::RedirectLoop => {
                self.remedy_of_failure(answer)
            }
            Cause::SchemeNotCors
            | Cause::ModeForbids
            | Cause::AuthorizationNeedsListing
            | Cause::LnaDenied
            | Cause::LnaInsecure
            | Cause::LnaTargetMismatch
            | Cause::PnaHeaderMissing
            | Cause::OriginHeaderUnavailable
            | Cause::CorsDisabledInBrowser => catalogue::remedy(cause).into(),
            Cause::AllowOriginMissing
            | Cause::AllowOriginMultiple
            | Cause::AllowOriginInvalid
            | Cause::AllowOriginMismatch
            | Cause::WildcardWithCredentials
            | Cause::AllowCredentialsNotTrue
            | Cause::PreflightStatus
            | Cause::AllowMethodsUnparsable
            | Cause::AllowHeadersUnparsable
            | Cause::MethodNotAllowed
            | Cause::MethodWildcardCredentialed
            | Cause::HeaderNotAllowed
            | Cause::HeaderWildcardCredentialed => self.send(answer, cause),
        }
    }

    /// The answer that passes, for an origin that may be allowed.
    fn send(&self, answer: &Answer, cause: Cause) -> Remedy {
        if self.origin() == "null" {
            return "In the page: give it an origin; it has none (a sandboxed frame, a data: or file: URL, or a redirect made it null). Never allow null.".into();
        }
        let how = if answer.phase == Some(Phase::Preflight) {
            self.how_to_answer_options()
        } else if self.judgement.links.redirected_from.is_some() {
            "if the redirect led to a login page: answer 401 with these fields instead of redirecting. Else send here"
        } else if cause == Cause::AllowOriginMultiple {
            "let one layer alone add the fields; with every status, send once"
        } else {
            "with every status, send"
        };
        let or_omit = if cause.needs_credentials() {
            "In the page: leave the credentials out, if it does not need them. Or on"
        } else {
            "On"
        };
        let with_credentials = self.includes_credentials(cause);
        let if_included = match with_credentials {
            None => " (and Access-Control-Allow-Credentials: true, if it includes credentials)",
            Some(_) => "",
        };
        Remedy {
            text: format!("{or_omit} the server: {how}, if this page may have it{if_included}:"),
            send: self.lines(answer, with_credentials == Some(CredentialsMode::Include)),
        }
    }

    fn how_to_answer_options(&self) -> &'static str {
        match self.recorded.sent.as_ref().map(|sent| sent.status) {
            Some(401 | 403) => "answer OPTIONS before authentication, with status 204 and",
            Some(200..=299) => "answer OPTIONS with",
            _ => "answer OPTIONS before routing, with status 204 and",
        }
    }

    /// The credentials mode that the answer has to do for; nothing where it is unknown.
    fn includes_credentials(&self, cause: Cause) -> Option<CredentialsMode> {
        if cause.needs_credentials() {
            return Some(CredentialsMode::Include);
        }
        self.judgement.verdict.credentials.mode
    }

    fn lines(&self, answer: &Answer, with_credentials: bool) -> Vec<String> {
        let mut lines = vec![format!("Access-Control-Allow-Origin: {}", self.origin())];
        if with_credentials {
            lines.push("Access-Control-Allow-Credentials: true".to_owned());
        }
        if answer.phase == Some(Phase::Preflight) {
            let method = self.asked("access-control-request-method");
            let method = method.filter(|method| !is_safelisted_method(method));
            lines.extend(self.list(
                "Access-Control-Allow-Methods",
                method.as_deref().unwrap_or_default(),
            ));
            let names = self.asked("access-control-request-headers");
            lines.extend(self.list(
                "Access-Control-Allow-Headers",
                names.as_deref().unwrap_or_default(),
            ));
        }
        lines.push("Vary: Origin".to_owned());
        lines
    }

    /// A list field that holds what is asked for beside what it holds already.
    fn list(&self, field: &str, asked: &str) -> Option<String> {
        let members = |list: &str| -> Vec<String> {
            let members = list
                .split(',')
                .map(|member| member.trim_matches([' ', '\t']));
            let plain =
                members.filter(|member| crate::wire::is_token(member.as_bytes()) && *member != "*");
            plain.map(str::to_owned).collect()
        };
        let mut listed = members(&self.sent(field).unwrap_or_default());
        for member in members(asked) {
            if !listed
                .iter()
                .any(|known| known.eq_ignore_ascii_case(&member))
            {
                listed.push(member);
            }
        }
        (!asked.is_empty()).then(|| format!("{field}: {}", listed.join(", ")))
    }

    /// What to look at where the load failed, and CORS is not why.
    pub(super) fn remedy_of_failure(&self, answer: &Answer) -> Remedy {
        match answer.cause {
            Some(Cause::RedirectLoop) => return "On the server: find the loop.".into(),
            Some(
                Cause::RedirectUserinfo
                | Cause::RedirectBadScheme
                | Cause::ModeForbids
                | Cause::SchemeNotCors,
            ) => return self.remedy(answer),
            _ if self.is_refused_handshake() => {
                return "WebSockets have no CORS: the server decides by itself. Does it know the path, and does it check Origin?".into();
            }
            _ => {}
        }
        match self.recorded.ending {
            Ending::Refused | Ending::Timeout if self.recorded.reach.via.is_some() => {
                "Does the upstream proxy run, and does it let this server be reached? --upstream-proxy and NO_PROXY say what goes through it."
            }
            Ending::Refused => "Is the server running, on this port?",
            Ending::Dns => "Check the name, or say where it is with --resolve.",
            Ending::Tls => "Does the server speak TLS on this port, and is its certificate valid? --upstream-ca trusts one of your own.",
            Ending::NeverSent => "The request itself has to change.",
            Ending::ResetByClient => "In the page: does a timeout or an abort fire, or did it close?",
            Ending::NoResponse | Ending::NotHttp if self.is_plain() => {
                "Look at the server's own log for this moment. If it speaks TLS there: ask for https."
            }
            Ending::InProgress
            | Ending::Complete
            | Ending::Truncated
            | Ending::ResetByServer
            | Ending::NoResponse
            | Ending::NotHttp
            | Ending::Timeout => "Look at the server's own log for this moment.",
        }
        .into()
    }

    fn is_plain(&self) -> bool {
        self.recorded
            .request
            .url
            .starts_with(&format!("{}:", Scheme::Http.name()))
    }
}
