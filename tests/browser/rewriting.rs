//! A policy in force, with real browsers: what they block passes for the origin that is listed, and
//! for no other; and what is recorded is what they would have said.

use std::collections::{BTreeMap, BTreeSet};

use corstap::cors::{Engine, Outcome, Rule};
use corstap::wire::alpn::Alpn;
use serde_json::Value;

use super::browser;
use super::support::live::{self, Played};
use super::support::truth::{Case, Score, cases, score};

/// How many cases of each code are played: a sample, or all where `CORSTAP_FULL` says so.
fn of_each() -> usize {
    if std::env::var_os("CORSTAP_FULL").is_some() {
        usize::MAX
    } else {
        1
    }
}

/// The requests of the case itself.
fn requests(case: &Case, engine: Engine) -> impl Iterator<Item = &Value> {
    let wire = case.wire(engine).iter();
    let of_case = wire.filter(|entry| entry["role"] == "case");
    of_case.map(|entry| &entry["request"])
}

/// The values of a field in the requests of a case.
fn values(case: &Case, engine: Engine, wanted: &str) -> Vec<String> {
    let lines = requests(case, engine).filter_map(|request| request["headers"].as_array());
    let of_name = lines.flatten().filter(|line| {
        let name = line[0].as_str().unwrap_or_default();
        name.eq_ignore_ascii_case(wanted)
    });
    of_name
        .filter_map(|line| line[1].as_str().map(str::to_owned))
        .collect()
}

fn origin(url: &str) -> String {
    let after = url.find("://").expect("a URL") + 3;
    let end = url[after..].find('/').map_or(url.len(), |at| at + after);
    url[..end].to_owned()
}

/// Whether a policy can let a case pass: script asks in an ordinary page whose origin is not lost on
/// the way, for what a policy can list, and CORS blocks the answer.
fn is_repairable(case: &Case, engine: Engine) -> bool {
    let expected = case.expected(engine);
    let steps = case.own_steps().0;
    let is_fetch = steps.iter().all(|step| step["kind"] == "fetch");
    let is_listable = |method: &String| method.bytes().all(|octet| octet.is_ascii_uppercase());
    let names = values(case, engine, "access-control-request-headers");
    // What no answer can mend: a redirect to where no origin is, or with a password.
    let is_answers_fault = !matches!(
        expected.code.as_deref(),
        Some("CorsDisabledScheme" | "RedirectContainsCredentials" | "CORSRequestNotHttp")
    );
    expected.outcome == Outcome::Blocked
        && expected.by == Some(Rule::Cors)
        && case.page_kind() == "app"
        && case.obstacle(engine).is_none()
        && is_fetch
        && is_answers_fault
        && values(case, engine, "origin")
            .iter()
            .all(|origin| origin.starts_with("https://app."))
        && values(case, engine, "access-control-request-method")
            .iter()
            .all(is_listable)
        && names.iter().all(|names| !names.contains("access-control-"))
        && requests(case, engine).all(|request| {
            request["url"]
                .as_str()
                .is_some_and(|url| url.starts_with("https://"))
        })
}

/// Some cases of every code that the browser has for what can be repaired.
fn repairable(engine: Engine) -> Vec<Case> {
    let mut by_code: BTreeMap<String, Vec<Case>> = BTreeMap::new();
    for case in cases() {
        if is_repairable(&case, engine) {
            let code = case.expected(engine).code.expect("of CORS");
            by_code.entry(code).or_default().push(case);
        }
    }
    let most = of_each();
    let some = by_code.into_values();
    some.flat_map(|cases| cases.into_iter().take(most))
        .collect()
}

/// A policy that lets the pages of these cases have what they ask for; or another page.
fn policy(cases: &[Case], engine: Engine, other: Option<&str>) -> String {
    let set = |of: &dyn Fn(&Case) -> Vec<String>| -> Vec<String> {
        let all: BTreeSet<String> = cases.iter().flat_map(of).collect();
        all.into_iter().collect()
    };
    let own = set(&|case| vec![origin(&case.page_url(engine))]);
    let origins = other.map_or(own.clone(), |other| vec![other.to_owned()]);
    let targets = set(&|case| {
        let urls = requests(case, engine).filter_map(|request| request["url"].as_str());
        urls.map(origin)
            .filter(|target| !own.contains(target))
            .collect()
    });
    let methods = set(&|case| values(case, engine, "access-control-request-method"));
    let names = set(&|case| {
        let lists = values(case, engine, "access-control-request-headers");
        let names = lists.iter().flat_map(|list| list.split(','));
        names.map(|name| name.trim().to_owned()).collect()
    });
    format!(
        "version = 1\n[[rule]]\nname = \"cases\"\norigins = {origins:?}\ntargets = {targets:?}\n\
         methods = {methods:?}\nrequest-headers = {names:?}\ncredentials = true\n"
    )
}

/// Whether the failure that the browser told when nothing was repaired is in the record.
fn is_told(played: &Played, engine: Engine) -> bool {
    let expected = played.case.expected(engine);
    let scores = played.exchanges.iter();
    let mut scores = scores.map(|stored| score(&stored.judgement, engine, &expected));
    scores.any(|score| matches!(score, Score::Right | Score::Among))
}

fn is_rewritten(played: &Played) -> bool {
    let mut exchanges = played.exchanges.iter();
    exchanges.any(|stored| stored.recorded.rewrite.is_some())
}

async fn what_is_blocked_passes_for_the_listed_origin_only(
    engine: Engine,
    alpn: Alpn,
    codes: usize,
) {
    let Some(program) = browser(engine) else {
        return;
    };
    let cases = repairable(engine);
    let told: BTreeSet<_> = cases
        .iter()
        .map(|case| case.expected(engine).code)
        .collect();
    assert!(told.len() >= codes, "{told:?}");
    let listed = live::run_under(engine, program.clone(), &cases, alpn, |cases| {
        policy(cases, engine, None)
    });
    let mut wrong = Vec::new();
    for played in listed.await {
        let (id, said) = (played.case.id(), &played.said);
        if said.outcome != Outcome::Allowed || !is_rewritten(&played) || !is_told(&played, engine) {
            let rewritten = is_rewritten(&played);
            wrong.push(format!(
                "{id}: listed, the browser says {said}; rewritten: {rewritten}, told: {}",
                is_told(&played, engine)
            ));
        }
    }
    let other = "https://other.example.test";
    let unlisted = live::run_under(engine, program, &cases, alpn, |cases| {
        policy(cases, engine, Some(other))
    });
    for played in unlisted.await {
        let (id, said) = (played.case.id(), &played.said);
        if *said != played.case.expected(engine) || is_rewritten(&played) {
            wrong.push(format!("{id}: not listed, and the browser says {said}"));
        }
    }
    println!(
        "{}: {} cases of {} codes pass under a policy, and fail without",
        engine.title(),
        cases.len(),
        told.len()
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_chromium_blocks_passes_for_the_listed_origin_only() {
    what_is_blocked_passes_for_the_listed_origin_only(Engine::Chromium, Alpn::Http11, 16).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_chromium_blocks_over_http_2_passes_for_the_listed_origin_only() {
    what_is_blocked_passes_for_the_listed_origin_only(Engine::Chromium, Alpn::Http2, 16).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_firefox_blocks_passes_for_the_listed_origin_only() {
    // Over HTTP/2 Firefox does not count the lines of a field, as it did when the cases were recorded.
    what_is_blocked_passes_for_the_listed_origin_only(Engine::Firefox, Alpn::Http11, 8).await;
}
