//! Starting a browser with a throw-away profile that uses the proxy and trusts it alone.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use command_fds::{CommandFdExt, FdMapping};
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::den::Den;
use super::{DevTools, Error, find};

/// How long a browser may take to end by itself.
const PATIENCE: Duration = Duration::from_secs(10);

/// How a browser is to be started.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The program; without one, the first that is found.
    pub program: Option<PathBuf>,
    /// The proxy it uses for everything, loopback included.
    pub proxy: SocketAddr,
    /// The SPKI pin of the only CA it trusts beside the platform's.
    pub spki_pin: String,
}

/// A browser that was started. It ends, and its profile goes, when this is dropped.
#[derive(Debug)]
pub struct Browser {
    /// The connection to it.
    pub devtools: DevTools,
    process: Child,
    /// The last of its fields: it is removed once the browser has ended.
    _den: Den,
}

/// Keeps the browser to the traffic it is asked for, and to one throw-away profile.
pub(super) const QUIET: [&str; 15] = [
    "--allow-browser-signin=false",
    // What is on demand is looked for even where components are not updated.
    "--component-updater=url-source=about:blank",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-features=NetworkTimeServiceQuerying,OptimizationGuideModelDownloading,OptimizationHints,Translate",
    "--disable-sync",
    "--metrics-recording-only",
    "--no-default-browser-check",
    "--no-first-run",
    "--password-store=basic",
    "--no-service-autorun",
    "--remote-debugging-pipe",
];

/// For browsers without a window.
pub(super) const HEADLESS: [&str; 2] = ["--headless=new", "--disable-gpu"];

/// Chromium's sandbox does not work for root, who has no business browsing anyway.
pub(super) const NO_SANDBOX: &str = "--no-sandbox";

/// The arguments that make Chromium use a proxy for everything but `past`, and trust its CA.
///
/// `<-loopback>` takes back the rule that loopback hosts bypass every proxy; the pin counts only
/// with a profile of its own.
pub(super) fn proxy_arguments(
    proxy: SocketAddr,
    past: Option<SocketAddr>,
    spki_pin: &str,
) -> [String; 3] {
    let past = past.map_or(String::new(), |past| format!(";{past}"));
    [
        format!("--proxy-server=http://{proxy}"),
        format!("--proxy-bypass-list=<-loopback>{past}"),
        format!("--ignore-certificate-errors-spki-list={spki_pin}"),
    ]
}

impl Launch {
    /// Starts a headless Chromium and connects to it over pipes, which nobody else can use.
    pub fn start(&self) -> Result<Browser, Error> {
        let program = self
            .program
            .clone()
            .or_else(find::chromium)
            .ok_or(Error::NotFound)?;
        let den = Den::make_apart()?;
        let (to_browser, commands) = pipe::pipe()?;
        let (answers, from_browser) = pipe::pipe()?;
        let mut command = Command::new(&program);
        command
            .args(QUIET)
            .args(HEADLESS)
            .args(proxy_arguments(self.proxy, None, &self.spki_pin))
            .arg(argument("--user-data-dir=", &den.profile()))
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        den.hold_temporary(&mut command);
        den.hold_common(&mut command);
        if rustix::process::geteuid().is_root() {
            command.arg(NO_SANDBOX);
        }
        let pipes = vec![
            FdMapping {
                parent_fd: commands.into_blocking_fd()?,
                child_fd: 3,
            },
            FdMapping {
                parent_fd: answers.into_blocking_fd()?,
                child_fd: 4,
            },
        ];
        let failed = |source| Error::Start {
            browser: program.clone(),
            source,
        };
        command
            .fd_mappings(pipes)
            .map_err(|error| failed(std::io::Error::other(error)))?;
        let process = command.spawn().map_err(failed)?;
        drop(command);
        Ok(Browser {
            devtools: DevTools::new(to_browser, from_browser),
            process,
            _den: den,
        })
    }
}

impl Browser {
    /// Ends the browser and removes its profile.
    pub async fn close(mut self) {
        let _ = self
            .devtools
            .call(None, "Browser.close", serde_json::json!({}))
            .await;
        end(&mut self.process).await;
    }
}

/// Waits until a browser that was asked to end has done so, and ends it if it does not.
pub(super) async fn end(process: &mut Child) {
    if timeout(PATIENCE, process.wait()).await.is_err() {
        let _ = process.kill().await;
    }
}

pub(super) fn argument(name: &str, path: &std::path::Path) -> OsString {
    let mut argument = OsString::from(name);
    argument.push(path);
    argument
}
