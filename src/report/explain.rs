//! Explanations: the sentence that says what is wrong, and what to change, on whose side.

use crate::cors::verdict::{Answer, Evidence};
use crate::cors::{Cause, Judgement, Outcome, Phase};
use crate::exchange::recorded::Recorded;
use crate::exchange::{Ending, secret};

/// What is told of an exchange that a page cannot have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What is wrong, with the bytes that show it.
    pub sentence: String,
    /// What to change, and on whose side.
    pub remedy: String,
}

/// Explains an exchange; nothing where there is nothing to explain.
pub fn explain(recorded: &Recorded, judgement: &Judgement) -> Option<Explanation> {
    let verdict = &judgement.verdict;
    let story = Story {
        recorded,
        judgement,
    };
    match verdict.answer.outcome {
        Outcome::Blocked => Some(story.blocked(verdict.answer.cause?)),
        Outcome::Failed => Some(story.failed(verdict.answer.cause)),
        Outcome::Undecided => Some(story.undecided()),
        Outcome::Allowed | Outcome::Exempt | Outcome::Pending | Outcome::NotAsked => None,
    }
}

struct Story<'a> {
    recorded: &'a Recorded,
    judgement: &'a Judgement,
}

impl Story<'_> {
    fn blocked(&self, cause: Cause) -> Explanation {
        let included = self.judgement.verdict.if_included.as_ref();
        let also = included
            .and_then(|answer| answer.code.as_deref())
            .map(|code| {
                format!(
                    " (With credentials, which cannot be told, the browser would report {code}.)"
                )
            });
        Explanation {
            sentence: format!("{}{}", self.sentence(cause), also.unwrap_or_default()),
            remedy: self.remedy(cause),
        }
    }

    #[expect(clippy::too_many_lines, reason = "one arm a cause")]
    fn sentence(&self, cause: Cause) -> String {
        let (answer, value, named) = (self.answer(), self.value(), self.parameter());
        let origin = self.origin();
        match cause {
            Cause::AllowOriginMissing => {
                format!(
                    "{answer} has no Access-Control-Allow-Origin{}.",
                    self.status()
                )
            }
            Cause::AllowOriginMultiple => {
                format!("{answer} has more than one value in Access-Control-Allow-Origin: {named}.")
            }
            Cause::AllowOriginInvalid => {
                format!("{answer} has an Access-Control-Allow-Origin that is no origin: {value}.")
            }
            Cause::AllowOriginMismatch => format!(
                "{answer} allows {value}, which is not {origin}{}.",
                self.difference()
            ),
            Cause::RedirectOriginNull => format!(
                "A redirect across origins made the request's Origin null, and {} allows {value}.",
                lower(&answer)
            ),
            Cause::WildcardWithCredentials => format!(
                "{answer} allows every origin (*), which does not count for a request with credentials."
            ),
            Cause::AllowCredentialsNotTrue => format!(
                "The request is made with credentials, and {} has {}.",
                lower(&answer),
                if value.is_empty() {
                    "no Access-Control-Allow-Credentials".to_owned()
                } else {
                    format!("Access-Control-Allow-Credentials: {value} instead of true")
                }
            ),
            Cause::PreflightStatus => format!("{answer} has no ok status{}.", self.status()),
            Cause::PreflightRedirect => {
                format!(
                    "{answer} is a redirect{} to {value}; preflights do not follow any.",
                    self.status()
                )
            }
            Cause::AllowMethodsUnparsable => {
                format!("Access-Control-Allow-Methods is not a list of methods: {value}.")
            }
            Cause::AllowHeadersUnparsable => {
                format!("Access-Control-Allow-Headers is not a list of header names: {value}.")
            }
            Cause::MethodNotAllowed => {
                format!(
                    "{named} is not among the methods that the preflight's answer allows: {}.",
                    or_none(&value)
                )
            }
            Cause::MethodCase => {
                format!(
                    "{named} is not allowed in this spelling; methods are compared letter by letter: {value}."
                )
            }
            Cause::MethodWildcardCredentialed => format!(
                "Access-Control-Allow-Methods: {value} does not cover {named}: with credentials the asterisk is a literal."
            ),
            Cause::HeaderNotAllowed => {
                format!(
                    "The request header {named} is not among those that the preflight's answer allows: {}.",
                    or_none(&value)
                )
            }
            Cause::HeaderWildcardCredentialed => format!(
                "Access-Control-Allow-Headers: {value} does not cover {named}: with credentials the asterisk is a literal."
            ),
            Cause::RedirectUserinfo => {
                "The redirect leads to a URL with a user or password in it.".to_owned()
            }
            Cause::RedirectBadScheme => {
                format!("The redirect leads to {value}, which is not http or https.")
            }
            Cause::PreflightNoResponse | Cause::NoResponse | Cause::RedirectLoop => {
                self.failed(Some(cause)).sentence
            }
        }
    }

    fn remedy(&self, cause: Cause) -> String {
        let origin = self.origin();
        let named = self.parameter();
        match cause {
            Cause::AllowOriginMissing | Cause::PreflightStatus if self.is_preflight() => format!(
                "On the server: answer OPTIONS before authentication and routing, with status 204 and \
                 Access-Control-Allow-Origin: {origin}."
            ),
            Cause::AllowOriginMissing => format!(
                "On the server: send Access-Control-Allow-Origin: {origin} and Vary: Origin, with every status."
            ),
            Cause::AllowOriginMultiple => format!(
                "On the server: let one layer add the field, with the one value {origin}."
            ),
            Cause::AllowOriginInvalid | Cause::AllowOriginMismatch => format!(
                "On the server: if the page may read this, send exactly Access-Control-Allow-Origin: {origin} and Vary: Origin."
            ),
            Cause::RedirectOriginNull => {
                "In the page: ask for the final URL. On the server: do not redirect to a third origin; never allow null.".to_owned()
            }
            Cause::WildcardWithCredentials => format!(
                "On the server: send Access-Control-Allow-Origin: {origin}, Vary: Origin and \
                 Access-Control-Allow-Credentials: true. Or in the page: leave the credentials out."
            ),
            Cause::AllowCredentialsNotTrue => {
                "On the server: send Access-Control-Allow-Credentials: true once, in lower case, to preflight and request. \
                 Or in the page: leave the credentials out.".to_owned()
            }
            Cause::PreflightStatus => "On the server: answer OPTIONS with status 204.".to_owned(),
            Cause::PreflightRedirect => {
                "In the page: ask for the final URL. Or on the server: answer OPTIONS before redirecting.".to_owned()
            }
            Cause::AllowMethodsUnparsable => {
                "On the server: send Access-Control-Allow-Methods as in GET, PUT, DELETE.".to_owned()
            }
            Cause::AllowHeadersUnparsable => {
                "On the server: send Access-Control-Allow-Headers as in content-type, x-request-id.".to_owned()
            }
            Cause::MethodNotAllowed => {
                format!("On the server: add {named} to Access-Control-Allow-Methods of the answer to OPTIONS.")
            }
            Cause::MethodCase => {
                "In the page and on the server: write the method in capital letters.".to_owned()
            }
            Cause::MethodWildcardCredentialed => {
                "On the server: list the methods by name. Or in the page: leave the credentials out.".to_owned()
            }
            Cause::HeaderNotAllowed => {
                format!("On the server: add {named} to Access-Control-Allow-Headers of the answer to OPTIONS.")
            }
            Cause::HeaderWildcardCredentialed => {
                "On the server: list the header names. Or in the page: leave the credentials out.".to_owned()
            }
            Cause::RedirectUserinfo => "On the server: redirect to a URL without user and password.".to_owned(),
            Cause::RedirectBadScheme => "On the server: redirect to http or https only.".to_owned(),
            Cause::PreflightNoResponse | Cause::NoResponse | Cause::RedirectLoop => {
                self.failed(Some(cause)).remedy
            }
        }
    }

    fn failed(&self, cause: Option<Cause>) -> Explanation {
        let told = |sentence: &str, remedy: &str| Explanation {
            sentence: sentence.to_owned(),
            remedy: remedy.to_owned(),
        };
        if cause == Some(Cause::RedirectLoop) {
            return told(
                "The load was redirected more than twenty times.",
                "On the server: find the loop.",
            );
        }
        if let Some(cause @ (Cause::RedirectUserinfo | Cause::RedirectBadScheme)) = cause {
            return self.blocked(cause);
        }
        let what = self
            .recorded
            .reason
            .as_deref()
            .unwrap_or_else(|| self.recorded.ending.name());
        let remedy = match self.recorded.ending {
            Ending::Refused => "Is the server running, on this port?",
            Ending::Dns => "Check the name, or say where it is with --resolve.",
            Ending::Tls => "Check the server's certificate; --upstream-ca trusts a CA of your own.",
            Ending::NeverSent => "The request itself has to change.",
            Ending::ResetByClient => "The page, or the user, gave up.",
            Ending::Complete if self.judgement.kind == crate::cors::Kind::Websocket => {
                "WebSockets have no CORS: the server refuses the handshake by itself. Does it check Origin?"
            }
            Ending::InProgress
            | Ending::Complete
            | Ending::Truncated
            | Ending::ResetByServer
            | Ending::NoResponse
            | Ending::NotHttp
            | Ending::Timeout => "Look at the server's own log for this moment.",
        };
        told(&format!("This is not CORS: {what}."), remedy)
    }

    fn undecided(&self) -> Explanation {
        let included = self.judgement.verdict.if_included.as_ref();
        let judgement = self.as_if(included);
        let story = Story {
            recorded: self.recorded,
            judgement: &judgement,
        };
        let cause = included.and_then(|answer| answer.cause);
        let told = cause.map(|cause| story.blocked(cause));
        let sentence = told.as_ref().map(|told| uncapitalised(&told.sentence));
        Explanation {
            sentence: format!(
                "Passes unless credentials are included. If they are: {}",
                sentence.unwrap_or_default()
            ),
            remedy: told.map(|told| told.remedy).unwrap_or_default(),
        }
    }

    /// The judgement as it would be, had the browser given this answer.
    fn as_if(&self, answer: Option<&Answer>) -> Judgement {
        let mut judgement = self.judgement.clone();
        if let Some(answer) = answer {
            judgement.verdict.answer = answer.clone();
            judgement.verdict.if_included = None;
        }
        judgement
    }

    fn is_preflight(&self) -> bool {
        self.judgement.verdict.answer.phase == Some(Phase::Preflight)
    }

    fn answer(&self) -> String {
        match self.judgement.verdict.answer.phase {
            Some(Phase::Preflight) => "The answer to the preflight".to_owned(),
            Some(Phase::RedirectHop) => "The redirect".to_owned(),
            Some(Phase::Actual) | None => "The answer".to_owned(),
        }
    }

    fn status(&self) -> String {
        self.recorded
            .sent
            .as_ref()
            .map(|sent| format!(" (status {})", sent.status))
            .unwrap_or_default()
    }

    fn origin(&self) -> String {
        self.judgement
            .origin
            .clone()
            .unwrap_or_else(|| "the page's origin".to_owned())
    }

    fn evidence(&self) -> Option<&Evidence> {
        self.judgement.verdict.evidence.first()
    }

    /// The value at fault, as it stands in the answer.
    fn value(&self) -> String {
        let stored = || self.evidence()?.value.clone();
        stored()
            .or_else(|| self.judgement.verdict.answer.parameter.clone())
            .unwrap_or_default()
    }

    fn parameter(&self) -> String {
        self.judgement
            .verdict
            .answer
            .parameter
            .clone()
            .unwrap_or_default()
    }

    fn difference(&self) -> String {
        let differs = self.evidence().and_then(|evidence| evidence.differs);
        differs
            .map(|differs| format!(": {}", differs.words()))
            .unwrap_or_default()
    }
}

fn or_none(value: &str) -> &str {
    if value.is_empty() { "none" } else { value }
}

fn lower(words: &str) -> String {
    uncapitalised(words)
}

fn uncapitalised(sentence: &str) -> String {
    let mut characters = sentence.chars();
    match characters.next() {
        Some(first) => first.to_lowercase().chain(characters).collect(),
        None => String::new(),
    }
}

/// A value as it is shown: withheld ones as a mark.
pub fn shown(value: &secret::Value) -> String {
    match value {
        secret::Value::Plain(value) => value.clone(),
        secret::Value::Withheld(withheld) => withheld.to_string(),
    }
}
