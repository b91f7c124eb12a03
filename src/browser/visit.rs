//! A browser for a person: a throw-away profile that uses the proxy, trusts this run's CA alone
//! beside its own, keeps quiet, and is gone afterwards.

use std::ffi::{OsStr, OsString};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use command_fds::{CommandFdExt, FdMapping};
use tokio::net::unix::pipe;
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

use super::den::Den;
use super::find::{Confinement, Family, Found};
use super::listener::Listener;
use super::{Error, Link, firefox, launch, profile};
use crate::exchange::{Moment, Word};

/// How long a browser may take to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// The browser's ends of the pipes of the DevTools protocol, and what holds the lock of its den.
const COMMANDS: i32 = 3;
const ANSWERS: i32 = 4;
const LOCK: i32 = 5;

/// How a browser is to be started.
#[derive(Clone, Debug)]
pub struct Visit {
    /// The browser.
    pub found: Found,
    /// The proxy it uses for everything, loopback included.
    pub proxy: SocketAddr,
    /// What it reaches without the proxy, and nothing else.
    pub past_proxy: Option<SocketAddr>,
    /// The CA that it trusts beside its own.
    pub trusts: Trusts,
    /// Whether there is a window.
    pub is_headless: bool,
    /// The pages it opens, a tab each.
    pub open: Vec<String>,
    /// Arguments of the user's own.
    pub arguments: Vec<OsString>,
    /// Where the dens of throw-away profiles are.
    pub dens: PathBuf,
    /// The program that guards it: corstap itself.
    pub guard: PathBuf,
}

/// A CA, in the forms that browsers take.
#[derive(Clone, Debug)]
pub struct Trusts {
    /// The SPKI pin.
    pub spki_pin: String,
    /// The certificate, in PEM.
    pub pem: String,
}

/// A browser that is open.
#[derive(Debug)]
pub struct Visiting {
    told: Told,
    guard: Child,
    /// As long as it is open, the browser may be.
    leash: ChildStdin,
    den: Den,
}

/// The browser's side of the conversation.
#[derive(Debug)]
enum Told {
    Chromium(Box<Listener>),
    Firefox(Box<firefox::Telling>),
}

impl Visit {
    /// Starts it.
    pub async fn start(self) -> Result<Visiting, Error> {
        if self.found.confinement == Confinement::Flatpak {
            return Err(Error::Flatpak(self.found.brand));
        }
        let den = Den::make(&self.dens)?;
        match self.found.brand.family() {
            Family::Chromium => self.start_chromium(den),
            Family::Firefox => self.start_firefox(den).await,
        }
    }

    fn start_chromium(self, den: Den) -> Result<Visiting, Error> {
        let (to_browser, commands) = pipe::pipe()?;
        let (answers, from_browser) = pipe::pipe()?;
        let mut arguments: Vec<OsString> = launch::QUIET.iter().map(Into::into).collect();
        let uses = launch::proxy_arguments(self.proxy, self.past_proxy, &self.trusts.spki_pin);
        arguments.extend(uses.into_iter().map(Into::into));
        arguments.push(launch::argument("--user-data-dir=", &den.profile()));
        if self.is_headless {
            arguments.extend(launch::HEADLESS.map(Into::into));
        }
        if rustix::process::geteuid().is_root() {
            arguments.push(launch::NO_SANDBOX.into());
        }
        arguments.extend(self.arguments.iter().cloned());
        arguments.push("about:blank".into());
        let pipes = vec![
            (commands.into_blocking_fd()?, COMMANDS),
            (answers.into_blocking_fd()?, ANSWERS),
        ];
        let mut command = self.guarded(&den, &arguments, pipes)?;
        let mut guard = self.spawned(command.stderr(Stdio::null()))?;
        let link = Link::pipes(to_browser, from_browser);
        Ok(Visiting {
            told: Told::Chromium(Box::new(Listener::new(link, self.open))),
            leash: leash(&mut guard)?,
            guard,
            den,
        })
    }

    async fn start_firefox(self, den: Den) -> Result<Visiting, Error> {
        profile::furnish(&den.profile(), self.proxy, self.past_proxy)?;
        let mut arguments: Vec<OsString> = firefox::ARGUMENTS.iter().map(Into::into).collect();
        arguments.extend(["--profile".into(), den.profile().into()]);
        if self.is_headless {
            arguments.push("--headless".into());
        }
        arguments.extend(self.arguments.iter().cloned());
        arguments.push("about:blank".into());
        let mut command = self.guarded(&den, &arguments, Vec::new())?;
        firefox::quieten(&mut command);
        let mut guard = self.spawned(command.stderr(Stdio::piped()))?;
        let leash = leash(&mut guard)?;
        let stderr = guard.stderr.take().ok_or(Error::Gone("it has ended"))?;
        let telling = firefox::Telling::begin(stderr, &self.trusts.pem, self.open).await?;
        Ok(Visiting {
            told: Told::Firefox(Box::new(telling)),
            guard,
            leash,
            den,
        })
    }

    /// The guard's command line. It is in a process group of its own: Ctrl-C is for us, who end it.
    fn guarded(
        &self,
        den: &Den,
        arguments: &[OsString],
        pipes: Vec<(OwnedFd, i32)>,
    ) -> Result<Command, Error> {
        let mut command = Command::new(&self.guard);
        command
            .args(["guard-browser", "--profile"])
            .arg(den.path())
            .arg("--")
            .arg(&self.found.program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .process_group(0);
        den.hold_temporary(&mut command);
        if self.found.confinement == Confinement::None {
            den.hold_common(&mut command);
        }
        let mut mappings = vec![(den.lock()?, LOCK)];
        mappings.extend(pipes);
        let mapping = |(parent_fd, child_fd)| FdMapping {
            parent_fd,
            child_fd,
        };
        let mapped = command.fd_mappings(mappings.into_iter().map(mapping).collect());
        mapped.map_err(|error| self.failed(std::io::Error::other(error)))?;
        Ok(command)
    }

    fn spawned(&self, command: &mut Command) -> Result<Child, Error> {
        command.spawn().map_err(|source| self.failed(source))
    }

    fn failed(&self, source: std::io::Error) -> Error {
        Error::Start {
            browser: self.found.program.clone(),
            source,
        }
    }
}

impl Visiting {
    /// Listens to what the browser tells until it ends, or until `stop` comes; then it is ended, and
    /// its profile removed. `now` says what time it is, and `hear` takes the words.
    pub async fn until(
        self,
        stop: impl Future<Output = ()>,
        now: impl Fn() -> Moment,
        hear: impl Fn(Arc<Word>),
    ) -> Result<(), Error> {
        let Self {
            told,
            mut guard,
            leash,
            den,
        } = self;
        let telling = async {
            match told {
                Told::Chromium(listener) => listener.listen(now, hear).await,
                Told::Firefox(telling) => telling.listen(now, hear).await,
            }
        };
        let told = tokio::select! {
            told = telling => told,
            _ = guard.wait() => Ok(()),
            () = stop => Ok(()),
        };
        // With that the guard ends the browser; it removes the profile before it ends itself.
        drop(leash);
        let _ = timeout(PATIENCE, guard.wait()).await;
        drop(den);
        told
    }
}

fn leash(guard: &mut Child) -> Result<ChildStdin, Error> {
    guard.stdin.take().ok_or(Error::Gone("it has ended"))
}

/// Where the dens of a browser are: where it is confined to, or else in this directory.
pub fn dens(found: &Found, home: Option<&Path>, usual: &Path) -> PathBuf {
    let name = found.program.file_name().unwrap_or_default();
    match (found.confinement, home) {
        (Confinement::Snap, Some(home)) => {
            let is_script = name == "chromium-browser";
            let name = if is_script {
                OsStr::new("chromium")
            } else {
                name
            };
            home.join("snap").join(name).join("common/corstap-browsers")
        }
        (Confinement::Snap | Confinement::None | Confinement::Flatpak, _) => usual.to_owned(),
    }
}
