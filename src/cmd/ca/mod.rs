//! `corstap ca`: the development CA, shown, exported, trusted and replaced.

pub(super) mod export;
pub(super) mod trust;

use std::path::Path;

use anyhow::{Error, Result, anyhow};

use super::{FINE, place};
use crate::ca::{DevCa, HostList};
use crate::cli::{Ca, CaVerb};
use crate::term::Terminal;

/// Shows the CA or makes a new one.
pub fn run(arguments: Ca) -> Result<u8> {
    match arguments.verb {
        CaVerb::Show { ca_dir } => {
            let found = find(&place::ca(ca_dir.as_deref())?)?;
            Terminal::new().print(&told(&found))?;
        }
        CaVerb::Export(arguments) => return export::run(&arguments),
        CaVerb::Install(arguments) => return trust::install(&arguments),
        CaVerb::Uninstall(arguments) => return trust::uninstall(&arguments),
        CaVerb::Rotate {
            hosts,
            any_host,
            ca_dir,
        } => {
            let dir = place::ca(ca_dir.as_deref())?;
            let hosts = wanted(&hosts, any_host)?;
            let old = DevCa::find(&dir).ok().flatten();
            let new = DevCa::rotate(&dir, hosts, &owner())?;
            let mut terminal = Terminal::new();
            if let Some(old) = old {
                terminal.print(&format!(
                    "The old CA is gone. Remove it wherever it was trusted: SHA-256 {}\n\
                     `corstap ca install` does it on this machine, and trusts the new one; `corstap ca uninstall` \
                     removes both.\n\n",
                    old.ca.fingerprint()
                ))?;
            }
            terminal.print(&format!(
                "A new CA was made; it must be trusted anew.\n\n{}",
                told(&new)
            ))?;
        }
    }
    Ok(FINE)
}

/// The CA of a directory.
fn find(dir: &Path) -> Result<DevCa> {
    DevCa::find(dir)?.ok_or_else(|| none(dir))
}

/// There is no CA.
fn none(dir: &Path) -> Error {
    anyhow!(
        "there is no CA in {}; `corstap run` makes one",
        dir.display()
    )
}

/// The hosts a CA is wanted for.
pub(super) fn wanted(patterns: &[String], any_host: bool) -> Result<HostList> {
    if any_host {
        return Ok(HostList::Any);
    }
    let mut hosts = HostList::development();
    for pattern in patterns {
        hosts.add(pattern)?;
    }
    Ok(hosts)
}

/// Who makes a CA where, for the name that people see when they trust it.
pub(super) fn owner() -> String {
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
    let system = rustix::system::uname();
    let machine = system.nodename().to_string_lossy();
    user.map_or_else(|_| machine.to_string(), |user| format!("{user}@{machine}"))
}

fn told(dev: &DevCa) -> String {
    let DevCa {
        ca,
        certificate_file,
        ..
    } = dev;
    let file = certificate_file.display();
    let warning = match ca.hosts() {
        HostList::Any => {
            "\nThis CA can sign for every host. Whoever gets its key can read all your traffic.\n"
        }
        HostList::Only { .. } => "",
    };
    format!(
        "certificate  {file}
can sign for {hosts}
valid until  {until}
SHA-256      {fingerprint}
SPKI pin     {pin}
{warning}
To trust it in this machine's stores, browsers' and Java's too: corstap ca install (--dry-run tells what
that does, corstap ca uninstall undoes it). To trust it in one program:
  Chromium, for one throw-away profile, without touching any trust store:
    chromium --user-data-dir=\"$(mktemp -d)\" --ignore-certificate-errors-spki-list={pin} …
  Firefox:            Settings → Certificates → View Certificates → Authorities → Import {file}
  curl:               curl --cacert {file} …
  Node:               NODE_EXTRA_CA_CERTS={file}
  many at once:       eval \"$(corstap ca export --env)\", or corstap run -- COMMAND
",
        hosts = ca.hosts(),
        until = ca.not_after().date(),
        fingerprint = ca.fingerprint(),
        pin = ca.spki_pin(),
    )
}
