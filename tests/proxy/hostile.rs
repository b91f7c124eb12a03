//! Hostile messages (`tests/hostile/`), on the proxy's port and inside TLS, judged by what arrives
//! on the far side.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use crate::support::replays::all_pass;
use crate::support::scene::{End, Pieces, Scene};
use crate::support::strict::{self, Read};
use crate::vectors::{Mode, Vector, answers, final_answer, vectors};

/// How long an answer may take when one is due.
const DUE: Duration = Duration::from_secs(5);
/// How long silence has to last to be taken for it.
const SILENCE: Duration = Duration::from_millis(400);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_requests_are_passed_on_exactly_or_not_at_all() {
    run(Cases::all(REQUESTS, &[Pieces::Whole]), request).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_responses_are_passed_on_exactly_or_not_at_all() {
    run(Cases::all(RESPONSES, &[Pieces::Whole]), response).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_makes_no_difference_in_which_pieces_a_hostile_request_comes() {
    run(Cases::in_pieces(REQUESTS), request).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_makes_no_difference_in_which_pieces_a_hostile_response_comes() {
    run(Cases::in_pieces(RESPONSES), response).await;
}

const REQUESTS: &str = "h1_requests.jsonl";
const RESPONSES: &str = "h1_responses.jsonl";

/// A message, to be sent there in such pieces.
#[derive(Clone)]
struct Case {
    vector: Vector,
    mode: Mode,
    pieces: Pieces,
}

struct Cases(Vec<Case>);

impl Cases {
    fn all(file: &str, all_pieces: &[Pieces]) -> Self {
        let mut cases = Vec::new();
        for vector in vectors(file) {
            for mode in [Mode::Proxy, Mode::Tunnel] {
                for &pieces in all_pieces {
                    let vector = vector.clone();
                    cases.push(Case {
                        vector,
                        mode,
                        pieces,
                    });
                }
            }
        }
        cases.retain(|case| case.vector.is_for(case.mode));
        Self(cases)
    }

    /// Each octet by itself, where there are not too many for that, and some random pieces. It is a
    /// fixed sample, unless all are wanted.
    fn in_pieces(file: &str) -> Self {
        const FULL: [Pieces; 4] = [
            Pieces::Octets,
            Pieces::Some(1),
            Pieces::Some(2),
            Pieces::Some(3),
        ];
        if std::env::var_os("CORSTAP_FULL").is_some() {
            let Self(mut cases) = Self::all(file, &FULL);
            cases.retain(|case| case.pieces != Pieces::Octets || case.vector.is_short());
            return Self(cases);
        }
        let Self(mut cases) = Self::all(file, &FULL[..2]);
        cases.retain(|case| case.vector.is_short());
        Self(cases.into_iter().step_by(21).collect())
    }
}

/// Runs all cases, and lists everything that went wrong.
async fn run<F, Fut>(Cases(cases): Cases, judge: F)
where
    F: Fn(Case) -> Fut,
    Fut: Future<Output = Result<(), String>> + Send + 'static,
{
    let named = cases.into_iter().map(|case| {
        let name = format!("{} ({:?}, {:?})", case.vector.id, case.mode, case.pieces);
        (name, judge(case))
    });
    all_pass(named).await;
}

/// A server at work.
struct Server {
    /// What it has received, connection by connection.
    received: Arc<Mutex<Vec<Vec<u8>>>>,
    /// A permit for each answer that was sent as a whole.
    answered: Arc<Semaphore>,
    serving: JoinHandle<()>,
}

/// Takes connections, and answers every complete request with what `answer` says of its number.
fn serve(
    scene: &Arc<Scene>,
    mode: Mode,
    pieces: Pieces,
    answer: impl Fn(usize, &mut End) -> Option<Vec<u8>> + Clone + Send + 'static,
) -> Server {
    let (received, answered) = (
        Arc::<Mutex<Vec<Vec<u8>>>>::default(),
        Arc::new(Semaphore::new(0)),
    );
    let (scene, all, sent) = (
        Arc::clone(scene),
        Arc::clone(&received),
        Arc::clone(&answered),
    );
    let serving = tokio::spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let end = match mode {
                Mode::Proxy => scene.server().await,
                Mode::Tunnel => scene.tls_server().await,
            };
            let mut end = end.in_pieces(pieces);
            let place = {
                let mut all = all.lock().unwrap();
                all.push(Vec::new());
                all.len() - 1
            };
            let (all, answer, sent) = (Arc::clone(&all), answer.clone(), Arc::clone(&sent));
            connections.spawn(async move {
                let (mut at, mut number) = (0, 0);
                while end.reads_more(DUE).await {
                    all.lock().unwrap()[place] = end.read().to_vec();
                    while let Read::Complete(message) = strict::request(&end.read()[at..]) {
                        at += message.length;
                        match answer(number, &mut end) {
                            Some(octets) => end.tries_to_send(&octets).await,
                            None => return,
                        }
                        sent.add_permits(1);
                        number += 1;
                    }
                }
            });
        }
    });
    Server {
        received,
        answered,
        serving,
    }
}

async fn client(scene: &Scene, mode: Mode) -> End {
    match mode {
        Mode::Proxy => scene.client().await,
        Mode::Tunnel => scene.tls_client().await,
    }
}

async fn request(case: Case) -> Result<(), String> {
    let Case {
        vector,
        mode,
        pieces,
    } = case;
    let scene = Arc::new(Scene::set().await);
    let host = scene.authority();
    let base = if mode == Mode::Proxy {
        format!("http://{host}")
    } else {
        String::new()
    };
    let sent = vector.octets(&vector.bytes_b64, &base, &host);
    let plain = |_, _: &mut End| Some(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec());
    let server = serve(&scene, mode, Pieces::Whole, plain);
    let mut client = client(&scene, mode).await.in_pieces(pieces);
    client.tries_to_send(&sent).await;
    if vector.half_close {
        client.ends().await;
    }
    let wanted = if vector.expect == "close" {
        usize::MAX
    } else {
        vector.n.unwrap_or(1)
    };
    let patience = if vector.accept_timeout { SILENCE } else { DUE };
    let mut closed = false;
    while !closed && answers(client.read()).len() < wanted {
        closed = !client.reads_more(patience).await;
    }
    server.serving.abort();
    let far = server.received.lock().unwrap().clone();
    let exact = vector.octets(&vector.bytes_b64, "", &host);
    vector.judge_request(&far, &exact, &answers(client.read()), closed)
}

async fn response(case: Case) -> Result<(), String> {
    let Case {
        vector,
        mode,
        pieces,
    } = case;
    let scene = Arc::new(Scene::set().await);
    let host = scene.authority();
    let base = if mode == Mode::Proxy {
        format!("http://{host}")
    } else {
        String::new()
    };
    let request = vector.octets(vector.request_b64.as_ref().unwrap(), &base, &host);
    let answer = vector.octets(&vector.bytes_b64, &base, &host);
    let sends = {
        let (answer, closes) = (answer.clone(), vector.origin_close);
        move |number, end: &mut End| match number {
            0 if closes => {
                end.sends_last(answer.clone());
                None
            }
            0 => Some(answer.clone()),
            _ => Some(PROBED.to_vec()),
        }
    };
    let server = serve(&scene, mode, pieces, sends);
    let mut client = client(&scene, mode).await;
    client.sends(&request).await;
    let to = vector.method.as_deref().unwrap_or("GET");
    let mut closed = false;
    while !closed && final_answer(client.read(), to, false).is_none() {
        closed = !client.reads_more(DUE).await;
    }
    let back = client.read().to_vec();
    if vector.probe && !closed {
        // What comes after the answer is there by then: later, nobody can tell it from the next one.
        let all = timeout(DUE, server.answered.acquire()).await;
        all.expect("it answers").expect("never closed").forget();
        client.tries_to_send(&request).await;
        while client.reads_more(SILENCE).await {}
        let rest = &client.read()[back.len()..];
        // A new connection to the server begins with the same answer.
        if !(rest.is_empty() || rest == PROBED || rest == back) {
            return Err(format!(
                "a second request got {:?}",
                String::from_utf8_lossy(rest)
            ));
        }
    }
    server.serving.abort();
    vector.judge_response(&answer, &back, to, closed)
}

/// What a second request on a connection is answered.
const PROBED: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nprobed";
