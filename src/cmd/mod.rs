//! The verbs: each takes what was typed, makes a ready configuration of it, calls, and prints.

pub mod ca;
pub mod demo;
pub mod explain;
pub mod log;
pub mod place;
pub mod run;
pub mod show;

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::{Cli, Verb};

/// Nothing is wrong.
pub const FINE: u8 = 0;
/// Something was found: CORS failures, or a label that differs from the browser's.
pub const FOUND: u8 = 1;
/// The verb could not do its work.
pub const COULD_NOT_RUN: u8 = 2;

/// Does what was typed.
pub fn dispatch(cli: Cli) -> Result<ExitCode> {
    let code = match cli.verb.unwrap_or(Verb::Run(cli.run)) {
        Verb::Run(arguments) => run::run(arguments)?,
        Verb::Demo(arguments) => demo::run(&arguments)?,
        Verb::Log(arguments) => log::run(&arguments)?,
        Verb::Show(arguments) => show::run(&arguments)?,
        Verb::Explain(arguments) => explain::run(&arguments)?,
        Verb::Ca(arguments) => ca::run(arguments)?,
    };
    Ok(ExitCode::from(code))
}
