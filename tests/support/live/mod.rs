//! The truth cases, live: real browsers through the proxy, against servers that answer as those of
//! the cases did, and what the browser says at that moment beside what we say.

pub mod chromium;
pub mod firefox;
mod http2;
pub mod play;
mod servers;
mod webkit;

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use corstap::ca::HostList;
use corstap::clock;
use corstap::cors::judge::PATIENCE as NOT_FOLLOWED;
use corstap::cors::verdict::ConfirmedBy;
use corstap::cors::{Engine, Outcome};
use corstap::exchange::Moment;
use corstap::exchange::secret::WITHHELD;
use corstap::policy::Policy;
use corstap::policy::rewrite::Rewriter;
use corstap::proxy::Rewriting;
use corstap::report::readable::readable;
use corstap::store;
use corstap::store::capture::Which;
use corstap::store::row::Stored;
use corstap::wire::alpn::Alpn;
use serde_json::Value;

use super::scene::Rig;
use super::truth::{Case, Expected, Score};
use servers::Servers;

/// What came of the cases that were played.
pub struct Table {
    engine: Engine,
    way: Way,
    played: BTreeSet<String>,
    /// How many were settled by holding back the end of an answer.
    pub confirmed: usize,
    pub right: usize,
    pub among: usize,
    /// The cases that we judge otherwise, with what was said of them.
    pub wrong: Vec<(String, String)>,
    /// The cases that the browser itself judges otherwise than it did when they were recorded.
    pub changed: Vec<(String, String)>,
    /// What the proxy had to say: nothing, unless the browser asks for what it was not told to.
    pub notices: Vec<String>,
}

/// What a browser makes of a case.
pub struct Said {
    /// The outcome, and its code.
    pub made: Expected,
    /// What its message names.
    named: Option<String>,
    /// The header names that script could read.
    readable: Option<Vec<String>>,
}

/// A browser that can be asked what it makes of a case.
enum Player {
    Chromium(corstap::browser::Browser),
    Firefox(corstap::browser::firefox::Browser),
    Webkit(webkit::Browser),
}

/// How the cases are played.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    /// The protocol of servers with TLS.
    pub alpn: Alpn,
    /// Whether the proxy confirms.
    pub confirm: bool,
}

/// Plays these cases in a browser, one after the other.
pub async fn run(engine: Engine, program: PathBuf, recorded: &[Case], way: Way) -> Table {
    let servers = Servers::start(engine, way.alpn).await;
    let cases: Vec<Case> = recorded.iter().map(|case| servers.adapted(case)).collect();
    servers.take(&cases);
    let route = servers.route(&cases);
    let rig = Rig::start_with(HostList::development(), route, way.confirm).await;
    let said = ask(engine, program, &rig, &cases).await;
    let notices = rig.told();
    let exchanges = exchanges(rig).await;
    let mut table = Table::new(engine, way, notices);
    for (case, said) in cases.iter().zip(&said) {
        table.add(case, said, &exchanges);
    }
    table
}

/// What a browser made of a case while a policy was in force, and what was recorded.
pub struct Played {
    pub case: Case,
    pub said: Expected,
    pub exchanges: Vec<Stored>,
}

/// Plays these cases in a browser while a policy for them is in force.
pub async fn run_under(
    engine: Engine,
    program: PathBuf,
    recorded: &[Case],
    alpn: Alpn,
    policy: impl FnOnce(&[Case]) -> String,
) -> Vec<Played> {
    let servers = Servers::start(engine, alpn).await;
    let cases: Vec<Case> = recorded.iter().map(|case| servers.adapted(case)).collect();
    servers.take(&cases);
    let (text, now) = (policy(&cases), clock::now());
    let rewriter = Rewriter::of(&Policy::parse(text.as_bytes(), now), now);
    let rewriter = rewriter.unwrap_or_else(|refusals| panic!("{refusals:#?}\n{text}"));
    let rewriting = Rewriting::until(Moment::from_micros(i64::MAX), rewriter);
    let rig =
        Rig::start_to_rewrite(HostList::development(), servers.route(&cases), rewriting).await;
    let said = ask(engine, program, &rig, &cases).await;
    let recorded = exchanges(rig).await;
    let played = cases.into_iter().zip(said).map(|(case, said)| {
        let is_of_case = |stored: &&Stored| case.is_judged_url(&stored.recorded.request.url);
        let exchanges = recorded.iter().filter(is_of_case).cloned().collect();
        Played {
            case,
            said: said.made,
            exchanges,
        }
    });
    played.collect()
}

/// Has a browser play cases, one after the other, and says what it made of each.
async fn ask(engine: Engine, program: PathBuf, rig: &Rig, cases: &[Case]) -> Vec<Said> {
    let mut player = Player::start(engine, program, rig).await;
    let mut said = Vec::new();
    for case in cases {
        said.push(player.ask(case).await);
    }
    // What does not follow a preflight tells something too, but not at once.
    tokio::time::sleep(NOT_FOLLOWED).await;
    player.close().await;
    said
}

/// Everything that was recorded.
async fn exchanges(rig: Rig) -> Vec<Stored> {
    let (capture, _dir) = rig.finish().await;
    let mut exchanges = Vec::new();
    let all = |stored| {
        exchanges.push(stored);
        Ok(())
    };
    capture
        .exchanges::<store::Error>(Which::All, all)
        .expect("read");
    exchanges
}

impl Said {
    /// How our judgement compares with it: in outcome and code, and where these are right in what
    /// the message names, and in what script can read.
    fn score(&self, engine: Engine, stored: &Stored) -> Score {
        let judgement = &stored.judgement;
        let score = super::truth::score(judgement, engine, &self.made);
        if score != Score::Right {
            return score;
        }
        let answer = &judgement.verdict.engines.get(engine).answer;
        let ours = readable(&stored.recorded, judgement).map(|names| names.get(engine).clone());
        let is_known = judgement.verdict.credentials.mode.is_some();
        if self.named.is_some() && !self.names(answer.parameter.as_deref()) {
            let (theirs, ours) = (&self.named, &answer.parameter);
            Score::Wrong(format!("the same, which names {ours:?}, not {theirs:?}"))
        } else if is_known && self.readable.is_some() && self.readable != ours {
            let theirs = &self.readable;
            Score::Wrong(format!(
                "script can read {ours:?}, where it reads {theirs:?}"
            ))
        } else {
            score
        }
    }

    /// Whether its message names this. WebKit names headers as the script wrote them, which the wire does not
    /// show; and of what is withheld the length alone is.
    fn names(&self, ours: Option<&str>) -> bool {
        let named = self.named.as_deref();
        if let Some(mark) = ours.filter(|ours| ours.starts_with(WITHHELD)) {
            named.is_some_and(|named| mark.starts_with(&format!("{WITHHELD}{}:", named.len())))
        } else if self.made.code.as_deref() == Some("header-not-allowed") {
            named.map(str::to_ascii_lowercase).as_deref() == ours
        } else {
            named == ours
        }
    }
}

fn missing() -> Score {
    Score::Wrong("nothing".to_owned())
}

/// The header names that a step's script could read.
fn names(saw: &Value) -> Option<Vec<String>> {
    let names = saw["readable"].as_array()?.iter();
    let mut names: Vec<String> = names
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect();
    names.sort_unstable();
    Some(names)
}

impl Player {
    async fn start(engine: Engine, program: PathBuf, rig: &Rig) -> Self {
        match engine {
            Engine::Chromium => Self::Chromium(chromium::start(program, rig)),
            Engine::Firefox => Self::Firefox(firefox::start(program, rig).await),
            Engine::Webkit => Self::Webkit(webkit::start(program, rig).await),
        }
    }

    async fn ask(&mut self, case: &Case) -> Said {
        let asked = match self {
            Self::Chromium(browser) => chromium::ask(&mut browser.devtools, case).await,
            Self::Firefox(browser) => firefox::ask(&mut browser.bidi, case).await,
            Self::Webkit(browser) => browser.ask(case).await.map_err(Into::into),
        };
        asked.unwrap_or_else(|error: corstap::browser::Error| panic!("{}: {error}", case.id()))
    }

    async fn close(self) {
        match self {
            Self::Chromium(browser) => browser.close().await,
            Self::Firefox(browser) => browser.close().await,
            Self::Webkit(browser) => drop(browser),
        }
    }
}

impl Table {
    fn new(engine: Engine, way: Way, notices: Vec<String>) -> Self {
        Self {
            engine,
            way,
            confirmed: 0,
            played: BTreeSet::new(),
            right: 0,
            among: 0,
            wrong: Vec::new(),
            changed: Vec::new(),
            notices,
        }
    }

    fn add(&mut self, case: &Case, said: &Said, exchanges: &[Stored]) {
        let id = || case.id().to_owned();
        self.played.insert(id());
        let (made, recorded) = (&said.made, case.expected(self.engine));
        if *made != recorded {
            let told = format!("the browser says {made}, and said {recorded}");
            self.changed.push((id(), told));
        }
        let judged = |stored: &&Stored| case.is_judged_url(&stored.recorded.request.url);
        let judged = exchanges.iter().rev().find(judged);
        let confirmed = judged.and_then(|stored| stored.judgement.verdict.confirmed.as_ref());
        self.confirmed += usize::from(confirmed.is_some_and(|confirmed| {
            matches!(
                confirmed.by,
                ConfirmedBy::Cancelled | ConfirmedBy::NotCancelled
            )
        }));
        match judged.map_or_else(missing, |stored| said.score(self.engine, stored)) {
            Score::Right => self.right += 1,
            Score::Among => self.among += 1,
            Score::Wrong(told) => {
                let told = format!("the browser says {made}, we say {told}");
                self.wrong.push((id(), told));
            }
        }
    }

    /// The wrong ones that are not excepted.
    pub fn wrong_beside(&self, excepted: &BTreeSet<String>) -> Vec<String> {
        let others = self
            .wrong
            .iter()
            .filter(|(case, _)| !excepted.contains(case));
        others
            .map(|(case, told)| format!("{case}: {told}"))
            .collect()
    }

    /// The excepted ones that were played and are not wrong.
    pub fn needless<'a>(&self, excepted: &'a BTreeSet<String>) -> Vec<&'a String> {
        let is_wrong = |case: &String| self.wrong.iter().any(|(wrong, _)| wrong == case);
        let played = excepted.intersection(&self.played);
        let needless = played.filter(|case| !is_wrong(case));
        needless.filter_map(|case| excepted.get(case)).collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { right, among, .. } = self;
        let played = self.played.len();
        let (engine, wrong, changed) = (self.engine.title(), self.wrong.len(), self.changed.len());
        let over = match self.way.alpn {
            Alpn::Http11 => "HTTP/1.1",
            Alpn::Http2 => "HTTP/2",
        };
        let confirming = if self.way.confirm {
            format!(
                ", {} of them by holding back the end of an answer",
                self.confirmed
            )
        } else {
            String::new()
        };
        writeln!(
            f,
            "{engine}, live over {over}: of {played} cases {right} right{confirming}, {among} undecided with the answer among the two, \
             {wrong} wrong; {changed} answered by the browser otherwise than when they were recorded"
        )?;
        for (case, told) in &self.wrong {
            writeln!(f, "  wrong    {case}: {told}")?;
        }
        for (case, told) in &self.changed {
            writeln!(f, "  changed  {case}: {told}")?;
        }
        Ok(())
    }
}

/// What a script's step came to, where no rule of the browser's stood in its way.
fn outcome(step: &Value, saw: &Value) -> Outcome {
    let kind = step["kind"].as_str().unwrap_or_default();
    let is_plain_element = matches!(
        kind,
        "img"
            | "script"
            | "css"
            | "iframe"
            | "audio"
            | "form"
            | "preload"
            | "object"
            | "embed"
            | "prefetch"
            | "video"
            | "importscripts"
            | "track"
            | "cssimport"
            | "background"
    ) && step["crossorigin"].is_null();
    match saw["saw"].as_str() {
        Some("opaque" | "sent") => Outcome::Exempt,
        Some("ok") if is_plain_element => Outcome::Exempt,
        Some("ok") => Outcome::Allowed,
        _ => Outcome::Failed,
    }
}
