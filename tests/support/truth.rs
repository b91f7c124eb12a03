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
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/truth.jsonl");
    let text = std::fs::read_to_string(file).expect("the truth data is there");
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

    fn wire(&self, engine: Engine) -> &[Value] {
        self.0[format!("wire_{}", engine.name())]
            .as_array()
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

    /// The case as a HAR file, with our own fields.
    pub fn har(&self, engine: Engine) -> Vec<u8> {
        self.har_with(engine, &[])
    }

    /// The case as a HAR file, and whether the browser cancelled each answer whose end was held
    /// back.
    fn har_with(&self, engine: Engine, cancelled: &[Option<bool>]) -> Vec<u8> {
        let mut entries: Vec<Value> = self.wire(engine).iter().enumerate().map(entry).collect();
        for (entry, cancelled) in entries.iter_mut().zip(cancelled) {
            entry["_cancelled"] = json!(cancelled);
        }
        let har = json!({"log": {"version": "1.2", "creator": {"name": "truth", "version": "1"}, "entries": entries}});
        serde_json::to_vec(&har).expect("plain JSON")
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

    /// Whether the answers of the case expose every header, to requests without credentials.
    pub fn exposes_all(&self) -> bool {
        let wire = self.wire(Engine::Chromium).iter();
        wire.filter_map(|entry| header(&entry["response"], "access-control-expose-headers"))
            .any(|value| value == "*")
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

    /// The page's URL.
    pub fn page_url(&self) -> String {
        let page = self
            .wire(Engine::Chromium)
            .iter()
            .find(|entry| entry["role"] == "page");
        page.and_then(|page| page["request"]["url"].as_str())
            .expect("a page")
            .to_owned()
    }

    /// The page, with its headers and the script that makes its requests.
    pub fn page(&self) -> Vec<u8> {
        let script = include_str!("runner.js");
        let body = format!(
            "<!doctype html><meta charset=utf-8><title>{}</title><body><script>{script}</script>",
            self.id()
        );
        let fields = lines(&self.0["page_headers"]);
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n{fields}\r\n",
            body.len()
        );
        [head, body].concat().into_bytes()
    }

    /// What the script does, cookies first, and which step is judged.
    pub fn steps(&self) -> (Vec<Value>, usize) {
        let setups = self
            .wire(Engine::Chromium)
            .iter()
            .filter(|entry| entry["role"] == "setup");
        let mut steps: Vec<Value> = setups
            .map(|entry| json!({"kind": "fetch", "url": entry["request"]["url"], "credentials": "include"}))
            .collect();
        let before = steps.len();
        if let Some(all) = self.0["js_steps"].as_array() {
            steps.extend(all.iter().cloned());
        } else {
            let mut step = self.0["js"].clone();
            step["kind"] = self.0["initiator"].clone();
            steps.push(step);
        }
        let judged = self.0["judged_step"]
            .as_u64()
            .and_then(|step| usize::try_from(step).ok());
        (steps, before + judged.unwrap_or(1) - 1)
    }

    /// The recorded answer to a request of that method for that path, in its turn; nothing where
    /// the server closed instead.
    pub fn answer(&self, method: &str, path: &str, turn: usize) -> Option<Vec<u8>> {
        let is_it = |entry: &&Value| {
            let url = entry["request"]["url"].as_str().unwrap_or_default();
            entry["request"]["method"] == method && url.ends_with(path)
        };
        let matching: Vec<&Value> = self.wire(Engine::Chromium).iter().filter(is_it).collect();
        let Some(entry) = matching.get(turn).or(matching.last()) else {
            return Some(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec());
        };
        let response = &entry["response"];
        let status = response["status"].as_u64()?;
        let fields = lines(&response["headers"]);
        let kind = header(response, "content-type").unwrap_or_default();
        let size = response["body_length"]
            .as_u64()
            .and_then(|size| usize::try_from(size).ok());
        let mut answer = format!("HTTP/1.1 {status} X\r\n{fields}\r\n").into_bytes();
        if method != "HEAD" {
            let content = content(kind, size.unwrap_or(0));
            answer.extend(if header(response, "transfer-encoding").is_some() {
                chunked(&content)
            } else {
                content
            });
        }
        Some(answer)
    }

    /// The hosts of the case's URLs.
    pub fn hosts(&self) -> Vec<String> {
        let text = self.to_string();
        let after_scheme = text.split("://").skip(1);
        after_scheme
            .filter_map(|rest| rest.split([':', '/', '"']).next().map(str::to_owned))
            .collect()
    }

    pub fn has_ordinary_page(&self) -> bool {
        matches!(
            self.0["page_kind"].as_str(),
            Some("app" | "plain" | "localhost")
        ) && self.0["upstream_failure"].is_null()
            && self.has_wire(Engine::Chromium)
    }

    /// Whether the answers can pass a strict tap, and can be given again.
    pub fn has_valid_answers(&self) -> bool {
        self.wire(Engine::Chromium).iter().all(|entry| {
            let response = &entry["response"];
            let error = response["error"].as_str();
            let lines = response["headers"]
                .as_array()
                .map_or(&[] as &[Value], Vec::as_slice);
            let is_plain = |line: &Value| {
                let (name, value) = (
                    line[0].as_str().unwrap_or_default(),
                    line[1].as_str().unwrap_or_default(),
                );
                !name.ends_with(' ')
                    && !value.contains(|c: char| c.is_control() && c != '\t')
                    && value != "*"
                    || entry["role"] == "page"
                    || value == "*" && name.to_ascii_lowercase().starts_with("access-control")
            };
            matches!(error, None | Some("closed-without-response"))
                && lines.iter().all(is_plain)
                && response["status"] != 101
        })
    }

    /// Whether the runner knows what the script does.
    pub fn has_known_steps(&self) -> bool {
        const KNOWN: [&str; 12] = [
            "fetch",
            "xhr",
            "img",
            "script",
            "module",
            "css",
            "preload",
            "modulepreload",
            "iframe",
            "import",
            "eventsource",
            "ws",
        ];
        self.steps()
            .0
            .iter()
            .all(|step| KNOWN.contains(&step["kind"].as_str().unwrap_or_default()))
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

/// Header lines as they go over the wire.
fn lines(headers: &Value) -> String {
    let lines = headers.as_array().map_or(&[] as &[Value], Vec::as_slice);
    let line = |line: &Value| Some([line[0].as_str()?, ": ", line[1].as_str()?, "\r\n"].concat());
    lines.iter().filter_map(line).collect()
}

fn header<'a>(response: &'a Value, wanted: &str) -> Option<&'a str> {
    let lines = response["headers"].as_array()?;
    lines.iter().find(|line| {
        line[0]
            .as_str()
            .is_some_and(|name| name.eq_ignore_ascii_case(wanted))
    })?[1]
        .as_str()
}

/// Content of a kind and a size.
fn content(kind: &str, size: usize) -> Vec<u8> {
    const PIXEL: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\x9cc\xf8\xff\xff\xff\x7f\0\x09\xfb\x03\xfd*\x86\xe3\x8a\0\0\0\0IEND\xaeB`\x82";
    let mut content = match kind.split(';').next().unwrap_or_default() {
        "image/png" => PIXEL.to_vec(),
        "application/json" => b"{\"ok\":true}".to_vec(),
        "text/event-stream" => b"data: 1\n\n".to_vec(),
        "text/javascript" => b"void 0;".to_vec(),
        _ => b"ok".to_vec(),
    };
    content.resize(size, b' ');
    content
}

fn chunked(content: &[u8]) -> Vec<u8> {
    let size = format!("{:x}\r\n", content.len());
    [size.as_bytes(), content, b"\r\n0\r\n\r\n"].concat()
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
