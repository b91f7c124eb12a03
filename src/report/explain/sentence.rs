//! The sentences: what is wrong, with the bytes that show it.

use super::super::catalogue;
use super::story::{Story, name_of_answer};
use crate::cors::origin::Difference;
use crate::cors::verdict::Answer;
use crate::cors::{Cause, Kind};
use crate::exchange::Ending;

impl Story<'_> {
    /// What is wrong by this answer of a browser's.
    #[expect(clippy::too_many_lines, reason = "one arm a cause")]
    pub(super) fn sentence(&self, answer: &Answer) -> String {
        let Some(cause) = answer.cause else {
            return self.failure(answer);
        };
        let the_answer = name_of_answer(answer);
        let named = answer.parameter.as_deref().unwrap_or_default();
        let field = |field| self.sent(field).unwrap_or_default();
        let capitalised = |text: &str| {
            let (first, rest) = text.split_at_checked(1).unwrap_or(("", text));
            format!("{}{rest}", first.to_ascii_uppercase())
        };
        let the_answer_has = capitalised(the_answer);
        match cause {
            Cause::AllowOriginMissing => format!(
                "{the_answer_has} has no Access-Control-Allow-Origin{}.{}",
                self.status(),
                self.by_redirect()
            ),
            Cause::AllowOriginMultiple => format!(
                "{the_answer_has} has more than one value in Access-Control-Allow-Origin: {}.",
                field("access-control-allow-origin")
            ),
            Cause::AllowOriginInvalid => format!(
                "{the_answer_has} has an Access-Control-Allow-Origin that is no origin: {}.",
                quoted_if_empty(&field("access-control-allow-origin"))
            ),
            Cause::AllowOriginMismatch => {
                let value = field("access-control-allow-origin");
                format!(
                    "{the_answer_has} allows {value}, which is not {}: {}.{}",
                    self.origin(),
                    Difference::between(&value, self.origin()).words(),
                    self.by_redirect()
                )
            }
            Cause::RedirectOriginNull => format!(
                "A redirect across origins made the request's Origin null, and {the_answer} allows {}.{}",
                field("access-control-allow-origin"),
                self.by_redirect()
            ),
            Cause::WildcardWithCredentials => format!(
                "{the_answer_has} allows every origin (*), which does not count for a request with credentials."
            ),
            Cause::AllowCredentialsNotTrue => {
                let has = match self.sent("access-control-allow-credentials") {
                    None => "no Access-Control-Allow-Credentials".to_owned(),
                    Some(value) => {
                        format!("Access-Control-Allow-Credentials: {value} instead of true")
                    }
                };
                format!("The request is made with credentials, and {the_answer} has {has}.")
            }
            Cause::PreflightStatus => format!(
                "{the_answer_has} has a status that is not one of success{}.",
                self.status()
            ),
            Cause::PreflightRedirect => format!(
                "{the_answer_has} is a redirect{} to {}; preflights do not follow any.",
                self.status(),
                field("location")
            ),
            Cause::AllowMethodsUnparsable => format!(
                "Access-Control-Allow-Methods is not a list of methods: {}.",
                field("access-control-allow-methods")
            ),
            Cause::AllowHeadersUnparsable => format!(
                "Access-Control-Allow-Headers is not a list of header names: {}.",
                field("access-control-allow-headers")
            ),
            Cause::MethodNotAllowed => match self.sent("access-control-allow-methods") {
                Some(methods) => format!(
                    "{named} is not among the methods that {the_answer} allows: {}.",
                    quoted_if_empty(&methods)
                ),
                None => format!(
                    "{named} is not allowed: {the_answer} has no Access-Control-Allow-Methods."
                ),
            },
            Cause::MethodCase => format!(
                "{named} is not allowed in this spelling; methods are compared letter by letter: {}.",
                field("access-control-allow-methods")
            ),
            Cause::MethodWildcardCredentialed => format!(
                "Access-Control-Allow-Methods: {} does not cover {named}, because with credentials the asterisk is a literal.",
                field("access-control-allow-methods")
            ),
            Cause::HeaderNotAllowed => match self.sent("access-control-allow-headers") {
                Some(names) => format!(
                    "The request header {named} is not among those that {the_answer} allows: {}.",
                    quoted_if_empty(&names)
                ),
                None => format!(
                    "The request header {named} is not allowed: {the_answer} has no Access-Control-Allow-Headers."
                ),
            },
            Cause::HeaderWildcardCredentialed => format!(
                "Access-Control-Allow-Headers: {} does not cover {named}, because with credentials the asterisk is a literal.",
                field("access-control-allow-headers")
            ),
            Cause::RedirectUserinfo => {
                "The redirect leads to a URL with a user or a password in it.".to_owned()
            }
            Cause::RedirectBadScheme => format!(
                "The redirect leads to {}, which is not http or https.",
                field("location")
            ),
            Cause::ModeForbids => {
                "The request's own mode forbids that it goes to another origin, and it was redirected to one.".to_owned()
            }
            Cause::PreflightNoResponse | Cause::NoResponse | Cause::RedirectLoop => {
                self.failure(answer)
            }
            Cause::SchemeNotCors
            | Cause::AuthorizationNeedsListing
            | Cause::LnaDenied
            | Cause::LnaInsecure
            | Cause::LnaTargetMismatch
            | Cause::PnaHeaderMissing
            | Cause::OriginHeaderUnavailable
            | Cause::CorsDisabledInBrowser => catalogue::meaning(cause).to_owned(),
        }
    }

    /// What went wrong that is none of CORS.
    pub(super) fn failure(&self, answer: &Answer) -> String {
        match answer.cause {
            Some(Cause::RedirectLoop) => {
                "The load was redirected more than twenty times.".to_owned()
            }
            Some(
                Cause::RedirectUserinfo
                | Cause::RedirectBadScheme
                | Cause::ModeForbids
                | Cause::SchemeNotCors,
            ) => self.sentence(answer),
            _ if self.is_refused_handshake() => format!(
                "This is not CORS: the server answered the WebSocket handshake with a status that opens none{}.",
                self.status()
            ),
            _ => {
                let ending = self.recorded.ending;
                let reason = self.recorded.reason.as_deref();
                format!("This is not CORS: {}.", reason.unwrap_or(words(ending)))
            }
        }
    }

    /// A WebSocket that the server did not open.
    pub(super) fn is_refused_handshake(&self) -> bool {
        self.judgement.kind == Kind::Websocket && self.recorded.sent.is_some()
    }

    /// Where the page was led from.
    fn by_redirect(&self) -> String {
        self.judgement
            .links
            .redirected_from
            .map(|from| format!(" The page was redirected here by #{}.", from.0))
            .unwrap_or_default()
    }
}

fn quoted_if_empty(value: &str) -> &str {
    if value.is_empty() { "\"\"" } else { value }
}

/// An ending, as the end of a sentence.
fn words(ending: Ending) -> &'static str {
    match ending {
        Ending::InProgress => "it has not ended",
        Ending::Complete => "the load failed although the answer arrived",
        Ending::Truncated => "the answer broke off",
        Ending::ResetByClient => "the page gave up",
        Ending::ResetByServer => "the server reset the connection",
        Ending::NoResponse => "no answer came",
        Ending::NotHttp => "what the server sent is not HTTP",
        Ending::Refused => "the server refused the connection",
        Ending::Dns => "the server's name does not resolve",
        Ending::Tls => "the TLS handshake with the server failed",
        Ending::Timeout => "the server did not answer in time",
        Ending::NeverSent => "the request was never sent",
    }
}
