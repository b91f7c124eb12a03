//! `corstap run -- COMMAND`: a command that uses the proxy, for as long as it runs.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::running::server;
use super::{corstap, stderr, stdout};

fn run(home: &Path, options: &[&str], command: &[&str]) -> Command {
    let mut run = corstap(home);
    run.env("PATH", std::env::var_os("PATH").expect("one"))
        .args(["run", "--listen", "127.0.0.1:0", "--dashboard", "off"])
        .args(options)
        .arg("--")
        .args(command);
    run
}

fn output(home: &Path, options: &[&str], command: &[&str]) -> Output {
    run(home, options, command).output().expect("run")
}

#[test]
fn a_command_is_told_of_proxy_and_certificates_and_its_output_is_its_own() {
    let home = tempfile::tempdir().expect("a directory");
    let script = "echo $HTTP_PROXY $https_proxy; echo \"[$NO_PROXY]\"; cat $NODE_EXTRA_CA_CERTS; cat $CURL_CA_BUNDLE";
    let done = output(home.path(), &[], &["sh", "-c", script]);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    let told = stdout(&done);
    let mut lines = told.lines();
    let proxies: Vec<&str> = lines.next().expect("a line").split(' ').collect();
    assert!(
        proxies[0].starts_with("http://127.0.0.1:") && proxies[0] == proxies[1],
        "{told}"
    );
    assert_eq!(lines.next(), Some("[]"));
    let ca = fs::read_to_string(home.path().join(".local/share/corstap/ca/ca.pem")).expect("there");
    assert_eq!(
        told.matches(ca.trim()).count(),
        2,
        "alone, and with the platform's"
    );
    assert!(
        told.matches("BEGIN CERTIFICATE").count() > 20,
        "the platform's are there too"
    );
    assert!(
        stderr(&done).contains("while the command runs"),
        "{}",
        stderr(&done)
    );
}

/// A request whose answer its page cannot have.
fn blocked_fetch() -> Vec<String> {
    let url = format!("http://{}/", server());
    let words = [
        "curl",
        "-s",
        "-H",
        "Origin: https://app.test",
        "-H",
        "Sec-Fetch-Mode: cors",
        "-H",
        "Sec-Fetch-Site: cross-site",
    ];
    words.iter().map(ToString::to_string).chain([url]).collect()
}

#[test]
fn its_code_is_the_commands_and_what_was_blocked_counts_if_it_is_to() {
    let home = tempfile::tempdir().expect("a directory");
    let fetch = blocked_fetch();
    let fetch: Vec<&str> = fetch.iter().map(String::as_str).collect();
    let unasked = output(home.path(), &[], &fetch);
    assert_eq!(unasked.status.code(), Some(0), "{}", stderr(&unasked));
    assert_eq!(stdout(&unasked), "ok");
    let told = stderr(&unasked);
    assert!(
        told.contains("allow-origin-missing")
            && told.contains("corstap: 1 blocked; `corstap log --failed"),
        "{told}"
    );
    let asked = output(home.path(), &["--fail"], &fetch);
    assert_eq!(asked.status.code(), Some(1), "{}", stderr(&asked));
    let content = output(home.path(), &["--fail"], &["true"]);
    assert_eq!(content.status.code(), Some(0));
    let own = output(home.path(), &["--fail"], &["sh", "-c", "exit 7"]);
    assert_eq!(own.status.code(), Some(7));
    let killed = output(home.path(), &[], &["sh", "-c", "kill -KILL $$"]);
    assert_eq!(killed.status.code(), Some(128 + 9));
}

#[test]
fn signals_are_passed_on_and_the_proxy_stops_with_the_command() {
    for (signal, word) in [
        (Signal::TERM, "TERM"),
        (Signal::INT, "INT"),
        (Signal::HUP, "HUP"),
    ] {
        let home = tempfile::tempdir().expect("a directory");
        let script =
            format!("trap 'echo {word}; exit 9' {word}; echo ready; while :; do sleep 0.05; done");
        let mut child = run(home.path(), &[], &["sh", "-c", &script])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("run");
        let mut out = BufReader::new(child.stdout.take().expect("piped")).lines();
        assert_eq!(out.next().expect("a line").expect("read"), "ready");
        kill_process(Pid::from_child(&child), signal).expect("sent");
        assert_eq!(out.next().expect("a line").expect("read"), word);
        assert_eq!(child.wait().expect("ended").code(), Some(9), "{word}");
    }
}

#[test]
fn what_cannot_be_run_is_refused_and_leaves_nothing() {
    let home = tempfile::tempdir().expect("a directory");
    let missing = output(home.path(), &[], &["/no/such/program"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(
        stderr(&missing).contains("cannot run /no/such/program"),
        "{}",
        stderr(&missing)
    );
    let captures = home.path().join(".local/state/corstap/captures");
    assert_eq!(fs::read_dir(captures).expect("there").count(), 0);
    for odd in [&["run", "--fail"][..], &["run", "--json", "--", "true"]] {
        let output = corstap(home.path()).args(odd).output().expect("run");
        assert_eq!(output.status.code(), Some(2), "{odd:?}");
    }
}

#[test]
fn the_variables_are_exported_for_a_shell() {
    let home = tempfile::tempdir().expect("a directory");
    let dir = home.path().join("it's a dir");
    let ca = |arguments: &[&str]| {
        let mut command = corstap(home.path());
        command.arg("ca").args(arguments).arg("--ca-dir").arg(&dir);
        command.output().expect("run")
    };
    assert_eq!(ca(&["export"]).status.code(), Some(2), "there is none");
    assert!(ca(&["rotate"]).status.success());
    let pem = stdout(&ca(&["export"]));
    assert_eq!(pem, fs::read_to_string(dir.join("ca.pem")).expect("there"));
    let file = home.path().join("ca.der");
    let file = file.to_str().expect("text");
    assert!(ca(&["export", "--der", "--out", file]).status.success());
    assert_eq!(
        ca(&["export", "--der"]).stdout,
        fs::read(file).expect("there")
    );
    let again = ca(&["export", "--out", file]);
    assert!(again.status.code() == Some(2) && stderr(&again).contains("exists; name a new file"));
    let exported = stdout(&ca(&["export", "--env", "--proxy", "127.0.0.1:9"]));
    let script = format!("{exported}\nprintf '%s %s' \"$HTTPS_PROXY\" \"$SSL_CERT_FILE\"");
    let output = Command::new("sh")
        .args(["-c", &script])
        .output()
        .expect("a shell");
    let bundle = dir.join("bundle.pem");
    assert_eq!(
        stdout(&output),
        format!("http://127.0.0.1:9 {}", bundle.display())
    );
}
