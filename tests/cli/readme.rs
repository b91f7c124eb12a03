//! The worked example of the README: its commands are run, and print what stands beneath them.

use std::path::Path;

use rustix::process::{Signal, kill_process};

use super::running::Running;
use super::{corstap, secure, stderr, stdout};

const HEADING: &str = "## A policy, from the first failure to production";

/// The blocks of the section: a command, and what it prints.
fn example() -> Vec<(String, String)> {
    let readme = include_str!("../../README.md");
    let section = readme.split(HEADING).nth(1).expect("the section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let mut blocks: Vec<(String, String)> = Vec::new();
    for line in section.lines() {
        let indented = line.strip_prefix("    ");
        let Some(line) = indented.or(line.is_empty().then_some("")) else {
            continue;
        };
        match line.strip_prefix("$ ") {
            Some(command) => blocks.push((command.to_owned(), String::new())),
            None => {
                if let Some((_, printed)) = blocks.last_mut() {
                    printed.push_str(line);
                    printed.push('\n');
                }
            }
        }
    }
    blocks
}

/// Starts a proxy as it is typed, where others do not get in its way: it says this, gives a page what its
/// server does not, says so, and ends when it is told to.
fn check_run<'w>(home: &Path, words: impl Iterator<Item = &'w str>, said: &str) {
    const SERVER: &str = "api.example.test";
    let capture = home.join("run.corstap");
    let server = secure::Server::named(SERVER, home);
    let mut command = corstap(home);
    command.current_dir(home).args(words);
    command.args(["--listen", "127.0.0.1:0", "--dashboard", "off", "--json"]);
    command.args(["--upstream-proxy", &server.proxy, "--upstream-ca"]);
    command.arg(&server.certificate).arg("--capture");
    let mut running = Running::of(command.arg(&capture), capture);
    let page = "https://app.example.test";
    let response = secure::fetch(home, running.address, SERVER, page);
    assert!(
        response.contains("Access-Control-Allow-Origin: https://app.example.test\r\n"),
        "{response}"
    );
    assert_eq!(
        running.next()["rewrite"]["rule"],
        format!("{page} to https://{SERVER}")
    );
    kill_process(running.pid(), Signal::INT).expect("told");
    assert_eq!(running.child.wait().expect("ended").code(), Some(0));
    let told = running.told_to_the_end();
    let in_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        !said.is_empty() && in_line(&told).contains(&in_line(said)),
        "{told}"
    );
}

#[test]
fn the_worked_example_of_the_readme_does_what_it_says() {
    let home = tempfile::tempdir().expect("a directory");
    let har = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policy/orders.har");
    std::fs::copy(har, home.path().join("orders.har")).expect("copied");
    let blocks = example();
    assert!(blocks.len() >= 5);
    for (command, printed) in blocks {
        let (command, file) = match command.split_once(" > ") {
            Some((command, file)) => (command, Some(file)),
            None => (&*command, None),
        };
        let mut words = command.split(' ');
        let output = match words.next() {
            Some("corstap") if command.starts_with("corstap run ") => {
                check_run(home.path(), words, &printed);
                continue;
            }
            Some("corstap") => corstap(home.path())
                .current_dir(home.path())
                .args(words)
                .output()
                .expect("run"),
            Some("cat") => {
                let file = words.next().expect("a file");
                let text = std::fs::read_to_string(home.path().join(file)).expect("readable");
                assert_eq!(text.trim_end(), printed.trim_end(), "{command}");
                continue;
            }
            other => panic!("{other:?}"),
        };
        let expected = i32::from(printed.contains("newly blocked"));
        assert_eq!(
            output.status.code(),
            Some(expected),
            "{command}: {}",
            stderr(&output)
        );
        match file {
            Some(file) => std::fs::write(home.path().join(file), &output.stdout).expect("written"),
            None => assert_eq!(stdout(&output).trim_end(), printed.trim_end(), "{command}"),
        }
    }
}
