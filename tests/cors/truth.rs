//! Our verdicts against those of real browsers, from the wire alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use corstap::cors::{Engine, Outcome};
use corstap::report::readable::readable;
use serde::Deserialize;

use crate::support::exceptions::exceptions;
use crate::support::truth::{Case, Score, cases, score, would_be_guessed};

/// How well the cases of an engine are judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Figures {
    /// Those with a request on the wire.
    cases: usize,
    /// Decided, and right in outcome and code.
    right: usize,
    /// Undecided, with the browser's answer among the two.
    among: usize,
    /// Neither.
    wrong: usize,
    /// Of the undecided: those that a guess would get, that credentials are omitted.
    guessed: usize,
    /// Right once the ends of the answers that `--confirm` tries were held back.
    confirmed: usize,
}

impl Figures {
    fn add(&mut self, case: &Case, engine: Engine, wrong: &mut BTreeMap<String, String>) {
        let expected = case.expected(engine);
        let judgement = case.judge(engine);
        self.cases += 1;
        match score(&judgement, engine, &expected) {
            Score::Right => self.right += 1,
            Score::Among => {
                self.among += 1;
                self.guessed += usize::from(would_be_guessed(&judgement, &expected));
            }
            Score::Wrong(ours) => {
                self.wrong += 1;
                let told = format!("{}: {expected:?}, we say {ours}", case.id());
                wrong.insert(case.id().to_owned(), told);
            }
        }
        let confirmed = score(&case.judge_confirmed(engine), engine, &expected);
        self.confirmed += usize::from(confirmed == Score::Right);
    }

    /// The figures that are committed: they are to get better, never worse.
    fn committed(engine: Engine) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cors/figures.toml");
        let text = std::fs::read_to_string(path).expect("the figures are there");
        let all: BTreeMap<String, Self> = toml::from_str(&text).expect("the figures are TOML");
        all[engine.name()]
    }

    fn share(self, part: usize) -> f64 {
        100.0 * f64::from(u32::try_from(part).expect("few"))
            / f64::from(u32::try_from(self.cases).expect("few"))
    }

    fn row(self, engine: Engine) -> String {
        let Self {
            right,
            among,
            wrong,
            guessed,
            confirmed,
            ..
        } = self;
        format!(
            "| {} | {right} ({:.1} %) | {among} | {wrong} ({:.1} %) | {guessed} | {confirmed} ({:.1} %) |",
            engine.title(),
            self.share(right),
            self.share(wrong),
            self.share(confirmed),
        )
    }
}

/// At least this share of the cases, in percent: right; right or undecided with the answer among
/// the two; right once confirmed. At most: wrong.
struct Bounds {
    right: f64,
    wrong: f64,
    told: f64,
    confirmed: f64,
}

fn bounds(engine: Engine) -> Bounds {
    let (right, wrong, told) = match engine {
        Engine::Chromium => (70.0, 1.0, 97.0),
        Engine::Firefox => (68.0, 1.0, 97.0),
        Engine::Webkit => (85.0, 2.0, 95.0),
    };
    Bounds {
        right,
        wrong,
        told,
        confirmed: 95.0,
    }
}

fn verdicts_are_those_of(engine: Engine) {
    let (mut figures, mut wrong) = (Figures::default(), BTreeMap::new());
    for case in cases().iter().filter(|case| case.has_wire(engine)) {
        figures.add(case, engine, &mut wrong);
    }
    println!("{}", figures.row(engine));
    let ids: BTreeSet<String> = wrong.keys().cloned().collect();
    let told: Vec<String> = wrong.into_values().collect();
    assert_eq!(
        ids,
        exceptions(engine),
        "judged wrong, beside the exceptions:\n{}",
        told.join("\n")
    );
    let bounds = bounds(engine);
    assert!(figures.share(figures.right) >= bounds.right, "{figures:?}");
    assert!(figures.share(figures.wrong) <= bounds.wrong, "{figures:?}");
    assert!(
        figures.share(figures.right + figures.among) >= bounds.told,
        "{figures:?}"
    );
    assert!(
        figures.share(figures.confirmed) >= bounds.confirmed,
        "{figures:?}"
    );
    assert_eq!(
        figures,
        Figures::committed(engine),
        "if it got better, commit the figures in tests/cors/figures.toml and in the README"
    );
}

#[test]
fn verdicts_are_those_of_chromium() {
    verdicts_are_those_of(Engine::Chromium);
}

#[test]
fn verdicts_are_those_of_firefox() {
    verdicts_are_those_of(Engine::Firefox);
}

#[test]
fn verdicts_are_those_of_webkit() {
    verdicts_are_those_of(Engine::Webkit);
}

#[test]
fn script_reads_the_headers_that_it_could_read() {
    let (mut compared, mut wrong) = (0, Vec::new());
    for engine in Engine::ALL {
        for case in cases().iter().filter(|case| case.has_wire(engine)) {
            let Some(expected) = case.readable(engine) else {
                continue;
            };
            let told = case.tell(engine);
            if told.judgement.verdict.answer.outcome != Outcome::Allowed {
                continue;
            }
            let ours = readable(&told.recorded, &told.judgement)
                .map(|readable| readable.get(engine).clone());
            compared += 1;
            // Without the credentials mode an asterisk may expose more than is told.
            let is_all = told.judgement.verdict.credentials.mode.is_some();
            let is_right = ours.as_ref().is_some_and(|ours| {
                let is_subset = ours.iter().all(|name| expected.contains(name));
                is_subset && (ours.len() == expected.len() || !is_all && case.exposes_all())
            });
            if !is_right {
                wrong.push(format!(
                    "{engine:?} {}: {expected:?}, we say {ours:?}",
                    case.id()
                ));
            }
        }
    }
    println!("compared the readable headers of {compared} loads");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 400);
}

/// What each engine's message names: Chromium says so itself, of the others it is read out of the
/// text.
#[test]
fn messages_name_what_we_say_they_name() {
    let (mut compared, mut wrong) = (0, Vec::new());
    for engine in Engine::ALL {
        for case in cases().iter().filter(|case| case.has_wire(engine)) {
            let Some(named) = case.named(engine) else {
                continue;
            };
            let verdict = case.judge(engine).verdict;
            let answer = &verdict.engines.get(engine).answer;
            if answer.code != case.expected(engine).code.map(Into::into) {
                continue;
            }
            compared += 1;
            let ours = answer.parameter.as_deref().unwrap_or_default();
            // Where several are missing, the wire does not show which one is named, nor in what
            // letters the script wrote it.
            let is_any = case.asks_for(engine, &named) && case.asks_for(engine, ours);
            // Each has its own way to show octets that are no ASCII.
            let is_plain = ours.is_ascii() && named.is_ascii();
            if ours != named && is_plain && !is_any {
                wrong.push(format!(
                    "{engine:?} {}: {named:?}, we say {ours:?}",
                    case.id()
                ));
            }
        }
    }
    println!("compared what {compared} messages name");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 300, "{compared}");
}
