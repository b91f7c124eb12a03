//! Trust stores: one table of steps for each platform, and how a step is taken.
//!
//! A [`Step`] is a place where a certificate can be trusted: how to see whether it is there, the
//! commands that put it there, and those that take it away again. The tables ([`plan`]) only look at
//! which places there are; what is done is done by [`Step::install`] and [`Step::uninstall`], command
//! by command, each told before it runs.

mod java;
mod linux;
mod macos;
mod nss;
mod probe;
mod windows;
mod words;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use self::probe::Probe;
pub use self::probe::State;
pub use self::words::{Words, quoted};

/// Why a step could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program is not installed.
    #[error("{program} is not installed; {hint}")]
    Missing {
        /// Which one.
        program: String,
        /// How to come by it.
        hint: &'static str,
    },
    /// A program could not be started.
    #[error("cannot run {program}: {error}")]
    Start {
        /// Which one.
        program: String,
        /// What the system said.
        error: io::Error,
    },
    /// A command has failed.
    #[error("`{command}` has failed: {said}")]
    Failed {
        /// The command.
        command: String,
        /// The last thing it said.
        said: String,
    },
    /// All commands ran, and the certificate is not where it ought to be, or still where it was.
    #[error("the commands ran, but the certificate is {0}")]
    NoEffect(&'static str),
    /// A file that ought to hold a certificate does not.
    #[error("{0} holds no certificate")]
    NoCertificate(PathBuf),
    /// A file cannot be read.
    #[error("cannot read {path}: {error}")]
    Read {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

/// The kinds of stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Store {
    /// The platform's own.
    System,
    /// Those of Chromium and Firefox.
    Nss,
    /// Java's, where `JAVA_HOME` is set.
    Java,
}

/// The platforms with tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// Linux of any kind.
    Linux,
    /// macOS.
    MacOs,
    /// Windows.
    Windows,
}

impl Platform {
    /// The one this program was built for.
    pub fn here() -> Self {
        if cfg!(target_os = "macos") {
            Self::MacOs
        } else if cfg!(windows) {
            Self::Windows
        } else {
            Self::Linux
        }
    }
}

/// Where stores are looked for.
#[derive(Clone, Debug)]
pub struct Roots {
    /// The root of the file system.
    pub root: PathBuf,
    /// The user's home.
    pub home: PathBuf,
    /// Where Java is.
    pub java_home: Option<PathBuf>,
}

impl Roots {
    /// A path below the root of the file system.
    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }
}

/// The certificate that is to be trusted, or no longer.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The file that holds it, in PEM.
    pub file: PathBuf,
    pem: String,
    sha256: String,
    sha1: String,
}

impl Subject {
    /// The certificate of a PEM file.
    pub fn read(file: &Path) -> Result<Self, Error> {
        let pem = fs::read_to_string(file).map_err(|error| Error::Read {
            path: file.to_owned(),
            error,
        })?;
        let der = CertificateDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| Error::NoCertificate(file.to_owned()))?;
        Ok(Self {
            file: file.to_owned(),
            sha256: hex(&digest::SHA256, &der),
            sha1: hex(&digest::SHA1_FOR_LEGACY_USE_ONLY, &der),
            pem,
        })
    }

    /// What it is called in every store: no other certificate has that name.
    pub fn name(&self) -> String {
        let short: String = self.sha256.chars().take(12).collect();
        format!("corstap-{}", short.to_ascii_lowercase())
    }

    /// Its SHA-256, in hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The file, as an argument.
    fn argument(&self) -> String {
        self.file.display().to_string()
    }
}

fn hex(algorithm: &'static digest::Algorithm, octets: &[u8]) -> String {
    let digest = digest::digest(algorithm, octets);
    let digits = digest.as_ref().iter().map(|octet| format!("{octet:02X}"));
    digits.collect()
}

/// One place where the certificate can be trusted.
#[derive(Clone, Debug)]
pub struct Step {
    /// The kind of store.
    pub store: Store,
    /// Which one, for people.
    pub place: String,
    /// What makes the certificate trusted there.
    pub install: Vec<Words>,
    /// What undoes it.
    pub uninstall: Vec<Words>,
    probe: Probe,
}

/// What a step has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It was taken.
    Now,
    /// There was nothing to do.
    Before,
}

impl Step {
    /// Whether the certificate is there.
    pub fn state(&self) -> Result<State, Error> {
        self.probe.state()
    }

    /// Makes the certificate trusted there, unless it is. Each command is told before it runs.
    pub fn install(&self, tell: impl FnMut(&Words)) -> Result<Taken, Error> {
        if self.state()? == State::Trusted {
            return Ok(Taken::Before);
        }
        run(&self.install, tell)?;
        match self.state()? {
            State::Trusted => Ok(Taken::Now),
            State::Present | State::Absent => Err(Error::NoEffect("not trusted there")),
        }
    }

    /// Takes the certificate away, if it is there. Each command is told before it runs.
    pub fn uninstall(&self, tell: impl FnMut(&Words)) -> Result<Taken, Error> {
        if self.state()? == State::Absent {
            return Ok(Taken::Before);
        }
        run(&self.uninstall, tell)?;
        match self.state()? {
            State::Absent => Ok(Taken::Now),
            State::Present | State::Trusted => Err(Error::NoEffect("still there")),
        }
    }
}

fn run(commands: &[Words], mut tell: impl FnMut(&Words)) -> Result<(), Error> {
    for words in commands {
        tell(words);
        words.run()?;
    }
    Ok(())
}

/// The steps of a platform, as far as there are such places: first the system's, then browsers',
/// then Java's.
pub fn plan(platform: Platform, roots: &Roots, subject: &Subject) -> Vec<Step> {
    let mut steps = match platform {
        Platform::Linux => linux::steps(roots, subject),
        Platform::MacOs => macos::steps(roots, subject),
        Platform::Windows => windows::steps(subject),
    };
    steps.extend(nss::steps(platform, roots, subject));
    steps.extend(java::steps(platform, roots, subject));
    steps
}
