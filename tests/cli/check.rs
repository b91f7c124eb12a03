//! `corstap check`: a policy, judged.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use super::{corstap, stderr, stdout};

const BAD: &str = "version = 1\n\n[[rule]]\nname = \"a\"\norigins = [\"https://App.test\", \"null\"]\ntargets = [\"https://api.test\"]\nmethods = [\"GET\"]\n";

fn check(home: &Path, policy: &str, arguments: &[&str]) -> Output {
    std::fs::write(home.join("policy.toml"), policy).expect("written");
    let mut command = corstap(home);
    command
        .current_dir(home)
        .args(["check", "policy.toml"])
        .args(arguments);
    command.output().expect("run")
}

#[test]
fn findings_are_shown_in_their_line_with_what_to_do() {
    let home = tempfile::tempdir().expect("a directory");
    let output = check(home.path(), BAD, &[]);
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(stdout(&output), @r#"
    policy.toml:5:12 broken origin-upper-case in rule a
        5 | origins = ["https://App.test", "null"]
          |            ^^^^^^^^^^^^^^^^^^
        No browser sends `https://App.test`: scheme and host are in small letters, so it never matches.
        → Write `https://app.test`.
    policy.toml:5:32 unsafe origin-null in rule a
        5 | origins = ["https://App.test", "null"]
          |                                ^^^^^^
        Any site can make a page whose origin is null, in a sandboxed frame, so this opens the server to all of them.
        → Take it out: give the page an origin of its own, and name that.
    policy.toml:7:12 advice method-safelisted in rule a
        7 | methods = ["GET"]
          |            ^^^^^
        `GET` needs no leave: browsers send it whatever is listed.
        → Take it out.
    policy.toml: 1 unsafe, 1 broken, 1 advice (`corstap explain CODE` tells what a code means)
    "#);
}

#[test]
fn advice_is_fine_unless_it_is_strict() {
    let home = tempfile::tempdir().expect("a directory");
    let advice = BAD.replace("App", "app").replace(", \"null\"", "");
    let output = check(home.path(), &advice, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert!(stdout(&output).contains("method-safelisted"));
    assert_eq!(
        check(home.path(), &advice, &["--strict"]).status.code(),
        Some(1)
    );
    let fine = advice.replace("\"GET\"", "\"PUT\"");
    let output = check(home.path(), &fine, &["--strict"]);
    assert_eq!(
        (output.status.code(), &*stdout(&output)),
        (Some(0), "policy.toml: nothing is wrong\n")
    );
}

#[test]
fn each_finding_is_one_object_a_line() {
    let home = tempfile::tempdir().expect("a directory");
    let output = check(home.path(), BAD, &["--json"]);
    let findings: Vec<Value> = stdout(&output)
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let codes: Vec<&str> = findings
        .iter()
        .filter_map(|finding| finding["code"].as_str())
        .collect();
    assert_eq!(
        codes,
        ["origin-upper-case", "origin-null", "method-safelisted"]
    );
    let first = &findings[0];
    assert_eq!(first["policy"], "policy.toml");
    assert_eq!(
        (&first["line"], &first["column"], &first["end_column"]),
        (&5.into(), &12.into(), &30.into())
    );
    assert_eq!(
        (&first["severity"], &first["instead"]),
        (&"broken".into(), &"https://app.test".into())
    );
}

#[test]
fn code_hosts_read_sarif() {
    let home = tempfile::tempdir().expect("a directory");
    let output = check(home.path(), BAD, &["--format", "sarif"]);
    assert_eq!(output.status.code(), Some(1));
    let log: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let ids: Vec<&str> = run["tool"]["driver"]["rules"]
        .as_array()
        .expect("rules")
        .iter()
        .filter_map(|rule| rule["id"].as_str())
        .collect();
    for result in run["results"].as_array().expect("results") {
        assert!(ids.contains(&result["ruleId"].as_str().expect("an id")));
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "policy.toml");
        assert!(place["region"]["startLine"].as_u64() >= Some(1));
    }
    let levels: Vec<&str> = run["results"]
        .as_array()
        .expect("results")
        .iter()
        .filter_map(|result| result["level"].as_str())
        .collect();
    assert_eq!(levels, ["error", "error", "note"]);
}

#[test]
fn ci_servers_read_junit() {
    let home = tempfile::tempdir().expect("a directory");
    let output = check(home.path(), BAD, &["--format", "junit"]);
    let report = stdout(&output);
    assert!(report.contains("tests=\"3\" failures=\"2\""), "{report}");
    assert!(report.contains("<failure type=\"origin-null\""), "{report}");
    let fine = BAD.replace("App", "app").replace(", \"null\"", "");
    let output = check(
        home.path(),
        &fine.replace("a\"", "<&\u{b}>\""),
        &["--format", "junit"],
    );
    assert!(!stdout(&output).contains("<&"), "{}", stdout(&output));
}

#[test]
fn what_cannot_be_read_is_an_error_of_one_line() {
    let home = tempfile::tempdir().expect("a directory");
    let output = corstap(home.path())
        .args(["check", "nowhere.toml"])
        .output()
        .expect("run");
    assert_eq!(output.status.code(), Some(2));
    let told = stderr(&output);
    assert!(
        told.starts_with("corstap: cannot read the policy nowhere.toml: No such file")
            && told.lines().count() == 1,
        "{told}"
    );
}

#[test]
fn every_code_of_the_lint_is_explained() {
    let home = tempfile::tempdir().expect("a directory");
    for code in corstap::policy::finding::Code::ALL {
        let output = corstap(home.path())
            .args(["explain", code.name()])
            .output()
            .expect("run");
        assert_eq!(output.status.code(), Some(0), "{}", code.name());
        let told = stdout(&output);
        assert!(
            told.contains(code.severity().name()) && told.contains("→"),
            "{told}"
        );
    }
}

#[test]
fn nothing_in_a_policy_steers_a_terminal() {
    let home = tempfile::tempdir().expect("a directory");
    let policy = BAD.replace("App.test", "App\u{9b}31m\u{202e}.test");
    for arguments in [
        &[][..],
        &["--json"],
        &["--format", "sarif"],
        &["--format", "junit"],
    ] {
        let told = stdout(&check(home.path(), &policy, arguments));
        assert!(!told.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{told}");
    }
}
