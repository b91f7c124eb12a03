//! Captures as things: listed, thinned out, kept within their size.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::running::{PATIENCE, Running, fetch, server};
use super::{corstap, stderr, stdout};

/// Where captures go by themselves.
fn shelf(home: &Path) -> PathBuf {
    home.join(".local/state/corstap/captures")
}

/// A run that records where captures go by themselves.
fn run(home: &Path, more: &[&str]) -> Running {
    let mut command = corstap(home);
    command.args(["run", "--json", "--listen", "127.0.0.1:0"]);
    Running::of(command.args(more), PathBuf::new())
}

/// A run that has recorded one failure, and is over.
fn recorded(home: &Path, more: &[&str]) {
    let mut running = run(home, more);
    fetch(running.address, server(), "one");
    running.logs(1);
    rustix::process::kill_process(running.pid(), rustix::process::Signal::TERM).expect("told");
    running.child.wait().expect("ended");
}

fn captures(home: &Path, more: &[&str]) -> Vec<Value> {
    let mut command = corstap(home);
    let output = command.args(["captures", "--json"]).args(more).output();
    let output = output.expect("run");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let lines = stdout(&output);
    let parsed = lines.lines().map(serde_json::from_str);
    parsed.collect::<Result<_, _>>().expect("JSON")
}

#[test]
fn captures_are_listed_with_what_is_in_them_and_whether_they_are_written() {
    let home = tempfile::tempdir().expect("a directory");
    recorded(home.path(), &[]);
    let running = run(home.path(), &["--values", "all"]);
    fetch(running.address, server(), "one");
    running.logs(1);
    let all = captures(home.path(), &[]);
    assert_eq!(all.len(), 2);
    let (newest, older) = (&all[0], &all[1]);
    assert_eq!(
        (&newest["in_use"], &older["in_use"]),
        (&true.into(), &false.into())
    );
    assert_eq!(newest["all_values"], true);
    assert_eq!(older["exchanges"], 1);
    assert_eq!(older["failed"], 1);
    assert!(older["octets"].as_u64() > Some(1024) && older["started"].is_string());
    let output = corstap(home.path()).arg("captures").output().expect("run");
    let told = stdout(&output);
    let (first, second) = told.trim_end().split_once('\n').expect("two lines");
    assert!(
        first.ends_with("1 exchanges, 1 failed, ALL values, in use"),
        "{told}"
    );
    assert!(second.ends_with("1 exchanges, 1 failed"), "{told}");
}

#[test]
fn pruning_keeps_the_newest_and_what_is_written() {
    let home = tempfile::tempdir().expect("a directory");
    let mut running = run(home.path(), &[]);
    fetch(running.address, server(), "one");
    running.logs(1);
    for _ in 0..2 {
        recorded(home.path(), &[]);
    }
    let before = captures(home.path(), &[]);
    let removed = captures(home.path(), &["prune", "--keep", "1"]);
    assert_eq!(removed.len(), 1);
    assert_eq!(removed[0]["removed"], before[1]["path"]);
    let left = captures(home.path(), &[]);
    assert_eq!(left, [before[0].clone(), before[2].clone()]);
    assert_eq!(left[1]["in_use"], true);
    running.kill();
    assert_eq!(captures(home.path(), &["prune", "--keep", "0"]).len(), 2);
    assert_eq!(fs::read_dir(shelf(home.path())).expect("there").count(), 0);
}

#[test]
fn a_run_removes_what_is_too_old_and_one_elsewhere_removes_nothing() {
    let home = tempfile::tempdir().expect("a directory");
    for _ in 0..2 {
        recorded(home.path(), &["--keep", "all"]);
    }
    let elsewhere = home.path().join("elsewhere.corstap");
    recorded(
        home.path(),
        &[
            "--keep",
            "0",
            "--capture",
            elsewhere.to_str().expect("text"),
        ],
    );
    let before = captures(home.path(), &[]);
    assert_eq!(before.len(), 2);
    recorded(home.path(), &["--keep", "1"]);
    let after = captures(home.path(), &[]);
    assert_eq!(after.len(), 2);
    assert_eq!(after[1], before[0]);
}

#[test]
fn a_capture_keeps_its_size_and_says_once_that_it_is_full() {
    let home = tempfile::tempdir().expect("a directory");
    let capture = home.path().join("full.corstap");
    let mut command = corstap(home.path());
    command
        .args([
            "run",
            "--json",
            "--listen",
            "127.0.0.1:0",
            "--max-capture",
            "16M",
            "--capture",
        ])
        .arg(&capture);
    let running = Running::of(&mut command, capture.clone());
    let server = server();
    // Names stay, and fill the file faster than the network would, if no two heads are the same.
    let fields = |head: usize| -> String {
        let name = |number| format!("{}{number}-{head}: \r\n", "x-name-".repeat(7));
        (0..90).map(name).collect()
    };
    let asked = std::time::Instant::now();
    let mut sent = 0;
    while !running.told().contains("The capture is full") {
        assert!(asked.elapsed() < 6 * PATIENCE, "not full after {sent}");
        big(running.address, server, &fields(sent));
        sent += 1;
    }
    for more in 0..100 {
        big(running.address, server, &fields(sent + more));
    }
    let octets = |end: &str| {
        let mut path = capture.as_os_str().to_owned();
        path.push(end);
        fs::metadata(path).map_or(0, |file| file.len())
    };
    let all = octets("") + octets("-wal") + octets("-shm");
    assert!(all <= 16 << 20, "{all} octets");
    assert_eq!(running.told().matches("The capture is full").count(), 1);
    let mut command = corstap(home.path());
    command
        .args(["log", "--last", "1", "--capture"])
        .arg(&capture);
    assert!(stdout(&command.output().expect("run")).contains('#'));
}

/// A request with fields of so many octets, on a connection of its own.
fn big(proxy: std::net::SocketAddr, server: std::net::SocketAddr, fields: &str) {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(proxy).expect("the proxy listens");
    let head = format!("GET http://{server}/ HTTP/1.1\r\nHost: {server}\r\n{fields}\r\n");
    stream.write_all(head.as_bytes()).expect("written");
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).expect("answered");
    assert_eq!(&answer, b"HTTP/1.1 200");
}

#[test]
fn a_size_that_is_too_small_is_refused_with_the_least() {
    let home = tempfile::tempdir().expect("a directory");
    let mut command = corstap(home.path());
    let output = command
        .args(["run", "--max-capture", "1M", "--listen", "127.0.0.1:0"])
        .output();
    let output = output.expect("run");
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("--max-capture 16M is the least"),
        "{}",
        stderr(&output)
    );
}
