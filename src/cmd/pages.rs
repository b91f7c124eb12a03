//! `corstap pages`, for those who package it: man pages and completions, written from what the command
//! line takes.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use clap::CommandFactory;
use clap_complete::Shell;

use super::FINE;
use crate::cli::{Cli, Pages};

/// Where each shell looks for completions, below `share`.
const SHELLS: [(Shell, &str); 3] = [
    (Shell::Bash, "bash-completion/completions/corstap"),
    (Shell::Zsh, "zsh/site-functions/_corstap"),
    (Shell::Fish, "fish/vendor_completions.d/corstap.fish"),
];

/// Writes them below a directory, as they are laid out below `share`.
pub fn run(arguments: &Pages) -> Result<u8> {
    let dir = &arguments.dir;
    let man = dir.join("man/man1");
    write_all(dir, &man).with_context(|| format!("cannot write below {}", dir.display()))?;
    Ok(FINE)
}

fn write_all(dir: &Path, man: &Path) -> Result<()> {
    fs::create_dir_all(man)?;
    clap_mangen::generate_to(Cli::command(), man)?;
    for (shell, place) in SHELLS {
        let file = dir.join(place);
        fs::create_dir_all(file.parent().unwrap_or(dir))?;
        let mut text = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "corstap", &mut text);
        fs::write(file, text)?;
    }
    Ok(())
}
