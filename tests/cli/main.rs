//! The program as it is typed: verbs, output, exit codes.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics has failed"
)]

#[path = "../support/mod.rs"]
mod support;

mod authority;
mod beside;
mod captures;
mod check;
mod ci;
mod dashboard;
mod disk;
mod doctor;
mod explain;
#[cfg(target_os = "linux")]
mod floods;
mod install;
mod intruders;
mod kills;
#[cfg(target_os = "linux")]
mod large;
mod legs;
mod limits;
mod listening;
mod output;
mod probe;
mod reaching;
mod readme;
mod rewriting;
mod run;
mod running;
mod secure;
mod skew;
mod telling;
mod terminal;
mod traffic;
mod trust;

use std::path::Path;
use std::process::{Command, Output};

/// The program, at home in an empty directory.
fn corstap(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_corstap"));
    command
        .env_clear()
        .env("HOME", home)
        .env("USER", "tester")
        .env("PATH", "/nowhere");
    command
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
