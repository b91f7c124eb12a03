//! Disks that are full, or that cannot be written to: the proxying goes on.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rustix::process::{Resource, Rlimit, prlimit};

use super::running::{PATIENCE, Running, assert_sound, fetch, server};
use super::{corstap, stderr, stdout};

/// A proxy that is not killed for a file that grows too large.
fn start(home: &Path, name: &str) -> Running {
    let capture = home.join(format!("{name}.corstap"));
    let program = corstap(home);
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"])
        .arg(program.get_program())
        .args([
            "run",
            "--json",
            "--listen",
            "127.0.0.1:0",
            "--dashboard",
            "off",
            "--capture",
        ])
        .arg(&capture)
        .env_clear()
        .envs(
            program
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
    Running::of(&mut command, capture)
}

/// How large the files of the proxy may become.
fn limit(running: &Running, octets: Option<u64>) {
    let limit = Rlimit {
        current: octets,
        maximum: None,
    };
    prlimit(Some(running.pid()), Resource::Fsize, limit).expect("set");
}

fn length(path: &Path, end: &str) -> u64 {
    let mut file = path.as_os_str().to_owned();
    file.push(end);
    fs::metadata(file).map_or(0, |file| file.len())
}

fn log(home: &Path, capture: &Path) -> Output {
    let mut command = corstap(home);
    command.args(["log", "--json", "--capture"]).arg(capture);
    command.output().expect("run")
}

#[test]
fn what_a_full_disk_did_not_take_is_written_when_there_is_room_again() {
    let home = tempfile::tempdir().expect("a directory");
    let server = server();
    let running = start(home.path(), "full");
    fetch(running.address, server, "first");
    running.logs(1);
    limit(&running, Some(length(&running.capture, "-wal") + 4096));
    for number in 0..50 {
        assert!(fetch(running.address, server, &number.to_string()).ends_with("ok"));
    }
    while !running.told().contains("the capture cannot be written") {
        std::thread::yield_now();
    }
    limit(&running, None);
    let asked = Instant::now();
    while stdout(&log(home.path(), &running.capture)).lines().count() < 51 {
        assert!(asked.elapsed() < PATIENCE, "some are missing");
    }
    assert_sound(&running.capture);
}

#[test]
fn a_disk_that_stays_full_costs_the_recording_and_says_how_much() {
    let home = tempfile::tempdir().expect("a directory");
    let server = server();
    let mut running = start(home.path(), "full");
    fetch(running.address, server, "first");
    running.logs(1);
    limit(&running, Some(length(&running.capture, "-wal") + 4096));
    for number in 0..50 {
        assert!(fetch(running.address, server, &number.to_string()).ends_with("ok"));
    }
    rustix::process::kill_process(running.pid(), rustix::process::Signal::TERM).expect("told");
    assert_eq!(running.child.wait().expect("ended").code(), Some(0));
    while !running.told().contains("missing in the capture") {
        std::thread::yield_now();
    }
    let told = running.told();
    assert!(told.contains("exchanges=") && told.len() < 4096, "{told}");
    let listed = log(home.path(), &running.capture);
    assert_eq!(listed.status.code(), Some(0), "{}", stderr(&listed));
    assert_sound(&running.capture);
}

#[test]
fn a_capture_that_somebody_else_has_locked_is_written_later_and_not_waited_for_in_the_end() {
    let home = tempfile::tempdir().expect("a directory");
    let server = server();
    let mut running = Running::start(home.path(), "locked");
    let other = Connection::open(&running.capture).expect("opened");
    let lock = || other.execute_batch("BEGIN IMMEDIATE").expect("locked");
    fetch(running.address, server, "first");
    running.logs(1);
    lock();
    assert!(fetch(running.address, server, "meanwhile").ends_with("ok"));
    while !running.told().contains("the capture cannot be written") {
        std::thread::yield_now();
    }
    other.execute_batch("ROLLBACK").expect("let go");
    while running.next()["id"] != 2 {}
    lock();
    assert!(fetch(running.address, server, "never").ends_with("ok"));
    let told = Instant::now();
    rustix::process::kill_process(running.pid(), rustix::process::Signal::TERM).expect("told");
    assert_eq!(running.child.wait().expect("ended").code(), Some(0));
    let took = told.elapsed();
    assert!(took < Duration::from_secs(4), "it waited {took:?}");
    drop(other);
    let listed = stdout(&log(home.path(), &running.capture));
    assert_eq!(listed.lines().count(), 2, "{listed}");
    assert_sound(&running.capture);
}

/// Somebody to whom modes of files apply, which they do not to root.
fn anybody(home: &Path, arguments: &[&OsStr]) -> Output {
    const NOBODY: u32 = 65534;
    let mut command = corstap(home);
    command.args(arguments);
    if rustix::process::geteuid().is_root() {
        for path in [home.to_owned(), home.join("shelf")] {
            chown(path, Some(NOBODY), Some(NOBODY)).expect("given away");
        }
        for entry in fs::read_dir(home.join("shelf")).expect("there") {
            chown(entry.expect("one").path(), Some(NOBODY), Some(NOBODY)).expect("given away");
        }
        command.uid(NOBODY).gid(NOBODY);
    }
    command.output().expect("run")
}

fn set_mode(dir: &Path, mode: u32) {
    fs::set_permissions(dir, fs::Permissions::from_mode(mode)).expect("set");
}

#[test]
fn a_capture_can_be_read_where_nothing_can_be_written() {
    let home = tempfile::tempdir().expect("a directory");
    let shelf = home.path().join("shelf");
    fs::create_dir(&shelf).expect("made");
    let server = server();
    for name in ["ended", "killed"] {
        let mut running = Running::start(home.path(), name);
        fetch(running.address, server, "a");
        running.logs(1);
        if name == "ended" {
            let pid = running.pid();
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("told");
            running.child.wait().expect("ended");
        }
        running.kill();
        for end in ["", "-wal", "-shm"] {
            let file = format!("{name}.corstap{end}");
            let _ = fs::copy(home.path().join(&file), shelf.join(&file));
        }
    }
    for name in ["ended", "killed"] {
        set_mode(&shelf, 0o555);
        let capture = shelf.join(format!("{name}.corstap"));
        let arguments = ["log".as_ref(), "--json".as_ref(), "--capture".as_ref()];
        let arguments = [&arguments[..], &[capture.as_os_str()]].concat();
        let listed = anybody(home.path(), &arguments);
        set_mode(&shelf, 0o755);
        assert_eq!(
            stdout(&listed).lines().count(),
            1,
            "{name}: {}",
            stderr(&listed)
        );
    }
}

#[test]
fn a_capture_that_cannot_be_made_is_an_error_of_one_line() {
    let home = tempfile::tempdir().expect("a directory");
    let shelf = home.path().join("shelf");
    fs::create_dir(&shelf).expect("made");
    set_mode(&shelf, 0o555);
    let capture = shelf.join("new.corstap");
    let arguments = ["run", "--listen", "127.0.0.1:0", "--capture"].map(OsStr::new);
    let run = anybody(
        home.path(),
        &[&arguments[..], &[capture.as_os_str()]].concat(),
    );
    set_mode(&shelf, 0o755);
    assert_eq!(run.status.code(), Some(2));
    let told = stderr(&run);
    assert!(
        told.lines().count() == 1 && told.contains("new.corstap") && told.contains("denied"),
        "{told}"
    );
}
