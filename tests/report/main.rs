//! Reports: failures told to those who did not see them.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "a test that panics has failed"
)]

#[path = "../support/mod.rs"]
mod support;

mod console;
mod inert;
mod papers;
mod readers;
#[path = "../cli/running.rs"]
mod running;
mod secrets;
mod shell;
mod told;
mod typed;

use std::path::Path;
use std::process::Command;

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
