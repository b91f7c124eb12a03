//! `corstap explain` on HAR files.

use std::io::Write;
use std::process::Stdio;

use corstap::cors::Engine;
use serde_json::Value;

use super::{corstap, stderr, stdout};
use crate::support::truth::cases;

#[test]
fn a_har_file_is_judged_one_object_a_line() {
    let home = tempfile::tempdir().expect("a directory");
    let file = home.path().join("case.har");
    let cases = cases();
    let case = cases
        .iter()
        .find(|case| case.id() == "localhost-put-405")
        .expect("a case");
    std::fs::write(&file, case.har(Engine::Firefox)).expect("written");
    let output = corstap(home.path())
        .arg("explain")
        .arg(&file)
        .arg("--json")
        .output()
        .expect("run");
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let records: Vec<Value> = stdout(&output)
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(records.len(), 2);
    assert_eq!(records[0]["kind"], "navigation");
    let preflight = &records[1];
    assert_eq!(preflight["v"], 1);
    assert_eq!(preflight["kind"], "preflight");
    assert_eq!(preflight["verdict"]["outcome"], "blocked");
    assert_eq!(preflight["verdict"]["cause"], "allow-origin-missing");
    assert_eq!(
        preflight["verdict"]["also"],
        serde_json::json!(["preflight-status", "method-not-allowed"])
    );
    let root = &preflight["roots"][0];
    assert_eq!(root["code"], "options-no-route");
    assert_eq!(root["confidence"], "medium");
    assert_eq!(root["evidence"][0], preflight["id"]);
    let code = |engine: &str| preflight["verdict"]["engines"][engine]["code"].clone();
    assert_eq!(code("chromium"), "PreflightMissingAllowOriginHeader");
    assert_eq!(code("firefox"), "CORSMissingAllowOrigin");
    assert_eq!(code("webkit"), "preflight-not-successful");
    assert_eq!(
        preflight["verdict"]["evidence"][0]["exchange"],
        preflight["id"]
    );
}

#[test]
fn every_line_has_every_field_of_the_documented_form() {
    const FIELDS: &str = "v rev id capture started elapsed_ms connection protocol client server origin kind \
        kind_because destination request sent delivered ending reason retry_of initiator links verdict roots rewrite";
    const OF_VERDICT: &str = "outcome by cause phase parameter also credentials if_included if_omitted confirmed \
        readable engines evidence not_cors";
    let home = tempfile::tempdir().expect("a directory");
    let file = home.path().join("case.har");
    std::fs::write(&file, cases()[0].har(Engine::Chromium)).expect("written");
    let output = corstap(home.path())
        .arg("explain")
        .arg(&file)
        .arg("--json")
        .output()
        .expect("run");
    for line in stdout(&output).lines() {
        let record: Value = serde_json::from_str(line).expect("JSON");
        for field in FIELDS.split(' ').filter(|field| !field.is_empty()) {
            assert!(record.get(field).is_some(), "{field}");
        }
        for field in OF_VERDICT.split(' ').filter(|field| !field.is_empty()) {
            assert!(record["verdict"].get(field).is_some(), "verdict.{field}");
        }
    }
}

#[test]
fn standard_input_is_a_file_too_and_nothing_wrong_is_fine() {
    let home = tempfile::tempdir().expect("a directory");
    let mut command = corstap(home.path());
    let mut child = command
        .args(["explain", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("run");
    let cases = cases();
    let case = cases
        .iter()
        .find(|case| case.id() == "acao-exact")
        .expect("a case");
    child
        .stdin
        .take()
        .expect("piped")
        .write_all(&case.har(Engine::Chromium))
        .expect("written");
    let output = child.wait_with_output().expect("ended");
    assert_eq!(output.status.code(), Some(0));
    assert!(!stdout(&output).contains('\u{1b}'), "no colour in a pipe");
}

#[test]
fn what_cannot_be_read_is_an_error_of_one_line() {
    let home = tempfile::tempdir().expect("a directory");
    let file = home.path().join("not.har");
    std::fs::write(&file, "[]").expect("written");
    let output = corstap(home.path())
        .arg("explain")
        .arg(&file)
        .output()
        .expect("run");
    assert_eq!(output.status.code(), Some(2));
    let told = stderr(&output);
    assert!(
        told.starts_with("corstap: cannot explain") && told.lines().count() == 1,
        "{told}"
    );
    let output = corstap(home.path())
        .args(["explain", "nowhere.har"])
        .output()
        .expect("run");
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("cannot read nowhere.har: No such file"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn nothing_to_list_is_an_error_that_says_what_to_do() {
    let home = tempfile::tempdir().expect("a directory");
    for verb in [vec!["log"], vec!["show", "1"]] {
        let output = corstap(home.path()).args(&verb).output().expect("run");
        assert_eq!(output.status.code(), Some(2));
        assert!(
            stderr(&output).contains("no capture in") && stderr(&output).contains("corstap run"),
            "{}",
            stderr(&output)
        );
    }
}

#[test]
fn codes_are_listed_and_explained_by_any_name_they_have() {
    let home = tempfile::tempdir().expect("a directory");
    let explain = |arguments: &[&str]| {
        let output = corstap(home.path())
            .arg("explain")
            .args(arguments)
            .output()
            .expect("run");
        (output.status.code(), stdout(&output), stderr(&output))
    };
    let (code, listed, _) = explain(&["--list"]);
    assert_eq!(code, Some(0));
    assert!(
        listed
            .lines()
            .any(|line| line.starts_with("wildcard-with-credentials "))
    );
    for name in [
        "preflight-status",
        "PreflightInvalidStatus",
        "CORSPreflightDidNotSucceed3",
    ] {
        let (code, told, _) = explain(&[name]);
        assert_eq!(code, Some(0));
        assert!(told.contains("answer OPTIONS with 204"), "{told}");
    }
    let (code, _, told) = explain(&["nonsense"]);
    assert_eq!(code, Some(2));
    assert!(told.contains("corstap explain --list"), "{told}");
}

#[test]
fn a_message_from_a_console_is_explained_with_what_it_names() {
    const MESSAGE: &str = "Access to fetch at 'https://api.test/users' from origin 'https://app.test' has been blocked by CORS \
        policy: Request header field x-token is not allowed by Access-Control-Allow-Headers in preflight response.";
    let home = tempfile::tempdir().expect("a directory");
    let output = corstap(home.path())
        .args(["explain", MESSAGE])
        .output()
        .expect("run");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let told = stdout(&output);
    for part in [
        "Chromium says HeaderDisallowedByPreflightResponse, of the preflight",
        "from  https://app.test",
        "to  https://api.test/users",
        "about  x-token",
        "header-not-allowed",
        "Access-Control-Allow-Headers: x-token",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let mut child = corstap(home.path())
        .args(["explain", "-", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("run");
    let text =
        format!("12:00:01 app.js:7 {MESSAGE}\nGET https://cdn.test/x net::ERR_BLOCKED_BY_ORB\n");
    let mut input = child.stdin.take().expect("piped");
    input.write_all(text.as_bytes()).expect("written");
    drop(input);
    let output = child.wait_with_output().expect("ended");
    let codes: Vec<Value> = stdout(&output)
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).expect("JSON")["candidates"][0]["code"].clone()
        })
        .collect();
    assert_eq!(codes, ["header-not-allowed", "orb-suspected"]);
}

#[test]
fn text_that_is_neither_is_an_error_that_says_so() {
    let home = tempfile::tempdir().expect("a directory");
    let output = corstap(home.path())
        .args(["explain", "it does not work"])
        .output()
        .expect("run");
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("no such console message"),
        "{}",
        stderr(&output)
    );
    let input = std::fs::File::open("/dev/null").expect("there");
    let output = corstap(home.path())
        .args(["explain", "-"])
        .stdin(input)
        .output()
        .expect("run");
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("no HAR file, and no console message"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn what_a_file_leaves_open_is_said_beside_the_verdicts() {
    let home = tempfile::tempdir().expect("a directory");
    let file =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/har/playwright.har");
    let output = corstap(home.path())
        .arg("explain")
        .arg(file)
        .output()
        .expect("run");
    let told = stderr(&output);
    for doubt in [
        "4 requests have no answer in the file",
        "1 requests need a preflight",
        "without the fields that were sent",
    ] {
        assert!(told.contains(doubt), "{told}");
    }
}
