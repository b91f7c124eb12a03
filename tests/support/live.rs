//! The truth cases, live: a real Chromium through the proxy, against servers that answer as those
//! of the cases did, and what the browser says at that moment beside what we say.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use corstap::browser::devtools::Event;
use corstap::browser::{Browser, Launch};
use corstap::ca::{Ca, HostList, LeafCache};
use corstap::cors::judge::PATIENCE as NOT_FOLLOWED;
use corstap::cors::{Engine, Outcome, Rule};
use corstap::proxy::Route;
use corstap::store;
use corstap::store::capture::Which;
use corstap::store::row::Stored;
use corstap::wire::target::{Authority, Host};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_rustls::LazyConfigAcceptor;

use super::scene::{End, PATIENCE, Rig, provider};
use super::strict::{self, Read};
use super::truth::{Case, Expected, Score};

/// The ports of the recorded cases: TLS, plain HTTP, and plain HTTP for localhost's API.
const RECORDED: [&str; 3] = [":18443", ":18080", ":18081"];

/// What came of the cases that were run.
pub struct Table {
    pub right: usize,
    pub among: usize,
    /// The cases, with what was said of them.
    pub wrong: Vec<(String, String)>,
}

/// Runs these cases in a browser, one after the other.
pub async fn run(program: Option<PathBuf>, recorded: &[Case]) -> Table {
    let servers = Servers::start().await;
    let cases: Vec<Case> = recorded.iter().map(|case| servers.adapted(case)).collect();
    *servers.replay.cases.lock().unwrap() = cases
        .iter()
        .map(|case| (case.id().to_owned(), case.clone()))
        .collect();
    let rig = Rig::start(HostList::development(), servers.route(&cases)).await;
    let launch = Launch {
        program,
        proxy: rig.proxy,
        spki_pin: rig.spki_pin.clone(),
    };
    let mut browser = launch.start().expect("a browser");
    let mut said = Vec::new();
    for case in &cases {
        said.push(ask(&mut browser, case).await);
    }
    browser.close().await;
    tokio::time::sleep(NOT_FOLLOWED).await;
    let (capture, _dir) = rig.finish().await;
    let mut exchanges = Vec::new();
    let all = |stored| {
        exchanges.push(stored);
        Ok(())
    };
    capture
        .exchanges::<store::Error>(Which::All, all)
        .expect("read");
    compare(&cases, &said, &exchanges)
}

fn compare(cases: &[Case], said: &[Expected], exchanges: &[Stored]) -> Table {
    let mut table = Table {
        right: 0,
        among: 0,
        wrong: Vec::new(),
    };
    for (case, said) in cases.iter().zip(said) {
        let judged = |stored: &&Stored| case.is_judged_url(&stored.recorded.request.url);
        let score = match exchanges.iter().rev().find(judged) {
            Some(stored) => super::truth::score(&stored.judgement, Engine::Chromium, said),
            None => Score::Wrong("nothing".to_owned()),
        };
        match score {
            Score::Right => table.right += 1,
            Score::Among => table.among += 1,
            Score::Wrong(told) => {
                table.wrong.push((
                    case.id().to_owned(),
                    format!("the browser says {said:?}, we say {told}"),
                ));
            }
        }
    }
    table
}

/// Has the browser do what the case's script did, in a context of its own, and asks what came of
/// the judged step.
async fn ask(browser: &mut Browser, case: &Case) -> Expected {
    let devtools = &mut browser.devtools;
    let context = devtools.open_context().await.expect("a context");
    let tab = devtools.open_tab(Some(&context)).await.expect("a tab");
    devtools
        .navigate(&tab, &case.page_url())
        .await
        .expect("the page loads");
    let (steps, judged) = case.steps();
    let mut saw = Value::Null;
    for (number, step) in steps.iter().enumerate() {
        devtools.take_events(&tab).await.expect("events");
        saw = devtools
            .evaluate(&tab, &format!("step({step})"))
            .await
            .expect("the script runs");
        if number == judged {
            break;
        }
    }
    let events = devtools.take_events(&tab).await.expect("events");
    devtools.close_context(context).await.expect("closed");
    said(
        &events,
        &saw,
        steps[judged]["kind"].as_str().unwrap_or_default(),
        steps[judged]["crossorigin"].is_null(),
    )
}

fn said(events: &[Event], saw: &Value, kind: &str, without_cors: bool) -> Expected {
    let failed: Vec<&Event> = events
        .iter()
        .filter(|event| event.method == "Network.loadingFailed")
        .collect();
    let cors = failed
        .iter()
        .find_map(|event| event.params["corsErrorStatus"]["corsError"].as_str());
    let is_blocked = |event: &&Event| {
        let error = event.params["errorText"].as_str().unwrap_or_default();
        event.params["blockedReason"].is_string() || error.contains("BLOCKED_BY")
    };
    let blocked = failed.iter().any(is_blocked);
    let is_element = matches!(kind, "img" | "script" | "css" | "iframe") && without_cors;
    let outcome = match (cors, saw["saw"].as_str()) {
        (Some(_), _) => Outcome::Blocked,
        _ if blocked => Outcome::Blocked,
        (None, Some("opaque")) => Outcome::Exempt,
        (None, Some("ok")) if is_element => Outcome::Exempt,
        (None, Some("ok")) => Outcome::Allowed,
        (None, _) => Outcome::Failed,
    };
    Expected {
        outcome,
        by: cors.map(|_| Rule::Cors),
        code: cors.map(str::to_owned),
    }
}

/// Servers that answer as the recorded ones did.
struct Servers {
    ports: [u16; 3],
    root: Vec<rustls::pki_types::CertificateDer<'static>>,
    replay: Arc<Replay>,
}

/// The recorded answers, each to be given in its turn.
#[derive(Default)]
struct Replay {
    cases: Mutex<HashMap<String, Case>>,
    given: Mutex<HashMap<(String, String), usize>>,
}

impl Servers {
    async fn start() -> Self {
        let ca = Ca::generate(HostList::development(), "servers").expect("made");
        let root = vec![ca.certificate().clone()];
        let leaves = Arc::new(LeafCache::new(ca, provider()).expect("made"));
        let replay = Arc::new(Replay::default());
        let mut ports = [0; 3];
        for (number, port) in ports.iter_mut().enumerate() {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
                .await
                .expect("bound");
            *port = listener.local_addr().expect("bound").port();
            let leaves = (number == 0).then(|| Arc::clone(&leaves));
            tokio::spawn(serve(listener, leaves, Arc::clone(&replay)));
        }
        Self {
            ports,
            root,
            replay,
        }
    }

    /// A case with our ports in place of the recorded ones.
    fn adapted(&self, case: &Case) -> Case {
        let mut text = case.to_string();
        for (recorded, port) in RECORDED.iter().zip(self.ports) {
            text = text.replace(recorded, &format!(":{port}"));
        }
        Case::parse(&text)
    }

    /// Every name of the cases is on loopback.
    fn route(&self, cases: &[Case]) -> Route {
        let names: BTreeSet<String> = cases.iter().flat_map(Case::hosts).collect();
        let names = names.iter().filter_map(|name| Host::parse(name.as_bytes()));
        let authorities = names.flat_map(|host| {
            self.ports.map(|port| Authority {
                host: host.clone(),
                port,
            })
        });
        let loopback: IpAddr = Ipv4Addr::LOCALHOST.into();
        Route {
            resolve: authorities.map(|authority| (authority, loopback)).collect(),
            roots: self.root.clone(),
        }
    }
}

async fn serve(listener: TcpListener, leaves: Option<Arc<LeafCache>>, replay: Arc<Replay>) {
    while let Ok((tcp, _)) = listener.accept().await {
        let (leaves, replay) = (leaves.clone(), Arc::clone(&replay));
        tokio::spawn(async move {
            let Some(leaves) = leaves else {
                return converse(End::new(tcp), &replay).await;
            };
            let Ok(hello) = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), tcp).await
            else {
                return;
            };
            let host = Host::parse(
                hello
                    .client_hello()
                    .server_name()
                    .unwrap_or_default()
                    .as_bytes(),
            );
            let config = leaves.config(&host.expect("a name")).expect("minted");
            if let Ok(stream) = hello.into_stream(config).await {
                converse(End::new(stream), &replay).await;
            }
        });
    }
}

async fn converse(mut client: End, replay: &Replay) {
    let mut at = 0;
    while client.reads_more(PATIENCE).await {
        while let Read::Complete(message) = strict::request(&client.read()[at..]) {
            at += message.length;
            match replay.answer(&message.start_line) {
                Some(answer) => client.tries_to_send(&answer).await,
                None => return,
            }
        }
    }
}

impl Replay {
    /// The recorded answer to a request, in its turn; nothing where the server closed instead.
    fn answer(&self, start_line: &str) -> Option<Vec<u8>> {
        let mut words = start_line.split(' ');
        let (method, path) = (words.next()?, words.next()?);
        let cases = self.cases.lock().unwrap();
        let case = path
            .strip_prefix("/c/")
            .and_then(|rest| cases.get(rest.split(['/', '?']).next()?));
        let Some(case) = case else {
            return Some(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec());
        };
        if path.ends_with("/_page") {
            return Some(case.page());
        }
        let mut given = self.given.lock().unwrap();
        let turn = given
            .entry((method.to_owned(), path.to_owned()))
            .or_default();
        *turn += 1;
        case.answer(method, path, *turn - 1)
    }
}

/// Whether a case can be run live: its page is an ordinary one, its servers answer in valid HTTP
/// on ports that anybody may use.
pub fn is_runnable(case: &Case) -> bool {
    case.has_ordinary_page() && case.has_valid_answers() && case.has_known_steps()
}
