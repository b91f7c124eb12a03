//! The zoo: real servers with deliberately wrong configuration, asked through the real proxy, and
//! the roots they must be told by. `cases.toml` says which, and which roots have none and why.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics has failed"
)]

#[path = "../support/mod.rs"]
mod support;

mod probed;
mod question;
mod servers;
mod tower;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::Ipv4Addr;

use corstap::ca::HostList;
use corstap::cors::{Confidence, Root};
use corstap::exchange::ExchangeId;
use corstap::proxy::Route;
use corstap::wire::target::Authority;
use serde::Deserialize;
use tokio::net::TcpStream;

use question::Question;
use support::scene::{End, Rig, host};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    case: Vec<Case>,
    none: Vec<WithoutServer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    root: Option<Root>,
    confidence: Option<Confidence>,
    /// A word of the remedy.
    remedy: Option<String>,
    server: String,
    site: String,
    requests: Vec<String>,
    /// Nothing else may have been asked of this site before: it gets a capture of its own.
    #[serde(default)]
    alone: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WithoutServer {
    root: Root,
    because: String,
}

fn cases() -> Cases {
    toml::from_str(include_str!("cases.toml")).expect("valid")
}

#[test]
fn every_root_has_a_server_or_a_reason() {
    let cases = cases();
    let shown: BTreeSet<Root> = cases.case.iter().filter_map(|case| case.root).collect();
    let without: BTreeSet<Root> = cases.none.iter().map(|one| one.root).collect();
    let both: Vec<_> = shown.intersection(&without).collect();
    assert!(both.is_empty(), "{both:?} have a server");
    let named: BTreeSet<Root> = shown.union(&without).copied().collect();
    assert_eq!(named, Root::ALL.into());
    assert!(cases.none.iter().all(|one| !one.because.is_empty()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx() {
    let Some(behind) = available("uvicorn", servers::starlette) else {
        return;
    };
    if let Some(server) = available("nginx", || servers::nginx(behind.ports()["plain"])) {
        visit("nginx", server.ports()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn apache() {
    if let Some(server) = available("apache2", servers::apache) {
        visit("apache", server.ports()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn caddy() {
    if let Some(server) = available("caddy", servers::caddy) {
        visit("caddy", server.ports()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn express() {
    if let Some(server) = available("express and cors", servers::express) {
        visit("express", server.ports()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn starlette() {
    if let Some(server) = available("fastapi and uvicorn", servers::starlette) {
        visit("starlette", server.ports()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn django() {
    if let Some(server) = available("django and django-cors-headers", servers::django) {
        visit("django", server.ports()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tower_http() {
    visit("tower", &tower::start().await).await;
}

/// A server that must be there, unless the zoo is left out on purpose.
fn available(
    what: &str,
    start: impl FnOnce() -> Option<servers::Server>,
) -> Option<servers::Server> {
    if std::env::var_os("CORSTAP_NO_ZOO").is_some() {
        eprintln!("LEFT OUT: the zoo's {what}, by CORSTAP_NO_ZOO");
        return None;
    }
    let server = start();
    assert!(
        server.is_some(),
        "the zoo needs {what}, which is not installed: `scripts/test` installs it on Debian as root; \
         `scripts/test --no-zoo` leaves the zoo out"
    );
    server
}

/// Asks every question of a server's cases, and compares what the capture holds in the end.
async fn visit(server: &str, ports: &HashMap<String, u16>) {
    let cases = cases().case;
    let (alone, together): (Vec<Case>, Vec<Case>) = cases
        .into_iter()
        .filter(|case| case.server == server)
        .partition(|case| case.alone);
    let mut wrong = look(&together, ports).await;
    for case in alone {
        wrong.extend(look(&[case], ports).await);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Cases of one site may share a capture; what was asked before is evidence, too.
async fn look(cases: &[Case], ports: &HashMap<String, u16>) -> Vec<String> {
    let rig = Rig::start(HostList::development(), route(cases, ports)).await;
    let mut last = BTreeMap::new();
    let mut asked = 0;
    for (number, case) in cases.iter().enumerate() {
        for question in &case.requests {
            ask(&rig, case, question, ports).await;
            asked += 1;
        }
        last.insert(number, asked);
    }
    let (capture, _files) = rig.finish().await;
    let told = |(number, id): (usize, u64)| {
        let case = &cases[number];
        let stored = capture.exchange(ExchangeId(id)).expect("read");
        let stored = stored.expect("recorded");
        let best = stored.judgement.roots.first();
        let is_right = best.map(|root| root.code) == case.root
            && best.map(|root| root.confidence) == case.confidence
            && best.is_none_or(|root| root.remedy.contains(case.remedy.as_deref().unwrap_or("")));
        let sent = stored.recorded.sent.as_ref();
        (!is_right).then(|| format!("{}: {:?} of {:?}", case.name, stored.judgement.roots, sent))
    };
    last.into_iter().filter_map(told).collect()
}

/// Where a site is: at its own port, or at the one for all.
fn authority(case: &Case, at: &str, ports: &HashMap<String, u16>) -> Authority {
    let port = ports.get(&case.site).or(ports.get("all"));
    Authority {
        host: host(&format!("{at}.{}.test", case.server)),
        port: *port.expect("a port"),
    }
}

fn route(cases: &[Case], ports: &HashMap<String, u16>) -> Route {
    let names = |case: &Case| {
        [case.site.as_str(), "other"]
            .map(|at| (authority(case, at, ports), Ipv4Addr::LOCALHOST.into()))
    };
    Route {
        resolve: cases.iter().flat_map(names).collect(),
        roots: Vec::new(),
        ..Route::default()
    }
}

/// Sends one request as Chromium does, and reads the answer to its end.
async fn ask(rig: &Rig, case: &Case, question: &str, ports: &HashMap<String, u16>) {
    let question = Question::parse(question);
    let at = question.at.unwrap_or(&case.site);
    let stream = TcpStream::connect(rig.proxy).await;
    let mut client = End::new(stream.expect("the proxy listens"));
    client
        .sends(question.request(&authority(case, at, ports)))
        .await;
    let answer = client.reads_to_end().await;
    assert!(answer.starts_with(b"HTTP/1."), "{}: no answer", case.name);
}
