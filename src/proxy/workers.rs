//! Workers: one thread for each core, with a runtime of its own. Each accepts for itself, when it has time; a
//! client connection stays with the worker that accepted it, and its connections to servers with it, so that
//! no task ever wakes another thread.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{self, SocketAddr};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinSet, yield_now};
use tracing::warn;

use super::{Proxy, conn};

/// How many there are at most: the browsers of one person need no more.
const MOST_WORKERS: usize = 8;
/// How many client connections are served at once; further ones wait to be accepted.
const MOST_CONNECTIONS: usize = 8192;
/// How long accepting rests when there are no file descriptors left.
const OUT_OF_FILES: Duration = Duration::from_millis(100);

/// All workers. They drop their connections and end when this is dropped.
pub(super) struct Workers {
    /// Nothing is ever sent: it tells by being dropped.
    stop: watch::Sender<()>,
    /// Nothing ever comes out of it: it closes when the last of them has ended.
    ended: Receiver<Infallible>,
}

impl Workers {
    /// Starts as many as there are cores.
    pub(super) fn start(listener: TcpListener, proxy: Proxy) -> io::Result<Self> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let (stop, stopped) = watch::channel(());
        let (alive, ended) = mpsc::channel(1);
        let floor = Floor::new(proxy);
        let listener = listener.into_std()?;
        for _ in 0..cores.min(MOST_WORKERS) {
            start(listener.try_clone()?, &floor, stopped.clone(), &alive)?;
        }
        Ok(Self { stop, ended })
    }

    /// Drops all connections, and waits until they are gone.
    pub(super) async fn end(self) {
        let Self { stop, mut ended } = self;
        drop(stop);
        let None = ended.recv().await;
    }
}

/// Starts a worker on a thread of its own.
fn start(
    listener: net::TcpListener,
    floor: &Floor,
    mut stopped: watch::Receiver<()>,
    alive: &Sender<Infallible>,
) -> io::Result<()> {
    let (floor, alive) = (floor.clone(), alive.clone());
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let listener = {
        let _entered = runtime.enter();
        TcpListener::from_std(listener)?
    };
    let thread = thread::Builder::new().name("worker".to_owned());
    thread.spawn(move || {
        let stop = async { while stopped.changed().await.is_ok() {} };
        runtime.block_on(floor.work(&listener, stop));
        drop(listener);
        // A name that is still being looked up is not waited for.
        runtime.shutdown_background();
        // Who waits for the end waits for what the proxy holds.
        drop(floor);
        drop(alive);
    })?;
    Ok(())
}

/// What workers have in common.
#[derive(Clone)]
pub(super) struct Floor {
    proxy: Arc<Proxy>,
    permits: Arc<Semaphore>,
}

impl Floor {
    pub(super) fn new(proxy: Proxy) -> Self {
        Self {
            proxy: Arc::new(proxy),
            permits: Arc::new(Semaphore::new(MOST_CONNECTIONS)),
        }
    }

    /// Serves the connections that it accepts, until `stop` comes; those that are open then are dropped.
    pub(super) async fn work(&self, listener: &TcpListener, stop: impl Future<Output = ()>) {
        let mut open = JoinSet::new();
        let accepting = async {
            // The semaphore is never closed.
            while let Ok(permit) = Arc::clone(&self.permits).acquire_owned().await {
                while open.try_join_next().is_some() {}
                let (tcp, address) = accept(listener).await;
                let proxy = Arc::clone(&self.proxy);
                open.spawn(async move {
                    conn::serve(&proxy, tcp, address).await;
                    drop(permit);
                });
                // Whoever has less to do may have the next one.
                yield_now().await;
            }
        };
        tokio::select! {
            () = accepting => {}
            () = stop => {}
        }
        open.shutdown().await;
    }
}

/// Accepts one connection. Errors are about that connection, or pass.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    let mut is_told = false;
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                if !std::mem::replace(&mut is_told, true) {
                    warn!(error = %error, "cannot accept a connection");
                }
                tokio::time::sleep(OUT_OF_FILES).await;
            }
        }
    }
}
