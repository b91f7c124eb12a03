//! The terminal: the only printer.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use anstream::adapter::strip_str;
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
        if self.out.current_choice() == ColorChoice::Never {
            // Past the stream that would strip it once more, piece by piece, each with a system call.
            return Self::octets(plain(text).as_bytes());
        }
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    /// Writes octets as they are, whatever they may mean to a terminal.
    pub fn octets(octets: &[u8]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(octets)?;
        out.flush()
    }

    /// Tells people something beside the output: on standard error.
    pub fn note(text: &str) {
        // Colour where it is a terminal, as on standard output.
        let mut out = AutoStream::new(io::stderr(), ColorChoice::Auto);
        // Nobody can be told that nobody listens.
        let _ = out.write_all(text.as_bytes());
    }

    /// Asks a question that is answered with yes or no, which no answer means too. Nothing is asked
    /// where nobody sits at a terminal.
    pub fn ask(question: &str) -> io::Result<Option<bool>> {
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Ok(None);
        }
        eprint!("{question} [y/N] ");
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        let answer = answer.trim().to_ascii_lowercase();
        Ok(Some(matches!(&*answer, "y" | "yes")))
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

/// How far something has come, on standard error where that is a terminal, and nowhere else. It is
/// wiped off before anything else is printed, and at the end.
#[derive(Debug)]
pub struct Progress {
    what: &'static str,
    is_seen: bool,
    drawn: Option<Instant>,
}

impl Progress {
    /// How often it is drawn anew.
    const GLANCE: Duration = Duration::from_millis(100);

    /// Nothing of it is done yet.
    pub fn of(what: &'static str) -> Self {
        Self {
            what,
            is_seen: io::stderr().is_terminal(),
            drawn: None,
        }
    }

    /// So many octets are done, or whatever is counted, of so many; without a number nobody knows of
    /// how many. To be called often.
    pub fn at(&mut self, done: u64, of: Option<u64>) {
        let is_due = self
            .drawn
            .is_none_or(|drawn| drawn.elapsed() >= Self::GLANCE);
        if self.is_seen && is_due {
            eprint!("\r\x1b[K{}", bar(self.what, done, of));
            self.drawn = Some(Instant::now());
        }
    }

    /// Wipes it off, so that something else can be printed in its place.
    pub fn wipe(&mut self) {
        if self.is_seen && self.drawn.take().is_some() {
            eprint!("\r\x1b[K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.wipe();
    }
}

/// `reading  ████████░░░░░░░░  41 %`, or how much it is so far.
fn bar(what: &str, done: u64, of: Option<u64>) -> String {
    const WIDTH: u64 = 24;
    let Some(of) = of.filter(|of| *of > 0) else {
        return format!("{what}  {done}");
    };
    let part = |whole: u64| {
        let part = u128::from(done.min(of)) * u128::from(whole) / u128::from(of);
        usize::try_from(part).unwrap_or(0)
    };
    let (full, whole) = (part(WIDTH), part(100));
    format!("{what}  {:░<24}  {whole:>3} %", "█".repeat(full))
}

/// Text without its styles. There is hardly anything else in it that begins as they do, and then it takes
/// longer.
fn plain(text: &str) -> Cow<'_, str> {
    let mut parts = text.split('\x1b');
    let first = parts.next().unwrap_or_default();
    if first.len() == text.len() {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    plain.push_str(first);
    for part in parts {
        let style = part
            .strip_prefix('[')
            .and_then(|style| style.split_once('m'));
        match style {
            Some((codes, rest)) if codes.bytes().all(is_of_style) => plain.push_str(rest),
            Some(_) | None => return Cow::Owned(strip_str(text).to_string()),
        }
    }
    Cow::Owned(plain)
}

fn is_of_style(octet: u8) -> bool {
    octet.is_ascii_digit() || octet == b';'
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
    fn a_bar_says_how_far_something_has_come() {
        let half = format!("reading  {}{}   50 %", "█".repeat(12), "░".repeat(12));
        assert_eq!(bar("reading", 5, Some(10)), half);
        let whole = format!("reading  {}  100 %", "█".repeat(24));
        assert_eq!(bar("reading", u64::MAX, Some(7)), whole);
        assert_eq!(bar("reading", 7, None), "reading  7");
        assert_eq!(bar("reading", 7, Some(0)), "reading  7");
    }

    #[test]
    fn text_is_plain_without_its_styles() {
        for (text, wanted) in [
            ("plain", "plain"),
            ("\x1b[1;31mred\x1b[0m and \x1b[2mdim\x1b[m", "red and dim"),
            ("\x1b]0;title\x07a\x1b[1mm", "am"),
            ("a\x1b[2Jb", "ab"),
            ("\x1b", ""),
        ] {
            assert_eq!(plain(text), wanted, "{text:?}");
            assert_eq!(strip_str(text).to_string(), wanted, "{text:?}");
        }
    }

    #[test]
    fn json_that_is_printed_means_the_same_and_steers_nothing() {
        let text = "a\u{1b}\u{7f}\u{9b}\u{202e}\u{e9}\u{1f600}";
        let json = harmless(serde_json::to_string(text).expect("text"));
        assert_eq!(json, "\"a\\u001b\\u007f\\u009b\\u202e\u{e9}\u{1f600}\"");
        assert_eq!(serde_json::from_str::<String>(&json).expect("JSON"), text);
    }
}
