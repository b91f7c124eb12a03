//! The browser's own word: which exchange it is about, what it tells of the credentials mode, and
//! what the verdict is on a request that never left the browser.

use std::sync::Arc;
use std::time::Duration;

use crate::exchange::word::{Bar, Said, Teller, Way};
use crate::exchange::{ConnectionId, Ending, ExchangeId, Initiator, Protocol, Request, Word};

use super::super::around::Around;
use super::super::classify::Profile;
use super::super::credentials::{Because, Credentials, CredentialsMode};
use super::super::engine::PerEngine;
use super::super::opinions::Both;
use super::super::verdict::{Answer, Basis, Confirmed, ConfirmedBy, EngineAnswer, Links, Verdict};
use super::super::{Cause, Confidence, Diagnosis, Engine, LookAlike, Outcome, Phase, Rule};
use super::Judge;
use super::modes::{Node, Standing};
use super::watched::Watched;

/// How much earlier than the browser says an exchange may have begun.
const SKEW: Duration = Duration::from_millis(500);

/// The fields that tell requests for one URL apart.
const TELLING: [&str; 9] = [
    "access-control-request-headers",
    "access-control-request-method",
    "content-type",
    "cookie",
    "range",
    "referer",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-storage-access",
];

/// What the browser has said of an exchange.
#[derive(Clone, Debug)]
pub(super) struct Told {
    teller: Teller,
    said: Said,
    pub(super) initiator: Option<Initiator>,
}

impl Told {
    fn of(word: &Word) -> Self {
        Self {
            teller: word.teller,
            said: word.said.clone(),
            initiator: word.initiator.clone(),
        }
    }

    /// What it confirms of an answer, or contradicts; nothing where it says nothing of that.
    pub(super) fn confirms(&self, answer: &Answer) -> Option<Confirmed> {
        if answer.outcome == Outcome::Pending {
            return None;
        }
        let (code, parameter) = match &self.said {
            Said::Nothing => return None,
            Said::Passed => (None, None),
            Said::Refused {
                code, parameter, ..
            } => (Some(code.clone()), parameter.clone()),
            Said::Failed { code } => (Some(code.clone()), None),
        };
        Some(Confirmed {
            by: match self.teller {
                Teller::DevTools => ConfirmedBy::DevTools,
                Teller::BiDi => ConfirmedBy::BiDi,
            },
            agrees: agree(&self.said, answer),
            code,
            parameter,
        })
    }
}

/// Whether an answer is what the browser says. What its network lets pass may fail yet in what it
/// was loaded for: a picture that is none, a module of another type.
fn agree(said: &Said, answer: &Answer) -> bool {
    let is_refused = answer.outcome == Outcome::Blocked;
    match said {
        Said::Nothing => true,
        Said::Passed => !is_refused || matches!(answer.by, Some(Rule::MimeType | Rule::Sri)),
        Said::Refused { by, code, .. } => {
            let is_same_code = answer.code.as_deref().is_none_or(|ours| ours == code);
            is_refused && rule(*by).is_none_or(|rule| is_rule(answer.by, rule)) && is_same_code
        }
        Said::Failed { .. } => match answer.outcome {
            Outcome::Failed | Outcome::Exempt => true,
            Outcome::Blocked => answer.by != Some(Rule::Cors),
            Outcome::Allowed | Outcome::Undecided | Outcome::Pending | Outcome::NotAsked => false,
        },
    }
}

/// Whether a rule is this one. Browsers do not tell all of them apart: the embedder's policy works
/// by that of the resource.
fn is_rule(ours: Option<Rule>, theirs: Rule) -> bool {
    let family = |rule| if rule == Rule::Coep { Rule::Corp } else { rule };
    ours.map(family) == Some(family(theirs))
}

fn rule(bar: Bar) -> Option<Rule> {
    match bar {
        Bar::Cors => Some(Rule::Cors),
        Bar::Corp => Some(Rule::Corp),
        Bar::Coep => Some(Rule::Coep),
        Bar::Orb => Some(Rule::Orb),
        Bar::MixedContent => Some(Rule::MixedContent),
        Bar::Csp => Some(Rule::Csp),
        Bar::LocalNetwork => Some(Rule::LocalNetworkAccess),
        Bar::Client => None,
    }
}

impl Judge {
    /// The exchange that a browser's word is about: one with that method and URL that began when the
    /// browser says, of which it has said nothing yet; of several the one that is most alike, that ended
    /// as the browser says, and that is nearest in time.
    pub fn exchange_of(&self, word: &Word) -> Option<ExchangeId> {
        if word.way == Way::Kept {
            return None;
        }
        let in_time = |(_, watched): &(u64, &Watched)| word.started.since(watched.started) <= SKEW;
        let distance = |watched: &Watched| {
            let (before, after) = (word.started, watched.started);
            let apart = after.since(before) + before.since(after);
            let ends_otherwise = ends_otherwise(&word.said, watched.ending);
            (unlike(word, &watched.request), ends_otherwise, apart)
        };
        let unsaid = || {
            let all = self.watched.newest().take_while(in_time);
            all.filter(|(_, watched)| watched.told.is_none() && is_of(word, watched))
        };
        let (nearest, _) = unsaid().min_by_key(|(_, watched)| distance(watched))?;
        let nearest = ExchangeId(nearest);
        // What the browser tried again by itself ended as its last try did.
        let mut again = unsaid().filter(|(_, watched)| watched.retry_of == Some(nearest));
        Some(again.next().map_or(nearest, |(last, _)| ExchangeId(last)))
    }

    /// The browser says what it made of an exchange. Where that follows in one credentials mode
    /// only, that is the mode, whatever was inferred before from what happened around it.
    pub(super) fn said(&mut self, id: ExchangeId, word: &Word) {
        let Some(watched) = self.watched.get_mut(id.0) else {
            return;
        };
        let told = Told::of(word);
        let mode = watched.mode_of_word(&told.said);
        watched.told = Some(Box::new(told));
        self.changed.push(id);
        let Some(mode) = mode else { return };
        let known = Credentials::known(mode, Because::Browser);
        match watched.standing {
            Standing::Known(before) if before.mode == known.mode || is_shown(before) => {}
            Standing::Known(_) => watched.standing = Standing::Known(known),
            Standing::Free | Standing::Tied(_) => self.tell(Node::Exchange(id), known),
        }
    }

    /// A request that never left the browser is watched by itself: no connection and no other
    /// exchange tells anything of it.
    pub(super) fn never_sent(&mut self, id: ExchangeId, word: &Word) {
        let engine = self.engines.of(&word.request.headers);
        let engine = engine.or(Some(engine_of(word.teller)));
        let request = Arc::new(word.request.clone());
        let profile = Profile::by(engine, &request, Protocol::Http11);
        self.watch(
            id,
            Watched {
                connection: ConnectionId(0),
                protocol: Protocol::Http11,
                profile,
                request,
                started: word.started,
                response: None,
                content: None,
                rewrite: None,
                answered: None,
                ending: Ending::NeverSent,
                ended: None,
                standing: Standing::Free,
                presumed: None,
                retry_of: None,
                links: Links::default(),
                redirects: 0,
                is_left: false,
                around: Around::default(),
                confirmed_by: None,
                settled: None,
                told: Some(Box::new(Told::of(word))),
            },
        );
        self.changed.push(id);
    }
}

impl Watched {
    /// The only credentials mode in which its engine comes to what the browser says.
    fn mode_of_word(&self, said: &Said) -> Option<CredentialsMode> {
        if *said == Said::Nothing || !self.is_cors() || self.rewrite.is_some() {
            return None;
        }
        let situation = self.situation();
        let both = Both::of(self.engine(), &situation);
        let comes_to_it = |mode| {
            let answer = both.answer(self.engine(), situation.phase(), Some(mode));
            agree(said, &answer.answer)
        };
        let modes = [CredentialsMode::Include, CredentialsMode::Omit];
        match modes.map(comes_to_it) {
            [true, false] => Some(CredentialsMode::Include),
            [false, true] => Some(CredentialsMode::Omit),
            [true, true] | [false, false] => None,
        }
    }

    /// What the browser made of a request that it kept to itself, in place of the verdict on an
    /// exchange without a response.
    pub(super) fn judge_unsent(&self, id: ExchangeId, verdict: &mut Verdict) {
        let Some(told) = self.told.as_ref().filter(|_| self.is_unsent()) else {
            return;
        };
        let (answer, look_alike) = match &told.said {
            Said::Nothing | Said::Passed => return,
            Said::Refused {
                by,
                code,
                parameter,
            } => refused(self.engine(), *by, code, parameter.as_ref()),
            Said::Failed { code } => (self.failed_unsent(code), None),
        };
        // What a rule of every engine forbids, others forbid too; the rest they were not asked.
        let is_of_all = matches!(answer.by, Some(Rule::Csp | Rule::MixedContent))
            || answer.cause == Some(Cause::SchemeNotCors);
        let other = |engine| {
            if !is_of_all {
                return Answer::plain(Outcome::Pending);
            }
            let cause = answer.cause.filter(|_| answer.by == Some(Rule::Cors));
            let code = cause.and_then(|cause| cause.code(engine, Phase::Actual, None));
            Answer {
                code: code.map(Into::into),
                ..answer.clone()
            }
        };
        verdict.engines = PerEngine::of(|engine| EngineAnswer {
            basis: if engine == self.engine() {
                Basis::Measured
            } else {
                Basis::Predicted
            },
            ..EngineAnswer::decided(if engine == self.engine() {
                answer.clone()
            } else {
                other(engine)
            })
        });
        verdict.answer = answer;
        verdict.credentials = Credentials {
            mode: None,
            because: Some(Because::Irrelevant),
        };
        verdict.not_cors = look_alike
            .map(|code| diagnosis(id, code))
            .into_iter()
            .collect();
    }

    /// What failed for no rule: a scheme for which nothing is sent is reason enough.
    fn failed_unsent(&self, code: &str) -> Answer {
        let is_never_sent = self.request.url.is_never_sent();
        Answer {
            cause: is_never_sent.then_some(Cause::SchemeNotCors),
            ..with_code(Answer::plain(Outcome::Failed), code)
        }
    }

    /// Whether it is a request that the browser told of, and the wire did not.
    pub(super) fn is_unsent(&self) -> bool {
        self.ending == Ending::NeverSent && self.response.is_none() && self.connection.0 == 0
    }
}

/// The engine whose browsers tell by it.
fn engine_of(teller: Teller) -> Engine {
    match teller {
        Teller::DevTools => Engine::Chromium,
        Teller::BiDi => Engine::Firefox,
    }
}

fn diagnosis(id: ExchangeId, code: LookAlike) -> Diagnosis<LookAlike> {
    Diagnosis {
        code,
        confidence: Confidence::Certain,
        evidence: vec![id],
        remedy: code.remedy().into(),
    }
}

fn with_code(answer: Answer, code: &str) -> Answer {
    Answer {
        code: Some(code.to_owned().into()),
        ..answer
    }
}

/// The answer where a rule keeps a request in the browser, and what it is taken for.
fn refused(
    engine: Engine,
    by: Bar,
    code: &str,
    parameter: Option<&String>,
) -> (Answer, Option<LookAlike>) {
    let cause = cause_of(engine, by, code);
    let look_alike = match by {
        Bar::Csp => Some(LookAlike::CspBlocked),
        Bar::MixedContent => Some(LookAlike::MixedContentBlocked),
        Bar::Client => Some(LookAlike::BlockedByClient),
        // The check of an answer that did not come over the wire: it lay in the browser's cache.
        Bar::Cors if cause != Some(Cause::SchemeNotCors) => Some(LookAlike::CachedAnswer),
        Bar::Corp => Some(LookAlike::CorpBlocked),
        Bar::Coep => Some(LookAlike::CoepBlocked),
        Bar::Orb => Some(LookAlike::OrbSuspected),
        Bar::Cors | Bar::LocalNetwork => None,
    };
    let rule = rule(by);
    let outcome = if rule.is_some() {
        Outcome::Blocked
    } else {
        Outcome::Failed
    };
    let answer = Answer {
        by: rule,
        cause,
        phase: Some(Phase::Actual),
        parameter: parameter.cloned(),
        ..with_code(Answer::plain(outcome), code)
    };
    (answer, look_alike)
}

/// The cause that an engine has this code for.
fn cause_of(engine: Engine, by: Bar, code: &str) -> Option<Cause> {
    if !matches!(by, Bar::Cors | Bar::LocalNetwork) {
        return None;
    }
    // Nothing was redirected.
    let mut causes = Cause::ALL
        .into_iter()
        .filter(|cause| *cause != Cause::RedirectBadScheme);
    causes.find(|cause| cause.code(engine, Phase::Actual, None) == Some(code))
}

/// Whether the request itself shows its mode.
fn is_shown(credentials: Credentials) -> bool {
    matches!(
        credentials.because,
        Some(
            Because::Cookie
                | Because::StorageAccess
                | Because::NoStorageAccess
                | Because::Initiator
        )
    )
}

/// Whether a word may be about an exchange.
fn is_of(word: &Word, watched: &Watched) -> bool {
    let request = &watched.request;
    let origin = word.request.headers.first("origin");
    !watched.is_unsent()
        && request.method == word.request.method
        && request.url == word.request.url
        && (origin.is_none() || origin == request.headers.first("origin"))
}

/// Whether an exchange ended otherwise than what the browser says lets one expect: it cancels what it
/// refuses while that still comes, and takes what passes to the end.
fn ends_otherwise(said: &Said, ending: Ending) -> bool {
    let is_cancelled = ending == Ending::ResetByClient;
    match said {
        Said::Passed => is_cancelled,
        Said::Refused { .. } => !is_cancelled,
        Said::Nothing | Said::Failed { .. } => false,
    }
}

/// In how many of the fields that tell requests apart an exchange's is another one.
fn unlike(word: &Word, request: &Request) -> usize {
    let told = &word.request.headers;
    let differs = |name: &&&str| {
        let (told, seen) = (told.first(name), request.headers.first(name));
        told != seen && (told.is_some() || word.way == Way::Sent)
    };
    TELLING.iter().filter(differs).count()
}
