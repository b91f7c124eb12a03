//! HAR files that are larger than what they may take of memory.

use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, Command, Stdio};
use std::thread;

use super::corstap;
use super::running::times;

/// More than any of them takes, and less than the smallest file has, in octets.
const MOST: u64 = 100_000_000;

/// A policy under which all of the requests pass.
const POLICY: &str = "version = 1\n[[rule]]\nname = \"a\"\norigins = [\"https://b.test\"]\ntargets = [\"https://a.test\"]\ncredentials = true\n";

/// What came of a command that was fed such a file.
struct Fed {
    code: Option<i32>,
    printed: Vec<String>,
    /// How much memory it has had at most, in octets.
    most: u64,
}

/// Feeds a command so many entries with large contents.
fn fed(command: &mut Command, entries: usize) -> Fed {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("run");
    let output = BufReader::new(child.stdout.take().expect("piped"));
    let printing = thread::spawn(move || output.lines().collect::<Result<Vec<_>, _>>());
    let mut input = child.stdin.take().expect("piped");
    write_entries(&mut input, entries).expect("written");
    let most = most_memory(child.id());
    input.write_all(b"}}").expect("written");
    drop(input);
    Fed {
        code: child.wait().expect("ended").code(),
        printed: printing.join().expect("no panic").expect("printed"),
        most,
    }
}

fn write_entries(input: &mut ChildStdin, entries: usize) -> std::io::Result<()> {
    let body = "x".repeat(64 * 1024);
    input.write_all(br#"{"log":{"creator":{"name":"Firefox"},"entries":["#)?;
    for number in 0..entries {
        let comma = if number == 0 { "" } else { "," };
        let (hour, minute, second) = (number / 3600 % 24, number / 60 % 60, number % 60);
        let entry = format!(
            r#"{comma}{{"startedDateTime":"2026-11-22T{hour:02}:{minute:02}:{second:02}Z","time":1,"request":{{
            "method":"GET","url":"https://a.test/{number}","headers":[{{"name":"Origin","value":"https://b.test"}}]}},
            "response":{{"status":200,"headers":[],"content":{{"text":"{body}"}}}}}}"#
        );
        input.write_all(entry.as_bytes())?;
    }
    input.write_all(b"]")
}

fn most_memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().nth(1));
    let kibibytes: u64 = kibibytes.expect("told").parse().expect("a number");
    kibibytes * 1024
}

#[test]
fn a_file_of_any_size_is_explained_in_little_memory() {
    let home = tempfile::tempdir().expect("a directory");
    // 110 MB, or 2 GB.
    let entries = times(1_700, 32_000);
    let fed = fed(
        corstap(home.path()).args(["explain", "-", "--json"]),
        entries,
    );
    assert_eq!((fed.code, fed.printed.len()), (Some(1), entries));
    assert!(fed.most < MOST, "{} octets", fed.most);
}

#[test]
fn a_policy_is_played_over_a_file_of_any_size_in_little_memory() {
    let home = tempfile::tempdir().expect("a directory");
    std::fs::write(home.path().join("policy.toml"), POLICY).expect("written");
    let entries = times(1_700, 32_000);
    let mut command = corstap(home.path());
    let command = command.current_dir(home.path());
    let fed = fed(
        command.args(["check", "policy.toml", "--capture", "/dev/stdin"]),
        entries,
    );
    let last =
        format!("{entries} cross-origin exchanges: {entries} allowed; {entries} newly allowed");
    assert_eq!((fed.code, fed.printed.last()), (Some(0), Some(&last)));
    assert!(fed.most < MOST, "{} octets", fed.most);
}

#[test]
fn a_policy_is_suggested_for_a_file_of_any_size_in_little_memory() {
    let home = tempfile::tempdir().expect("a directory");
    let entries = times(1_700, 32_000);
    let fed = fed(
        corstap(home.path()).args(["suggest", "--all", "--capture", "/dev/stdin"]),
        entries,
    );
    let rules = fed.printed.iter().filter(|line| *line == "[[rule]]");
    assert_eq!((fed.code, rules.count()), (Some(0), 1));
    assert!(fed.most < MOST, "{} octets", fed.most);
}
