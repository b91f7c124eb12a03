//! `corstap check --capture` and `corstap suggest`, on recorded traffic.

use std::path::{Path, PathBuf};
use std::process::Output;

use corstap::cors::Engine;
use serde_json::Value;

use super::{corstap, stderr, stdout};
use crate::support::truth::cases;

/// A HAR file of a case of the truth data.
fn har(home: &Path, id: &str) -> PathBuf {
    let file = home.join(format!("{id}.har"));
    let cases = cases();
    let case = cases.iter().find(|case| case.id() == id).expect("a case");
    std::fs::write(&file, case.har(Engine::Chromium)).expect("written");
    file
}

fn run(home: &Path, verb: &str, arguments: &[&str]) -> Output {
    let mut command = corstap(home);
    command.current_dir(home).arg(verb).args(arguments);
    command.output().expect("run")
}

#[test]
fn what_is_suggested_is_sound_and_lets_what_failed_pass() {
    let home = tempfile::tempdir().expect("a directory");
    let har = har(home.path(), "localhost-put-405");
    let har = har.to_str().expect("a path");
    let suggested = run(home.path(), "suggest", &["--capture", har]);
    assert_eq!(suggested.status.code(), Some(0), "{}", stderr(&suggested));
    std::fs::write(home.path().join("policy.toml"), &suggested.stdout).expect("written");
    let checked = run(home.path(), "check", &["policy.toml", "--capture", har]);
    let told = stdout(&checked);
    assert_eq!(checked.status.code(), Some(0), "{told}");
    assert!(told.contains("1 newly allowed"), "{told}");
    let checked = run(
        home.path(),
        "check",
        &["policy.toml", "--capture", har, "--json"],
    );
    let last = stdout(&checked).lines().last().expect("a line").to_owned();
    let group: Value = serde_json::from_str(&last).expect("JSON");
    assert_eq!(
        (&group["method"], &group["newly_allowed"]),
        (&"PUT".into(), &1.into())
    );
}

#[test]
fn what_would_no_longer_pass_is_a_finding_in_every_form() {
    const POLICY: &str = "version = 1\n[[rule]]\nname = \"a\"\norigins = [\"https://other.test\"]\ntargets = [\"https://api.test\"]\n";
    let home = tempfile::tempdir().expect("a directory");
    std::fs::write(home.path().join("policy.toml"), POLICY).expect("written");
    let har = har(home.path(), "acao-exact");
    let check = |form: &[&str]| {
        let arguments = [
            &["policy.toml", "--capture", har.to_str().expect("a path")],
            form,
        ]
        .concat();
        let output = run(home.path(), "check", &arguments);
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        stdout(&output)
    };
    assert!(check(&[]).contains("newly blocked"));
    assert!(check(&["--json"]).contains("\"newly_blocked\":1"));
    assert!(check(&["--format", "sarif"]).contains("\"ruleId\":\"newly-blocked\""));
    assert!(check(&["--format", "junit"]).contains("<failure type=\"newly-blocked\""));
}

#[test]
fn who_wishes_for_what_is_no_origin_is_told_what_to_write() {
    let home = tempfile::tempdir().expect("a directory");
    let har = har(home.path(), "acao-exact");
    let har = har.to_str().expect("a path");
    let output = run(
        home.path(),
        "suggest",
        &["--capture", har, "--origin", "https://App.test/"],
    );
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("Write https://app.test"),
        "{}",
        stderr(&output)
    );
    let output = run(
        home.path(),
        "suggest",
        &["--capture", har, "--origin", "https://nobody.test"],
    );
    assert_eq!((output.status.code(), &*stdout(&output)), (Some(1), ""));
}

#[test]
fn a_file_that_is_no_traffic_is_an_error_of_one_line() {
    let home = tempfile::tempdir().expect("a directory");
    std::fs::write(home.path().join("policy.toml"), "version = 1\n").expect("written");
    for name in ["nowhere.har", "policy.toml", "nowhere.corstap"] {
        let output = run(home.path(), "check", &["policy.toml", "--capture", name]);
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
    }
}
