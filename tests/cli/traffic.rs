//! `corstap check --capture` and `corstap suggest`, on recorded traffic.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Output;

use corstap::cors::Engine;
use corstap::exchange::columns::{Columns, Text};
use corstap::exchange::secret::{Redactor, Values};
use corstap::policy::seen::{Rows, Seen};
use corstap::report::{har, offline};
use rustix::process::{Signal, kill_process};
use serde_json::Value;

use super::running::{PATIENCE, Running, serve};
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

/// A text as a capture has it, by a number of its own if many may have it.
fn numbered<'j>(numbers: &mut HashMap<String, i64>, json: &'j str, is_shared: bool) -> Text<'j> {
    let next = i64::try_from(numbers.len()).expect("few");
    let number = is_shared.then(|| *numbers.entry(json.to_owned()).or_insert(next));
    Text { number, json }
}

#[test]
fn a_row_of_a_capture_tells_a_policy_what_the_exchange_does() {
    let redactor = Redactor::new(&[7; 32], Values::Harmless);
    let (mut rows, mut numbers, mut decided) = (Rows::default(), HashMap::new(), 0);
    for (case, engine) in cases()
        .iter()
        .flat_map(|case| Engine::ALL.map(|engine| (case, engine)))
    {
        let events = har::parse(&case.har(engine)).expect("a HAR file").events;
        for told in offline::tell(&events, &redactor) {
            let (recorded, request) = (&told.recorded, &told.recorded.request);
            let headers = serde_json::to_string(&request.headers).expect("plain");
            let judgement = serde_json::to_string(&told.judgement).expect("plain");
            let expected = Seen::of(recorded, &told.judgement);
            // As rows hold their texts themselves, and as many have them in common.
            for is_shared in [false, true] {
                let columns = Columns {
                    method: &request.method,
                    url: &request.url,
                    protocol: recorded.protocol,
                    request_headers: numbered(&mut numbers, &headers, is_shared),
                    judgement: numbered(&mut numbers, &judgement, is_shared),
                };
                let read = rows.read(columns).expect("whole");
                assert_eq!(read, expected, "{}", case.id());
            }
            decided += usize::from(expected.is_some());
        }
    }
    assert!(decided > 1000, "{decided}");
}

/// A server that grants what the path says: `*`, the origin of the app, with credentials, or nothing.
fn generous() -> SocketAddr {
    serve(|mut stream| {
        let mut head = Vec::new();
        let mut octet = [0];
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut octet).is_ok_and(|read| read > 0) {
            head.extend_from_slice(&octet);
        }
        let head = String::from_utf8_lossy(&head);
        let path = head.split(' ').nth(1).unwrap_or_default();
        let granted = match path.rsplit('/').next().unwrap_or_default() {
            "all" => "Access-Control-Allow-Origin: *\r\n",
            "app" => {
                "Access-Control-Allow-Origin: https://app.test\r\nAccess-Control-Allow-Methods: PUT\r\n"
            }
            "users" => {
                "Access-Control-Allow-Origin: https://app.test\r\nAccess-Control-Allow-Credentials: true\r\n\
                 Access-Control-Allow-Headers: x-a, content-type\r\n"
            }
            _ => "",
        };
        let answer =
            format!("HTTP/1.1 200 OK\r\n{granted}Content-Length: 0\r\nConnection: close\r\n\r\n");
        let _ = stream.write_all(answer.as_bytes());
    })
}

/// Requests of many kinds, each on a connection of its own; how many there are.
fn ask_everything(proxy: SocketAddr, server: SocketAddr) -> usize {
    const CHROMIUM: &str =
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";
    let agents = [
        "",
        CHROMIUM,
        "Mozilla/5.0 (X11; rv:153.0) Gecko/20100101 Firefox/153.0",
    ];
    let origins = [
        "https://app.test",
        "http://localhost:3000",
        "null",
        "https://evil.test",
    ];
    // No preflight that would pass: that nothing follows it tells that credentials are included, of a
    // file at once, and live after a while only.
    let kinds = [
        ("GET", ""),
        ("GET", "Cookie: a=b\r\n"),
        ("PUT", "Content-Type: application/json\r\nX-A: b\r\n"),
        (
            "OPTIONS",
            "Access-Control-Request-Method: DELETE\r\nAccess-Control-Request-Headers: x-a,x-b\r\n",
        ),
        (
            "GET",
            "Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Site: cross-site\r\n",
        ),
    ];
    let mut asked = 0;
    for (agent, origin) in agents
        .iter()
        .flat_map(|agent| origins.map(|origin| (agent, origin)))
    {
        for (path, (method, lines)) in ["all", "app", "users", "none"]
            .iter()
            .flat_map(|path| kinds.map(|kind| (path, kind)))
        {
            let request = format!(
                "{method} http://{server}/v1/{path} HTTP/1.1\r\nHost: {server}\r\nOrigin: {origin}\r\nUser-Agent: {agent}\r\n\
                 {lines}Connection: close\r\n\r\n"
            );
            let mut stream = TcpStream::connect(proxy).expect("the proxy listens");
            stream
                .set_read_timeout(Some(PATIENCE))
                .expect("a time that is not zero");
            stream.write_all(request.as_bytes()).expect("written");
            stream.read_to_end(&mut Vec::new()).expect("answered");
            asked += 1;
        }
    }
    asked
}

#[test]
fn a_capture_and_the_har_file_of_it_come_to_the_same() {
    let home = tempfile::tempdir().expect("a directory");
    let (mut running, server) = (Running::start(home.path(), "live"), generous());
    running.logs(ask_everything(running.address, server));
    kill_process(running.pid(), Signal::INT).expect("told");
    assert_eq!(running.child.wait().expect("ended").code(), Some(0));
    let exported = [
        "--capture",
        "live.corstap",
        "--all",
        "--format",
        "har",
        "-o",
        "live.har",
    ];
    let output = run(home.path(), "report", &exported);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let policy = format!(
        "version = 1\n[[rule]]\nname = \"a\"\norigins = [\"https://app.test\", \"http://localhost:*\"]\n\
         targets = [\"http://{server}/v1\"]\nmethods = [\"PUT\"]\nrequest-headers = [\"x-a\"]\n"
    );
    std::fs::write(home.path().join("policy.toml"), policy).expect("written");
    let told = |verb: &str, arguments: &[&str]| {
        ["live.corstap", "live.har"].map(|file| {
            let output = run(
                home.path(),
                verb,
                &[arguments, &["--capture", file]].concat(),
            );
            (output.status.code(), stdout(&output))
        })
    };
    let [capture, har] = told("check", &["policy.toml", "--json"]);
    assert_eq!(capture, har);
    // Four pages, each of which asks the one server by GET, PUT and DELETE.
    assert_eq!(har.1.lines().count(), 4 * 3, "{}", har.1);
    let [capture, har] = told("suggest", &["--all"]);
    assert_eq!(capture, har);
    assert!(har.1.contains("[[rule]]"), "{}", har.1);
}
