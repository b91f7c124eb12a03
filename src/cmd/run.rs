//! `corstap run`: the proxy and its live log. Here the parts meet.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::iter;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use rustls::crypto::CryptoProvider;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::{FINE, ca as ca_verb, place, route, view};
use crate::ca::{self, DevCa, HostList, LeafCache};
use crate::cli::{Run, Values};
use crate::cors::{Cause, Judgement, Kind, Outcome};
use crate::exchange::ExchangeId;
use crate::exchange::secret::{self, Redactor};
use crate::private::PrivateDir;
use crate::proxy::{self, Notice, Notices, Parts, Proxy, Route};
use crate::report::record::Record;
use crate::report::text;
use crate::store::row::Stored;
use crate::store::{Losses, Shown, Writer};
use crate::term::Terminal;

/// After this long without a request, what to check is said.
const SILENCE: Duration = Duration::from_mins(1);

/// How long the last lines may take to be read.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Runs the proxy until it is told to stop.
pub fn run(arguments: Run) -> Result<u8> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve(arguments))
}

async fn serve(arguments: Run) -> Result<u8> {
    let dev = open_ca(&arguments)?;
    let listener = listen(arguments.listen).await?;
    let address = listener.local_addr()?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let route = route::route(&arguments, address, &provider)?;
    let path = capture_path(arguments.capture.as_deref())?;
    let values = match arguments.values {
        Values::Harmless => secret::Values::Harmless,
        Values::All => secret::Values::All,
    };
    let (writer, recorder, shown) = Writer::start(&path, Redactor::new(&ca::random()?, values))?;
    let (notices, noticed) = Notices::new();
    let greeting = greeting(&dev, address, &path, values, &route::told(&route));
    let parts = Parts {
        confirm: arguments.confirm,
        ..parts(dev, route, address, recorder, notices, provider)?
    };
    let log = LiveLog {
        capture: writer.capture.clone(),
        losses: writer.losses(),
        ca_place: ca_place(&arguments),
        json: arguments.json,
    };
    // Who reads the greeting may end it at once.
    let stop = told_to_stop();
    let (printed, printing) = channel::<()>();
    thread::spawn(move || {
        log.print(&greeting, &shown, &noticed);
        drop(printed);
    });
    proxy::serve(listener, Proxy::new(parts), stop).await;
    // All recorders are gone with the proxy: what was handed in is written, then shown.
    let finished = writer.finish();
    // Whoever reads the output may have stopped reading: then the end does not wait for it.
    let _ = printing.recv_timeout(LAST_WORDS);
    if arguments.capture.is_none() && finished.is_empty {
        discard(&path);
    }
    if finished.lost > 0 {
        tracing::warn!(
            exchanges = finished.lost,
            "missing in the capture: it could not be written, or not in time"
        );
    }
    Ok(FINE)
}

/// Removes a capture that holds nothing, so that the newest one is one to look at.
fn discard(capture: &Path) {
    for end in ["", "-wal", "-shm"] {
        let mut file = capture.as_os_str().to_owned();
        file.push(end);
        let _ = fs::remove_file(file);
    }
}

fn parts(
    dev: DevCa,
    route: Route,
    address: SocketAddr,
    recorder: crate::store::Recorder,
    notices: Notices,
    provider: Arc<CryptoProvider>,
) -> Result<Parts> {
    let read = dev.ca.hosts().clone();
    let leaves = LeafCache::new(dev.ca, Arc::clone(&provider))?;
    Ok(Parts {
        leaves,
        read,
        route,
        own: vec![address],
        recorder,
        notices,
        confirm: false,
        provider,
    })
}

/// Opens the CA; the hosts wanted must be among its names.
fn open_ca(arguments: &Run) -> Result<DevCa> {
    let dir = place::ca(arguments.ca_dir.as_deref())?;
    let wanted = ca_verb::wanted(&arguments.hosts, arguments.any_host)?;
    let made_for = if arguments.any_host {
        HostList::development()
    } else {
        wanted.clone()
    };
    let dev = DevCa::open(&dir, &made_for, &ca_verb::owner())?;
    if dev.ca.hosts().covers(&wanted) {
        return Ok(dev);
    }
    let place = ca_place(arguments);
    if arguments.any_host {
        bail!(
            "the CA can sign only for {}. To make one that signs for every host: corstap ca rotate --any-host{place}",
            dev.ca.hosts()
        );
    }
    let mut hosts = dev.ca.hosts().as_arguments();
    hosts.extend(
        wanted
            .as_arguments()
            .into_iter()
            .filter(|host| !hosts.contains(host))
            .collect::<Vec<_>>(),
    );
    let hosts: Vec<String> = hosts.iter().map(|host| format!(" --host {host}")).collect();
    bail!(
        "the CA can sign only for {}. To make one for these hosts too: corstap ca rotate{}{place}",
        dev.ca.hosts(),
        hosts.concat()
    );
}

/// Where the CA is, as arguments of the commands that are named.
fn ca_place(arguments: &Run) -> String {
    let dir = arguments.ca_dir.as_ref();
    dir.map(|dir| format!(" --ca-dir {}", dir.display()))
        .unwrap_or_default()
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the kinds are the standard library's"
)]
pub(super) async fn listen(address: SocketAddr) -> Result<TcpListener> {
    if !address.ip().is_loopback() {
        tracing::warn!(%address, "listening beyond this machine: whoever reaches it can use the proxy");
    }
    TcpListener::bind(address).await.map_err(|error| {
        let hint = match error.kind() {
            io::ErrorKind::AddrInUse => {
                "is another corstap running? `--listen 127.0.0.1:0` takes any free port"
            }
            io::ErrorKind::PermissionDenied => "ports below 1024 are not for everybody",
            _ => "is it an address of this machine?",
        };
        anyhow!("cannot listen on {address}: {error}; {hint}")
    })
}

fn capture_path(named: Option<&Path>) -> Result<PathBuf> {
    match named {
        Some(path) if path.exists() => {
            bail!(
                "{} exists; a capture is a new file. Name another one",
                path.display()
            )
        }
        Some(path) => Ok(path.to_owned()),
        None => Ok(PrivateDir::open(&place::captures()?)?.join(&place::new_capture())),
    }
}

/// SIGINT or SIGTERM, from now on.
pub(super) fn told_to_stop() -> impl Future<Output = ()> {
    let signals = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    );
    async {
        let (Ok(mut interrupt), Ok(mut terminate)) = signals else {
            // Without handlers the default ones end the process, which the capture survives.
            return std::future::pending().await;
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}

/// What is said at the start: where it listens, what it reads, how to point a browser at it.
fn greeting(
    dev: &DevCa,
    address: SocketAddr,
    capture: &Path,
    values: secret::Values,
    route: &str,
) -> String {
    let DevCa {
        ca,
        certificate_file,
        is_new,
    } = dev;
    let made = if *is_new {
        "A development CA was made. "
    } else {
        ""
    };
    let any = match ca.hosts() {
        HostList::Any => {
            "\nThe CA can sign for EVERY host: whoever gets its key can read all your traffic."
        }
        HostList::Only { .. } => "",
    };
    let all = match values {
        secret::Values::All => {
            "\nThe capture holds ALL header values, cookies and tokens included."
        }
        secret::Values::Harmless => "",
    };
    let (port, ip) = (address.port(), address.ip());
    format!(
        "corstap listens on {address} and reads {hosts}; all else is tunnelled unread.{route}{any}{all}
{made}capture: {capture}

Point a browser at it:
  Chromium  chromium --user-data-dir=\"$(mktemp -d)\" --proxy-server=http://{address} \\
              --proxy-bypass-list='<-loopback>' --ignore-certificate-errors-spki-list={pin}
            ('<-loopback>' sends localhost through the proxy too; without it Chromium does not)
  Firefox   Settings → Network Settings → Manual proxy configuration: {ip}, port {port}, also for HTTPS;
            about:config: network.proxy.allow_hijacking_localhost = true, for localhost;
            import the CA: {certificate}
  curl      curl -x http://{address} --cacert {certificate} https://…

",
        hosts = ca.hosts(),
        capture = capture.display(),
        pin = ca.spki_pin(),
        certificate = certificate_file.display(),
    )
}

/// What to check when nothing comes.
const SILENT: &str = "No request so far. Check:
  - Does the browser use this proxy? Look at its command line, or its network settings.
  - For localhost: is '<-loopback>' in Chromium's bypass list, or Firefox's
    network.proxy.allow_hijacking_localhost set to true?
  - Is the host among those that are read? Add --host NAME if not.
";

/// Prints what was committed, as it comes.
struct LiveLog {
    capture: String,
    losses: Losses,
    /// Where the CA is, as arguments.
    ca_place: String,
    json: bool,
}

impl LiveLog {
    fn print(&self, greeting: &str, shown: &Receiver<Shown>, noticed: &Receiver<Notice>) {
        let mut terminal = Terminal::new();
        // A terminal that is gone ends the printing, not the proxying.
        let _ = self.try_print(&mut terminal, greeting, shown, noticed);
    }

    fn try_print(
        &self,
        terminal: &mut Terminal,
        greeting: &str,
        shown: &Receiver<Shown>,
        noticed: &Receiver<Notice>,
    ) -> io::Result<()> {
        const GLANCE: Duration = Duration::from_millis(200);
        const AT_ONCE: usize = 1024;
        let mut silent_for = Some(Duration::ZERO);
        let mut told = Told::default();
        let mut lost = 0;
        self.say(terminal, greeting)?;
        loop {
            match shown.recv_timeout(GLANCE) {
                Ok(first) => {
                    silent_for = None;
                    let waiting = shown.try_iter().take(AT_ONCE);
                    self.tell(terminal, &mut told, iter::once(first).chain(waiting))?;
                }
                Err(RecvTimeoutError::Timeout) => {
                    silent_for = silent_for.map(|silent| silent + GLANCE);
                }
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            for notice in noticed.try_iter() {
                self.say(terminal, &format!("{}\n", notice.told(&self.ca_place)))?;
            }
            let count = self.losses.count();
            if count != std::mem::replace(&mut lost, count) {
                let text = format!(
                    "{count} exchanges are missing in the capture: it cannot be written, or not in time\n"
                );
                self.say(terminal, &text)?;
            }
            if silent_for.is_some_and(|silent| silent >= SILENCE) {
                silent_for = None;
                self.say(terminal, SILENT)?;
            }
        }
    }

    /// What is for people goes to standard error where the output is for programs.
    fn say(&self, terminal: &mut Terminal, text: &str) -> io::Result<()> {
        if self.json {
            Terminal::note(text);
            Ok(())
        } else {
            terminal.print(text)
        }
    }

    /// Prints what there is in one go.
    fn tell(
        &self,
        terminal: &mut Terminal,
        told: &mut Told,
        all: impl Iterator<Item = Shown>,
    ) -> io::Result<()> {
        let view = view(terminal);
        let mut lines = String::new();
        for stored in all {
            let (recorded, judgement) = (&stored.recorded, &stored.judgement);
            if self.json {
                let record = Record::new(&self.capture, stored.rev, recorded, judgement);
                lines.push_str(&Terminal::json_line(&record)?);
            } else if !is_dull(judgement) && told.is_news(&stored) {
                lines.push_str(&text::line(recorded, judgement, view));
            }
        }
        terminal.print(&lines)
    }
}

/// Whether there is nothing to be learnt from an exchange.
fn is_dull(judgement: &Judgement) -> bool {
    let outcome = judgement.verdict.answer.outcome;
    outcome == Outcome::Pending || judgement.kind == Kind::SameOrigin && outcome == Outcome::Allowed
}

/// What the live log has said last of each exchange: it says nothing twice.
#[derive(Default)]
struct Told(HashMap<ExchangeId, (Outcome, Option<Cause>)>);

impl Told {
    /// How many exchanges are remembered.
    const MOST: usize = 16 * 1024;

    fn is_news(&mut self, stored: &Stored) -> bool {
        let answer = &stored.judgement.verdict.answer;
        if self.0.len() > Self::MOST {
            self.0.clear();
        }
        let said = (answer.outcome, answer.cause);
        self.0.insert(stored.recorded.id, said) != Some(said)
    }
}
