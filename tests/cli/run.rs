//! `corstap run` as a process: its log, its capture, its end.

use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::thread;
use std::time::Instant;

use serde_json::Value;

use super::running::{PATIENCE, Running, fetch, server};
use super::{corstap, stderr, stdout};

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
