//! What was typed: types for clap, a file for each verb, and no work.
#![expect(
    clippy::doc_markdown,
    reason = "these comments are the help text, where backticks are no markup"
)]

mod browse;
mod ca;
mod capture;
mod captures;
mod check;
mod demo;
mod doctor;
mod explain;
mod pages;
mod probe;
mod report;
mod rewriting;
mod run;
mod servers;
mod suggest;

use std::net::SocketAddr;

use clap::{Parser, Subcommand};

pub use self::browse::{BindBrowser, Browse, GuardBrowser, Wanted};
pub use self::ca::{Ca, CaVerb, Export, StoreName, Trust};
pub use self::capture::{FromCapture, Log, Show};
pub use self::captures::{Captures, CapturesVerb};
pub use self::check::{Check, CiFormat};
pub use self::demo::Demo;
pub use self::doctor::Doctor;
pub use self::explain::Explain;
pub use self::pages::Pages;
pub use self::probe::Probe;
pub use self::report::{Format, Report, Since};
pub use self::rewriting::Rewriting;
pub use self::run::{DashboardAt, Run, RunWith, Values};
pub use self::servers::Servers;
pub use self::suggest::Suggest;

/// Says why a cross-origin fetch fails, and which server layer is at fault.
///
/// corstap is a local proxy: point a browser at it, and it records the cross-origin exchanges and
/// labels each CORS failure by its cause. Without a verb it does `run`.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Option<Verb>,
    /// What `run` takes.
    #[command(flatten)]
    pub run: RunWith,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Proxy and live log (the default)
    Run(Box<RunWith>),
    /// The same, with a throw-away browser that is pointed at it and trusts it
    Browse(Box<Browse>),
    /// A built-in page and API that fail in every way: open it and look
    Demo(Demo),
    /// List or follow the exchanges of a capture
    Log(Log),
    /// Tell one exchange in full
    Show(Show),
    /// Write a bug report that is safe to paste
    Report(Report),
    /// List the captures there are, or remove old ones
    Captures(Captures),
    /// Judge the exchanges of a HAR file, or tell what a code or a console message means
    Explain(Explain),
    /// Judge a policy before it is shipped
    Check(Check),
    /// Make the least policy under which recorded exchanges pass
    Suggest(Suggest),
    /// Show, export, trust or replace the development CA
    Ca(Ca),
    /// Test every leg: listener, CA, stores, servers, browsers
    Doctor(Box<Doctor>),
    /// Write man pages and completions, for those who package it
    #[command(hide = true)]
    Pages(Pages),
    /// Ends a browser, and removes its profile, when corstap ends
    #[command(hide = true)]
    GuardBrowser(GuardBrowser),
    /// Becomes a browser that does not outlive its guard
    #[command(hide = true)]
    BindBrowser(BindBrowser),
}

/// An address and a port.
fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "it is like 127.0.0.1:2677 or [::1]:2677".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn without_a_verb_it_is_run() {
        let cli = Cli::try_parse_from([
            "corstap",
            "--listen",
            "127.0.0.1:0",
            "--host",
            "example.com",
        ]);
        let cli = cli.expect("valid");
        assert!(cli.verb.is_none());
        assert_eq!(cli.run.run.hosts, ["example.com"]);
    }
}
