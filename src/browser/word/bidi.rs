//! The browser's own word, put together from what Firefox tells over WebDriver BiDi and in its
//! console. The network says that a request ended; why, the console says, a little earlier or later.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::console::{self, Message, plain};
use super::socket::SWITCHING;
use super::text;
use crate::exchange::word::{Bar, Said, Teller, Way};
use crate::exchange::{AskedUrl, HeaderList, Initiator, Moment, Request, Word};

/// How long the end of a request and the console's message may lie apart.
const APART: Duration = Duration::from_millis(300);

/// What Firefox says of almost every preflight that fails, beside the cause.
const CONSEQUENCE: &str = "CORSDidNotSucceed";

/// What comes of a request whose service worker failed: what went over the wire is the worker's own.
const INTERCEPTED: &str = "NS_ERROR_INTERCEPTION_FAILED";

/// Requests that have ended of late, and messages that nobody has asked for yet.
#[derive(Debug, Default)]
pub struct Ends {
    of_late: VecDeque<End>,
    messages: VecDeque<(Moment, Message)>,
    ready: Vec<Arc<Word>>,
}

/// A request that has ended.
#[derive(Debug)]
struct End {
    due: Moment,
    request: Request,
    address: String,
    started: Moment,
    kind: Option<String>,
    /// What came of the handshake, if it is one.
    handshake: Option<Handshake>,
    /// What the network says went wrong.
    error: Option<String>,
    /// The category of the first message that names it.
    complaint: Option<String>,
}

/// What the server made of a handshake. What the browser made of its answer, the network does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Handshake {
    Opened,
    Refused,
}

impl Ends {
    /// Takes note of an event.
    pub fn note(&mut self, method: &str, params: &Value, now: Moment) {
        let error = match method {
            "network.responseCompleted" => None,
            "network.fetchError" => text(params, "/errorText").map(str::to_owned),
            _ => return,
        };
        if let Some(mut end) = End::of(params, error, now)
            && !self.fails_with_preflight(&end)
        {
            let messages = std::mem::take(&mut self.messages);
            for (at, message) in messages {
                if !end.takes(&message) {
                    self.messages.push_back((at, message));
                }
            }
            self.of_late.push_back(end);
        }
        self.time_passes(now);
    }

    /// Whether it failed, unsent, because its preflight just did.
    fn fails_with_preflight(&self, end: &End) -> bool {
        let failed = |other: &End| other.is_preflight() && other.error.is_some();
        let of_end = |other: &End| failed(other) && other.address == end.address;
        end.error.is_some() && !end.is_preflight() && self.of_late.iter().any(of_end)
    }

    /// Takes note of what the console says.
    pub fn hear(&mut self, message: Message, now: Moment) {
        if let Some(word) = console::unsent(&message, now) {
            self.ready.push(word);
        } else if console::is_of_request(&message.category) && !self.is_taken(&message) {
            self.messages.push_back((now, message));
        }
        self.time_passes(now);
    }

    /// A preflight that failed is the reason why its request did.
    fn is_taken(&mut self, message: &Message) -> bool {
        let named = |end: &&mut End| names(&message.text, &end.address);
        let mut named: Vec<_> = self.of_late.iter_mut().filter(named).collect();
        let first = named
            .iter()
            .rposition(|end| end.is_preflight() && end.error.is_some());
        match first.or_else(|| named.len().checked_sub(1)) {
            Some(place) => named.get_mut(place).is_some_and(|end| end.takes(message)),
            None => false,
        }
    }

    /// Takes note that it is `now`.
    pub fn time_passes(&mut self, now: Moment) {
        while let Some(end) = self.of_late.pop_front_if(|end| end.due <= now) {
            self.ready.push(Arc::new(end.word()));
        }
        self.messages.retain(|(at, _)| now.since(*at) <= APART);
    }

    /// Whether it has to be told the time.
    pub fn is_waiting(&self) -> bool {
        !self.of_late.is_empty()
    }

    /// Takes the words that are ready.
    pub fn take(&mut self) -> Vec<Arc<Word>> {
        std::mem::take(&mut self.ready)
    }
}

impl End {
    fn of(params: &Value, error: Option<String>, now: Moment) -> Option<Self> {
        let address = text(params, "/request/url")?;
        let lines = params.pointer("/request/headers")?.as_array()?;
        let line = |line: &Value| {
            let (name, value) = (text(line, "/name")?, text(line, "/value/value")?);
            Some((name.to_owned(), value.to_owned()))
        };
        let headers: HeaderList = lines.iter().filter_map(line).collect();
        let handshake = Handshake::of(params, &headers);
        let began = params.pointer("/request/timings/requestTime");
        let began = began.and_then(Value::as_f64).filter(|began| *began > 0.0);
        Some(Self {
            due: now.plus(APART),
            request: Request {
                method: text(params, "/request/method")?.to_owned(),
                url: AskedUrl::parse(address)?,
                headers,
            },
            address: named(address, handshake),
            handshake,
            started: began.map_or(now, |began| Moment::from_micros(super::micros(began / 1e3))),
            kind: text(params, "/request/initiatorType").map(str::to_owned),
            error,
            complaint: None,
        })
    }

    /// Takes a message that is about it, unless it has a better one.
    fn takes(&mut self, message: &Message) -> bool {
        let is_about = names(&message.text, &self.address);
        let has_cause = self
            .complaint
            .as_ref()
            .is_some_and(|known| !known.starts_with(CONSEQUENCE));
        if is_about && !has_cause {
            self.complaint = Some(message.category.clone());
        }
        is_about
    }

    fn is_preflight(&self) -> bool {
        self.request
            .headers
            .contains("access-control-request-method")
    }

    fn word(self) -> Word {
        let way = if self.request.url.is_never_sent() {
            Way::Kept
        } else if self.error.as_deref() == Some(INTERCEPTED) {
            Way::Sent
        } else {
            Way::Untold
        };
        let said = said(self.handshake, self.complaint, self.error);
        let initiator = |kind| Initiator {
            kind,
            url: None,
            line: None,
            column: None,
            function: None,
        };
        Word {
            teller: Teller::BiDi,
            request: self.request,
            started: self.started,
            way,
            said,
            initiator: self.kind.filter(|kind| !kind.is_empty()).map(initiator),
        }
    }
}

impl Handshake {
    fn of(params: &Value, headers: &HeaderList) -> Option<Self> {
        let is_handshake = headers.contains("sec-websocket-key");
        let status = params.pointer("/response/status").and_then(Value::as_u64);
        is_handshake.then_some(if status == Some(SWITCHING) {
            Self::Opened
        } else {
            Self::Refused
        })
    }
}

/// Whether a message names this address, and not one that only begins so.
fn names(text: &str, address: &str) -> bool {
    let goes_on = |rest: &str| {
        let mut rest = rest.chars().take_while(char::is_ascii_graphic);
        rest.any(|next| next.is_ascii_alphanumeric() || "/?#&=%".contains(next))
    };
    let places = text.match_indices(address).map(|(at, _)| at);
    let mut rests = places.filter_map(|at| text.get(at + address.len()..));
    rests.any(|rest| !goes_on(rest))
}

/// An address as the console names it: that of a handshake with the page's scheme, not the wire's.
fn named(address: &str, handshake: Option<Handshake>) -> String {
    let address = address.split('#').next().unwrap_or_default();
    if handshake.is_some() {
        address.replacen("http", "ws", 1)
    } else {
        address.to_owned()
    }
}

/// What the browser made of a request, by its network and its console. Of a handshake the network says that it
/// passed, whatever the answer was; and of a `WebSocket` that opened the console says later how it broke.
fn said(handshake: Option<Handshake>, complaint: Option<String>, error: Option<String>) -> Said {
    match (handshake, complaint, error) {
        (Some(Handshake::Refused), Some(code), _) => Said::Failed { code },
        (Some(Handshake::Refused), None, None) | (Some(Handshake::Opened), Some(_), _) => {
            Said::Nothing
        }
        (None, Some(category), _) if !category.starts_with(CONSEQUENCE) => Said::Refused {
            by: Bar::Cors,
            code: plain(&category).to_owned(),
            parameter: None,
        },
        (_, _, Some(error)) if error == "NS_BINDING_ABORTED" || error == INTERCEPTED => {
            Said::Nothing
        }
        (_, _, Some(code)) => Said::Failed { code },
        (_, _, None) => Said::Passed,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const API: &str = "https://api.test/a";

    fn ended(method: &str, error: Option<&str>, preflight: bool) -> (&'static str, Value) {
        let mut headers = vec![json!({"name": "Origin", "value": {"value": "https://app.test"}})];
        if preflight {
            headers
                .push(json!({"name": "Access-Control-Request-Method", "value": {"value": "PUT"}}));
        }
        let request =
            json!({"url": API, "method": method, "headers": headers, "initiatorType": "fetch"});
        let name = if error.is_some() {
            "network.fetchError"
        } else {
            "network.responseCompleted"
        };
        (name, json!({"request": request, "errorText": error}))
    }

    fn message(category: &str) -> Message {
        Message {
            category: category.to_owned(),
            text: format!("Blocked: {API}. (Reason: …)"),
            source: String::new(),
            line: 0,
            column: 0,
        }
    }

    fn told(act: impl FnOnce(&mut Ends)) -> Vec<(String, Said)> {
        let mut ends = Ends::default();
        act(&mut ends);
        ends.time_passes(Moment::from_micros(1_000_000));
        let words = ends.take().into_iter();
        words
            .map(|word| (word.request.method.clone(), word.said.clone()))
            .collect()
    }

    fn refused(code: &str) -> Said {
        Said::Refused {
            by: Bar::Cors,
            code: code.to_owned(),
            parameter: None,
        }
    }

    const NOW: Moment = Moment::from_micros(0);

    #[test]
    fn the_console_says_why_before_or_after_the_end() {
        let (name, params) = ended("GET", None, false);
        let before = told(|ends| {
            ends.hear(message("CORSMissingAllowOrigin2"), NOW);
            ends.note(name, &params, NOW);
        });
        let after = told(|ends| {
            ends.note(name, &params, NOW);
            ends.hear(message("CORSMissingAllowOrigin2"), NOW);
        });
        let expected = vec![("GET".to_owned(), refused("CORSMissingAllowOrigin"))];
        assert_eq!((&before, &after), (&expected, &expected));
        let passed = told(|ends| ends.note(name, &params, NOW));
        assert_eq!(passed, [("GET".to_owned(), Said::Passed)]);
    }

    #[test]
    fn a_warning_is_no_refusal_and_what_is_only_reported_is_sent() {
        let (name, params) = ended("OPTIONS", None, true);
        let said = told(|ends| {
            ends.note(name, &params, NOW);
            ends.hear(message("CORSAllowHeaderFromPreflightDeprecation"), NOW);
            ends.hear(message("CSP_CSPROGenericViolation"), NOW);
        });
        assert_eq!(said, [("OPTIONS".to_owned(), Said::Passed)]);
    }

    #[test]
    fn what_fails_with_its_preflight_is_said_of_that_alone() {
        let said = told(|ends| {
            for (method, preflight) in [("OPTIONS", true), ("PUT", false)] {
                let (name, params) = ended(method, Some("NS_ERROR_DOM_BAD_URI"), preflight);
                ends.note(name, &params, NOW);
            }
            ends.hear(message("CORSMissingAllowHeaderFromPreflight2"), NOW);
            ends.hear(message("CORSDidNotSucceed2"), NOW);
        });
        let expected = refused("CORSMissingAllowHeaderFromPreflight");
        assert_eq!(said, [("OPTIONS".to_owned(), expected)]);
    }

    #[test]
    fn a_message_is_about_its_own_address_and_not_about_where_that_begins() {
        for (text, is_named) in [
            ("resource at https://api.test/a. (Reason: …)", true),
            ("(https://api.test/a)", true),
            ("‘https://api.test/a’", true),
            ("https://api.test/aにあるリソース", true),
            ("at https://api.test/a", true),
            ("at https://api.test/a/b. (Reason: …)", false),
            ("at https://api.test/a?b. (Reason: …)", false),
            ("at https://api.test/a.json. (Reason: …)", false),
            ("from https://api.test/ab to https://api.test/a.", true),
            ("at https://api.test/. (Reason: …)", false),
        ] {
            assert_eq!(names(text, API), is_named, "{text}");
        }
    }

    #[test]
    fn what_fails_in_a_service_worker_is_not_unsent_and_is_what_the_console_says_if_anything() {
        let (name, params) = ended("PUT", Some(INTERCEPTED), false);
        let of = |category: &str| {
            let mut ends = Ends::default();
            ends.hear(message(category), NOW);
            ends.note(name, &params, NOW);
            ends.time_passes(Moment::from_micros(1_000_000));
            let words = ends.take();
            let [word] = &words[..] else {
                panic!("{words:?}")
            };
            (word.said.clone(), word.is_unsent())
        };
        let missing = refused("CORSMissingAllowOrigin");
        assert_eq!(of("CORSMissingAllowOrigin2"), (missing, false));
        assert_eq!(of("CORSDidNotSucceed2"), (Said::Nothing, false));
    }

    #[test]
    fn a_handshake_that_was_refused_has_not_passed() {
        const ADDRESS: &str = "wss://api.test/a";
        let said = |status: u16, complaint: Option<&str>| {
            let key = json!({"name": "Sec-WebSocket-Key", "value": {"value": "a"}});
            let request = json!({"url": API, "method": "GET", "headers": [key]});
            let params = json!({"request": request, "response": {"status": status}});
            let mut words = told(|ends| {
                ends.note("network.responseCompleted", &params, NOW);
                if let Some(category) = complaint {
                    let text = format!("Firefox can’t establish a connection to {ADDRESS}.");
                    ends.hear(
                        Message {
                            text,
                            ..message(category)
                        },
                        NOW,
                    );
                }
            });
            words.pop().map(|(_, said)| said)
        };
        let code = "Web Socket".to_owned();
        assert_eq!(said(101, None), Some(Said::Passed));
        assert_eq!(said(403, Some("Web Socket")), Some(Said::Failed { code }));
        // The network alone does not tell what the browser made of it, nor the console of what.
        assert_eq!(said(403, None), Some(Said::Nothing));
        assert_eq!(said(101, Some("Web Socket")), Some(Said::Nothing));
    }

    #[test]
    fn a_scheme_for_which_nothing_is_sent_is_told_by_the_console_alone() {
        let told = |category: &str, text: &str| {
            let mut ends = Ends::default();
            let text = text.to_owned();
            let message = message(category);
            ends.hear(Message { text, ..message }, NOW);
            let words = ends.take().into_iter();
            let mut words = words.map(|word| (word.request.url.to_string(), word.said.clone()));
            words.next()
        };
        let text =
            "Cross-Origin Request Blocked: … at myapp://x/a?b=c. (Reason: CORS request not http).";
        let expected = ("myapp://x/a?b=c".to_owned(), refused("CORSRequestNotHttp"));
        assert_eq!(told("CORSRequestNotHttp", text), Some(expected));
        let text =
            "Security Error: Content at https://app.test/ may not load or link to file:///a.";
        let code = "SOP".to_owned();
        let expected = ("file:///a".to_owned(), Said::Failed { code });
        assert_eq!(told("SOP", text), Some(expected));
        assert_eq!(told("SOP", "Content at https://app.test/ may not …"), None);
    }

    #[test]
    fn what_the_pages_policy_forbids_is_told_with_its_place() {
        let mut ends = Ends::default();
        let text = format!("Content-Security-Policy: … (connect-src) at {API} because …");
        let message = Message {
            category: "CSP_CSPGenericViolation".to_owned(),
            text,
            source: "https://app.test/app.js".to_owned(),
            line: 2,
            column: 26,
        };
        ends.hear(message, NOW);
        let words = ends.take();
        assert!(words[0].is_unsent());
        assert_eq!(words[0].request.url.to_string(), API);
        assert_eq!(
            words[0].initiator.as_ref().and_then(|one| one.line),
            Some(2)
        );
    }
}
