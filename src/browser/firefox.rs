//! Starting Firefox with a throw-away profile that uses the proxy and trusts its CA.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{BiDi, Error, find, profile};

/// How long it may take to start, and to end.
const PATIENCE: Duration = Duration::from_mins(1);

/// What it says on stderr once it listens; its address follows.
const LISTENS: &str = "WebDriver BiDi listening on ws://";

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
    profile: TempDir,
    listening: JoinHandle<()>,
}

impl Launch {
    /// Starts a headless Firefox and connects to it on a loopback port that it chooses.
    pub async fn start(&self) -> Result<Browser, Error> {
        let program = self
            .program
            .clone()
            .or_else(find::firefox)
            .ok_or(Error::NoFirefox)?;
        let profile = profile::throw_away(self.proxy, &self.ca_pem).await?;
        let mut process = Command::new(&program)
            .args(["--headless", "--no-remote", "--remote-debugging-port", "0"])
            .arg("--remote-allow-system-access")
            .arg("--profile")
            .arg(profile.path())
            .arg("about:blank")
            .env("MOZ_CRASHREPORTER_DISABLE", "1")
            // Without it, releases do not obey services.settings.server.
            .env("MOZ_REMOTE_SETTINGS_DEVTOOLS", "1")
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
            profile,
            listening,
        })
    }
}

impl Browser {
    /// Ends the browser and removes its profile.
    pub async fn close(mut self) {
        let _ = self.bidi.call("browser.close", json!({})).await;
        if timeout(PATIENCE, self.process.wait()).await.is_err() {
            let _ = self.process.kill().await;
        }
        self.listening.abort();
        // What a dying process still writes is swept up with the temporary directory.
        let _ = self.profile.close();
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
