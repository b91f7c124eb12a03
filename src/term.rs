//! The terminal: the only printer.

use std::io::{self, Write};

use anstream::{AutoStream, ColorChoice};
use serde::Serialize;

/// Standard output, with colour where it is a terminal (or where `CLICOLOR_FORCE` wants it, and
/// nowhere where `NO_COLOR` does not).
#[derive(Debug)]
pub struct Terminal {
    out: AutoStream<io::Stdout>,
}

impl Terminal {
    /// Standard output.
    pub fn new() -> Self {
        Self {
            out: AutoStream::new(io::stdout(), ColorChoice::Auto),
        }
    }

    /// How many columns it has; nothing where it is no terminal.
    pub fn width(&self) -> Option<usize> {
        let columns = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        columns.filter(|_| self.out.is_terminal())
    }

    /// Prints text as it is.
    pub fn print(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    /// Tells people something beside the output: on standard error.
    pub fn note(text: &str) {
        eprint!("{text}");
    }

    /// Prints a value as one line of JSON.
    pub fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        self.out.write_all(&line)?;
        self.out.flush()
    }
}

impl Default for Terminal {
    fn default() -> Self {
        Self::new()
    }
}
