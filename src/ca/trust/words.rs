//! Commands, as words: shown so that a shell would understand them, run without one.

use std::fmt;
use std::io;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::Error;

/// A command: a program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words(Vec<String>);

impl Words {
    /// A program with arguments.
    pub(super) fn new<const N: usize>(words: [&str; N]) -> Self {
        Self::of(&words)
    }

    /// The same.
    pub(super) fn of(words: &[&str]) -> Self {
        Self(words.iter().map(ToString::to_string).collect())
    }

    /// The same, by the superuser where this user may not write to `place`.
    pub(super) fn writing_to(mut self, place: &Path) -> Self {
        use rustix::fs::{Access, access};
        if access(place, Access::WRITE_OK).is_err() {
            self.0.insert(0, "sudo".to_owned());
        }
        self
    }

    fn program(&self) -> String {
        self.0.first().cloned().unwrap_or_default()
    }

    /// Runs it; whoever asks for a password can be answered.
    pub(super) fn run(&self) -> Result<(), Error> {
        let output = self.output(Stdio::inherit())?;
        if output.status.success() {
            return Ok(());
        }
        Err(Error::Failed {
            command: self.to_string(),
            said: last_words(&output),
        })
    }

    /// Runs it and looks at what it says; nothing where it has failed.
    pub(super) fn ask(&self) -> Result<Option<String>, Error> {
        let output = self.output(Stdio::null())?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(output.status.success().then_some(said))
    }

    fn output(&self, stdin: Stdio) -> Result<Output, Error> {
        let mut command = Command::new(self.program());
        command.args(self.0.iter().skip(1)).stdin(stdin);
        command.output().map_err(|error| {
            let program = self.program();
            if error.kind() == io::ErrorKind::NotFound {
                let hint = hint(&program);
                Error::Missing { program, hint }
            } else {
                Error::Start { program, error }
            }
        })
    }
}

/// How to come by a program that is not there.
fn hint(program: &str) -> &'static str {
    match program {
        "certutil" => {
            "install it (on Debian: apt-get install libnss3-tools; on macOS: brew install nss), then do this again"
        }
        "sudo" => "do this again as root",
        _ => "install it, then do this again",
    }
}

/// The last line of what a command has said, on standard error or else on standard output.
fn last_words(output: &Output) -> String {
    let last = |octets: &[u8]| {
        let text = String::from_utf8_lossy(octets);
        let line = text
            .lines()
            .rev()
            .map(str::trim)
            .find(|line| !line.is_empty());
        line.map(str::to_owned)
    };
    last(&output.stderr)
        .or_else(|| last(&output.stdout))
        .unwrap_or_else(|| output.status.to_string())
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, word) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            f.write_str(&quoted(word))?;
        }
        Ok(())
    }
}

/// A word as a POSIX shell understands it.
pub fn quoted(word: &str) -> String {
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-_./:=,@%+\\".contains(&octet);
    if !word.is_empty() && word.bytes().all(|octet| plain(octet) && octet != b'\\') {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_so_that_a_shell_gives_them_back() {
        for word in [
            "plain", "", "a b", "it's", "$HOME", "a\nb", "C:\\x", "*", "`id`", "ü",
        ] {
            let echo = format!("printf %s {}", quoted(word));
            let output = Command::new("sh").args(["-c", &echo]).output();
            let output = output.expect("a shell");
            assert_eq!(String::from_utf8_lossy(&output.stdout), word, "{echo}");
        }
    }

    #[test]
    fn where_one_may_not_write_the_superuser_does() {
        let words = || Words::new(["rm", "x"]);
        let dir = tempfile::tempdir().expect("a directory");
        assert_eq!(words().writing_to(dir.path()).to_string(), "rm x");
        let nowhere = dir.path().join("nowhere");
        assert_eq!(words().writing_to(&nowhere).to_string(), "sudo rm x");
    }

    #[test]
    fn a_command_that_fails_says_why_and_one_that_is_missing_how_to_come_by_it() {
        let failed = Words::new(["sh", "-c", "echo first >&2; echo last >&2; exit 3"]).run();
        let told = failed.expect_err("it fails").to_string();
        assert!(told.ends_with("has failed: last"), "{told}");
        let missing = Words::new(["corstap-no-such-program"]).run();
        let told = missing.expect_err("it is not there").to_string();
        assert_eq!(
            told,
            "corstap-no-such-program is not installed; install it, then do this again"
        );
    }
}
