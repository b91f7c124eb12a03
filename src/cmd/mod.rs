//! The verbs: each takes what was typed, makes a ready configuration of it, calls, and prints.

pub mod browse;
pub mod ca;
pub mod captures;
pub mod check;
pub mod demo;
pub mod doctor;
pub mod explain;
mod har;
pub mod log;
pub mod pages;
pub mod place;
pub mod probe;
pub mod report;
mod route;
pub mod run;
pub mod show;
pub mod suggest;
mod traffic;

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::{Cli, Verb};
use crate::clock;
use crate::report::text::View;
use crate::term::Terminal;

/// Nothing is wrong.
pub const FINE: u8 = 0;
/// Something was found: CORS failures, or a label that differs from the browser's.
pub const FOUND: u8 = 1;
/// The verb could not do its work.
pub const COULD_NOT_RUN: u8 = 2;

/// How text is laid out: prose is broken at the right edge of a terminal, and not past what is
/// comfortable to read.
fn view(terminal: &Terminal) -> View {
    const MOST: usize = 110;
    View {
        offset: clock::local_offset(),
        width: terminal.width().map(|width| width.min(MOST)),
    }
}

/// Does what was typed.
pub fn dispatch(cli: Cli) -> Result<ExitCode> {
    let code = match cli.verb.unwrap_or(Verb::Run(Box::new(cli.run))) {
        Verb::Run(arguments) => run::run(*arguments)?,
        Verb::Browse(arguments) => browse::run(*arguments)?,
        Verb::GuardBrowser(arguments) => browse::guard(arguments)?,
        Verb::BindBrowser(arguments) => browse::bind(&arguments)?,
        Verb::Demo(arguments) => demo::run(&arguments)?,
        Verb::Log(arguments) => log::run(&arguments)?,
        Verb::Show(arguments) => show::run(&arguments)?,
        Verb::Report(arguments) => report::run(&arguments)?,
        Verb::Captures(arguments) => captures::run(&arguments)?,
        Verb::Explain(arguments) => explain::run(&arguments)?,
        Verb::Suggest(arguments) => suggest::run(&arguments)?,
        Verb::Check(arguments) => check::run(&arguments)?,
        Verb::Pages(arguments) => pages::run(&arguments)?,
        Verb::Ca(arguments) => ca::run(arguments)?,
        Verb::Doctor(arguments) => doctor::run(&arguments)?,
    };
    Ok(ExitCode::from(code))
}
