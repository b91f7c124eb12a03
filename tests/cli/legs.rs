//! The doctor of a run under way: what its clients have shown, by what is in their way.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use serde_json::Value;

use super::dashboard::Shown;
use super::running::{PATIENCE, fetch, server};

/// What is found of a leg: level, words, and what to do.
fn findings(shown: &Shown, leg: &str) -> Vec<[String; 3]> {
    let all = shown.json("/api/findings");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = all.as_array().expect("a list").iter();
    all.filter(|found| found["leg"] == leg)
        .map(|found| ["level", "said", "remedy"].map(|part| text(&found[part])))
        .collect()
}

fn finds(shown: &Shown, leg: &str, level: &str, [said, remedy]: [&str; 2]) {
    let found = findings(shown, leg);
    let is_it = |[own_level, own_said, own_remedy]: &[String; 3]| {
        own_level == level && own_said.contains(said) && own_remedy.contains(remedy)
    };
    assert!(found.iter().any(is_it), "{leg}, {said}: {found:?}");
}

/// Asks through the proxy for a URL with curl; says whether it got an answer.
fn asks(shown: &Shown, url: &str, more: &[&str]) -> bool {
    let proxy = format!("http://{}", shown.running.address);
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--max-time", "20", "--proxy", &proxy])
        .args(["--noproxy", ""])
        .args(more)
        .arg(url);
    curl.output().expect("curl").status.success()
}

#[test]
fn who_uses_the_proxy_is_told_from_who_does_not() {
    let shown = Shown::start();
    let remedy = "corstap browse URL";
    finds(&shown, "browser", "note", ["nothing has come", remedy]);
    let remedy = "http://corstap.invalid/";
    finds(&shown, "set-up", "note", ["no browser has opened", remedy]);
    fetch(shown.running.address, server(), "a");
    finds(&shown, "browser", "ok", ["is used", ""]);
}

#[test]
fn a_set_up_page_that_finds_neither_trust_nor_localhost_says_so() {
    let shown = Shown::start();
    assert!(asks(&shown, "http://corstap.invalid/", &[]));
    let remedy = "corstap ca install";
    finds(&shown, "set-up", "wrong", ["does not trust the CA", remedy]);
    let remedy = "--proxy-bypass-list='<-loopback>'";
    finds(&shown, "set-up", "wrong", ["keeps localhost", remedy]);
}

#[test]
fn a_client_that_does_not_trust_the_ca_and_a_host_that_is_not_read_are_named() {
    let shown = Shown::start();
    let port = server().port();
    assert!(!asks(&shown, &format!("https://localhost:{port}/"), &[]));
    let said = "refuses corstap's certificate for localhost";
    finds(&shown, "browser", "wrong", [said, "corstap ca install"]);
    // An address of this machine that nobody has named.
    asks(&shown, &format!("http://127.0.0.2:{port}/"), &[]);
    finds(&shown, "hosts", "note", ["127.0.0.2", "--host NAME"]);
}

#[test]
fn a_proxy_that_leads_round_in_a_ring_is_named() {
    // Nobody is asked there: what comes from a corstap does not go on.
    let shown = Shown::with(&["--upstream-proxy", "http://127.0.0.1:9"]);
    let mut stream = TcpStream::connect(shown.running.address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time");
    let tunnel =
        "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\nVia: 1.1 corstap\r\n\r\n";
    stream.write_all(tunnel.as_bytes()).expect("written");
    stream.read_to_end(&mut Vec::new()).expect("read");
    let said = "came through a corstap are not sent on through 127.0.0.1:9";
    finds(&shown, "upstream", "wrong", [said, "--upstream-proxy none"]);
}
