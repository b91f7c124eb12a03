//! A terminal that a command sits at.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::Stdio;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// A terminal: what is typed at it, and what is to be seen on it.
#[derive(Debug)]
pub struct Terminal {
    keyboard: File,
    line: OwnedFd,
}

impl Terminal {
    /// A terminal that nobody sits at yet.
    pub fn new() -> Self {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&keyboard).expect("granted");
        unlockpt(&keyboard).expect("unlocked");
        let name = ptsname(&keyboard, Vec::new()).expect("a name");
        let line = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty());
        Self {
            keyboard: File::from(keyboard),
            line: line.expect("opened"),
        }
    }

    /// The command's end of it, for one of its streams.
    pub fn end(&self) -> Stdio {
        Stdio::from(self.line.try_clone().expect("another one"))
    }

    /// Types a text. It waits in the terminal until somebody reads it.
    pub fn types(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).expect("typed");
    }

    /// All that was to be seen on it, once nobody sits at it any more.
    pub fn seen(self) -> String {
        let Self { mut keyboard, line } = self;
        drop(line);
        let mut seen = Vec::new();
        // It ends with an error, as nobody is at the other end.
        let _ = keyboard.read_to_end(&mut seen);
        String::from_utf8_lossy(&seen).into_owned()
    }
}

impl Default for Terminal {
    fn default() -> Self {
        Self::new()
    }
}
