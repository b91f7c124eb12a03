//! `corstap report` as it is typed.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::corstap;
use crate::running::{Running, fetch, server};

/// A capture with failures at two servers, and what `more` makes of the proxy.
fn capture(home: &Path, more: &[&str]) -> Running {
    let capture = home.join("some.corstap");
    let mut command = corstap(home);
    command
        .args(["run", "--json", "--listen", "127.0.0.1:0"])
        .args(more)
        .arg("--capture")
        .arg(&capture);
    let running = Running::of(&mut command, capture);
    let (one, other) = (server(), server());
    for path in ["a", "b?token=hunter2", "c"] {
        fetch(running.address, one, path);
    }
    fetch(running.address, other, "d");
    running.logs(4);
    running
}

fn report(home: &Path, running: &Running, more: &[&str]) -> Output {
    let mut command = corstap(home);
    command
        .arg("report")
        .args(more)
        .arg("--capture")
        .arg(&running.capture);
    command.output().expect("run")
}

fn json(home: &Path, running: &Running, more: &[&str]) -> Value {
    let output = report(home, running, &[&["--format", "json"], more].concat());
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn counts(paper: &Value) -> Vec<u64> {
    let sections = paper["sections"].as_array().expect("sections").iter();
    sections
        .map(|section| section["count"].as_u64().expect("a number"))
        .collect()
}

#[test]
fn failures_alike_are_told_together_and_can_be_chosen() {
    let home = tempfile::tempdir().expect("a directory");
    let running = capture(home.path(), &[]);
    let all = json(home.path(), &running, &[]);
    assert_eq!(counts(&all), [1, 3], "the newest first");
    assert_eq!(
        counts(&json(home.path(), &running, &["2", "--failed"])),
        [1]
    );
    let url = all["sections"][0]["alike"][0]["url"]
        .as_str()
        .expect("a URL")
        .to_owned();
    assert_eq!(
        counts(&json(home.path(), &running, &["--target", &url])),
        [1]
    );
    let origin = ["--origin", "https://app.test"];
    assert_eq!(counts(&json(home.path(), &running, &origin)), [1, 3]);
    assert_eq!(
        counts(&json(home.path(), &running, &["--since", "1h"])),
        [1, 3]
    );
    let none = report(home.path(), &running, &["--since", "2100-01-01T00:00:00Z"]);
    assert_eq!(
        (none.status.code(), none.stdout.as_slice()),
        (Some(0), b"".as_slice())
    );
    assert!(String::from_utf8_lossy(&none.stderr).contains("nothing to report"));
    let missing = report(home.path(), &running, &["99"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("no exchange #99"));
}

#[test]
fn every_form_names_the_cause_and_no_secret() {
    let home = tempfile::tempdir().expect("a directory");
    let running = capture(home.path(), &["--values", "all"]);
    for form in ["markdown", "html", "har", "json", "curl"] {
        let output = report(home.path(), &running, &["2", "--format", form]);
        let told = String::from_utf8(output.stdout).expect("text");
        assert!(told.contains("allow-origin-missing"), "{form}: {told}");
        assert!(!told.contains("hunter2"), "{form}: {told}");
        assert!(told.contains("{withheld:7:k1:"), "{form}: {told}");
    }
}

#[test]
fn a_file_is_the_owners_alone_and_replaced_as_a_whole() {
    let home = tempfile::tempdir().expect("a directory");
    let running = capture(home.path(), &[]);
    let file = home.path().join("report.md");
    fs::write(&file, "old").expect("written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("set");
    let to = |path: &Path| {
        let path = path.to_str().expect("text");
        report(home.path(), &running, &["-o", path])
    };
    let output = to(&file);
    assert!(output.status.success() && output.stdout.is_empty());
    let mode = fs::metadata(&file).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(
        fs::read_to_string(&file)
            .expect("text")
            .contains("allow-origin-missing")
    );
    let (victim, link) = (home.path().join("victim"), home.path().join("link.md"));
    fs::write(&victim, "keep").expect("written");
    symlink(&victim, &link).expect("made");
    let refused = to(&link);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("symbolic link"));
    assert_eq!(fs::read_to_string(&victim).expect("text"), "keep");
    assert_eq!(to(home.path()).status.code(), Some(2), "a directory");
    let left = fs::read_dir(home.path()).expect("there").flatten();
    let left = left.filter(|entry| entry.file_name().to_string_lossy().starts_with(".tmp"));
    assert_eq!(left.count(), 0, "nothing half-written is left");
}

#[test]
fn a_field_is_told_only_where_it_is_named_and_that_is_said() {
    let home = tempfile::tempdir().expect("a directory");
    let running = capture(home.path(), &[]);
    let refused = report(home.path(), &running, &["--include", "cookie"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--values all"));
    let home = tempfile::tempdir().expect("a directory");
    let running = capture(home.path(), &["--values", "all"]);
    let told = report(home.path(), &running, &["--include", "X-Trace"]);
    let told = String::from_utf8(told.stdout).expect("text");
    assert!(told.contains("because they were asked for"), "{told}");
    assert!(
        told.contains("X-Trace") && !told.contains("hunter2"),
        "{told}"
    );
}
