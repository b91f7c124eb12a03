//! What a run opens, listens to and leaves behind: no more than it says.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Parser;
use corstap::cli::Cli;

use super::running::{Running, fetch, server};
use super::{corstap, stderr};

#[test]
fn who_names_no_address_listens_to_this_machine_alone() {
    let cli = Cli::try_parse_from(["corstap"]).expect("valid");
    assert_eq!(cli.run.run.listen, "127.0.0.1:2677".parse().expect("valid"));
}

#[cfg(target_os = "linux")]
#[test]
fn nothing_listens_but_what_was_announced() {
    let home = tempfile::tempdir().expect("a directory");
    let running = Running::start(home.path(), "one");
    fetch(running.address, server(), "a");
    assert_eq!(listening(running.child.id()), [running.address]);
}

/// The addresses that a process listens on, by the kernel's account.
#[cfg(target_os = "linux")]
pub(super) fn listening(process: u32) -> Vec<SocketAddr> {
    let files = std::fs::read_dir(format!("/proc/{process}/fd")).expect("ours");
    let sockets: Vec<String> = files
        .filter_map(|file| std::fs::read_link(file.ok()?.path()).ok())
        .filter_map(|link| {
            let socket = link.to_str()?.strip_prefix("socket:[")?;
            Some(socket.strip_suffix(']')?.to_owned())
        })
        .collect();
    let mut found = Vec::new();
    for table in ["tcp", "tcp6"] {
        let table = std::fs::read_to_string(format!("/proc/{process}/net/{table}"));
        for line in table.unwrap_or_default().lines().skip(1) {
            let words: Vec<&str> = line.split_whitespace().collect();
            // 0A is LISTEN.
            if words[3] == "0A" && sockets.iter().any(|socket| socket == words[9]) {
                found.push(local_address(words[1]));
            }
        }
    }
    found
}

/// `0100007F:0A75`: an address in the machine's order of octets, and a port.
#[cfg(target_os = "linux")]
fn local_address(text: &str) -> SocketAddr {
    let (address, port) = text.split_once(':').expect("an address and a port");
    let words: Vec<u32> = (0..address.len())
        .step_by(8)
        .map(|at| u32::from_str_radix(&address[at..at + 8], 16).expect("hexadecimal"))
        .collect();
    let octets: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let port = u16::from_str_radix(port, 16).expect("hexadecimal");
    match <[u8; 4]>::try_from(octets.as_slice()) {
        Ok(octets) => (octets, port).into(),
        Err(_) => (<[u8; 16]>::try_from(octets).expect("IPv6"), port).into(),
    }
}

#[test]
fn listening_beyond_this_machine_is_warned_of() {
    let home = tempfile::tempdir().expect("a directory");
    // An address for documentation (RFC 5737), which no machine has.
    let output = corstap(home.path())
        .args(["run", "--listen", "192.0.2.1:0"])
        .output()
        .expect("run");
    assert_eq!(output.status.code(), Some(2));
    let told = stderr(&output);
    assert!(
        told.contains("listening beyond this machine") && told.contains("192.0.2.1:0"),
        "{told}"
    );
}

#[test]
fn a_run_leaves_its_ca_and_its_capture_and_nothing_else() {
    let home = tempfile::tempdir().expect("a directory");
    let mut running = Running::of(
        corstap(home.path()).args(["run", "--json", "--listen", "127.0.0.1:0"]),
        PathBuf::new(),
    );
    fetch(running.address, server(), "a");
    running.logs(1);
    running.kill();
    let mut left = Vec::new();
    list(home.path(), &mut left);
    let all_known = left.iter().all(|path| {
        let inner = path.strip_prefix(home.path()).expect("inside");
        let inner = inner.to_str().expect("text");
        inner.contains("corstap/ca/") || inner.contains(".corstap")
    });
    assert!(all_known && left.len() > 2, "{left:?}");
}

fn list(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("one").path();
        if path.is_dir() {
            list(&path, found);
        } else {
            found.push(path);
        }
    }
}
