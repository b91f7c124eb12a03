//! The guard: a process that starts the browser, and outlives whoever asked for it by as long as it
//! takes to end the browser and to remove its profile. However corstap ends, its end of a pipe is
//! closed with it, and that is what the guard waits for. Should the guard be killed, the system ends the
//! browser with it (on Linux), which is [`bound`] to it for that; the profile is removed when the next
//! browser is started.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

/// How long a browser may take to end by itself.
const GRACE: Duration = Duration::from_secs(2);
/// How often a directory that is being written to is tried to be removed.
const TRIES: u32 = 20;

/// What a guard is to do.
#[derive(Clone, Debug)]
pub struct Guarded {
    /// The browser.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// What is removed in the end.
    pub profile: PathBuf,
    /// The program that binds the browser to the guard: corstap itself.
    pub binder: PathBuf,
}

impl Guarded {
    /// Runs the browser until it ends, or until standard input does.
    pub fn run(&self) -> io::Result<()> {
        let mut browser = Command::new(&self.binder)
            .args(["bind-browser", "--to"])
            .arg(std::process::id().to_string())
            .arg("--")
            .arg(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .process_group(0)
            .spawn()
            .inspect_err(|_| remove(&self.profile))?;
        let group = Pid::from_child(&browser);
        let (over, is_over) = channel::<()>();
        let watch = thread::spawn(move || watch(group, &is_over));
        let waited = wait(&mut browser);
        // What the browser left behind goes with it.
        let _ = kill_process_group(group, Signal::KILL);
        drop(over);
        remove(&self.profile);
        // It may be reading still, which the end of this process ends.
        drop(watch);
        waited
    }
}

/// Becomes the browser, after it was seen to that this process does not outlive the one with that number,
/// which has started it. Comes back only if that fails.
pub fn bound(to: i32, program: &Path, arguments: &[OsString]) -> io::Error {
    if let Err(error) = bind(to) {
        return error;
    }
    Command::new(program).args(arguments).exec()
}

#[cfg(target_os = "linux")]
fn bind(to: i32) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // It may have ended before the system knew.
    if rustix::process::getppid() != Pid::from_raw(to) {
        return Err(io::Error::other("the guard is gone"));
    }
    Ok(())
}

/// Elsewhere there is no such thing.
#[cfg(not(target_os = "linux"))]
fn bind(_to: i32) -> io::Result<()> {
    Ok(())
}

fn wait(browser: &mut Child) -> io::Result<()> {
    browser.wait().map(drop)
}

/// Waits until whoever started us is gone, or wants no more; then ends the browser.
fn watch(group: Pid, is_over: &Receiver<()>) {
    let mut octets = [0; 64];
    let mut input = io::stdin().lock();
    while input.read(&mut octets).is_ok_and(|read| read > 0) {}
    let _ = kill_process_group(group, Signal::TERM);
    if is_over.recv_timeout(GRACE) == Err(RecvTimeoutError::Timeout) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// Removes a profile. A process that is dying may still write to it.
pub(super) fn remove(profile: &Path) {
    for _ in 0..TRIES {
        match fs::remove_dir_all(profile) {
            Ok(()) => return,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(_) => thread::sleep(Duration::from_millis(50)),
        }
    }
}
