//! `corstap suggest`: the least policy under which recorded exchanges pass.

use std::io::{self, BufRead, IsTerminal};

use anyhow::{Result, anyhow};

use super::{FINE, FOUND, traffic};
use crate::cli::Suggest;
use crate::clock;
use crate::policy::suggest::{Gathered, LeftOut, Misspelt, Need, Wanted, suggest};
use crate::report::lint;
use crate::report::text::printable;
use crate::term::Terminal;

/// Prints a policy for what is wanted.
pub fn run(arguments: &Suggest) -> Result<u8> {
    let wanted = Wanted::parse(&arguments.origins, &arguments.targets)
        .map_err(|misspelt| error(&misspelt))?;
    let mut gathered = Gathered::of(wanted);
    traffic::each(&arguments.captures, |seen| gathered.note(seen))?;
    let mut needs = gathered.needs();
    let is_chosen = arguments.all || !arguments.origins.is_empty() || !arguments.targets.is_empty();
    if !is_chosen && io::stdin().is_terminal() && io::stderr().is_terminal() {
        needs = confirmed(needs)?;
    }
    let suggestion = suggest(needs, clock::now());
    for left_out in &suggestion.left_out {
        Terminal::note(&told(left_out));
    }
    if suggestion.rules == 0 {
        Terminal::note("corstap: no recorded cross-origin exchange is wanted, or can be allowed\n");
        return Ok(FOUND);
    }
    let mut terminal = Terminal::new();
    terminal.print("# The least that lets the recorded exchanges pass, by `corstap suggest`. Look through it.\n")?;
    terminal.print(&suggestion.text)?;
    Ok(FINE)
}

fn error(misspelt: &Misspelt) -> anyhow::Error {
    let words = lint::words::of(misspelt.code);
    let why = words.why.replace("{value}", "it");
    match &misspelt.instead {
        Some(instead) => anyhow!("{why} Write {instead}"),
        None => anyhow!("{why} {}", words.todo),
    }
}

/// Asks for each pair of an origin and a server; from the end of input on it is a no.
fn confirmed(needs: Vec<Need>) -> Result<Vec<Need>> {
    let mut confirmed = Vec::new();
    let mut lines = io::stdin().lock().lines();
    for need in needs {
        Terminal::note(&question(&need));
        let Some(answer) = lines.next().transpose()? else {
            Terminal::note("\n");
            break;
        };
        if matches!(answer.trim(), "y" | "Y" | "yes") {
            confirmed.push(need);
        }
    }
    Ok(confirmed)
}

fn question(need: &Need) -> String {
    let methods: Vec<_> = need
        .methods
        .iter()
        .map(|method| printable(method))
        .collect();
    let credentials = if need.credentials {
        ", with credentials"
    } else {
        ""
    };
    format!(
        "Allow {} → {} ({}; {} exchanges{credentials})? [y/N] ",
        printable(&need.origin),
        printable(&need.target),
        methods.join(", "),
        need.exchanges
    )
}

fn told(left_out: &LeftOut) -> String {
    let LeftOut { need, because } = left_out;
    format!(
        "corstap: left out: {} → {} ({} exchanges): {}: {}\n",
        printable(&need.origin),
        printable(&need.target),
        need.exchanges,
        because.code.name(),
        printable(&lint::why(because))
    )
}
