//! `corstap run` as a process: its log, its capture, its end.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{corstap, stderr, stdout};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running proxy whose live log is JSON.
struct Running {
    child: Child,
    address: SocketAddr,
    lines: Receiver<String>,
    capture: PathBuf,
}

impl Running {
    fn start(home: &Path, name: &str) -> Self {
        let capture = home.join(format!("{name}.corstap"));
        let mut command = corstap(home);
        command
            .args(["run", "--json", "--listen", "127.0.0.1:0", "--capture"])
            .arg(&capture);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("run");
        let mut greeting = BufReader::new(child.stderr.take().expect("piped"));
        let mut first = String::new();
        greeting.read_line(&mut first).expect("a greeting");
        let address = first
            .split(' ')
            .find_map(|word| word.parse().ok())
            .expect("an address");
        thread::spawn(move || greeting.read_to_end(&mut Vec::new()));
        let (tell, lines) = channel();
        let out = BufReader::new(child.stdout.take().expect("piped"));
        thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let _ = tell.send(line);
            }
        });
        Self {
            child,
            address,
            lines,
            capture,
        }
    }

    fn next(&self) -> Value {
        let line = self
            .lines
            .recv_timeout(PATIENCE)
            .expect("something is logged");
        serde_json::from_str(&line).expect("JSON")
    }

    fn end(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server that answers every request with 200, and says nothing of CORS.
fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = listener.local_addr().expect("bound");
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || answer(stream));
        }
    });
    address
}

fn answer(mut stream: TcpStream) {
    let mut buffer = [0; 4096];
    while stream.read(&mut buffer).is_ok_and(|octets| octets > 0) {
        if stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            .is_err()
        {
            return;
        }
    }
}

fn fetch(proxy: SocketAddr, server: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(proxy).expect("the proxy listens");
    let request = format!(
        "GET http://{server}/{path} HTTP/1.1\r\nHost: {server}\r\nOrigin: https://app.test\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("written");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("read");
    response
}

#[test]
fn an_exchange_is_logged_listed_and_shown() {
    let home = tempfile::tempdir().expect("a directory");
    let running = Running::start(home.path(), "one");
    let server = server();
    assert!(fetch(running.address, server, "a?token=hunter2").ends_with("ok"));
    let logged = running.next();
    assert_eq!(logged["verdict"]["cause"], "allow-origin-missing");
    assert_eq!(logged["capture"], "one");
    let capture = running.capture.clone();
    let ask = |arguments: &[&str]| {
        let output = corstap(home.path())
            .args(arguments)
            .arg("--capture")
            .arg(&capture)
            .output()
            .expect("run");
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        stdout(&output)
    };
    assert_eq!(
        serde_json::from_str::<Value>(&ask(&["log", "--json"])).expect("JSON"),
        logged
    );
    assert_eq!(
        serde_json::from_str::<Value>(&ask(&["show", "1", "--json"])).expect("JSON"),
        logged
    );
    let line = ask(&["log", "--failed"]);
    assert!(
        line.contains("#1 blocked   GET") && line.contains("allow-origin-missing"),
        "{line}"
    );
    assert!(
        line.contains("has no Access-Control-Allow-Origin (status 200)")
            && line.contains("→ On the server"),
        "{line}"
    );
    let full = ask(&["show", "1"]);
    assert!(
        full.contains("CORSMissingAllowOrigin")
            && full.contains("origin-not-allowed")
            && full.contains("no-cors-config (likely; see #1)"),
        "{full}"
    );
    assert!(!full.contains("hunter2"));
    running.end();
}

#[test]
fn a_log_can_be_followed_while_it_is_written() {
    let home = tempfile::tempdir().expect("a directory");
    let running = Running::start(home.path(), "followed");
    let server = server();
    let mut follower = corstap(home.path());
    follower
        .args(["log", "--follow", "--json", "--capture"])
        .arg(&running.capture);
    let mut follower = follower.stdout(Stdio::piped()).spawn().expect("run");
    let mut lines = BufReader::new(follower.stdout.take().expect("piped")).lines();
    for path in ["a", "b"] {
        fetch(running.address, server, path);
        // What comes later may tell more of what was before, which is then told again.
        let record = loop {
            let line = lines.next().expect("a line").expect("read");
            let record: Value = serde_json::from_str(&line).expect("JSON");
            if record["rev"] == 1 {
                break record;
            }
        };
        assert_eq!(record["request"]["url"], format!("http://{server}/{path}"));
    }
    follower.kill().expect("killed");
    follower.wait().expect("ended");
    running.end();
}

#[test]
fn what_was_shown_survives_kill_9() {
    let home = tempfile::tempdir().expect("a directory");
    let server = server();
    for round in 0..5 {
        let mut running = Running::start(home.path(), &format!("killed-{round}"));
        let address = running.address;
        let load: Vec<_> = (0..4)
            .map(|client| {
                thread::spawn(move || {
                    for number in 0..500 {
                        let Ok(mut stream) = TcpStream::connect(address) else { return };
                        let request = format!("GET http://{server}/{client}/{number} HTTP/1.1\r\nHost: {server}\r\nOrigin: https://app.test\r\nConnection: close\r\n\r\n");
                        if stream.write_all(request.as_bytes()).is_err() {
                            return;
                        }
                        let _ = stream.read_to_end(&mut Vec::new());
                    }
                })
            })
            .collect();
        let mut shown: BTreeSet<u64> = (0..40 * (round + 1))
            .map(|_| running.next()["id"].as_u64().expect("an id"))
            .collect();
        running.child.kill().expect("killed");
        running.child.wait().expect("ended");
        // What stood in the pipe was shown too; the last line may be cut.
        while let Ok(line) = running.lines.recv() {
            shown.extend(
                serde_json::from_str::<Value>(&line)
                    .ok()
                    .and_then(|record| record["id"].as_u64()),
            );
        }
        for client in load {
            client.join().expect("no panic");
        }
        let output = corstap(home.path())
            .args(["log", "--json", "--capture"])
            .arg(&running.capture)
            .output();
        let output = output.expect("run");
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let kept: BTreeSet<u64> = stdout(&output)
            .lines()
            .map(|line| {
                serde_json::from_str::<Value>(line).expect("JSON")["id"]
                    .as_u64()
                    .expect("an id")
            })
            .collect();
        assert!(
            shown.is_subset(&kept),
            "lost: {:?}",
            shown.difference(&kept)
        );
    }
}

#[test]
fn it_ends_at_once_when_it_is_told_to() {
    let home = tempfile::tempdir().expect("a directory");
    let mut running = Running::start(home.path(), "ended");
    let _idle = TcpStream::connect(running.address).expect("the proxy listens");
    let pid = rustix::process::Pid::from_child(&running.child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("told");
    let asked = Instant::now();
    while running.child.try_wait().expect("ours").is_none() {
        assert!(asked.elapsed() < PATIENCE, "it does not end");
        thread::yield_now();
    }
    assert_eq!(running.child.wait().expect("ended").code(), Some(0));
    let output = corstap(home.path())
        .arg("log")
        .arg("--capture")
        .arg(&running.capture)
        .output()
        .expect("run");
    assert_eq!(stdout(&output), "");
    let told = stderr(&output);
    assert!(
        told.contains("nothing to list in") && told.contains("ended.corstap"),
        "{told}"
    );
}

#[test]
fn it_ends_although_nobody_reads_what_it_says() {
    let home = tempfile::tempdir().expect("a directory");
    let mut command = corstap(home.path());
    command.args(["run", "--json", "--listen", "127.0.0.1:0"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("run");
    let mut greeting = BufReader::new(child.stderr.take().expect("piped"));
    let mut first = String::new();
    greeting.read_line(&mut first).expect("a greeting");
    let address = first.split(' ').find_map(|word| word.parse().ok());
    let address = address.expect("an address");
    thread::spawn(move || greeting.read_to_end(&mut Vec::new()));
    let server = server();
    // More than fits into a pipe.
    for number in 0..80 {
        assert!(fetch(address, server, &number.to_string()).ends_with("ok"));
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("told");
    let asked = Instant::now();
    while child.try_wait().expect("ours").is_none() {
        assert!(asked.elapsed() < PATIENCE, "it does not end");
        thread::yield_now();
    }
    assert_eq!(child.wait().expect("ended").code(), Some(0));
}

#[test]
fn a_port_that_is_taken_is_an_error_that_says_what_to_do() {
    let home = tempfile::tempdir().expect("a directory");
    let taken = TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = taken.local_addr().expect("bound").to_string();
    let output = corstap(home.path())
        .args(["run", "--listen", &address])
        .output()
        .expect("run");
    assert_eq!(output.status.code(), Some(2));
    let told = stderr(&output);
    assert!(
        told.contains(&format!("cannot listen on {address}: "))
            && told.contains("is another corstap running?"),
        "{told}"
    );
}

#[test]
fn an_option_that_does_not_exist_is_an_error() {
    let home = tempfile::tempdir().expect("a directory");
    let output = corstap(home.path())
        .args(["run", "--disable-cors"])
        .output()
        .expect("run");
    assert_eq!(output.status.code(), Some(2));
    let output = corstap(home.path())
        .args(["run", "--resolve", "a.test:127.0.0.1"])
        .output()
        .expect("run");
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("is not HOST:PORT:ADDR"),
        "{}",
        stderr(&output)
    );
}
