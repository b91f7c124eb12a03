//! `corstap ca install` and `uninstall`: the trust stores of this machine.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use directories::BaseDirs;

use super::{none, owner};
use crate::ca::trust::{self, Error, Platform, Roots, State, Step, Store, Subject, Taken};
use crate::ca::{DevCa, HostList};
use crate::cli::{StoreName, Trust};
use crate::cmd::{COULD_NOT_RUN, FINE, place};
use crate::term::Terminal;

/// Whether a certificate comes or goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    In,
    Out,
}

/// Makes the stores trust the CA, and no longer those that were in its place.
pub(super) fn install(arguments: &Trust) -> Result<u8> {
    let dir = place::ca(arguments.ca_dir.as_deref())?;
    let dev = DevCa::open(&dir, &HostList::development(), &owner())?;
    if *dev.ca.hosts() == HostList::Any && !arguments.any_host {
        bail!(
            "this CA can sign for every host: whoever gets its key can read all traffic of whoever trusts it. \
             `corstap ca rotate` makes one that cannot; or say --any-host to trust it all the same"
        );
    }
    let mut work = Work::new(arguments)?;
    work.forget_formers(&dir)?;
    let subject = Subject::read(&dev.certificate_file)?;
    work.all(Way::In, &subject)?;
    work.finish("Restart browsers that are open: they read their stores when they start.\n")
}

/// Removes the CA and those that were in its place.
pub(super) fn uninstall(arguments: &Trust) -> Result<u8> {
    let dir = place::ca(arguments.ca_dir.as_deref())?;
    let certificate = DevCa::certificate_file(&dir);
    if !certificate.exists() && DevCa::formers(&dir).is_empty() {
        return Err(none(&dir));
    }
    let mut work = Work::new(arguments)?;
    work.forget_formers(&dir)?;
    if certificate.exists() {
        work.all(Way::Out, &Subject::read(&certificate)?)?;
    }
    work.finish("")
}

/// What is trusted where on this machine.
pub(in crate::cmd) fn steps(subject: &Subject) -> Result<Vec<Step>> {
    Ok(trust::plan(Platform::here(), &roots()?, subject))
}

fn roots() -> Result<Roots> {
    let Some(dirs) = BaseDirs::new() else {
        bail!("there is no home directory; set HOME");
    };
    Ok(Roots {
        root: PathBuf::from("/"),
        home: dirs.home_dir().to_owned(),
        java_home: env::var_os("JAVA_HOME")
            .filter(|home| !home.is_empty())
            .map(PathBuf::from),
    })
}

/// Steps being taken, and told.
struct Work<'a> {
    arguments: &'a Trust,
    terminal: Terminal,
    failed: usize,
    changed: usize,
    places: usize,
}

impl<'a> Work<'a> {
    fn new(arguments: &'a Trust) -> Result<Self> {
        let mut terminal = Terminal::new();
        if arguments.dry_run {
            terminal.print("Nothing is changed (--dry-run).\n")?;
        }
        Ok(Self {
            arguments,
            terminal,
            failed: 0,
            changed: 0,
            places: 0,
        })
    }

    /// Removes the certificates that were in the place of the CA's. Once they are gone from all stores
    /// they are forgotten.
    fn forget_formers(&mut self, dir: &Path) -> Result<()> {
        for former in DevCa::formers(dir) {
            let failed = self.failed;
            self.all(Way::Out, &Subject::read(&former)?)?;
            let is_everywhere = self.arguments.stores.len() == StoreName::ALL.len();
            if failed == self.failed && is_everywhere && !self.arguments.dry_run {
                fs::remove_file(former)?;
            }
        }
        Ok(())
    }

    /// Takes the steps of all stores that are wanted.
    fn all(&mut self, way: Way, subject: &Subject) -> Result<()> {
        let doing = match way {
            Way::In => "Trusting",
            Way::Out => "Removing",
        };
        self.terminal.print(&format!(
            "{doing} {} (SHA-256 {})\n",
            subject.name(),
            subject.sha256()
        ))?;
        for step in steps(subject)? {
            if self.arguments.stores.iter().any(|name| name.is(step.store)) {
                self.places += 1;
                self.one(way, &step)?;
            }
        }
        Ok(())
    }

    fn one(&mut self, way: Way, step: &Step) -> Result<()> {
        self.terminal.print(&format!("  {}\n", step.place))?;
        if self.arguments.dry_run {
            return Ok(self.terminal.print(&planned(way, step))?);
        }
        let terminal = &mut self.terminal;
        let tell = |words: &trust::Words| {
            // A terminal that is gone does not stop what was begun.
            let _ = terminal.print(&format!("    $ {words}\n"));
        };
        let taken = match way {
            Way::In => step.install(tell),
            Way::Out => step.uninstall(tell),
        };
        let told = self.note(way, taken);
        Ok(self.terminal.print(&format!("    {told}\n"))?)
    }

    /// Counts what became of a step, and says it.
    fn note(&mut self, way: Way, taken: Result<Taken, Error>) -> String {
        match (taken, way) {
            (Ok(Taken::Before), Way::In) => "trusted already".to_owned(),
            (Ok(Taken::Before), Way::Out) => "not there".to_owned(),
            (Ok(Taken::Now), way) => {
                self.changed += 1;
                let done = if way == Way::In { "trusted" } else { "removed" };
                done.to_owned()
            }
            (Err(error), _) => {
                self.failed += 1;
                format!("FAILED: {error}")
            }
        }
    }

    fn finish(mut self, afterwards: &str) -> Result<u8> {
        if self.places == 0 {
            self.terminal
                .print("  No such store is on this machine.\n")?;
        }
        if self.changed > 0 {
            self.terminal.print(afterwards)?;
        }
        if self.failed == 0 {
            return Ok(FINE);
        }
        self.terminal.print(&format!(
            "{} of {} steps failed; once that is mended, do this again: what is done stays done.\n",
            self.failed, self.places
        ))?;
        Ok(COULD_NOT_RUN)
    }
}

/// What a step would do.
fn planned(way: Way, step: &Step) -> String {
    let (commands, done) = match way {
        Way::In => (&step.install, (State::Trusted, "trusted already")),
        Way::Out => (&step.uninstall, (State::Absent, "not there")),
    };
    if step.state().is_ok_and(|state| state == done.0) {
        return format!("    {}\n", done.1);
    }
    let mut text = String::new();
    for words in commands {
        let _ = writeln!(text, "    $ {words}");
    }
    text
}

impl StoreName {
    const ALL: [Self; 3] = [Self::System, Self::Nss, Self::Java];

    fn is(self, store: Store) -> bool {
        matches!(
            (self, store),
            (Self::System, Store::System) | (Self::Nss, Store::Nss) | (Self::Java, Store::Java)
        )
    }
}
