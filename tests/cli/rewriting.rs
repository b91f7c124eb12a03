//! `corstap run --rewrite` as a process: what it takes, what it says, and what pages get.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};

use super::running::{PATIENCE, Running, server};
use super::{corstap, stderr, stdout};

const ORIGIN: &str = "http://localhost:3000";

fn policy(home: &Path, origin: &str, server: SocketAddr, more: &str) -> PathBuf {
    let file = home.join("policy.toml");
    let text = format!(
        "version = 1\n[[rule]]\nname = \"page\"\norigins = [\"{origin}\"]\n\
         targets = [\"http://{server}\"]\n{more}\n"
    );
    fs::write(&file, text).expect("written");
    file
}

/// The response that a page of this origin gets.
fn fetch(proxy: SocketAddr, server: SocketAddr, origin: &str) -> String {
    let mut stream = TcpStream::connect(proxy).expect("the proxy listens");
    let patience = stream.set_read_timeout(Some(PATIENCE));
    patience.expect("a time that is not zero");
    let request = format!(
        "GET http://{server}/a HTTP/1.1\r\nHost: {server}\r\nOrigin: {origin}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("written");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("read");
    response
}

/// What is said of a run that is refused.
fn refused(home: &Path, file: &Path, more: &[&str]) -> String {
    let mut command = corstap(home);
    command.args(["run", "--rewrite", "--policy"]).arg(file);
    let output = command.args(more).output().expect("run");
    assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
    stderr(&output)
}

#[test]
fn a_policy_that_may_not_be_in_force_is_refused_with_all_that_stands_against_it() {
    let home = tempfile::tempdir().expect("a directory");
    let server = "127.0.0.1:8080".parse().expect("an address");
    let refused_for = |origin: &str, more: &str, arguments: &[&str]| {
        refused(
            home.path(),
            &policy(home.path(), origin, server, more),
            arguments,
        )
    };
    let told = refused_for("null", "keys = 1", &[]);
    assert!(
        told.contains("policy.toml cannot be put in force:")
            && told.contains("line 4: origin-null: null")
            && told.contains("line 6: key-unknown")
            && told.contains("`corstap check "),
        "{told}"
    );
    let told = refused_for("http://app.test", "credentials = true", &[]);
    assert!(
        told.contains("line 4: http-origin-with-credentials: http://app.test\n    → Serve the page over https, or open it at http://localhost"),
        "{told}"
    );
    let told = refused_for("https://\\u009b\\u202e\\n.test", "", &[]);
    assert!(!told.contains(['\u{9b}', '\u{202e}']), "{told:?}");
    let told = refused_for("https://*.app.test", "", &[]);
    assert!(
        told.contains("https://*.app.test is more than one origin"),
        "{told}"
    );
    let told = refused_for(ORIGIN, "expires = 2020-01-01", &[]);
    assert!(told.contains("all its rules have expired"), "{told}");
    let told = refused_for(ORIGIN, "", &["--listen", "0.0.0.0:0"]);
    assert!(
        told.contains("listens beyond this machine (0.0.0.0:0)"),
        "{told}"
    );
    let told = refused_for(ORIGIN, "", &["--rewrite-for", "8"]);
    assert!(
        told.contains("`8` is no time; it is like 90s, 30m, 8h or 2d"),
        "{told}"
    );
    let told = refused(home.path(), &home.path().join("none.toml"), &[]);
    assert!(
        told.contains("cannot read") && told.contains("none.toml"),
        "{told}"
    );
}

#[test]
fn a_policy_alone_does_nothing_and_neither_does_the_switch() {
    let home = tempfile::tempdir().expect("a directory");
    for arguments in [["--policy", "policy.toml"].as_slice(), &["--rewrite"]] {
        let output = corstap(home.path())
            .arg("run")
            .args(arguments)
            .output()
            .expect("run");
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains("required"), "{}", stderr(&output));
    }
}

#[test]
fn what_is_rewritten_is_said_at_the_start_at_each_response_and_at_the_end() {
    let home = tempfile::tempdir().expect("a directory");
    let server = server();
    let file = policy(home.path(), ORIGIN, server, "");
    let capture = home.path().join("rewritten.corstap");
    let mut command = corstap(home.path());
    command
        .args(["run", "--json", "--listen", "127.0.0.1:0", "--capture"])
        .arg(&capture);
    command.args(["--rewrite", "--policy"]).arg(&file);
    let mut running = Running::of(&mut command, capture.clone());
    let response = fetch(running.address, server, ORIGIN);
    for line in [
        "Access-Control-Allow-Origin: http://localhost:3000\r\n",
        "Vary: Origin\r\n",
        "corstap-rewrite: page\r\n",
    ] {
        assert!(response.contains(line), "{response}");
    }
    let logged = running.next();
    assert_eq!(logged["verdict"]["cause"], "allow-origin-missing");
    assert_eq!(logged["rewrite"]["rule"], "page");
    assert_eq!(
        logged["rewrite"]["verdict"]["cause"],
        serde_json::Value::Null
    );
    assert_eq!(
        logged["rewrite"]["edits"][0]["field"],
        "Access-Control-Allow-Origin"
    );
    assert_eq!(logged["delivered"]["headers"][1][1], ORIGIN);
    assert_eq!(logged["sent"]["headers"].as_array().map(Vec::len), Some(1));
    let other = fetch(running.address, server, "http://localhost.evil.test");
    assert_eq!(other, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");

    rustix::process::kill_process(running.pid(), rustix::process::Signal::INT).expect("told");
    assert_eq!(running.child.wait().expect("ended").code(), Some(0));
    let listing = corstap(home.path())
        .args(["log", "--capture"])
        .arg(&capture)
        .output();
    let listed = stdout(&listing.expect("run"));
    assert!(
        listed.contains(
            "passes here because of rule \"page\"; in production it fails: allow-origin-missing"
        ),
        "{listed}"
    );
    let told = running.told_to_the_end();
    assert!(
        told.contains("REWRITING is on, by ") && told.contains("policy.toml: \"page\"."),
        "{told}"
    );
    assert!(
        told.contains("rewriting: 1 response was changed\n  rule \"page\": 1; in production 1 × it fails (allow-origin-missing)"),
        "{told}"
    );
}
