//! `corstap check`: what is wrong with a policy, what it makes of recorded traffic, and what is wrong
//! with a server beside it.

mod probed;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context, Result};

use super::probe::{Probed, probe};
use super::{FINE, FOUND, traffic, view};
use crate::cli::{Check, CiFormat};
use crate::clock;
use crate::policy::finding::{Finding, Severity};
use crate::policy::replay::{Group, Replay};
use crate::policy::{MOST_OCTETS, Parsed, Policy};
use crate::report::lint::{self, junit, sarif};
use crate::report::replay;
use crate::term::Terminal;

/// Judges a policy.
pub fn run(arguments: &Check) -> Result<u8> {
    let parsed = read(&arguments.policy)?;
    let groups = played(&parsed.policy, arguments)?;
    let probed = probe(
        &parsed.policy,
        &arguments.policy,
        &arguments.probe,
        clock::now(),
    )?;
    let found = Judged {
        parsed,
        groups,
        probed,
    };
    tell(arguments, &found)?;
    Ok(found.code(arguments.strict))
}

/// All that was found.
struct Judged {
    parsed: Parsed,
    groups: Vec<Group>,
    probed: Option<Probed>,
}

impl Judged {
    fn code(&self, strict: bool) -> u8 {
        let least = if strict {
            Severity::Advice
        } else {
            Severity::Broken
        };
        let worst = self.probed.as_ref().and_then(Probed::worst);
        let blocks = |group: &Group| group.counts.newly_blocked > 0;
        let is_bad = self.parsed.worst().max(worst) >= Some(least);
        if is_bad || self.groups.iter().any(blocks) {
            FOUND
        } else {
            FINE
        }
    }
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

/// What the policy makes of the traffic that was named.
fn played(policy: &Policy, arguments: &Check) -> Result<Vec<Group>> {
    if arguments.captures.is_empty() {
        return Ok(Vec::new());
    }
    let mut replay = Replay::of(policy, clock::now());
    traffic::each(&arguments.captures, |seen| replay.play(seen))?;
    Ok(replay.groups())
}

fn tell(arguments: &Check, found: &Judged) -> Result<()> {
    let name = arguments.policy.to_string_lossy();
    let Judged {
        parsed,
        groups,
        probed,
    } = found;
    let mut terminal = Terminal::new();
    match arguments.format {
        Some(CiFormat::Sarif) => {
            let mut more = replay::sarif(&name, groups);
            more.extend(
                probed
                    .iter()
                    .flat_map(|probed| probed::results(&name, probed)),
            );
            terminal.json(&sarif::log(&name, &parsed.findings, more))?;
        }
        Some(CiFormat::Junit) => {
            let mut cases = junit::cases(&name, &parsed.findings);
            cases.extend(replay::cases(groups));
            cases.extend(probed.iter().flat_map(probed::cases));
            terminal.print(&junit::report(&name, &cases))?;
        }
        None if arguments.json => {
            for finding in &parsed.findings {
                terminal.json(&lint::json(&name, finding))?;
            }
            for group in groups {
                terminal.json(&replay::json(group))?;
            }
            if let Some(probed) = probed {
                probed::write(&mut terminal, probed)?;
            }
        }
        None => {
            tell_people(&mut terminal, &name, parsed)?;
            if !arguments.captures.is_empty() {
                terminal.print(&replay::text(groups))?;
            }
            if let Some(probed) = probed {
                probed::tell(&mut terminal, probed)?;
            }
        }
    }
    Ok(())
}

fn tell_people(terminal: &mut Terminal, name: &str, parsed: &Parsed) -> Result<()> {
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
        let is_so = |finding: &&Finding| finding.severity() == severity;
        let count = findings.iter().filter(is_so).count();
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
