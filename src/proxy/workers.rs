//! Workers: one thread for each core, with a runtime of its own. A client connection stays with the worker that
//! it was given to, and its connections to servers with it, so that no task ever wakes another thread.

use std::convert::Infallible;
use std::io;
use std::net::{self, SocketAddr};
use std::sync::Arc;
use std::thread;

use tokio::net::TcpStream;
use tokio::runtime;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{self, Receiver, Sender, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinSet;
use tracing::debug;

use super::{Proxy, conn};

/// How many there are at most: the browsers of one person need no more.
const MOST_WORKERS: usize = 8;

/// All workers. They drop their connections and end when this is dropped.
pub(super) struct Workers {
    all: Vec<Worker>,
    /// Nothing ever comes out of it: it closes when the last of them has ended.
    ended: Receiver<Infallible>,
}

struct Worker {
    arrivals: UnboundedSender<Arrival>,
    /// Each of its connections has a share in it.
    load: Arc<()>,
}

/// A connection on its way to its worker.
struct Arrival {
    tcp: net::TcpStream,
    address: SocketAddr,
    /// Let go of when the connection ends.
    held: (OwnedSemaphorePermit, Arc<()>),
}

impl Workers {
    /// Starts as many as there are cores.
    pub(super) fn start(proxy: &Arc<Proxy>) -> io::Result<Self> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let (alive, ended) = mpsc::channel(1);
        let all = (0..cores.min(MOST_WORKERS)).map(|_| Worker::start(proxy, &alive));
        Ok(Self {
            all: all.collect::<io::Result<_>>()?,
            ended,
        })
    }

    /// A single one, which is a task of the runtime that this is called in.
    pub(super) fn here(proxy: Proxy) -> Self {
        let (alive, ended) = mpsc::channel(1);
        let (worker, arriving) = Worker::new();
        tokio::spawn(async move {
            work(&Arc::new(proxy), arriving).await;
            drop(alive);
        });
        Self {
            all: vec![worker],
            ended,
        }
    }

    /// Gives a connection to the worker that has the fewest.
    pub(super) fn give(&self, tcp: TcpStream, address: SocketAddr, permit: OwnedSemaphorePermit) {
        let load = |worker: &&Worker| Arc::strong_count(&worker.load);
        // From here on it is the business of the worker's runtime, and not of this one.
        match (self.all.iter().min_by_key(load), tcp.into_std()) {
            (Some(worker), Ok(tcp)) => worker.take(tcp, address, permit),
            (None, _) => {}
            (_, Err(error)) => debug!(%error, "a connection is lost"),
        }
    }

    /// Drops all connections, and waits until they are gone.
    pub(super) async fn end(self) {
        let Self { all, mut ended } = self;
        drop(all);
        let None = ended.recv().await;
    }
}

impl Worker {
    /// One, and where what it is given comes out.
    fn new() -> (Self, UnboundedReceiver<Arrival>) {
        let (arrivals, arriving) = mpsc::unbounded_channel();
        let load = Arc::default();
        (Self { arrivals, load }, arriving)
    }

    fn start(proxy: &Arc<Proxy>, alive: &Sender<Infallible>) -> io::Result<Self> {
        let (worker, arriving) = Self::new();
        let (proxy, alive) = (Arc::clone(proxy), alive.clone());
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let thread = thread::Builder::new().name("worker".to_owned());
        thread.spawn(move || {
            runtime.block_on(work(&proxy, arriving));
            // A name that is still being looked up is not waited for.
            runtime.shutdown_background();
            // Who waits for the end waits for what the proxy holds.
            drop(proxy);
            drop(alive);
        })?;
        Ok(worker)
    }

    fn take(&self, tcp: net::TcpStream, address: SocketAddr, permit: OwnedSemaphorePermit) {
        let held = (permit, Arc::clone(&self.load));
        // A worker takes what it is given for as long as there is somebody to give.
        let _ = self.arrivals.send(Arrival { tcp, address, held });
    }
}

/// Serves the connections that arrive, until no more can; those that are open then are dropped.
async fn work(proxy: &Arc<Proxy>, mut arriving: UnboundedReceiver<Arrival>) {
    let mut open = JoinSet::new();
    while let Some(Arrival { tcp, address, held }) = arriving.recv().await {
        while open.try_join_next().is_some() {}
        let proxy = Arc::clone(proxy);
        open.spawn(async move {
            match TcpStream::from_std(tcp) {
                Ok(tcp) => conn::serve(&proxy, tcp, address).await,
                Err(error) => debug!(%error, "a connection is lost"),
            }
            drop(held);
        });
    }
    open.shutdown().await;
}
