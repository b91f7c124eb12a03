//! What is different where somebody sits at a terminal: bars, and questions.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::{corstap, stderr, stdout};
use crate::support::pty::Terminal;

/// The recorded traffic of the README.
fn orders() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policy/orders.har")
}

/// Runs a command whose input and messages are a terminal's, at which that is typed.
fn at_a_terminal(command: &mut Command, typed: &str) -> (Output, String) {
    let mut terminal = Terminal::new();
    terminal.types(typed);
    let child = command
        .stdin(terminal.end())
        .stderr(terminal.end())
        .stdout(Stdio::piped())
        .spawn()
        .expect("run");
    // The command keeps ends of it, too.
    command.stdin(Stdio::null()).stderr(Stdio::null());
    let output = child.wait_with_output().expect("ended");
    (output, terminal.seen())
}

#[test]
fn a_bar_says_how_far_a_replay_has_come_and_is_wiped_off() {
    let home = tempfile::tempdir().expect("a directory");
    std::fs::write(home.path().join("policy.toml"), "version = 1\n").expect("written");
    for (verb, what) in [
        (&["check", "policy.toml", "--capture"][..], "replaying"),
        (&["suggest", "--all", "--capture"], "replaying"),
        (&["explain", "--json"], "reading"),
    ] {
        let mut command = corstap(home.path());
        command.current_dir(home.path()).args(verb).arg(orders());
        let (_, seen) = at_a_terminal(&mut command, "");
        let bar = format!("\r\u{1b}[K{what}  ");
        let (before, after) = seen.split_once(&bar).expect("a bar");
        assert_eq!(before, "", "{seen:?}");
        assert!(after.contains(" 100 %"), "{seen:?}");
        assert!(after.contains("%\r\u{1b}[K"), "wiped off: {seen:?}");
        let output = command.stderr(Stdio::piped()).output().expect("run");
        assert!(!stderr(&output).contains(what), "nobody to see it");
    }
}

#[test]
fn who_suggests_at_a_terminal_is_asked_for_each_page_and_server() {
    let home = tempfile::tempdir().expect("a directory");
    let mut command = corstap(home.path());
    command.args(["suggest", "--capture"]).arg(orders());
    let suggested = |command: &mut Command, typed| {
        let (output, seen) = at_a_terminal(command, typed);
        (output.status.code(), stdout(&output), seen)
    };
    let (code, policy, seen) = suggested(&mut command, "y\nn\n");
    assert_eq!(code, Some(0), "{seen}");
    for question in [
        "Allow https://app.example.test → https://api.example.test (GET, PUT; 2 exchanges, with credentials)? [y/N] ",
        "Allow https://status.example.test → https://api.example.test (GET; 1 exchanges)? [y/N] ",
    ] {
        assert!(seen.contains(question), "{seen}");
    }
    assert!(policy.contains("https://app.example.test"), "{policy}");
    assert!(!policy.contains("https://status.example.test"), "{policy}");
    let (code, policy, _) = suggested(&mut command, "no\nyes\n");
    assert_eq!(code, Some(0));
    assert!(!policy.contains("https://app.example.test"), "{policy}");
    assert!(policy.contains("https://status.example.test"), "{policy}");
    // Control-D ends what is typed: no answer is a no.
    let (code, policy, seen) = suggested(&mut command, "\u{4}");
    assert_eq!((code, &*policy), (Some(1), ""), "{seen}");
    assert!(
        seen.contains("no recorded cross-origin exchange is wanted"),
        "{seen}"
    );
}

#[test]
fn who_says_what_is_wanted_is_asked_nothing() {
    let home = tempfile::tempdir().expect("a directory");
    for wanted in [&["--all"][..], &["--origin", "https://app.example.test"]] {
        let mut command = corstap(home.path());
        command
            .args(["suggest", "--capture"])
            .arg(orders())
            .args(wanted);
        let (output, seen) = at_a_terminal(&mut command, "");
        assert_eq!(output.status.code(), Some(0), "{seen}");
        assert!(!seen.contains("[y/N]"), "{seen}");
    }
}
