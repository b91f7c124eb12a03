//! The development CA of a run.

use anyhow::{Result, bail};

use crate::ca::{DevCa, HostList};
use crate::cli::Run;
use crate::cmd::{ca as ca_verb, place};

/// Opens the CA; the hosts wanted must be among its names.
pub(super) fn open_ca(arguments: &Run) -> Result<DevCa> {
    let dir = place::ca(arguments.ca_dir.as_deref())?;
    let wanted = ca_verb::wanted(&arguments.hosts, arguments.any_host)?;
    let made_for = if arguments.any_host {
        HostList::development()
    } else {
        wanted.clone()
    };
    let dev = DevCa::open(&dir, &made_for, &ca_verb::owner())?;
    if dev.ca.hosts().covers(&wanted) {
        return Ok(dev);
    }
    let place = ca_place(arguments);
    if arguments.any_host {
        bail!(
            "the CA can sign only for {}. To make one that signs for every host: corstap ca rotate --any-host{place}",
            dev.ca.hosts()
        );
    }
    let mut hosts = dev.ca.hosts().as_arguments();
    hosts.extend(
        wanted
            .as_arguments()
            .into_iter()
            .filter(|host| !hosts.contains(host))
            .collect::<Vec<_>>(),
    );
    let hosts: Vec<String> = hosts.iter().map(|host| format!(" --host {host}")).collect();
    bail!(
        "the CA can sign only for {}. To make one for these hosts too: corstap ca rotate{}{place}",
        dev.ca.hosts(),
        hosts.concat()
    );
}

/// Where the CA is, as arguments of the commands that are named.
pub(super) fn ca_place(arguments: &Run) -> String {
    let dir = arguments.ca_dir.as_ref();
    dir.map(|dir| format!(" --ca-dir {}", dir.display()))
        .unwrap_or_default()
}
