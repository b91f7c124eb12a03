//! `corstap check`: what is wrong with a policy, and with a server beside it.

mod probed;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context, Result};

use super::probe::{Probed, probe};
use super::{FINE, FOUND, view};
use crate::cli::{Check, CiFormat};
use crate::clock;
use crate::policy::finding::{Finding, Severity};
use crate::policy::{MOST_OCTETS, Parsed, Policy};
use crate::report::lint::{self, junit, sarif};
use crate::term::Terminal;

/// Judges a policy.
pub fn run(arguments: &Check) -> Result<u8> {
    let parsed = read(&arguments.policy)?;
    let name = arguments.policy.to_string_lossy();
    let probed = probe(
        &parsed.policy,
        &arguments.policy,
        &arguments.probe,
        clock::now(),
    )?;
    let mut terminal = Terminal::new();
    match arguments.format {
        Some(CiFormat::Sarif) => {
            let log = sarif::log(
                &name,
                &parsed.findings,
                probed
                    .as_ref()
                    .map_or_else(Vec::new, |probed| probed::results(&name, probed)),
            );
            terminal.json(&log)?;
        }
        Some(CiFormat::Junit) => {
            let mut cases = junit::cases(&name, &parsed.findings);
            cases.extend(probed.iter().flat_map(probed::cases));
            terminal.print(&junit::report(&name, &cases))?;
        }
        None if arguments.json => {
            for finding in &parsed.findings {
                terminal.json(&lint::json(&name, finding))?;
            }
            if let Some(probed) = &probed {
                probed::write(&mut terminal, probed)?;
            }
        }
        None => {
            tell(&mut terminal, &name, &parsed)?;
            if let Some(probed) = &probed {
                probed::tell(&mut terminal, probed)?;
            }
        }
    }
    let worst = probed.as_ref().and_then(Probed::worst);
    Ok(code(parsed.worst().max(worst), arguments.strict))
}

/// Reads a policy, and no more of the file than a policy can have.
pub fn read(path: &Path) -> Result<Parsed> {
    let mut file = Vec::new();
    let most = MOST_OCTETS as u64;
    let read = if path == Path::new("-") {
        io::stdin().lock().take(most).read_to_end(&mut file)
    } else {
        File::open(path).and_then(|opened| opened.take(most).read_to_end(&mut file))
    };
    read.with_context(|| format!("cannot read the policy {}", path.display()))?;
    Ok(Policy::parse(&file, clock::now()))
}

fn tell(terminal: &mut Terminal, name: &str, parsed: &Parsed) -> Result<()> {
    for finding in &parsed.findings {
        let told = lint::text(name, &parsed.text, finding, view(terminal));
        terminal.print(&told)?;
    }
    terminal.print(&format!("{name}: {}\n", summary(&parsed.findings)))?;
    Ok(())
}

/// How many findings of each severity there are, the worst first.
fn summary(findings: &[Finding]) -> String {
    let severities = [Severity::Unsafe, Severity::Broken, Severity::Advice];
    let counted = severities.into_iter().filter_map(|severity| {
        let count = findings
            .iter()
            .filter(|finding| finding.severity() == severity)
            .count();
        (count > 0).then(|| format!("{count} {}", severity.name()))
    });
    let counted: Vec<String> = counted.collect();
    if counted.is_empty() {
        "nothing is wrong".to_owned()
    } else {
        format!(
            "{} (`corstap explain CODE` tells what a code means)",
            counted.join(", ")
        )
    }
}

fn code(worst: Option<Severity>, strict: bool) -> u8 {
    let least = if strict {
        Severity::Advice
    } else {
        Severity::Broken
    };
    if worst >= Some(least) { FOUND } else { FINE }
}
