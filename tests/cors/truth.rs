//! Our verdicts against those of real browsers.

use corstap::cors::Engine;

use crate::support::truth::{Score, cases};

#[test]
fn verdicts_are_those_of_real_browsers() {
    for engine in Engine::ALL {
        let (mut right, mut among, mut wrong) = (0, 0, Vec::new());
        for case in cases().iter().filter(|case| case.has_wire(engine)) {
            match case.score(engine) {
                Score::Right => right += 1,
                Score::Among => among += 1,
                Score::Wrong(told) => wrong.push(format!(
                    "{} {} {:?} told {told}",
                    engine.name(),
                    case.id(),
                    case.expected(engine)
                )),
            }
        }
        let all = right + among + wrong.len();
        println!(
            "{} all {all} right {right} among {among} wrong {}",
            engine.name(),
            wrong.len()
        );
        for w in wrong {
            println!("  {w}");
        }
    }
}
