//! `scripts/install`: the program, its man pages and its completions, below any directory.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::{stderr, stdout};

fn install(prefix: &Path, more: &[&str]) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/install");
    let mut command = Command::new(script);
    command
        .args(["--binary", env!("CARGO_BIN_EXE_corstap"), "--prefix"])
        .arg(prefix)
        .args(more);
    let output = command.output().expect("run");
    assert!(output.status.success(), "{}", stderr(&output));
    output
}

/// The files below a directory.
fn files(dir: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![dir.to_owned()];
    while let Some(next) = waiting.pop() {
        for entry in fs::read_dir(next).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                waiting.push(entry.path());
            } else {
                let inner = entry.path();
                found.insert(inner.strip_prefix(dir).expect("inside").to_owned());
            }
        }
    }
    found
}

#[test]
fn what_is_installed_works_and_is_removed_again_alone() {
    let outer = tempfile::tempdir().expect("a directory");
    let prefix = outer.path().join("a prefix");
    fs::create_dir_all(prefix.join("bin")).expect("made");
    fs::write(prefix.join("bin/other"), "not ours").expect("written");
    install(&prefix, &[]);
    let installed = files(&prefix);
    for file in [
        "bin/corstap",
        "share/man/man1/corstap.1",
        "share/man/man1/corstap-run.1",
        "share/man/man1/corstap-captures-prune.1",
        "share/bash-completion/completions/corstap",
        "share/zsh/site-functions/_corstap",
        "share/fish/vendor_completions.d/corstap.fish",
    ] {
        assert!(installed.contains(Path::new(file)), "{file}: {installed:?}");
    }
    let output = Command::new(prefix.join("bin/corstap"))
        .arg("--version")
        .output();
    assert!(stdout(&output.expect("run")).starts_with("corstap "));
    let page = fs::read_to_string(prefix.join("share/man/man1/corstap-run.1")).expect("there");
    assert!(page.contains("max\\-capture") && page.contains(".SH OPTIONS"));
    // Again, over an older version that had a file more.
    let list = prefix.join("share/corstap/installed");
    let old = prefix.join("share/man/man1/corstap-gone.1");
    fs::write(&old, "").expect("written");
    let names =
        fs::read_to_string(&list).expect("there") + "share/man/man1/corstap-gone.1\n../../escape\n";
    fs::write(&list, names).expect("written");
    fs::write(outer.path().join("escape"), "precious").expect("written");
    install(&prefix, &[]);
    assert_eq!(files(&prefix), installed);
    install(&prefix, &["--uninstall"]);
    assert_eq!(files(&prefix), [PathBuf::from("bin/other")].into());
    assert!(!prefix.join("share").exists());
    assert!(outer.path().join("escape").exists());
    let again = install(&prefix, &["--uninstall"]);
    assert!(stdout(&again).contains("not installed"));
}

#[test]
fn completions_are_what_their_shell_can_read() {
    let dir = tempfile::tempdir().expect("a directory");
    install(dir.path(), &[]);
    let file = dir.path().join("share/bash-completion/completions/corstap");
    let text = fs::read_to_string(&file).expect("there");
    assert!(text.contains("--max-capture"));
    let read = Command::new("bash")
        .arg("-n")
        .arg(&file)
        .output()
        .expect("run");
    assert!(read.status.success(), "{}", stderr(&read));
}
