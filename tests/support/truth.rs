//! What real browsers did, case by case (`tests/data/truth.jsonl`): read, turned into HAR files,
//! and held against our verdicts.

use std::fmt;
use std::path::Path;

use corstap::cors::verdict::{Answer, Judgement};
use corstap::cors::{Engine, Kind, Outcome, Rule};
use corstap::exchange::secret::{Redactor, Values};
use corstap::report::har;
use corstap::report::offline::{self, Told};
use serde::Deserialize;
use serde_json::{Value, json};

/// One scenario.
#[derive(Clone)]
pub struct Case(Value);

/// What a browser made of a case: the outcome, and its code where CORS blocked it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    pub outcome: Outcome,
    /// Whose rule blocked it, where that was told.
    pub by: Option<Rule>,
    pub code: Option<String>,
}

/// How our verdict compares with the browser's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Score {
    /// Decided, and right in outcome and code.
    Right,
    /// Undecided, and one of the two answers is the browser's.
    Among,
    /// Neither.
    Wrong(String),
}

/// All cases.
pub fn cases() -> Vec<Case> {
    read("truth")
}

/// More of them, to be played: what the servers answer, and what the browsers said of it.
pub fn more() -> Vec<Case> {
    read("more")
}

fn read(name: &str) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    of_file(&folder.join(name).with_extension("jsonl"))
}

/// The cases of a file, one a line.
pub fn of_file(file: &Path) -> Vec<Case> {
    let text = std::fs::read_to_string(file).expect("the data is there");
    text.lines().map(Case::parse).collect()
}

impl Case {
    pub fn parse(line: &str) -> Self {
        Self(serde_json::from_str(line).expect("a case is JSON"))
    }

    pub fn id(&self) -> &str {
        self.0["id"].as_str().expect("an id")
    }

    /// What an engine sent for the case itself, if anything went over the wire.
    pub fn has_wire(&self, engine: Engine) -> bool {
        self.wire(engine)
            .iter()
            .any(|entry| entry["role"] == "case")
    }

    /// What went over the wire in an engine.
    pub fn wire(&self, engine: Engine) -> &[Value] {
        let own = self.0[format!("wire_{}", engine.name())].as_array();
        // Where cases are only played, the servers answer every engine alike.
        own.or_else(|| self.0["wire"].as_array())
            .map_or(&[], Vec::as_slice)
    }

    pub fn expected(&self, engine: Engine) -> Expected {
        let verdict = &self.0[engine.name()];
        let outcome = match verdict["outcome"].as_str() {
            Some("ok") => Outcome::Allowed,
            Some("opaque") => Outcome::Exempt,
            Some("blocked") => Outcome::Blocked,
            _ => Outcome::Failed,
        };
        let code = match engine {
            Engine::Chromium => &verdict["cors_error"],
            Engine::Firefox => &verdict["category"],
            Engine::Webkit => &verdict["code"],
        };
        let by = Rule::deserialize(&verdict["block"]).ok();
        let by = by.filter(|_| outcome == Outcome::Blocked);
        let is_cors = by == Some(Rule::Cors);
        let code = code
            .as_str()
            .map(|code| code.trim_end_matches(|c: char| c.is_ascii_digit()));
        Expected {
            outcome,
            by,
            code: code.filter(|_| is_cors).map(str::to_owned),
        }
    }

    /// Whether the load failed in an engine for what is not the browser's rule.
    pub fn is_network_error(&self, engine: Engine) -> bool {
        self.0[engine.name()]["outcome"] == "network-error"
    }

    /// Where the code that makes the request is: in an ordinary page, a frame, a worker …
    pub fn page_kind(&self) -> &str {
        self.0["page_kind"].as_str().expect("a page kind")
    }

    /// The header lines of the page.
    pub fn page_headers(&self) -> &Value {
        &self.0["page_headers"]
    }

    /// How the server cannot be reached, if so.
    pub fn upstream_failure(&self) -> Option<&str> {
        self.0["upstream_failure"].as_str()
    }

    /// What the script does, and which step is judged.
    pub fn own_steps(&self) -> (Vec<Value>, usize) {
        let judged = self.0["judged_step"].as_u64();
        let judged = judged.and_then(|step| usize::try_from(step).ok());
        let steps = if let Some(steps) = self.0["js_steps"].as_array() {
            steps.clone()
        } else {
            let mut step = self.0["js"].clone();
            step["kind"] = self.0["initiator"].clone();
            vec![step]
        };
        (steps, judged.unwrap_or(1) - 1)
    }

    /// The case as a HAR file, with our own fields.
    pub fn har(&self, engine: Engine) -> Vec<u8> {
        self.har_with(engine, &[])
    }

    /// The case as a HAR file, and whether the browser cancelled each answer whose end was held
    /// back.
    fn har_with(&self, engine: Engine, cancelled: &[Option<bool>]) -> Vec<u8> {
        let mut entries = self.har_entries(engine);
        for (entry, cancelled) in entries.iter_mut().zip(cancelled) {
            entry["_cancelled"] = json!(cancelled);
        }
        har_file(&entries)
    }

    /// What went over the wire as the entries of a HAR file.
    pub fn har_entries(&self, engine: Engine) -> Vec<Value> {
        self.wire(engine).iter().enumerate().map(entry).collect()
    }

    /// How we judge the case by a HAR file with these entries, which tell of the same wire.
    pub fn score_by(&self, engine: Engine, entries: &[Value]) -> Score {
        let told = self.judged(engine, tell(&har_file(entries)));
        score(&told.judgement, engine, &self.expected(engine))
    }

    /// Our judgement on what the judged step came to.
    pub fn judge(&self, engine: Engine) -> Judgement {
        self.tell(engine).judgement
    }

    /// The names of the headers that script could read, if it got a response.
    pub fn readable(&self, engine: Engine) -> Option<Vec<String>> {
        let firefox = &self.0["readable_headers_firefox"];
        let names = if engine == Engine::Firefox && !firefox.is_null() {
            firefox
        } else {
            &self.0["readable_headers"]
        };
        serde_json::from_value(names.clone()).ok()
    }

    /// What the engine's message names, where it is a CORS message that names something.
    pub fn named(&self, engine: Engine) -> Option<String> {
        self.expected(engine).code?;
        let verdict = &self.0[engine.name()];
        match engine {
            Engine::Chromium => verdict["failed_parameter"].as_str().map(str::to_owned),
            Engine::Firefox | Engine::Webkit => {
                named_in(engine, verdict["message"].as_str().unwrap_or_default())
            }
        }
    }

    /// Whether a preflight of the case asks for that header name.
    pub fn asks_for(&self, engine: Engine, name: &str) -> bool {
        self.wire(engine)
            .iter()
            .filter_map(|entry| header(&entry["request"], "access-control-request-headers"))
            .flat_map(|value| value.split(','))
            .any(|asked| asked.trim().eq_ignore_ascii_case(name))
    }

    /// Whether the answers of the case expose every header, to requests without credentials.
    pub fn exposes_all(&self) -> bool {
        let wire = self.wire(Engine::Chromium).iter();
        wire.filter_map(|entry| header(&entry["response"], "access-control-expose-headers"))
            .any(|value| value == "*")
    }

    /// What an engine printed on its console.
    pub fn printed(&self, engine: Engine) -> Option<String> {
        let verdict = &self.0[engine.name()];
        let field = match engine {
            Engine::Chromium => "console",
            Engine::Firefox | Engine::Webkit => "message",
        };
        verdict[field].as_str().map(str::to_owned)
    }

    /// What everything in the case came to.
    pub fn tell_all(&self, engine: Engine) -> Vec<Told> {
        tell(&self.har(engine))
    }

    /// What the judged step came to.
    pub fn tell(&self, engine: Engine) -> Told {
        self.judged(engine, tell(&self.har(engine)))
    }

    /// Our judgement, with the ends held back of the answers that `--confirm` would try: those
    /// with content whose verdict hangs on the credentials mode.
    pub fn judge_confirmed(&self, engine: Engine) -> Judgement {
        let told = tell(&self.har(engine));
        let last = self.last_of_case(engine);
        let is_blocked = self.expected(engine).by == Some(Rule::Cors);
        let cancelled: Vec<Option<bool>> = told
            .iter()
            .zip(self.wire(engine))
            .enumerate()
            .map(|(place, (told, entry))| {
                let is_tried = is_undecided(told) && has_content(entry);
                is_tried.then_some(is_blocked && Some(place) == last)
            })
            .collect();
        let told = tell(&self.har_with(engine, &cancelled));
        self.judged(engine, told).judgement
    }

    /// The place on the wire of the request that the verdict is about.
    fn last_of_case(&self, engine: Engine) -> Option<usize> {
        let is_it = |entry: &Value| {
            let url = self.judged_url();
            let is_judged = url.is_none_or(|url| entry["request"]["url"] == url);
            entry["role"] == "case" && is_judged
        };
        self.wire(engine).iter().rposition(is_it)
    }

    fn judged(&self, engine: Engine, told: Vec<Told>) -> Told {
        let roles = self
            .wire(engine)
            .iter()
            .map(|entry| entry["role"] == "case");
        let is_judged = |told: &Told| match self.judged_url() {
            Some(url) => told.recorded.request.url == url,
            None => true,
        };
        let of_case = told.into_iter().zip(roles).filter(|(_, is_case)| *is_case);
        let mut judged: Vec<Told> = of_case.map(|(told, _)| told).filter(is_judged).collect();
        judged.pop().expect("something on the wire")
    }

    /// The URL of the judged step, where others come after it.
    fn judged_url(&self) -> Option<&str> {
        let steps = self.0["js_steps"].as_array()?;
        let judged = usize::try_from(self.0["judged_step"].as_u64()?).ok()?;
        if judged == steps.len() {
            None
        } else {
            steps[judged - 1]["url"].as_str()
        }
    }

    pub fn score(&self, engine: Engine) -> Score {
        score(&self.judge(engine), engine, &self.expected(engine))
    }

    /// Whether an exchange with this URL is one that the judged step may have come to.
    pub fn is_judged_url(&self, url: &str) -> bool {
        let is_of_case = url.contains(&format!("/c/{}/", self.id()))
            && !["/_page", "/_setcookie", "/_setlax"]
                .iter()
                .any(|end| url.ends_with(end));
        is_of_case && self.judged_url().is_none_or(|judged| judged == url)
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = self.by.map_or("-", Rule::name);
        let code = self.code.as_deref().unwrap_or("-");
        write!(f, "{} {rule} {code}", self.outcome.name())
    }
}

/// What a message of an engine's names: a value, a method, a header.
pub fn named_in(engine: Engine, message: &str) -> Option<String> {
    let between = |start: &str, end: &str| {
        let (_, rest) = message.split_once(start)?;
        Some(rest.split_once(end)?.0.to_owned())
    };
    match engine {
        Engine::Chromium => None,
        Engine::Firefox => between("does not match ‘", "’)")
            .or_else(|| between("invalid token ‘", "’ in"))
            .or_else(|| between("(Reason: header ‘", "’ is")),
        Engine::Webkit => between("Method ", " is not allowed")
            .or_else(|| between("Request header field ", " is not allowed"))
            .or_else(|| Some(message.split_once("invalid value: ")?.1.to_owned())),
    }
}

/// The value of the first line of a field.
pub fn header<'a>(response: &'a Value, wanted: &str) -> Option<&'a str> {
    let lines = response["headers"].as_array()?;
    lines.iter().find(|line| {
        line[0]
            .as_str()
            .is_some_and(|name| name.eq_ignore_ascii_case(wanted))
    })?[1]
        .as_str()
}

fn har_file(entries: &[Value]) -> Vec<u8> {
    let creator = json!({"name": "truth", "version": "1"});
    let har = json!({"log": {"version": "1.2", "creator": creator, "entries": entries}});
    serde_json::to_vec(&har).expect("plain JSON")
}

fn tell(har: &[u8]) -> Vec<Told> {
    let redactor = Redactor::new(&[0; 32], Values::All);
    let events = har::parse(har).expect("our own HAR").events;
    offline::tell(&events, &redactor)
}

fn is_undecided(told: &Told) -> bool {
    let outcome = told.judgement.verdict.answer.outcome;
    told.judgement.kind != Kind::Preflight && outcome == Outcome::Undecided
}

fn has_content(entry: &Value) -> bool {
    let response = &entry["response"];
    let is_empty =
        response["body_length"] == 0 || response["status"] == 204 || response["status"] == 304;
    entry["request"]["method"] != "HEAD" && !is_empty
}

/// Whether the answer without credentials, the commonest, is the browser's.
pub fn would_be_guessed(judgement: &Judgement, expected: &Expected) -> bool {
    let omitted = judgement.verdict.if_omitted.as_ref();
    omitted.is_some_and(|answer| is_right(answer, expected, judgement.kind))
}

/// How a judgement compares with what a browser said.
pub fn score(judgement: &Judgement, engine: Engine, expected: &Expected) -> Score {
    let verdict = &judgement.verdict;
    let own = &verdict.engines.get(engine).answer;
    if is_right(own, expected, judgement.kind) {
        return Score::Right;
    }
    let both = [&verdict.if_included, &verdict.if_omitted];
    let is_among = both
        .into_iter()
        .flatten()
        .any(|answer| is_right(answer, expected, judgement.kind));
    if is_among {
        Score::Among
    } else {
        Score::Wrong(told(own))
    }
}

fn is_right(answer: &Answer, expected: &Expected, kind: Kind) -> bool {
    let same_outcome = answer.outcome == expected.outcome
        || kind == Kind::Websocket
            && answer.outcome == Outcome::Exempt
            && expected.outcome == Outcome::Allowed;
    let code = answer.code.as_deref();
    let same_rule = expected.by.is_none() || answer.by == expected.by;
    let same_code = expected.by != Some(Rule::Cors) || code == expected.code.as_deref();
    same_outcome && (expected.outcome != Outcome::Blocked || same_rule && same_code)
}

fn told(answer: &Answer) -> String {
    format!(
        "{} {} {}",
        answer.outcome.name(),
        answer.by.map_or("-", Rule::name),
        answer.code.as_deref().unwrap_or("-")
    )
}

fn entry((place, wire): (usize, &Value)) -> Value {
    let headers = |message: &Value| -> Vec<Value> {
        let lines = message["headers"]
            .as_array()
            .map_or(&[] as &[Value], Vec::as_slice);
        lines
            .iter()
            .map(|line| json!({"name": line[0], "value": line[1]}))
            .collect()
    };
    let (request, response) = (&wire["request"], &wire["response"]);
    json!({
        "startedDateTime": format!("2026-11-22T00:{:02}:{:02}.000Z", place / 60, place % 60),
        "time": 10,
        "connection": wire["connection_id"].to_string(),
        "_connectionEnd": wire["connection_end"],
        "_tlsResumed": wire["tls_resumed"],
        "request": {
            "method": request["method"],
            "url": request["url"],
            "httpVersion": format!("HTTP/{}", request["http_version"].as_str().unwrap_or("1.1")),
            "headers": headers(request),
        },
        "response": {
            "status": response["status"].as_u64().unwrap_or(0),
            "headers": headers(response),
            "_error": response["error"],
        },
    })
}
