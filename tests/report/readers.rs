//! HAR files that a report writes, read by others: held against the schema, listed by mitmproxy,
//! replayed by Playwright, and judged anew by us.

use std::path::{Path, PathBuf};
use std::process::Command;

use corstap::cors::credentials::Because;
use corstap::cors::{Cause, Engine, Outcome};
use corstap::exchange::ExchangeId;
use corstap::report::paper::har::har;
use corstap::report::paper::{Source, Sources};

use crate::papers::{about, entry, har_of, sources};
use crate::support::installed::{installed, run, validate};
use crate::support::truth::cases;

fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/report")
        .join(name)
}

/// Everything there is to tell: blocked, failed, redirected and allowed, over two versions of HTTP.
fn everything() -> Sources {
    let mut all = Vec::new();
    let cases = cases();
    for case in cases.iter().step_by(9) {
        all.extend(case.har_entries(Engine::Chromium));
    }
    let hostile = [
        ("Origin", "https://app.test"),
        ("X-\u{1}", "\u{202e}\u{0}\u{ff}"),
    ];
    all.push(entry(
        "GET",
        "https://api.test/?a=b&c",
        &hostile,
        302,
        &[("Location", "/d e")],
    ));
    sources(&har_of(&all))
}

#[test]
fn the_schema_holds() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("all.har");
    std::fs::write(&file, har(&about(), everything().values())).expect("written");
    validate("node_modules/har-schema/lib", &[file]);
}

#[test]
fn mitmproxy_lists_every_exchange() {
    let Some(mitmdump) = installed("venv/bin/mitmdump") else {
        return;
    };
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("all.har");
    let all = everything();
    std::fs::write(&file, har(&about(), all.values())).expect("written");
    let mut command = Command::new(mitmdump);
    command
        .args(["--no-server", "--rfile"])
        .arg(&file)
        .arg("--set")
        .arg(format!("confdir={}", dir.path().display()));
    let told = run(&mut command);
    let asked = told
        .lines()
        .filter(|line| !line.starts_with(' ') && line.contains("://"));
    assert_eq!(asked.count(), all.len(), "{told}");
    let refused = told
        .lines()
        .filter(|line| line.contains("OPTIONS https://"));
    assert!(refused.count() > 5, "preflights are there: {told}");
}

#[test]
fn playwright_plays_it_again() {
    let Some((node, modules)) = Some(PathBuf::from("/usr/bin/node"))
        .filter(|node| node.exists())
        .zip(installed("node_modules/playwright-core"))
    else {
        return;
    };
    let browser = ["/usr/bin/chromium", "/usr/bin/chromium-browser"];
    let Some(browser) = browser.iter().find(|path| Path::new(path).exists()) else {
        eprintln!("SKIPPED: there is no Chromium (scripts/browsers installs it)");
        return;
    };
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("all.har");
    let page = [("Content-Type", "text/html"), ("X-Powered-By", "a test")];
    let data = [
        ("Content-Type", "application/json"),
        ("Access-Control-Allow-Origin", "*"),
    ];
    let origin = [("Origin", "https://app.test")];
    let entries = [
        entry("GET", "https://app.test/page", &[], 200, &page),
        entry("GET", "https://api.test/data", &origin, 404, &data),
    ];
    std::fs::write(&file, har(&about(), sources(&har_of(&entries)).values())).expect("written");
    let mut command = Command::new(node);
    command
        .arg(here("replay.mjs"))
        .arg(modules)
        .arg(browser)
        .arg(&file);
    assert_eq!(run(command.env("HOME", dir.path())), "200 a test 404\n");
}

/// What a judgement comes to: outcome, cause, and the codes of the engines.
fn gist(source: &Source) -> (Outcome, Option<&'static str>, Vec<Option<String>>) {
    let verdict = &source.judgement.verdict;
    let codes = Engine::ALL.map(|engine| {
        let code = verdict.engines.get(engine).answer.code.as_ref();
        code.map(ToString::to_string)
    });
    let cause = verdict.answer.cause.map(Cause::name);
    (verdict.answer.outcome, cause, codes.into())
}

/// Whether a judgement hangs on when a connection was closed or whether it resumed a TLS session:
/// captures do not hold that.
fn hangs_on_connections(source: &Source) -> bool {
    let because = source.judgement.verdict.credentials.because;
    matches!(
        because,
        Some(
            Because::Closed
                | Because::Kept
                | Because::SessionResumed
                | Because::SessionNotResumed
                | Because::SameConnection
                | Because::OtherConnection
                | Because::Preflight
                | Because::Redirect
        )
    )
}

#[test]
fn judged_anew_it_comes_to_the_same() {
    let (mut same, mut lost, mut other) = (0, 0, Vec::new());
    let step = if std::env::var_os("CORSTAP_FULL").is_some() {
        1
    } else {
        5
    };
    for case in cases().iter().step_by(step) {
        for engine in Engine::ALL {
            let before = sources(&case.har(engine));
            let after = sources(har(&about(), before.values()).as_bytes());
            assert_eq!(before.len(), after.len(), "{}", case.id());
            let is_told_whole = |source: &&Source| {
                // A user and a password in a Location are dropped, and with them what is wrong.
                source.judgement.verdict.answer.cause != Some(Cause::RedirectUserinfo)
            };
            for (id, one) in before.iter().filter(|(_, one)| is_told_whole(one)) {
                let ExchangeId(number) = *id;
                match after.get(id) {
                    Some(two) if gist(one) == gist(two) => same += 1,
                    Some(two)
                        if hangs_on_connections(one)
                            && two.judgement.verdict.answer.outcome == Outcome::Undecided =>
                    {
                        lost += 1;
                    }
                    two => other.push(format!(
                        "{} {engine:?} #{number}: {:?}\n  {:?}",
                        case.id(),
                        gist(one),
                        two.map(gist)
                    )),
                }
            }
        }
    }
    assert!(
        other.is_empty(),
        "{same} the same, {lost} lost, {} not:\n{}",
        other.len(),
        other.join("\n")
    );
    assert!(lost * 20 < same, "{lost} of {same}");
}
