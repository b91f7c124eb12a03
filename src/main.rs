//! The `corstap` program: parse, start logging, dispatch, turn errors into exit codes.

use std::env;
use std::io::{self, IsTerminal};
use std::process::ExitCode;

use clap::Parser;
use corstap::cli::Cli;
use corstap::{clock, cmd};
use tracing_subscriber::EnvFilter;

#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    clock::local_offset();
    start_logging();
    match cmd::dispatch(cli) {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("corstap: {error:#}");
            ExitCode::from(cmd::COULD_NOT_RUN)
        }
    }
}

/// Diagnostics go to standard error: warnings, and more if `CORSTAP_LOG` says so (as in
/// `CORSTAP_LOG=corstap=debug`).
fn start_logging() {
    const FILTER: &str = "CORSTAP_LOG";
    let filter = EnvFilter::try_from_env(FILTER);
    let is_odd = filter.is_err() && env::var_os(FILTER).is_some_and(|value| !value.is_empty());
    tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_else(|_| EnvFilter::new("warn")))
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
    if is_odd {
        tracing::warn!("{FILTER} is not understood; it is like CORSTAP_LOG=corstap=debug");
    }
}

/// Whoever read our output has enough of it.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let pipe = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    error
        .chain()
        .any(|cause| cause.downcast_ref::<io::Error>().is_some_and(pipe))
}
