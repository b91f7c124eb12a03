//! What browsers print, held against what we say that they print.

use std::collections::BTreeMap;

use corstap::cors::{Engine, Outcome};
use corstap::exchange::ExchangeId;
use corstap::report::console::{Scene, message};
use corstap::report::offline::Told;

use crate::support::truth::{Case, cases};

/// Cases whose message differs from ours in what the wire does not show, and how.
const KNOWN: &[(&str, &str)] = &[
    ("preflight-headers-none-of-three", ANOTHER_OF_SEVERAL),
    ("stacks-grpc-web-headers", ANOTHER_OF_SEVERAL),
    ("stacks-sentry-baggage", ANOTHER_OF_SEVERAL),
    (
        "transport-actual-garbage",
        "the preflight's lines count again",
    ),
    ("transport-get-garbage", TAKEN_FOR_HTTP_0_9),
    ("transport-preflight-garbage", TAKEN_FOR_HTTP_0_9),
    ("transport-actual-partial-headers", TAKEN_FOR_HTTP_0_9),
    ("transport-post-partial-headers", TAKEN_FOR_HTTP_0_9),
    ("cache-304-other-acao", "WebKit names the stored status"),
    ("cache-nocors-then-cors", FROM_THE_CACHE),
    ("cache-img-then-fetch", FROM_THE_CACHE),
    ("initiator-preload-fetch-missing", LIKE_A_FETCH),
    ("no-cors-beacon-json-star", LIKE_A_FETCH),
];
const ANOTHER_OF_SEVERAL: &str = "which of several headers is named first depends on the script";
const TAKEN_FOR_HTTP_0_9: &str = "Firefox makes a status of 200 of what is no HTTP";
const FROM_THE_CACHE: &str = "nothing goes over the wire for it";
const LIKE_A_FETCH: &str = "it looks like a fetch";

/// A message without what the wire does not show: whether a script used `XMLHttpRequest` (which also
/// makes for another hint), and how it spelt a header.
fn told_apart(engine: Engine, message: &str) -> String {
    let message = message.replace(" XMLHttpRequest at ", " fetch at ");
    let message = message.split(" The credentials mode of").next().unwrap();
    let message = message.split(" Have the server send").next().unwrap();
    match (engine, message.strip_prefix("Request header field ")) {
        (Engine::Webkit, Some(rest)) => rest.to_ascii_lowercase(),
        _ => message.to_owned(),
    }
}

/// The messages of an engine for everything that it refuses in a case.
fn messages(case: &Case, engine: Engine) -> Vec<String> {
    let told: BTreeMap<ExchangeId, Told> = case
        .tell_all(engine)
        .into_iter()
        .map(|told| (told.recorded.id, told))
        .collect();
    let find = |id: ExchangeId| Some((&told.get(&id)?.recorded, &told.get(&id)?.judgement));
    let mut messages = Vec::new();
    for one in told.values() {
        let own = one.judgement.verdict.engines.get(engine);
        let included = own.if_included.as_deref();
        let scene = Scene::of(&one.recorded, &one.judgement, find);
        for answer in [Some(&own.answer), included].into_iter().flatten() {
            if matches!(answer.outcome, Outcome::Blocked | Outcome::Failed) {
                messages.extend(message(engine, answer, &scene));
            }
        }
    }
    messages
}

#[test]
fn messages_are_those_that_browsers_print_letter_by_letter() {
    let (mut same, mut other) = (0, Vec::new());
    for case in cases() {
        for engine in Engine::ALL {
            let expected = case.expected(engine);
            let Some(printed) = case.printed(engine).filter(|_| expected.code.is_some()) else {
                continue;
            };
            if !case.has_wire(engine) {
                continue;
            }
            let said = messages(&case, engine);
            let is_it = |ours: &String| told_apart(engine, ours) == told_apart(engine, &printed);
            if said.iter().any(is_it) {
                same += 1;
            } else if !KNOWN.iter().any(|(id, _)| *id == case.id()) {
                other.push(format!("{} {engine:?}\n  {printed}\n  {said:?}", case.id()));
            }
        }
    }
    assert!(
        other.is_empty(),
        "{same} are the same, {} are not:\n{}",
        other.len(),
        other.join("\n")
    );
}
