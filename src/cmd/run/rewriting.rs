//! `--rewrite`: a policy file in force, for as long as it says and was told.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, anyhow, bail};

use crate::cli::Run;
use crate::clock;
use crate::dashboard::Standing;
use crate::exchange::Moment;
use crate::policy::Policy;
use crate::policy::rewrite::{Refusal, Rewriter};
use crate::proxy::{Notice, Notices, Rewriting};
use crate::report::lint;
use crate::report::text::printable;

/// How long rewriting lasts unless it was told.
const EIGHT_HOURS: Duration = Duration::from_hours(8);
/// How often the file is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// A policy file in force.
pub(in crate::cmd) struct InForce {
    /// What the proxy asks.
    pub(in crate::cmd) rewriting: Rewriting,
    /// What is said of it at the start.
    pub(in crate::cmd) told: String,
    file: PathBuf,
    /// What was read last, and what the file was seen to be since.
    read: Option<Stamp>,
    seen: Option<Stamp>,
    ends: Ends,
}

/// What tells one version of a file from another.
type Stamp = (Option<SystemTime>, u64, u64);

/// When it is over: by the clock on the wall, and by one that nobody sets back.
#[derive(Clone, Copy, Debug)]
struct Ends {
    begun: Instant,
    long: Duration,
    at: Moment,
    /// When the last rule of the policy is over.
    policy: Option<Moment>,
}

/// Puts a policy in force as was typed, or says why that is refused.
pub(in crate::cmd) fn open(arguments: &Run) -> Result<Option<InForce>> {
    let typed = &arguments.rewriting;
    let Some(file) = typed.policy.as_ref().filter(|_| typed.rewrite) else {
        return Ok(None);
    };
    if !arguments.listen.ip().is_loopback() {
        bail!(
            "rewriting is refused while corstap listens beyond this machine ({}): whoever reaches it could read what \
             the policy opens. Leave --listen out, or --rewrite",
            arguments.listen
        );
    }
    let long = typed.rewrite_for.unwrap_or(EIGHT_HOURS);
    InForce::of(file, long, clock::now()).map(Some)
}

impl InForce {
    fn of(file: &Path, long: Duration, now: Moment) -> Result<Self> {
        let read = stamp(file);
        let rewriter = read_policy(file, now)?;
        let ends = Ends {
            begun: Instant::now(),
            long,
            at: now.plus(long),
            policy: rewriter.ends(),
        };
        Ok(Self {
            told: told(file, &rewriter, ends, now),
            rewriting: Rewriting::until(ends.at, rewriter),
            file: file.to_owned(),
            read,
            seen: read,
            ends,
        })
    }

    /// What stands of it in the dashboard.
    pub(in crate::cmd) fn standing(&self) -> Standing {
        Standing {
            policy: self.file.display().to_string(),
            until: self.ends.at.rfc3339(),
        }
    }

    /// Looks after the file and the time, until there is nobody to do it for.
    pub(in crate::cmd) fn keep(mut self, notices: &Notices, is_over: &Receiver<()>) {
        while is_over.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
            let now = clock::now();
            if let Some(why) = self.ends.why(now) {
                self.rewriting.end();
                notices.say(Notice::Rewriting(format!(
                    "rewriting is over: {why}. From here on every response passes as it is; to go on, start again"
                )));
                return;
            }
            if let Some(news) = self.look(now) {
                notices.say(Notice::Rewriting(news));
            }
        }
    }

    /// Reads the file again if it is another one than it was, and says what came of it. One that is
    /// just being written is waited for.
    fn look(&mut self, now: Moment) -> Option<String> {
        let stamp = stamp(&self.file);
        let is_still = std::mem::replace(&mut self.seen, stamp) == stamp;
        if stamp == self.read || !is_still {
            return None;
        }
        self.read = stamp;
        let file = self.file.display();
        Some(match read_policy(&self.file, now) {
            Ok(rewriter) => {
                self.ends.policy = rewriter.ends();
                let rules = rules(&rewriter, now);
                self.rewriting.replace(rewriter);
                format!("{file} was read again and is in force: {rules}")
            }
            Err(error) => format!("{error:#}\nWhat {file} said before stays in force"),
        })
    }
}

impl Ends {
    fn why(&self, now: Moment) -> Option<String> {
        if self.begun.elapsed() >= self.long || now >= self.at {
            return Some(format!("it was to last {}", spelt(self.long)));
        }
        let is_expired = self.policy.is_some_and(|ends| now >= ends);
        is_expired.then(|| "all rules have expired".to_owned())
    }
}

fn stamp(file: &Path) -> Option<Stamp> {
    let found = fs::metadata(file).ok()?;
    Some((found.modified().ok(), found.len(), found.ino()))
}

fn read_policy(file: &Path, now: Moment) -> Result<Rewriter> {
    let octets = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let parsed = Policy::parse(&octets, now);
    Rewriter::of(&parsed, now).map_err(|refusals| {
        let list: Vec<String> = refusals.iter().map(against).collect();
        let more = if refusals
            .iter()
            .any(|one| matches!(one, Refusal::Finding(_)))
        {
            format!("\n`corstap check {}` says more", file.display())
        } else {
            String::new()
        };
        anyhow!(
            "{} cannot be put in force:{}{more}",
            file.display(),
            list.concat()
        )
    })
}

/// What stands against a policy, and what to do about it.
fn against(refusal: &Refusal) -> String {
    let refused = refusal.to_string();
    let refused = printable(&refused);
    match refusal {
        Refusal::Finding(finding) => {
            format!("\n  {refused}\n    → {}", printable(&lint::todo(finding)))
        }
        Refusal::Pattern { .. } | Refusal::NoRules | Refusal::Expired => format!("\n  {refused}"),
    }
}

/// What is said at the start.
fn told(file: &Path, rewriter: &Rewriter, ends: Ends, now: Moment) -> String {
    let first = ends.policy.filter(|policy| *policy < ends.at);
    let until = match first {
        Some(_) => "when all rules have expired".to_owned(),
        None => format!("in {}", spelt(ends.long)),
    };
    format!(
        "\nREWRITING is on, by {}: {}. Pages get what servers did not send; every line says so, and what \
         happens without it. It ends {until}, or with corstap.",
        file.display(),
        rules(rewriter, now)
    )
}

/// The rules in force, and those that are not any more.
fn rules(rewriter: &Rewriter, now: Moment) -> String {
    let named = |expired: bool| {
        let rules = rewriter.rules().iter();
        let names = rules.filter(move |rule| rule.has_expired(now) == expired);
        let names: Vec<String> = names
            .map(|rule| format!("\"{}\"", printable(&rule.name)))
            .collect();
        names.join(", ")
    };
    let expired = named(true);
    let skipped = if expired.is_empty() {
        String::new()
    } else {
        format!(" (skipped, because expired: {expired})")
    };
    format!("{}{skipped}", named(false))
}

fn spelt(long: Duration) -> String {
    let seconds = long.as_secs();
    let units = [(24 * 60 * 60, "d"), (60 * 60, "h"), (60, "m")];
    let whole = units
        .into_iter()
        .find(|(unit, _)| seconds.is_multiple_of(*unit));
    let (unit, name) = whole.unwrap_or((1, "s"));
    format!("{} {name}", seconds / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = "version = 1\n[[rule]]\nname = \"a\"\norigins = [\"https://app.test\"]\n\
                        targets = [\"https://api.test\"]\n";

    fn now() -> Moment {
        Moment::parse("2026-11-27T12:00:00Z").expect("valid")
    }

    fn in_force(text: &str) -> (tempfile::TempDir, PathBuf, InForce) {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("policy.toml");
        fs::write(&file, text).expect("written");
        let in_force = InForce::of(&file, EIGHT_HOURS, now()).expect("in force");
        (dir, file, in_force)
    }

    fn names(in_force: &InForce) -> Vec<String> {
        let rewriter = in_force.rewriting.in_force(now()).expect("on");
        let rules = rewriter.rules().iter();
        rules.map(|rule| rule.name.to_string()).collect()
    }

    /// What is said once the file has come to rest.
    fn looks(in_force: &mut InForce) -> Option<String> {
        let first = in_force.look(now());
        assert_eq!(first, None, "it may still be written");
        in_force.look(now())
    }

    #[test]
    fn a_file_that_changes_is_read_again_once_it_rests() {
        let (_dir, file, mut in_force) = in_force(RULE);
        assert_eq!(looks(&mut in_force), None);
        fs::write(&file, RULE.replace("\"a\"", "\"other\"")).expect("written");
        let said = looks(&mut in_force).expect("news");
        assert!(
            said.ends_with("was read again and is in force: \"other\""),
            "{said}"
        );
        assert_eq!(names(&in_force), ["other"]);
        assert_eq!(in_force.look(now()), None, "it is said once");
    }

    #[test]
    fn a_bad_version_keeps_the_old_one_in_force() {
        let (_dir, file, mut in_force) = in_force(RULE);
        fs::write(&file, RULE.replace("https://app.test", "*")).expect("written");
        let said = looks(&mut in_force).expect("news");
        assert!(said.contains("* is more than one origin"), "{said}");
        assert!(said.contains("before stays in force"), "{said}");
        fs::remove_file(&file).expect("removed");
        let said = looks(&mut in_force).expect("news");
        assert!(said.contains("cannot read"), "{said}");
        assert_eq!(names(&in_force), ["a"]);
        fs::write(&file, RULE.replace("\"a\"", "\"back\"")).expect("written");
        assert!(looks(&mut in_force).is_some());
        assert_eq!(names(&in_force), ["back"]);
    }

    #[test]
    fn it_ends_by_the_time_that_was_told_or_when_the_last_rule_expires() {
        let (_dir, _, in_force) = in_force(&format!("{RULE}expires = 2026-11-27\n"));
        let ends = in_force.ends;
        assert_eq!(ends.why(now()), None);
        assert!(
            in_force.told.contains("It ends in 8 h"),
            "{}",
            in_force.told
        );
        let late = now().plus(EIGHT_HOURS);
        assert_eq!(ends.why(late).as_deref(), Some("it was to last 8 h"));
        assert!(in_force.rewriting.in_force(late).is_none());
        let days = Ends {
            long: EIGHT_HOURS * 9,
            at: now().plus(EIGHT_HOURS * 9),
            ..ends
        };
        let tomorrow = now().plus(EIGHT_HOURS * 2);
        assert_eq!(
            days.why(tomorrow).as_deref(),
            Some("all rules have expired")
        );
    }

    #[test]
    fn a_rule_that_has_expired_is_skipped_and_named() {
        let old = RULE
            .replace("\"a\"", "\"old\"")
            .replace("api.test", "old.test")
            .replace("version = 1\n", "");
        let (_dir, _, in_force) = in_force(&format!("{RULE}{old}expires = 2026-11-26\n"));
        let told = &in_force.told;
        assert!(
            told.contains(": \"a\" (skipped, because expired: \"old\")."),
            "{told}"
        );
    }
}
