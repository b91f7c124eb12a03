//! Our verdicts against those of real browsers.

use std::collections::BTreeSet;

use corstap::cors::Engine;

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
