//! Hostile messages (`tests/hostile/`), on the proxy's port and inside TLS, judged by what arrives
//! on the far side.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use tokio::task::{JoinHandle, JoinSet};

use crate::support::scene::{End, Scene};
use crate::support::strict::{self, Read};

/// How long an answer may take when one is due.
const DUE: Duration = Duration::from_secs(5);
/// How long silence has to last to be taken for it.
const SILENCE: Duration = Duration::from_millis(400);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Proxy,
    Tunnel,
}

#[derive(Clone, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "the fields of the files")]
struct Vector {
    id: String,
    bytes_b64: String,
    expect: String,
    mode: Option<String>,
    #[serde(default)]
    half_close: bool,
    #[serde(default)]
    accept_timeout: bool,
    #[serde(default)]
    allow_smug: bool,
    n: Option<usize>,
    nmax: Option<usize>,
    phase: Option<String>,
    #[serde(default)]
    forbid: Vec<String>,
    fill: Option<(String, usize)>,
    request_b64: Option<String>,
    method: Option<String>,
    #[serde(default)]
    origin_close: bool,
    #[serde(default)]
    probe: bool,
}

fn vectors(file: &str) -> Vec<Vector> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/hostile")
        .join(file);
    let text = std::fs::read_to_string(path).expect("the vectors are there");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a vector"))
        .collect()
}

impl Vector {
    fn is_for(&self, mode: Mode) -> bool {
        match self.mode.as_deref() {
            Some("proxy") => mode == Mode::Proxy,
            Some("tunnel") => mode == Mode::Tunnel,
            _ => true,
        }
    }

    /// The octets, with the place-holders filled in.
    fn octets(&self, encoded: &str, base: &str, host: &str) -> Vec<u8> {
        let mut octets = STANDARD.decode(encoded).expect("base64");
        let fill = self
            .fill
            .as_ref()
            .map(|(text, count)| text.repeat(*count))
            .unwrap_or_default();
        for (holder, text) in [("@@BASE@@", base), ("@@HOST@@", host), ("@@FILL@@", &fill)] {
            octets = replaced(&octets, holder.as_bytes(), text.as_bytes());
        }
        octets
    }
}

fn replaced(octets: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut done = Vec::new();
    let mut rest = octets;
    while let Some(at) = memchr::memmem::find(rest, from) {
        done.extend_from_slice(&rest[..at]);
        done.extend_from_slice(to);
        rest = &rest[at + from.len()..];
    }
    done.extend_from_slice(rest);
    done
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_requests_are_passed_on_exactly_or_not_at_all() {
    run("h1_requests.jsonl", request).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_responses_are_passed_on_exactly_or_not_at_all() {
    run("h1_responses.jsonl", response).await;
}

/// Runs all vectors of a file, some at a time, and lists everything that went wrong.
async fn run<F, Fut>(file: &str, judge: F)
where
    F: Fn(Vector, Mode) -> Fut + Copy + Send + 'static,
    Fut: Future<Output = Result<(), String>> + Send + 'static,
{
    let permits = Arc::new(tokio::sync::Semaphore::new(8));
    let mut running = JoinSet::new();
    for vector in vectors(file) {
        for mode in [Mode::Proxy, Mode::Tunnel] {
            if !vector.is_for(mode) {
                continue;
            }
            let (vector, permits) = (vector.clone(), Arc::clone(&permits));
            running.spawn(async move {
                let _permit = permits.acquire_owned().await;
                let id = vector.id.clone();
                judge(vector, mode)
                    .await
                    .map_err(|wrong| format!("{id} ({mode:?}): {wrong}"))
            });
        }
    }
    let mut wrong: Vec<String> = running
        .join_all()
        .await
        .into_iter()
        .filter_map(Result::err)
        .collect();
    wrong.sort();
    assert!(
        wrong.is_empty(),
        "{} are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// What the server has received, connection by connection.
type Received = Arc<Mutex<Vec<Vec<u8>>>>;

/// Takes connections, and answers every complete request with what `answer` says of its number.
fn serve(
    scene: &Arc<Scene>,
    mode: Mode,
    answer: impl Fn(usize, &mut End) -> Option<Vec<u8>> + Clone + Send + 'static,
) -> (Received, JoinHandle<()>) {
    let received = Received::default();
    let (scene, all) = (Arc::clone(scene), Arc::clone(&received));
    let serving = tokio::spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let mut end = match mode {
                Mode::Proxy => scene.server().await,
                Mode::Tunnel => scene.tls_server().await,
            };
            let place = {
                let mut all = all.lock().unwrap();
                all.push(Vec::new());
                all.len() - 1
            };
            let (all, answer) = (Arc::clone(&all), answer.clone());
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
                        number += 1;
                    }
                }
            });
        }
    });
    (received, serving)
}

async fn client(scene: &Scene, mode: Mode) -> End {
    match mode {
        Mode::Proxy => scene.client().await,
        Mode::Tunnel => scene.tls_client().await,
    }
}

async fn request(vector: Vector, mode: Mode) -> Result<(), String> {
    let scene = Arc::new(Scene::set().await);
    let host = scene.authority();
    let base = if mode == Mode::Proxy {
        format!("http://{host}")
    } else {
        String::new()
    };
    let sent = vector.octets(&vector.bytes_b64, &base, &host);
    let plain = |_, _: &mut End| Some(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec());
    let (received, serving) = serve(&scene, mode, plain);
    let mut client = client(&scene, mode).await;
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
    serving.abort();
    let far = received.lock().unwrap().clone();
    let exact = vector.octets(&vector.bytes_b64, "", &host);
    vector.judge_request(&far, &exact, &answers(client.read()), closed)
}

impl Vector {
    fn judge_request(
        &self,
        far: &[Vec<u8>],
        exact: &[u8],
        back: &[u16],
        closed: bool,
    ) -> Result<(), String> {
        let mut complete = Vec::new();
        for connection in far {
            let mut rest = connection.as_slice();
            loop {
                match strict::request(rest) {
                    Read::Complete(message) => {
                        rest = &rest[message.length..];
                        complete.push(message);
                    }
                    Read::Malformed(why) => return Err(format!("malformed at the server: {why}")),
                    Read::Partial if rest.is_empty() || self.is_about_content() => break,
                    Read::Partial => return Err("part of a head arrived".to_owned()),
                }
            }
        }
        let all = far.concat();
        let lower = all.to_ascii_lowercase();
        if let Some(text) = self
            .forbid
            .iter()
            .find(|text| memchr::memmem::find(&lower, text.to_lowercase().as_bytes()).is_some())
        {
            return Err(format!("`{text}` arrived"));
        }
        if !self.allow_smug
            && complete
                .iter()
                .any(|message| message.start_line.contains(" /smuggled "))
        {
            return Err("a smuggled request arrived".to_owned());
        }
        let wanted = self.n.unwrap_or(1);
        let is_refused = closed || back.last().is_some_and(|status| *status >= 400);
        match self.expect.as_str() {
            "forward" if all != without_empty_lines(exact) => {
                Err(format!("not exact: {:?}", String::from_utf8_lossy(&all)))
            }
            "forward" if back != vec![200; wanted] => Err(format!("answered {back:?}")),
            "reject" | "close" if !complete.is_empty() => Err("it arrived complete".to_owned()),
            "reject" | "close" if !is_refused => Err(format!("not refused: {back:?}")),
            "forward-or-reject" if complete.len() > self.nmax.unwrap_or(wanted) => {
                Err(format!("{} arrived", complete.len()))
            }
            "forward-or-reject" if complete.is_empty() && !is_refused => Err("silence".to_owned()),
            _ => Ok(()),
        }
    }

    fn is_about_content(&self) -> bool {
        self.phase.as_deref() == Some("body")
    }
}

/// Empty lines before a request line are not passed on.
fn without_empty_lines(octets: &[u8]) -> Vec<u8> {
    let start = octets
        .iter()
        .take_while(|octet| matches!(octet, b'\r' | b'\n'))
        .count();
    replaced(&octets[start..], b"\r\n\r\n\r\nGET", b"\r\n\r\nGET")
}

/// The statuses of the complete answers at the front of some octets.
fn answers(octets: &[u8]) -> Vec<u16> {
    let (mut statuses, mut rest) = (Vec::new(), octets);
    while let Read::Complete(message) = strict::response(rest, "GET", false) {
        rest = &rest[message.length..];
        statuses.push(strict::status(&message.start_line).unwrap());
    }
    statuses
}

async fn response(vector: Vector, mode: Mode) -> Result<(), String> {
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
    let (_received, serving) = serve(&scene, mode, sends);
    let mut client = client(&scene, mode).await;
    client.sends(&request).await;
    let to = vector.method.as_deref().unwrap_or("GET");
    let mut closed = false;
    while !closed && final_answer(client.read(), to, false).is_none() {
        closed = !client.reads_more(DUE).await;
    }
    let back = client.read().to_vec();
    if vector.probe && !closed {
        client.tries_to_send(&request).await;
        while client.reads_more(SILENCE).await {}
        let rest = &client.read()[back.len()..];
        if !(rest.is_empty() || rest == PROBED) {
            return Err(format!(
                "a second request got {:?}",
                String::from_utf8_lossy(rest)
            ));
        }
    }
    serving.abort();
    vector.judge_response(&answer, &back, to, closed)
}

/// What a second request on a connection is answered.
const PROBED: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nprobed";

impl Vector {
    fn judge_response(
        &self,
        answer: &[u8],
        back: &[u8],
        to: &str,
        closed: bool,
    ) -> Result<(), String> {
        let ours = back.starts_with(b"HTTP/1.1 502 Bad Gateway\r\n") || has_own_ending(back);
        let complete = final_answer(back, to, closed);
        let exact = final_answer(answer, to, true).map(|length| &answer[..length]);
        let shown = || String::from_utf8_lossy(back).into_owned();
        if let Some(length) = complete
            && length < back.len()
        {
            return Err(format!("more than one answer: {:?}", shown()));
        }
        match self.expect.as_str() {
            "forward" if Some(back) != exact => Err(format!("not exact: {:?}", shown())),
            "reject" | "close" if complete.is_some() && !ours => {
                Err(format!("it arrived complete: {:?}", shown()))
            }
            "reject" | "close" if !ours && !closed => Err("neither refused nor closed".to_owned()),
            "forward-or-reject" if Some(back) != exact && !ours && !closed => {
                Err(format!("neither exact nor refused: {:?}", shown()))
            }
            _ => Ok(()),
        }
    }
}

/// Whether interim answers are followed by a refusal of the proxy's own.
fn has_own_ending(back: &[u8]) -> bool {
    memchr::memmem::find(back, b"\r\n\r\nHTTP/1.1 502 Bad Gateway\r\n").is_some()
}

/// How long the interim answers and the final one at the front of some octets are, once the final
/// one is complete.
fn final_answer(octets: &[u8], to: &str, closed: bool) -> Option<usize> {
    let mut at = 0;
    loop {
        let Read::Complete(message) = strict::response(&octets[at..], to, closed) else {
            return None;
        };
        at += message.length;
        let status = strict::status(&message.start_line)?;
        if status >= 200 || status == 101 {
            return Some(at);
        }
    }
}
