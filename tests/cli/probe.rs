//! `corstap check --probe`: what is said, asked and printed, and the exit code.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use super::running::serve;
use super::{corstap, stderr, stdout};

const APP: &str = "https://app.example.com";

/// A server that allows what a list says, or everybody.
fn server(reflects: bool) -> String {
    let address = serve(move |mut stream: TcpStream| {
        let mut head = [0; 4096];
        let octets = stream.read(&mut head).unwrap_or(0);
        let head = String::from_utf8_lossy(&head[..octets]).into_owned();
        let line = |name: &str| {
            let found = head.lines().find_map(|line| line.strip_prefix(name));
            found.unwrap_or_default().to_owned()
        };
        let origin = line("Origin: ");
        let mut fields = "Vary: Origin\r\n".to_owned();
        if origin == APP || reflects && !origin.is_empty() {
            fields.push_str("Access-Control-Allow-Methods: PUT\r\nAccess-Control-Allow-Origin: ");
            fields.push_str(&origin);
            fields.push_str("\r\nAccess-Control-Allow-Credentials: true\r\n");
        }
        let answer =
            format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 0\r\nConnection: close\r\n\r\n");
        let _ = stream.write_all(answer.as_bytes());
    });
    format!("http://{address}/api")
}

fn check(home: &Path, url: &str, more: &[&str]) -> Output {
    let policy = home.join("policy.toml");
    let text = format!(
        "version = 1\n\n[[rule]]\nname = \"app\"\norigins = [\"{APP}\"]\ntargets = [\"http://127.0.0.1:{port}\"]\n\
         methods = [\"PUT\"]\ncredentials = true\n",
        port = url.split([':', '/']).nth(4).expect("a port")
    );
    fs::write(&policy, text).expect("written");
    let mut command = corstap(home);
    command
        .arg("check")
        .arg(&policy)
        .args(["--probe", url])
        .args(more);
    command.output().expect("run")
}

/// Those of its objects that are of a kind.
fn told(output: &Output, kind: &str) -> Vec<Value> {
    let text = stdout(output);
    let objects = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"));
    objects
        .filter(|object: &Value| object["kind"] == kind)
        .collect()
}

#[test]
fn a_server_that_reflects_every_origin_is_told_of_and_the_exit_code_is_1() {
    let home = tempfile::tempdir().expect("a directory");
    let output = check(home.path(), &server(true), &["--yes", "--rate", "1000"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("requests at the most (GET and OPTIONS)"),
        "{}",
        stderr(&output)
    );
    let text = stdout(&output);
    for part in [
        "unsafe: server-reflects-origin",
        "WIDER",
        "https://evilapp.example.com",
        "a request with Origin: https://corstap-probe.example got status 200",
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
}

#[test]
fn cells_and_findings_are_objects_and_go_into_reports() {
    let home = tempfile::tempdir().expect("a directory");
    let url = server(true);
    let probe = |more: &[&str]| {
        check(
            home.path(),
            &url,
            &[&["--yes", "--rate", "1000"], more].concat(),
        )
    };
    let json = probe(&["--json"]);
    let findings = told(&json, "probe-finding");
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0]["code"], "server-reflects-origin");
    let cells = told(&json, "probe-cell");
    let wider = cells
        .iter()
        .find(|cell| cell["likeness"] == "suffix")
        .expect("tried");
    assert_eq!(
        (&wider["comparison"], &wider["policy"], &wider["server"]),
        (&"wider".into(), &"refused".into(), &"credentialed".into())
    );
    let sarif: Value = serde_json::from_str(&stdout(&probe(&["--format", "sarif"]))).expect("JSON");
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    assert!(
        results
            .iter()
            .any(|result| result["ruleId"] == "server-reflects-origin"),
        "{sarif}"
    );
    let junit = stdout(&probe(&["--format", "junit"]));
    assert!(
        junit.contains("<failure type=\"server-reflects-origin\""),
        "{junit}"
    );
}

#[test]
fn a_server_that_does_what_the_policy_says_leaves_the_exit_code_to_the_lint() {
    let home = tempfile::tempdir().expect("a directory");
    let output = check(
        home.path(),
        &server(false),
        &["--yes", "--rate", "1000", "--json"],
    );
    assert_eq!(told(&output, "probe-finding"), Vec::<Value>::new());
    assert!(
        told(&output, "probe-cell")
            .iter()
            .all(|cell| cell["comparison"] == "agrees")
    );
}

#[test]
fn where_nobody_can_be_asked_nothing_is_sent() {
    let home = tempfile::tempdir().expect("a directory");
    let url = server(true);
    let output = check(home.path(), &url, &[]);
    assert_eq!(output.status.code(), Some(2));
    let told = stderr(&output);
    assert!(
        told.contains("nobody is there to be asked")
            && told.contains(&format!("--probe {url} --yes")),
        "{told}"
    );
}

#[test]
fn a_server_that_is_not_there_is_told_with_what_to_type() {
    let home = tempfile::tempdir().expect("a directory");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
    let url = format!("http://{}/api", listener.local_addr().expect("bound"));
    drop(listener);
    let output = check(home.path(), &url, &["--yes"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("Is the server running"),
        "{}",
        stderr(&output)
    );
}
