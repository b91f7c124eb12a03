//! A proxy with the capture that it writes to: what `run` does, and every verb that brings its own
//! browser or its own CA.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use anyhow::{Context, Result, anyhow, bail};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::repairs;
use super::rewriting::{self, InForce};
use crate::ca::{self, Ca, Gathering, HostList, LeafCache};
use crate::cli::{Run, Values};
use crate::clock;
use crate::cmd::doctor::live::{TrustedBy, UnderWay};
use crate::cmd::{place, report, route};
use crate::dashboard::{self, Dashboard};
use crate::exchange::secret::{self, Redactor};
use crate::private::PrivateDir;
use crate::proxy::{self, Notice, Notices, Parts, Proxy};
use crate::store::writer::Size;
use crate::store::{Finished, Losses, Recorder, Shown, Writer, shelf};

/// A proxy that listens, and the capture it writes to.
pub(in crate::cmd) struct Session {
    listener: TcpListener,
    proxy: Proxy,
    writer: Writer,
    /// The file of the capture.
    pub(in crate::cmd) capture: PathBuf,
    /// Where it listens.
    pub(in crate::cmd) address: SocketAddr,
    /// What is said of the dashboard: where it is, token and all, or why there is none.
    pub(in crate::cmd) dashboard_told: String,
    /// Where the dashboard listens, if there is one.
    pub(in crate::cmd) dashboard_at: Option<SocketAddr>,
    /// The address of the dashboard, token and all.
    pub(in crate::cmd) dashboard_url: Option<String>,
    dashboard: Option<(Dashboard, dashboard::Parts)>,
    /// What the user is to know of the way to the servers.
    pub(in crate::cmd) route: String,
    /// Whether the user chose the file of the capture.
    is_named: bool,
    /// The policy in force, if there is one, and who hears of it.
    in_force: Option<InForce>,
    notices: Notices,
    /// Nothing ends before it has.
    _gathering: Gathering,
}

/// What comes out of a session while it serves.
pub(in crate::cmd) struct Heard {
    /// What was committed.
    pub(in crate::cmd) shown: Receiver<Shown>,
    /// What the user must know.
    pub(in crate::cmd) noticed: Receiver<Notice>,
    /// For what else there is to hand in. The session does not end before this does.
    pub(in crate::cmd) recorder: Recorder,
}

/// What is to be said once a session is over.
pub(in crate::cmd) struct Served {
    /// What became of the exchanges.
    pub(in crate::cmd) finished: Finished,
    /// What was rewritten, where a policy was in force.
    pub(in crate::cmd) repairs: Option<String>,
}

impl Session {
    /// Listens, and opens a capture, as was typed; leaves are signed by this CA.
    pub(in crate::cmd) async fn open(
        arguments: &Run,
        authority: Ca,
        trusted_by: TrustedBy,
    ) -> Result<(Self, Heard)> {
        let gathering = ca::gather_entropy();
        let in_force = rewriting::open(arguments)?;
        let listener = listen(arguments.listen).await?;
        let address = listener.local_addr()?;
        let dashboard = super::dashboard::open(arguments.dashboard, address).await?;
        let dashboard_told =
            super::dashboard::told(dashboard.as_ref(), arguments.dashboard, address);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let route = route::route(&arguments.servers, Some(address), &provider)?;
        let told = route::told(&route);
        let (writer, recorder, shown) = record(arguments)?;
        let (notices, noticed) = Notices::new();
        let dashboard_at = dashboard.as_ref().map(Dashboard::address);
        let dashboard_url = dashboard.as_ref().map(Dashboard::url);
        let read = authority.hosts().clone();
        let parts = Parts {
            read: read.clone(),
            leaves: LeafCache::new(authority, Arc::clone(&provider)),
            route,
            own: [address].into_iter().chain(dashboard_at).collect(),
            recorder: recorder.clone(),
            notices: notices.clone(),
            confirm: arguments.confirm,
            rewriting: in_force.as_ref().map(|policy| policy.rewriting.clone()),
            provider,
        };
        let proxy = Proxy::new(parts);
        let told_of = (proxy.signs(), notices.clone());
        let under_way = UnderWay::of(arguments, address, trusted_by, told_of);
        let shows = |dashboard: Dashboard| {
            let parts = shown_by(&dashboard, under_way, &writer, &read, in_force.as_ref());
            (dashboard, parts)
        };
        let dashboard = dashboard.map(shows);
        let heard = Heard {
            shown,
            noticed,
            recorder,
        };
        let session = Self {
            listener,
            proxy,
            capture: writer.path.clone(),
            writer,
            address,
            dashboard_told,
            dashboard_at,
            dashboard_url,
            dashboard,
            route: told,
            is_named: arguments.capture.is_some(),
            in_force,
            notices,
            _gathering: gathering,
        };
        Ok((session, heard))
    }

    /// The name of the capture.
    pub(in crate::cmd) fn name(&self) -> &str {
        &self.writer.capture
    }

    /// What could not be kept.
    pub(in crate::cmd) fn losses(&self) -> Losses {
        self.writer.losses()
    }

    /// What the user is to know of the policy in force.
    pub(in crate::cmd) fn rewriting(&self) -> &str {
        self.in_force.as_ref().map_or("", |policy| &policy.told)
    }

    /// Serves until `stop` comes; then what was handed in is written and shown. A capture that holds
    /// nothing is removed, so that the newest one is one to look at.
    pub(in crate::cmd) async fn serve(self, stop: impl Future<Output = ()>) -> Result<Served> {
        let (over, is_over) = channel();
        let notices = self.notices;
        let keeping = self.in_force.map(|policy| {
            // It ends with `over`.
            thread::spawn(move || policy.keep(&notices, &is_over))
        });
        let (told_to_stop, stopped) = oneshot::channel::<()>();
        let stopped = async { stopped.await.unwrap_or_default() };
        let showing = self
            .dashboard
            .map(|(dashboard, parts)| tokio::spawn(dashboard.serve(parts, stopped)));
        let served = proxy::serve(self.listener, self.proxy, stop).await;
        drop((over, told_to_stop));
        if let Some(showing) = showing {
            // It has ended, one way or the other.
            let _ = showing.await;
        }
        // All recorders are gone, with the proxy and with whoever told it to stop.
        let finished = self.writer.finish();
        let repairs = keeping.map(|_| repairs::told(&self.capture)).transpose();
        let repairs = repairs.unwrap_or_else(|error| {
            tracing::warn!(%error, "what was rewritten cannot be said");
            None
        });
        if !self.is_named && finished.is_empty {
            discard(&self.capture);
        }
        served.context("cannot start the threads that serve connections")?;
        Ok(Served { finished, repairs })
    }
}

/// Opens a capture as was typed.
fn record(arguments: &Run) -> Result<(Writer, Recorder, Receiver<Shown>)> {
    let size = size(arguments)?;
    let capture = capture_path(arguments)?;
    let redactor = Redactor::new(&ca::random()?, values(arguments));
    Ok(Writer::start_within(size, &capture, redactor)?)
}

/// What a dashboard shows of a run.
fn shown_by(
    dashboard: &Dashboard,
    under_way: UnderWay,
    writer: &Writer,
    read: &HostList,
    in_force: Option<&InForce>,
) -> dashboard::Parts {
    dashboard::Parts {
        capture: writer.path.clone(),
        captures: place::captures().unwrap_or_default(),
        changed: writer.changed(),
        pac: proxy::pac(read, under_way.proxy, dashboard.address()),
        status: status(&under_way, in_force),
        examine: Box::new(move || Box::pin(under_way.clone().examined())),
        report: report::chosen,
    }
}

/// What the dashboard says of the run.
fn status(
    under_way: &UnderWay,
    in_force: Option<&InForce>,
) -> Box<dyn Fn() -> dashboard::Status + Send + Sync> {
    let policy = in_force.map(|policy| (policy.rewriting.clone(), policy.standing()));
    let under_way = under_way.clone();
    Box::new(move || {
        let policy = policy.as_ref();
        let still = policy.filter(|(rewriting, _)| rewriting.in_force(clock::now()).is_some());
        dashboard::Status {
            proxy: under_way.proxy,
            signs: under_way.signs(),
            rewriting: still.map(|(_, standing)| standing.clone()),
        }
    })
}

/// Which header values the capture holds.
pub(super) fn values(arguments: &Run) -> secret::Values {
    match arguments.values {
        Values::Harmless => secret::Values::Harmless,
        Values::All => secret::Values::All,
    }
}

fn discard(capture: &Path) {
    for end in ["", "-wal", "-shm"] {
        let mut file = capture.as_os_str().to_owned();
        file.push(end);
        let _ = fs::remove_file(file);
    }
}

/// Listens, or says why that is not possible and what to do.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the kinds are the standard library's"
)]
pub(in crate::cmd) async fn listen(address: SocketAddr) -> Result<TcpListener> {
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

/// How large the capture may become.
fn size(arguments: &Run) -> Result<Size> {
    let size = Size::of(arguments.max_capture);
    size.context("a capture needs more room than that: --max-capture 16M is the least")
}

/// Where the capture goes. In the usual place, old ones make room for it.
fn capture_path(arguments: &Run) -> Result<PathBuf> {
    match arguments.capture.as_deref() {
        Some(path) if path.exists() => {
            bail!(
                "{} exists; a capture is a new file. Name another one",
                path.display()
            )
        }
        Some(path) => Ok(path.to_owned()),
        None => {
            let dir = place::captures()?;
            let shelf = PrivateDir::open(&dir)?;
            if let Err(error) = shelf::prune(&dir, arguments.keep) {
                tracing::warn!(%error, "old captures cannot be removed");
            }
            Ok(shelf.join(&place::new_capture()))
        }
    }
}

/// SIGINT or SIGTERM, from now on.
pub(in crate::cmd) fn told_to_stop() -> impl Future<Output = ()> {
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
