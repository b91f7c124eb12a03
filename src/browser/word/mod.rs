//! The browser's own word, put together from the events of the DevTools protocol: a load is told in
//! many, over several sessions, in no order that can be relied on.

pub mod bidi;
pub mod console;
mod initiator;
mod issue;
mod reason;
mod socket;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::exchange::word::{Said, Teller, Way};
use crate::exchange::{AskedUrl, Initiator, Moment, Request, Word};

/// How many loads are followed; who has more has lost their ends.
const MOST_LOADS: usize = 8192;
/// How long after a failure it may still be told that the request was sent.
const LINGER: Duration = Duration::from_millis(100);

/// Loads that are under way, in all tabs, frames and workers of a browser.
#[derive(Debug, Default)]
pub struct Loads {
    /// By the protocol's request id, which is the same in every session.
    by_id: HashMap<String, Load>,
    /// `WebSocket`s whose handshakes are under way, by the same id.
    sockets: HashMap<String, socket::Socket>,
    /// What was sent for loads that nobody has told of yet.
    early: HashMap<String, VecDeque<Sent>>,
    /// The preflights of a load, by its id.
    preflights: HashMap<String, Vec<Preflight>>,
    /// What fails without having been sent, as far as is told.
    late: VecDeque<(Moment, Load, Said)>,
    /// The documents of sessions.
    pages: HashMap<String, String>,
    /// What a rule was told to have kept back lately: it is told twice.
    kept: VecDeque<(Moment, AskedUrl)>,
    ready: Vec<Arc<Word>>,
}

/// One hop of a load.
#[derive(Debug)]
struct Load {
    id: String,
    session: String,
    method: String,
    url: AskedUrl,
    document: String,
    kind: String,
    headers: Vec<(String, String)>,
    started: Moment,
    /// How far the browser's own clock is behind the wall's, in microseconds.
    offset: i64,
    initiator: Option<Initiator>,
    sent: VecDeque<Sent>,
    has_told: bool,
}

/// What was sent of a request.
#[derive(Debug)]
struct Sent {
    headers: Vec<(String, String)>,
    /// When, by the browser's own clock, in microseconds.
    at: Option<i64>,
}

/// A preflight of a load, whose fate the load tells.
#[derive(Debug)]
struct Preflight {
    id: String,
    /// How it failed by itself.
    failure: Option<Said>,
}

impl Loads {
    /// Takes note of an event. The words that come of it can be taken afterwards.
    pub fn note(&mut self, session: &str, method: &str, params: &Value, now: Moment) {
        match method {
            "Network.requestWillBeSent" => self.begins(session, params),
            "Network.requestWillBeSentExtraInfo" => self.sent(params),
            "Network.responseReceived" => self.answered(params),
            "Network.loadingFinished" => self.finished(params),
            "Network.loadingFailed" => self.failed(params, now),
            "Audits.issueAdded" => self.issue(session, params, now),
            "Target.attachedToTarget" => self.attached(params),
            "Target.detachedFromTarget" => self.detached(params),
            _ => {
                if let Some(event) = method.strip_prefix("Network.webSocket") {
                    self.of_socket(event, params, now);
                }
            }
        }
        self.time_passes(now);
    }

    /// Takes note that it is `now`.
    pub fn time_passes(&mut self, now: Moment) {
        while let Some((_, load, said)) = self.late.pop_front_if(|(due, ..)| *due <= now) {
            self.settle(&load, said);
        }
    }

    /// Whether it has to be told the time.
    pub fn is_waiting(&self) -> bool {
        !self.late.is_empty()
    }

    /// Takes the words that are ready.
    pub fn take(&mut self) -> Vec<Arc<Word>> {
        std::mem::take(&mut self.ready)
    }

    fn begins(&mut self, session: &str, params: &Value) {
        let Some(mut load) = Load::of(session, params) else {
            return;
        };
        // A redirect that leads elsewhere has no next hop: it fails.
        if load.url.web().is_none() && self.by_id.contains_key(&load.id) {
            return;
        }
        let initiator = params.get("initiator");
        let parent = initiator.and_then(|initiator| text(initiator, "/requestId"));
        if text(params, "/initiator/type") == Some("preflight")
            && let Some(parent) = parent
        {
            let preflights = self.preflights.entry(parent.to_owned()).or_default();
            preflights.push(Preflight {
                id: load.id.clone(),
                failure: None,
            });
        } else {
            self.pages.insert(session.to_owned(), load.document.clone());
        }
        if let Some(before) = self.by_id.remove(&load.id) {
            load.initiator.clone_from(&before.initiator);
            self.redirected(before, params, &mut load);
        }
        let early = self.early.remove(&load.id).unwrap_or_default();
        load.sent.extend(early);
        self.make_room();
        self.by_id.insert(load.id.clone(), load);
    }

    /// A hop has led to another one. What is told of as sent belongs to the hops in their order.
    fn redirected(&mut self, mut before: Load, params: &Value, next: &mut Load) {
        let is_sent = params.get("redirectHasExtraInfo") == Some(&Value::Bool(true));
        next.sent = if is_sent && !before.sent.is_empty() {
            before.sent.split_off(1)
        } else if is_sent {
            VecDeque::new()
        } else {
            std::mem::take(&mut before.sent)
        };
        self.tell_preflights(&before.id.clone(), &Said::Passed);
        self.tell(&before, Said::Passed);
    }

    fn sent(&mut self, params: &Value) {
        let Some(id) = text(params, "/requestId") else {
            return;
        };
        let sent = Sent {
            headers: headers(params.get("headers")),
            at: params
                .pointer("/connectTiming/requestTime")
                .and_then(Value::as_f64)
                .map(micros),
        };
        if let Some(load) = self.by_id.get_mut(id) {
            load.sent.push_back(sent);
        } else if let Some((_, load, _)) = self.late.iter_mut().find(|(_, load, _)| load.id == id) {
            load.sent.push_back(sent);
        } else {
            if self.early.len() > MOST_LOADS {
                self.early.clear();
            }
            self.early.entry(id.to_owned()).or_default().push_back(sent);
        }
    }

    /// A stream may go on for ever: what its head came to is told at once. What a service worker answers
    /// was not sent: it tells itself of what it asks for.
    fn answered(&mut self, params: &Value) {
        let id = text(params, "/requestId").unwrap_or_default();
        if params.pointer("/response/fromServiceWorker") == Some(&Value::Bool(true)) {
            self.by_id.remove(id);
            return;
        }
        if text(params, "/type") == Some("EventSource")
            && let Some(mut load) = self.by_id.remove(id)
        {
            self.tell_preflights(id, &Said::Passed);
            self.tell(&load, Said::Passed);
            load.has_told = true;
            self.by_id.insert(id.to_owned(), load);
        }
    }

    fn finished(&mut self, params: &Value) {
        let id = text(params, "/requestId").unwrap_or_default();
        if self.is_preflight(id) {
            return;
        }
        if let Some(load) = self.by_id.remove(id) {
            self.tell_preflights(id, &Said::Passed);
            self.tell(&load, Said::Passed);
        }
    }

    fn failed(&mut self, params: &Value, now: Moment) {
        let id = text(params, "/requestId").unwrap_or_default();
        let said = reason::of_failure(params);
        let of_load = self.preflights.values_mut().flatten();
        if let Some(preflight) = of_load.into_iter().find(|preflight| preflight.id == id) {
            preflight.failure = Some(said);
            return;
        }
        let Some(load) = self.by_id.remove(id) else {
            return;
        };
        if load.sent.is_empty() {
            self.late.push_back((now.plus(LINGER), load, said));
        } else {
            self.settle(&load, said);
        }
    }

    /// A load has failed. What fails after its preflight, and before it was sent itself, fails for
    /// that.
    fn settle(&mut self, load: &Load, said: Said) {
        let has_preflight = self.preflights.contains_key(&load.id);
        if has_preflight && load.sent.is_empty() {
            self.tell_preflights(&load.id, &said);
            return;
        }
        self.tell_preflights(&load.id, &Said::Passed);
        self.tell(load, said);
    }

    /// Tells of the preflights of a load: the last one has come to what the load came to, unless it
    /// failed by itself.
    fn tell_preflights(&mut self, parent: &str, said: &Said) {
        let Some(preflights) = self.preflights.remove(parent) else {
            return;
        };
        let last = preflights.len();
        for (preflight, place) in preflights.into_iter().zip(1..) {
            let Some(load) = self.by_id.remove(&preflight.id) else {
                continue;
            };
            let is_told = place == last && matches!(said, Said::Refused { .. } | Said::Nothing);
            let said = if is_told {
                said.clone()
            } else {
                preflight.failure.unwrap_or(Said::Passed)
            };
            self.tell(&load, said);
        }
    }

    fn is_preflight(&self, id: &str) -> bool {
        let mut all = self.preflights.values().flatten();
        all.any(|preflight| preflight.id == id)
    }

    fn tell(&mut self, load: &Load, said: Said) {
        if load.has_told {
            return;
        }
        let word = load.word(said);
        if word.way == Way::Kept {
            self.kept
                .push_back((word.started, word.request.url.clone()));
        }
        // What is asked for elsewhere is nobody's business unless it fails.
        if load.url.web().is_some() || word.is_unsent() {
            self.ready.push(Arc::new(word));
        }
    }

    fn attached(&mut self, params: &Value) {
        let session = text(params, "/sessionId");
        let page = text(params, "/targetInfo/url");
        if let (Some(session), Some(page)) = (session, page) {
            self.pages.insert(session.to_owned(), page.to_owned());
        }
    }

    fn detached(&mut self, params: &Value) {
        if let Some(session) = text(params, "/sessionId") {
            self.pages.remove(session);
            self.by_id.retain(|_, load| load.session != session);
        }
    }

    fn make_room(&mut self) {
        if self.by_id.len() > MOST_LOADS {
            self.by_id.clear();
            self.preflights.clear();
        }
    }
}

impl Load {
    /// A load that is told of.
    fn of(session: &str, params: &Value) -> Option<Self> {
        let wall = params.get("wallTime").and_then(Value::as_f64);
        let own = params.get("timestamp").and_then(Value::as_f64);
        let started = micros(wall?);
        Some(Self {
            id: text(params, "/requestId")?.to_owned(),
            session: session.to_owned(),
            method: text(params, "/request/method")?.to_owned(),
            url: AskedUrl::parse(text(params, "/request/url")?)?,
            document: text(params, "/documentURL").unwrap_or_default().to_owned(),
            kind: text(params, "/type").unwrap_or_default().to_owned(),
            headers: headers(params.pointer("/request/headers")),
            started: Moment::from_micros(started),
            offset: started.saturating_sub(micros(own?)),
            initiator: params.get("initiator").and_then(initiator::of),
            sent: VecDeque::new(),
            has_told: false,
        })
    }

    fn word(&self, said: Said) -> Word {
        let sent = self.sent.front();
        let by_clock = sent.and_then(|sent| sent.at);
        let started = by_clock.map(|at| Moment::from_micros(at.saturating_add(self.offset)));
        let headers = match sent {
            Some(sent) => sent.headers.iter().cloned().collect(),
            None => self.would_send().collect(),
        };
        Word {
            teller: Teller::DevTools,
            request: Request {
                method: self.method.clone(),
                url: self.url.clone(),
                headers,
            },
            started: started.unwrap_or(self.started),
            way: if sent.is_some() {
                Way::Sent
            } else {
                reason::way(&said, &self.url)
            },
            said,
            initiator: self.initiator.clone(),
        }
    }

    /// The fields of a request that was not sent, as far as they are known: the browser adds Origin
    /// last of all.
    fn would_send(&self) -> impl Iterator<Item = (String, String)> + use<'_> {
        let is_cors = matches!(
            &*self.kind,
            "Fetch" | "XHR" | "EventSource" | "Font" | "TextTrack"
        );
        let origin = origin_of(&self.document);
        let is_added = is_cors
            && !self.url.has_origin(origin.as_bytes())
            && !self
                .headers
                .iter()
                .any(|(name, _)| name.eq_ignore_ascii_case("origin"));
        let added = is_added.then(|| ("Origin".to_owned(), origin));
        self.headers.iter().cloned().chain(added)
    }
}

/// The origin of a document, as it stands in a field.
fn origin_of(document: &str) -> String {
    url::Url::parse(document).map_or_else(
        |_| "null".to_owned(),
        |url| url.origin().ascii_serialization(),
    )
}

fn headers(told: Option<&Value>) -> Vec<(String, String)> {
    let lines = told.and_then(Value::as_object).into_iter().flatten();
    let line = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
    lines.filter_map(line).collect()
}

pub(super) fn text<'a>(value: &'a Value, place: &str) -> Option<&'a str> {
    value.pointer(place).and_then(Value::as_str)
}

/// Seconds as microseconds.
#[expect(
    clippy::cast_possible_truncation,
    reason = "what is too large saturates"
)]
fn micros(seconds: f64) -> i64 {
    (seconds * 1e6) as i64
}

#[cfg(test)]
mod tests;
