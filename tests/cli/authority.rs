//! The development CA on the command line.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::{corstap, stderr, stdout};

#[test]
fn rotating_makes_a_ca_for_these_hosts_and_says_what_to_do_about_the_old_one() {
    let home = tempfile::tempdir().expect("a directory");
    let dir = home.path().join("ca");
    let ca = |arguments: &[&str]| {
        corstap(home.path())
            .arg("ca")
            .args(arguments)
            .arg("--ca-dir")
            .arg(&dir)
            .output()
            .expect("run")
    };
    let none = ca(&["show"]);
    assert_eq!(none.status.code(), Some(2));
    assert!(
        stderr(&none).contains("there is no CA in"),
        "{}",
        stderr(&none)
    );

    let first = ca(&["rotate", "--host", "example.com"]);
    assert_eq!(first.status.code(), Some(0), "{}", stderr(&first));
    assert!(stdout(&first).contains("example.com, *.example.com"));
    let shown = stdout(&ca(&["show"]));
    let fingerprint = shown
        .lines()
        .find_map(|line| line.strip_prefix("SHA-256"))
        .expect("one")
        .trim()
        .to_owned();
    let second = stdout(&ca(&["rotate", "--host", "example.org"]));
    assert!(second.contains(&format!(
        "The old CA is gone. Remove it wherever it was trusted: SHA-256 {fingerprint}"
    )));
    assert_eq!(
        fs::metadata(&dir).expect("there").permissions().mode() & 0o777,
        0o700
    );
    assert_eq!(
        fs::metadata(dir.join("ca-key.pem"))
            .expect("there")
            .permissions()
            .mode()
            & 0o777,
        0o600
    );
}

#[test]
fn a_host_outside_the_ca_is_refused_with_the_command_that_mends_it() {
    let home = tempfile::tempdir().expect("a directory");
    let dir = home.path().join("ca");
    let made = corstap(home.path())
        .args(["ca", "rotate", "--host", "example.com", "--ca-dir"])
        .arg(&dir)
        .output();
    assert!(made.expect("run").status.success());
    let run = |arguments: &[&str]| {
        let mut command = corstap(home.path());
        command
            .args(["run", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .arg("--ca-dir")
            .arg(&dir);
        command.output().expect("run")
    };
    let outside = run(&["--host", "example.org"]);
    assert_eq!(outside.status.code(), Some(2));
    let command = format!(
        "corstap ca rotate --host example.com --host example.org --ca-dir {}",
        dir.display()
    );
    assert!(stderr(&outside).contains(&command), "{}", stderr(&outside));
    let any = run(&["--any-host"]);
    assert_eq!(any.status.code(), Some(2));
    assert!(
        stderr(&any).contains("corstap ca rotate --any-host"),
        "{}",
        stderr(&any)
    );
    let no_host = run(&["--host", "https://example.com"]);
    assert_eq!(no_host.status.code(), Some(2));
    assert!(
        stderr(&no_host).contains("`https://example.com` is not a host"),
        "{}",
        stderr(&no_host)
    );
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    let home = tempfile::tempdir().expect("a directory");
    let dir = home.path().join("ca");
    let made = corstap(home.path())
        .args(["ca", "rotate", "--ca-dir"])
        .arg(&dir)
        .output()
        .expect("run");
    assert!(made.status.success());
    let key = dir.join("ca-key.pem");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("set");
    let run = corstap(home.path())
        .args(["run", "--listen", "127.0.0.1:0", "--ca-dir"])
        .arg(&dir)
        .output();
    let run = run.expect("run");
    assert_eq!(run.status.code(), Some(2));
    assert!(
        stderr(&run).contains(&format!("chmod 600 {}", key.display())),
        "{}",
        stderr(&run)
    );
}
