//! Starting Firefox with a throw-away profile that uses the proxy and trusts its CA.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::bidi::{CONSOLE, Event};
use super::den::Den;
use super::word::bidi::Ends;
use super::{BiDi, Error, find, launch, message, profile};
use crate::exchange::{Moment, Word};

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_mins(1);

/// What it says on stderr once it listens; its address follows.
const LISTENS: &str = "WebDriver BiDi listening on ws://";

/// How often it is looked whether something is overdue, and how often where nothing can be.
const TICK: Duration = Duration::from_millis(50);
const IDLE: Duration = Duration::from_hours(1);

/// What has it listen on a loopback port that it chooses.
pub(super) const ARGUMENTS: [&str; 4] = [
    "--no-remote",
    "--remote-debugging-port",
    "0",
    "--remote-allow-system-access",
];

/// How Firefox is to be started.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The program; without one, the first that is found.
    pub program: Option<PathBuf>,
    /// The proxy it uses for everything, loopback included.
    pub proxy: SocketAddr,
    /// The certificate, in PEM, of the only CA it trusts beside its own.
    pub ca_pem: String,
}

/// A Firefox that was started. It ends, and its profile goes, when this is dropped.
#[derive(Debug)]
pub struct Browser {
    /// The connection to it.
    pub bidi: BiDi,
    process: Child,
    listening: JoinHandle<()>,
    /// The last of its fields: it is removed once the browser has ended.
    _den: Den,
}

impl Launch {
    /// Starts a headless Firefox and connects to it on a loopback port that it chooses.
    pub async fn start(&self) -> Result<Browser, Error> {
        let program = self
            .program
            .clone()
            .or_else(find::firefox)
            .ok_or(Error::NoFirefox)?;
        let den = Den::make_apart()?;
        profile::furnish(&den.profile(), self.proxy, None)?;
        profile::trust(&den.profile(), &self.ca_pem).await?;
        let mut command = Command::new(&program);
        quieten(&mut command);
        den.hold_temporary(&mut command);
        den.hold_common(&mut command);
        let mut process = command
            .args(ARGUMENTS)
            .arg("--headless")
            .arg("--profile")
            .arg(den.profile())
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| Error::Start {
                browser: program,
                source,
            })?;
        let stderr = process.stderr.take();
        let mut said = BufReader::new(stderr.ok_or(Error::Gone("it has ended"))?).lines();
        let address = address(&mut said).await?;
        let listening = tokio::spawn(hear_out(said));
        Ok(Browser {
            bidi: BiDi::connect(address).await?,
            process,
            listening,
            _den: den,
        })
    }
}

impl Browser {
    /// Ends the browser and removes its profile.
    pub async fn close(mut self) {
        let _ = self.bidi.call("browser.close", json!({})).await;
        launch::end(&mut self.process).await;
        self.listening.abort();
    }
}

/// What Firefox keeps to itself by its environment.
pub(super) fn quieten(command: &mut Command) {
    command
        .env("MOZ_CRASHREPORTER_DISABLE", "1")
        // Without it, releases do not obey services.settings.server.
        .env("MOZ_REMOTE_SETTINGS_DEVTOOLS", "1");
}

/// A Firefox that tells of its network, and of what its console says.
#[derive(Debug)]
pub(super) struct Telling {
    bidi: BiDi,
    ends: Ends,
    listening: JoinHandle<()>,
}

impl Telling {
    /// Waits until it listens, has it trust the CA, and opens these pages: one in the tab that is
    /// there, each other one in a tab of its own.
    pub(super) async fn begin(
        stderr: ChildStderr,
        ca_pem: &str,
        open: Vec<String>,
    ) -> Result<Self, Error> {
        let mut said = BufReader::new(stderr).lines();
        let address = address(&mut said).await?;
        let listening = tokio::spawn(hear_out(said));
        let mut bidi = BiDi::connect(address).await?;
        bidi.trust(ca_pem).await?;
        bidi.subscribe().await?;
        let mut tab = Some(bidi.first_tab().await?);
        for url in open {
            bidi.begin(tab.take(), &url).await?;
        }
        Ok(Self {
            bidi,
            ends: Ends::default(),
            listening,
        })
    }

    /// Listens until the browser ends.
    pub(super) async fn listen(
        mut self,
        now: impl Fn() -> Moment,
        hear: impl Fn(Arc<Word>),
    ) -> Result<(), Error> {
        loop {
            let patience = if self.ends.is_waiting() { TICK } else { IDLE };
            match self.bidi.event(patience).await {
                Ok(Some(event)) => self.note(&event, now()),
                Ok(None) => self.ends.time_passes(now()),
                Err(Error::Gone(_)) => return Ok(()),
                Err(error) => return Err(error),
            }
            for word in self.ends.take() {
                hear(word);
            }
        }
    }

    fn note(&mut self, event: &Event, now: Moment) {
        let is_console = event.params.get("channel").and_then(Value::as_str) == Some(CONSOLE);
        if event.method == "script.message" && is_console {
            let told = event.params.pointer("/data/value").and_then(Value::as_str);
            let message = told.and_then(|told| message::read(told.as_bytes()).ok());
            if let Some(message) = message {
                self.ends.hear(message, now);
            }
        } else {
            self.ends.note(&event.method, &event.params, now);
        }
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// Where the browser listens, once it says so.
async fn address(said: &mut Lines<BufReader<ChildStderr>>) -> Result<SocketAddr, Error> {
    let waited = timeout(PATIENCE, async {
        let mut last = String::new();
        while let Some(line) = said.next_line().await? {
            if let Some(address) = line.strip_prefix(LISTENS) {
                return address.parse().map_err(|_| Error::Lacking("its address"));
            }
            last = line;
        }
        Err(Error::Ended(last))
    });
    let late = Error::Gone("it does not say where it listens");
    waited.await.unwrap_or(Err(late))
}

/// Reads on, so that the browser never waits for somebody to listen.
async fn hear_out(mut said: Lines<BufReader<ChildStderr>>) {
    while let Ok(Some(line)) = said.next_line().await {
        tracing::trace!(line, "the browser says");
    }
}
