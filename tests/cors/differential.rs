//! Our checks against the standard's [literal algorithms](crate::naive) with the engines'
//! [measured deviations](crate::measured), over a great many [odd exchanges](crate::odd).

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::thread;

use corstap::cors::check::{Asked, Finding, cors_check};
use corstap::cors::names::needs_preflight;
use corstap::cors::preflight::{Preflight, preflight_check};
use corstap::cors::redirect::{Refusal, check_target};
use corstap::cors::{Cause, CredentialsMode, Engine, Judge, Judgement, Outcome, Phase};
use corstap::exchange::{
    AskedUrl, ConnectionId, Ending, Event, ExchangeId, Moment, Protocol, Request, Response,
};
use corstap::wire::head::ResponseHead;
use corstap::wire::headers::HeaderList;
use corstap::wire::scan::{self, HeadScanner};
use url::Url;

use crate::measured::{self, Led, Lists, Told};
use crate::naive::{self, Lines};
use crate::odd::{self, Case, Dice};

/// How many exchanges are compared, each in three engines and both credentials modes.
const CASES: u64 = 100_000;

/// The question and the answer of a case, as our checks take them.
struct Ours<'a> {
    case: &'a Case,
    url: AskedUrl,
    asked_headers: Vec<u8>,
    answer: Response,
}

impl<'a> Ours<'a> {
    fn of(case: &'a Case) -> Self {
        let lines = &case.response.lines;
        Self {
            case,
            url: AskedUrl::parse(case.request.url.as_str()).expect("a URL"),
            asked_headers: case.asked_headers(),
            answer: Response {
                status: case.response.status,
                headers: lines.iter().map(|(name, value)| (name, value)).collect(),
            },
        }
    }

    fn asked(&self, mode: CredentialsMode) -> Asked<'_> {
        Asked {
            origin: self.case.request.origin.as_bytes(),
            protocol: if self.case.request.is_http2 {
                Protocol::Http2
            } else {
                Protocol::Http11
            },
            credentials: mode,
        }
    }

    fn preflight(&self, engine: Engine, mode: CredentialsMode) -> Vec<Finding> {
        let preflight = Preflight {
            method: &self.case.request.method,
            headers: &self.asked_headers,
        };
        preflight_check(engine, preflight, self.asked(mode), &self.answer)
    }

    fn actual(&self, engine: Engine, mode: CredentialsMode) -> Vec<Finding> {
        cors_check(engine, self.asked(mode), &self.answer.headers)
    }

    fn led(&self, engine: Engine) -> Led {
        let origin = self.case.request.origin.as_bytes();
        match check_target(engine, origin, &self.url, &self.answer) {
            None => Led::Passes,
            Some(Refusal::Blocked(finding)) => {
                Led::Blocked(told(engine, Phase::RedirectHop, &finding))
            }
            Some(Refusal::Failed(cause)) => Led::Failed(cause.name()),
        }
    }
}

fn told(engine: Engine, phase: Phase, finding: &Finding) -> Told {
    let code = finding.cause.code(engine, phase, finding.several);
    (finding.cause.name(), code)
}

fn all_told(engine: Engine, phase: Phase, findings: &[Finding]) -> Vec<Told> {
    findings
        .iter()
        .map(|finding| told(engine, phase, finding))
        .collect()
}

/// The first difference from the naive answer, in any engine and any credentials mode.
fn difference(case: &Case) -> Option<String> {
    let ours = Ours::of(case);
    let lists = Lists::of(&case.response);
    let led = Engine::ALL.into_iter().find_map(|engine| {
        let naive = measured::led(engine, &case.request, &case.response);
        differs(engine, "redirect", &ours.led(engine), &naive)
    });
    led.or_else(|| {
        let modes = [CredentialsMode::Include, CredentialsMode::Omit];
        modes
            .into_iter()
            .find_map(|mode| difference_in(&ours, &lists, mode))
    })
}

fn difference_in(ours: &Ours<'_>, lists: &Lists, mode: CredentialsMode) -> Option<String> {
    let mut request = ours.case.request.clone();
    request.include = mode == CredentialsMode::Include;
    let (request, response) = (&request, &ours.case.response);
    let standard = (
        naive::preflight_passes(request, response),
        naive::cors_check(request, response),
    );
    Engine::ALL.into_iter().find_map(|engine| {
        let preflight = all_told(engine, Phase::Preflight, &ours.preflight(engine, mode));
        let actual = all_told(engine, Phase::Actual, &ours.actual(engine, mode));
        let passes = (preflight.is_empty(), actual.is_empty());
        let naive = measured::preflight(engine, request, response, lists);
        let in_preflight = differs((engine, mode), "preflight", &preflight, &naive);
        let naive = measured::actual(engine, request, response);
        let in_actual = differs((engine, mode), "actual", &actual, &naive);
        // Where no deviation is in play, the standard alone decides.
        let deviates = (
            measured::deviates_on_preflight(engine, request, response, lists),
            measured::deviates_in_lines(engine, request, response),
        );
        let decided = (
            if deviates.0 { passes.0 } else { standard.0 },
            if deviates.1 { passes.1 } else { standard.1 },
        );
        let in_standard = differs((engine, mode), "the standard", &passes, &decided);
        in_preflight.or(in_actual).or(in_standard)
    })
}

fn differs<T: fmt::Debug + PartialEq>(
    whose: impl fmt::Debug,
    what: &str,
    ours: &T,
    naive: &T,
) -> Option<String> {
    (ours != naive).then(|| format!("{whose:?}, {what}: {ours:?}, naively {naive:?}"))
}

/// Takes away from a case what the difference does not need.
fn least(case: Case) -> Case {
    let smaller = case
        .smaller()
        .into_iter()
        .find(|case| difference(case).is_some());
    smaller.map_or(case, least)
}

/// A case as one can read it.
fn shown(case: &Case) -> String {
    let text = |octets: &[u8]| octets.escape_ascii().to_string();
    let names: Vec<String> = case
        .request
        .unsafe_names
        .iter()
        .map(|name| text(name))
        .collect();
    let mut shown = format!(
        "{} {} from {} over HTTP/{}, asking for {names:?} with {:?}\n{}\n",
        text(&case.request.method),
        case.request.url,
        case.request.origin,
        if case.request.is_http2 { 2 } else { 1 },
        case.separator,
        case.response.status,
    );
    for (name, value) in &case.response.lines {
        shown.extend([&text(name), ": ", &text(value), "\n"]);
    }
    shown
}

/// Compares the cases of these seeds; how many pass as a preflight without credentials.
fn compare(seeds: Range<u64>) -> u64 {
    let mut passed = 0;
    for seed in seeds {
        let case = Case::of(seed);
        if let Some(first) = difference(&case) {
            let least = least(case);
            let difference = difference(&least).unwrap_or(first);
            panic!("seed {seed}: {difference}\n{}", shown(&least));
        }
        let findings = Ours::of(&case).preflight(Engine::Chromium, CredentialsMode::Omit);
        passed += u64::from(findings.is_empty());
    }
    passed
}

#[test]
fn the_checks_are_the_standards_with_what_engines_do_otherwise() {
    let half = CASES / 2;
    let passed = thread::scope(|scope| {
        let first = scope.spawn(|| compare(0..half));
        compare(half..CASES) + first.join().expect("the first half differs")
    });
    let share = passed * 100 / CASES;
    assert!(
        (2..50).contains(&share),
        "{share} % pass: too much of one kind"
    );
}

#[test]
fn headers_that_a_preflight_asks_for_are_the_standards() {
    for seed in 0..CASES {
        let (name, value) = odd::script_header(&mut Dice::new(seed));
        let list: HeaderList = [(&name, &value)].into_iter().collect();
        let (_, trimmed) = list.iter().next().expect("one");
        assert_eq!(
            needs_preflight(&name, trimmed),
            !naive::is_cors_safelisted(&name, &value),
            "seed {seed}: {}: {}",
            name.escape_ascii(),
            value.escape_ascii()
        );
    }
}

#[test]
fn the_case_of_names_does_not_matter_but_where_firefox_counts() {
    for seed in 0..CASES / 10 {
        let case = Case::of(seed);
        let mut other = case.clone();
        let mut dice = Dice::new(!seed);
        for (name, _) in &mut other.response.lines {
            let in_full = odd::in_any_case(&mut dice, name);
            let plain = [
                name.to_ascii_lowercase(),
                name.to_ascii_uppercase(),
                in_full,
            ];
            *name = dice.pick(&plain);
        }
        let (one, two) = (Ours::of(&case), Ours::of(&other));
        for engine in Engine::ALL {
            let counts =
                |case: &Case| measured::counts_several(engine, &case.request, &case.response);
            let is_told_apart = counts(&case) != counts(&other);
            assert_eq!(one.led(engine), two.led(engine), "seed {seed}");
            for mode in [CredentialsMode::Include, CredentialsMode::Omit] {
                let same = one.actual(engine, mode) == two.actual(engine, mode)
                    && one.preflight(engine, mode) == two.preflight(engine, mode);
                assert_ne!(
                    same,
                    is_told_apart,
                    "seed {seed}, {engine:?}: {}",
                    shown(&case)
                );
            }
        }
    }
}

/// What the judge says of the last request of a load that redirects lead on, each answered in turn.
fn judged(origin: &str, urls: &[Url], last: &Response) -> Judgement {
    let mut judge = Judge::new();
    let mut id = ExchangeId(0);
    for (hop, url) in urls.iter().enumerate() {
        id = ExchangeId(id.0 + 1);
        let serialized = naive::serialized_origin(origin, &urls[..=hop]);
        // Each hop passes in both credentials modes, so that following it tells neither.
        let sent = match urls.get(hop + 1) {
            Some(next) => Response {
                status: 302,
                headers: [
                    ("Location", next.as_str()),
                    ("Access-Control-Allow-Origin", serialized.as_str()),
                    ("Access-Control-Allow-Credentials", "true"),
                ]
                .into_iter()
                .collect(),
            },
            None => last.clone(),
        };
        for event in exchange(id, &serialized, url, sent) {
            judge.observe(&event);
        }
    }
    judge.judgement(id).expect("it was just seen")
}

fn exchange(id: ExchangeId, origin: &str, url: &Url, sent: Response) -> [Event; 3] {
    let agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/150.0 Safari/537.36";
    let request = Request {
        method: "GET".to_owned(),
        url: AskedUrl::parse(url.as_str()).expect("a URL"),
        headers: [("User-Agent", agent), ("Origin", origin)]
            .into_iter()
            .collect(),
    };
    let at = Moment::from_micros(0);
    [
        Event::Opened {
            id,
            connection: ConnectionId(1),
            at,
            protocol: Protocol::Http11,
            client: None,
            request: Arc::new(request),
        },
        Event::Answered {
            id,
            at,
            sent: Arc::new(sent),
        },
        Event::Ended {
            id,
            at,
            ending: Ending::Complete,
            reason: None,
        },
    ]
}

/// The naive answer to the same, by name of outcome and cause, with the code of what is blocked.
fn expected(
    engine: Engine,
    request: &naive::Request,
    response: &naive::Response,
    is_tainted: bool,
) -> (&'static str, Option<&'static str>, Option<&'static str>) {
    if measured::refuses(engine, request, response) {
        return ("failed", None, None);
    }
    let is_cors = request.url.origin().ascii_serialization() != request.origin;
    if is_cors && engine == Engine::Firefox && measured::is_mixed(engine, request, response) {
        return ("blocked", None, None);
    }
    if is_cors && measured::is_closed(engine, request, response) {
        return ("failed", Some("redirect-bad-scheme"), None);
    }
    let told = if is_cors {
        measured::actual(engine, request, response)
            .into_iter()
            .next()
    } else {
        None
    };
    match (told, measured::led(engine, request, response)) {
        (Some(("allow-origin-mismatch", code)), _) if is_tainted => {
            ("blocked", Some("redirect-origin-null"), code)
        }
        (Some((cause, code)), _) | (None, Led::Blocked((cause, code))) => {
            ("blocked", Some(cause), code)
        }
        (None, Led::Failed(cause)) => ("failed", Some(cause), None),
        (None, Led::Passes) if measured::is_mixed(engine, request, response) => {
            ("blocked", None, None)
        }
        (None, Led::Passes) => ("allowed", None, None),
    }
}

#[test]
fn the_judge_follows_redirects_as_the_standard_does() {
    for seed in 0..CASES / 10 {
        let (origin, urls, response) = odd::redirected(seed);
        let headers = response.lines.iter().map(|(name, value)| (name, value));
        let last = Response {
            status: response.status,
            headers: headers.collect(),
        };
        let judgement = judged(&origin, &urls, &last);
        let serialized = naive::serialized_origin(&origin, &urls);
        for (engine, mode) in every_engine_and_mode() {
            let request = naive::Request {
                origin: serialized.clone(),
                url: urls.last().expect("one").clone(),
                method: b"GET".to_vec(),
                unsafe_names: Vec::new(),
                include: mode == CredentialsMode::Include,
                is_http2: false,
            };
            let both = judgement.verdict.engines.get(engine);
            let answer = match mode {
                CredentialsMode::Include => both.if_included.as_deref(),
                CredentialsMode::Omit => both.if_omitted.as_deref(),
            };
            let answer = answer.unwrap_or(&both.answer);
            let is_blocked = answer.outcome == Outcome::Blocked;
            assert_eq!(
                (
                    answer.outcome.name(),
                    answer.cause.map(Cause::name),
                    answer.code.as_deref().filter(|_| is_blocked)
                ),
                expected(engine, &request, &response, serialized != origin),
                "seed {seed}, {engine:?} {mode:?}: {origin} by {urls:?}\n{response:?}"
            );
        }
    }
}

fn every_engine_and_mode() -> impl Iterator<Item = (Engine, CredentialsMode)> {
    let modes = [CredentialsMode::Include, CredentialsMode::Omit];
    Engine::ALL
        .into_iter()
        .flat_map(move |engine| modes.map(|mode| (engine, mode)))
}

/// What the wire's parser makes of a head that comes in pieces.
fn read(octets: &[u8], dice: &mut Dice) -> Option<ResponseHead> {
    let mut scanner = HeadScanner::new(scan::Kind::Response);
    let mut end = 0;
    while end < octets.len() {
        end = (end + 1 + dice.below(40)).min(octets.len());
        if let Some(span) = scanner.scan(&octets[..end]).ok()? {
            return ResponseHead::parse(&octets[span.start..span.end]).ok();
        }
    }
    None
}

fn on_the_wire(status: u16, lines: &Lines) -> Vec<u8> {
    let mut octets = format!("HTTP/1.1 {status} X\r\n").into_bytes();
    for (name, value) in lines {
        octets.extend([name.as_slice(), b": ", value, b"\r\n"].concat());
    }
    octets.extend(b"\r\nbody");
    octets
}

#[test]
fn the_pieces_a_head_comes_in_do_not_matter() {
    let mut taken = 0;
    for seed in 0..CASES / 10 {
        let case = Case::of(seed);
        let octets = on_the_wire(case.response.status, &case.response.lines);
        let whole = read(&octets, &mut Dice::new(seed));
        assert_eq!(whole, read(&octets, &mut Dice::new(!seed)), "seed {seed}");
        let Some(head) = whole else { continue };
        taken += 1;
        let ours = Ours::of(&case);
        assert!(
            head.headers == ours.answer.headers,
            "seed {seed}: {}",
            shown(&case)
        );
        assert_eq!(head.status, ours.answer.status, "seed {seed}");
    }
    assert!(taken > CASES / 20, "the tap takes {taken} of the heads");
}
