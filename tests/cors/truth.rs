//! Our verdicts against those of real browsers.

use std::collections::BTreeSet;

use corstap::cors::{Engine, Outcome};
use corstap::report::readable::readable;

use crate::support::exceptions::exceptions;
use crate::support::truth::{Score, cases};

/// The least share of cases, in percent, that are right or undecided with the browser's answer
/// among the two.
const LEAST: usize = 95;

fn verdicts_are_those_of(engine: Engine) {
    let (mut right, mut among, mut wrong, mut told) = (0, 0, BTreeSet::new(), Vec::new());
    for case in cases().iter().filter(|case| case.has_wire(engine)) {
        match case.score(engine) {
            Score::Right => right += 1,
            Score::Among => among += 1,
            Score::Wrong(ours) => {
                wrong.insert(case.id().to_owned());
                told.push(format!(
                    "{}: {:?}, we say {ours}",
                    case.id(),
                    case.expected(engine)
                ));
            }
        }
    }
    let all = right + among + wrong.len();
    println!(
        "{}: of {all} cases {right} right, {among} undecided with the answer among the two, {} wrong",
        engine.title(),
        wrong.len()
    );
    assert_eq!(
        wrong,
        exceptions(engine),
        "judged wrong, beside the exceptions:\n{}",
        told.join("\n")
    );
    assert!((right + among) * 100 >= all * LEAST);
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
