//! `kill -9` at any moment: what was shown is kept, and there is a whole CA or none.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use corstap::ca::{DevCa, HostList};
use serde_json::Value;

use super::running::{PATIENCE, Running, assert_sound, server, times};
use super::{corstap, stderr, stdout};

#[test]
fn what_was_shown_survives_kill_9() {
    let home = tempfile::tempdir().expect("a directory");
    let server = server();
    let rounds = times(20, 500);
    for round in 0..rounds {
        let mut running = Running::start(home.path(), &format!("killed-{round}"));
        let address = running.address;
        let is_over = AtomicBool::new(false);
        let shown = thread::scope(|scope| {
            for client in 0..4 {
                let is_over = &is_over;
                scope.spawn(move || keep_asking(address, server, client, is_over));
            }
            let shown = shown_until_killed(&mut running, 1 + 17 * round % 150);
            is_over.store(true, Ordering::Relaxed);
            shown
        });
        let kept = listed(home.path(), &running.capture);
        assert!(
            shown.is_subset(&kept),
            "lost: {:?}",
            shown.difference(&kept)
        );
        assert_sound(&running.capture);
        std::fs::remove_file(&running.capture).expect("removed");
    }
}

/// One request after the other, until nobody answers.
fn keep_asking(proxy: SocketAddr, server: SocketAddr, client: usize, is_over: &AtomicBool) {
    for number in 0.. {
        let Ok(mut stream) = TcpStream::connect(proxy) else {
            return;
        };
        let request = format!(
            "GET http://{server}/{client}/{number} HTTP/1.1\r\nHost: {server}\r\nOrigin: https://app.test\r\n\
             Connection: close\r\n\r\n"
        );
        let sent = stream.write_all(request.as_bytes());
        let _ = stream.read_to_end(&mut Vec::new());
        if sent.is_err() || is_over.load(Ordering::Relaxed) {
            return;
        }
    }
}

/// The exchanges that were shown when the proxy was killed, after so many lines.
fn shown_until_killed(running: &mut Running, lines: usize) -> BTreeSet<u64> {
    let mut shown: BTreeSet<u64> = (0..lines)
        .map(|_| running.next()["id"].as_u64().expect("an id"))
        .collect();
    running.kill();
    // What stood in the pipe was shown too; the last line may be cut.
    while let Ok(line) = running.lines.recv() {
        let record = serde_json::from_str::<Value>(&line).ok();
        shown.extend(record.and_then(|record| record["id"].as_u64()));
    }
    shown
}

/// The exchanges that a capture lists.
fn listed(home: &Path, capture: &Path) -> BTreeSet<u64> {
    let mut command = corstap(home);
    command.args(["log", "--json", "--capture"]).arg(capture);
    let output = command.output().expect("run");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let id = |line: &str| serde_json::from_str::<Value>(line).expect("JSON")["id"].as_u64();
    stdout(&output)
        .lines()
        .map(|line| id(line).expect("an id"))
        .collect()
}

#[test]
fn a_log_that_was_cut_short_opens_with_what_came_before() {
    let home = tempfile::tempdir().expect("a directory");
    let server = server();
    let mut running = Running::start(home.path(), "cut");
    for number in 0..8 {
        super::running::fetch(running.address, server, &number.to_string());
    }
    running.logs(8);
    running.kill();
    let log = home.path().join("cut.corstap-wal");
    let whole = std::fs::read(&log).expect("a log");
    let (parts, mut last) = (times(16, 256), 0);
    for part in 0..=parts {
        let cut = home.path().join(format!("part-{part}.corstap"));
        std::fs::copy(&running.capture, &cut).expect("copied");
        let of_cut = home.path().join(format!("part-{part}.corstap-wal"));
        let octets = whole.len() * part / parts;
        std::fs::write(of_cut, &whole[..octets]).expect("written");
        let kept = listed(home.path(), &cut).len();
        assert!(kept >= last, "{kept} in {octets} octets, {last} in fewer");
        assert_sound(&cut);
        last = kept;
    }
    assert_eq!(last, 8);
}

/// A start that is not waited for.
fn first_start(home: &Path, dir: &Path) -> (Child, Receiver<()>) {
    let mut command = corstap(home);
    command
        .args(["run", "--listen", "127.0.0.1:0", "--ca-dir"])
        .arg(dir);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("run");
    let mut out = child.stdout.take().expect("piped");
    let (tell, told) = channel();
    thread::spawn(move || {
        if out.read(&mut [0; 1]).is_ok_and(|octets| octets > 0) {
            let _ = tell.send(());
        }
        // Until it ends it may go on talking.
        let _ = out.read_to_end(&mut Vec::new());
    });
    (child, told)
}

fn end(mut child: Child) {
    child.kill().expect("killed");
    child.wait().expect("ended");
}

#[test]
fn a_first_start_that_is_killed_leaves_a_whole_ca_or_none() {
    let home = tempfile::tempdir().expect("a directory");
    let (child, told) = first_start(home.path(), &home.path().join("whole"));
    let started = Instant::now();
    told.recv_timeout(PATIENCE).expect("a greeting");
    let whole = started.elapsed();
    end(child);
    let rounds = u32::try_from(times(20, 200)).expect("few");
    for round in 0..rounds {
        let dir = home.path().join(format!("killed-{round}"));
        let (child, told) = first_start(home.path(), &dir);
        let moment: Duration = whole * round / rounds;
        let _ = told.recv_timeout(moment);
        end(child);
        let left = DevCa::find(&dir).expect("a whole one, or none");
        let (child, told) = first_start(home.path(), &dir);
        told.recv_timeout(PATIENCE).expect("a greeting");
        end(child);
        let found = DevCa::open(&dir, &HostList::development(), "me").expect("loaded");
        assert!(!found.is_new, "the second start has left one");
        assert!(left.is_none_or(|left| left.ca.fingerprint() == found.ca.fingerprint()));
        let certificate = std::fs::read_to_string(&found.certificate_file).expect("there");
        assert_eq!(certificate, found.ca.certificate_pem());
    }
}
