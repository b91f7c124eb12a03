//! The terminal: the only printer.

use std::fmt::Write as _;
use std::io::{self, Write};

use anstream::{AutoStream, ColorChoice};
use serde::Serialize;

use crate::report::text::steers;

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
        self.print(&Self::json_line(value)?)
    }

    /// A value as one line of JSON.
    pub fn json_line(value: &impl Serialize) -> io::Result<String> {
        let mut line = harmless(serde_json::to_string(value)?);
        line.push('\n');
        Ok(line)
    }
}

impl Default for Terminal {
    fn default() -> Self {
        Self::new()
    }
}

/// JSON with what steers a terminal written as escapes (RFC 8259 section 7), which it leaves as it
/// is beyond the first 32 characters.
fn harmless(json: String) -> String {
    if json.bytes().all(|octet| octet < 0x7f) {
        return json;
    }
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        if steers(character) {
            // None of them is beyond the basic plane.
            let _ = write!(escaped, "\\u{:04x}", u32::from(character));
        } else {
            escaped.push(character);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_that_is_printed_means_the_same_and_steers_nothing() {
        let text = "a\u{1b}\u{7f}\u{9b}\u{202e}\u{e9}\u{1f600}";
        let json = harmless(serde_json::to_string(text).expect("text"));
        assert_eq!(json, "\"a\\u001b\\u007f\\u009b\\u202e\u{e9}\u{1f600}\"");
        assert_eq!(serde_json::from_str::<String>(&json).expect("JSON"), text);
    }
}
