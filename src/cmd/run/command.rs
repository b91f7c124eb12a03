//! `corstap run -- COMMAND`: a command that uses the proxy, for as long as it runs.

use std::ffi::OsString;
use std::future::pending;
use std::io::stdin;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;

use anyhow::{Context, Result};
use futures_util::future::join_all;
use rustix::process::{Pid, Signal, getpgrp, kill_process};
use rustix::termios::tcgetpgrp;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use crate::cors::Outcome;
use crate::store::capture::Which;
use crate::store::{self, Capture};

/// What a shell adds to the number of the signal that has ended a command.
const SIGNALLED: i32 = 128;

/// Runs a command with these variables set, and passes on to it what corstap is told meanwhile. The code
/// is the command's own, or a shell's for a signal.
pub(super) async fn run(
    command: &[OsString],
    variables: Vec<(&'static str, String)>,
) -> Result<u8> {
    // Listened for before there is a command: what comes early is to reach it too, and not to end us.
    let told = [
        (signal(SignalKind::interrupt())?, Signal::INT),
        (signal(SignalKind::terminate())?, Signal::TERM),
        (signal(SignalKind::hangup())?, Signal::HUP),
    ];
    let mut child = start(command, variables)?;
    let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    let passing_on = async {
        if let Some(pid) = pid {
            join_all(told.map(|(signals, number)| pass_on(pid, signals, number))).await;
        }
        pending::<u8>().await
    };
    tokio::select! {
        status = child.wait() => Ok(code(status?)),
        never = passing_on => Ok(never),
    }
}

fn start(command: &[OsString], variables: Vec<(&'static str, String)>) -> Result<Child> {
    let (program, arguments) = command.split_first().context("there is no command")?;
    let mut command = Command::new(program);
    command.args(arguments).envs(variables).kill_on_drop(true);
    command
        .spawn()
        .with_context(|| format!("cannot run {}", program.display()))
}

async fn pass_on(to: Pid, mut signals: tokio::signal::unix::Signal, number: Signal) {
    while signals.recv().await.is_some() {
        // What is typed at a terminal reaches every program that runs there, the command too.
        if number == Signal::INT && has_terminal() {
            continue;
        }
        // A command that is gone has ended, which is waited for.
        let _ = kill_process(to, number);
    }
}

/// Whether this is what runs at a terminal now.
fn has_terminal() -> bool {
    tcgetpgrp(stdin()).is_ok_and(|group| group == getpgrp())
}

fn code(status: ExitStatus) -> u8 {
    let code = status.code();
    let code = code.or_else(|| status.signal().map(|signal| SIGNALLED + signal));
    code.and_then(|code| u8::try_from(code).ok())
        .unwrap_or(u8::MAX)
}

/// How many exchanges of a capture are blocked.
pub(super) fn blocked(capture: &Path) -> Result<usize, store::Error> {
    let mut blocked = 0;
    Capture::open(capture)?.exchanges(Which::Failed, |stored| {
        let is_blocked = stored.judgement.verdict.answer.outcome == Outcome::Blocked;
        blocked += usize::from(is_blocked);
        Ok::<_, store::Error>(())
    })?;
    Ok(blocked)
}
