//! The proxy: a tap between browsers and servers.
//!
//! Life of a request: [`serve`] starts `workers`, which accept and run `conn::serve` for each connection. That
//! reads heads on the proxy's port (`h1`); a CONNECT to a host that is read ends TLS there with a leaf (`tls`), once the server
//! was dialled and has chosen a protocol; one to any other host is a `tunnel`, and so is one of a
//! client that has the server's own certificate `pinned`. A request for one of our own names is
//! answered by the `guide`. `h1` turns once per exchange: head in,
//! head and content out by the `flow`, response back, [`Ending`](crate::exchange::Ending). `h2` does
//! the same for many streams at once. Either asks whether a policy is in force (`rewriting`), and may `hold` the end of a response back for a moment, if
//! it was told to. The recorder hears of it all; nothing ever waits for the recorder.

mod ask;
mod conn;
mod dial;
mod flow;
mod guide;
mod h1;
mod h2;
mod hold;
mod notice;
mod pac;
mod page;
mod peer;
mod pinned;
mod rewriting;
mod secured;
mod signs;
mod stream;
mod tls;
mod tunnel;
mod workers;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use tokio::net::TcpListener;

pub use self::ask::{Asker, NotReached, Unanswered};
pub use self::dial::{Bypass, Identity, NoProxy, Route, Upstream, UpstreamProxy};
pub use self::notice::{Notice, Notices};
pub use self::pac::pac;
pub use self::rewriting::Rewriting;
pub use self::signs::{Sign, Signs};
use self::workers::{Floor, Workers};
use crate::ca::{HostList, LeafCache};
use crate::store::Recorder;
use crate::wire::target::Host;

/// Everything that connections share.
pub struct Proxy {
    leaves: LeafCache,
    read: HostList,
    dialer: dial::Dialer,
    pins: pinned::Pins,
    guide: Option<guide::Guide>,
    recorder: Recorder,
    notices: Notices,
    signs: Signs,
    confirm: bool,
    rewriting: Option<Rewriting>,
}

/// What a proxy is made of.
pub struct Parts {
    /// Leaves for the hosts that are read.
    pub leaves: LeafCache,
    /// The hosts that are read; all others are tunnelled.
    pub read: HostList,
    /// How servers are reached.
    pub route: Route,
    /// Our own listeners, which nobody is to reach through the proxy; the proxy's is the first.
    pub own: Vec<SocketAddr>,
    /// Who takes down what happens.
    pub recorder: Recorder,
    /// Who tells the user what they must know.
    pub notices: Notices,
    /// Whether the end of a response is held back for a moment where its verdict hangs on the
    /// credentials mode, to see whether the browser cancels it.
    pub confirm: bool,
    /// The policy that is in force, if any is.
    pub rewriting: Option<Rewriting>,
    /// The cryptography of TLS.
    pub provider: Arc<CryptoProvider>,
}

impl Proxy {
    /// Puts a proxy together.
    pub fn new(parts: Parts) -> Self {
        let proxy = parts.own.first();
        let guide = proxy.map(|address| guide::Guide::new(parts.leaves.ca(), *address));
        let dialer = dial::Dialer::new(parts.route, parts.own, parts.provider);
        Self {
            guide,
            leaves: parts.leaves,
            read: parts.read,
            dialer,
            pins: pinned::Pins::default(),
            recorder: parts.recorder,
            notices: parts.notices,
            signs: Signs::default(),
            confirm: parts.confirm,
            rewriting: parts.rewriting,
        }
    }

    /// What those who use it have shown so far.
    pub fn signs(&self) -> Signs {
        self.signs.clone()
    }

    fn reads(&self, host: &Host) -> bool {
        self.read.contains(host)
    }
}

/// Serves clients until `stop` comes; connections that are open then are dropped. An error says that there is
/// no thread to serve them.
pub async fn serve(
    listener: TcpListener,
    proxy: Proxy,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let workers = Workers::start(listener, proxy)?;
    stop.await;
    workers.end().await;
    Ok(())
}

/// The same, but all on the runtime that this is called in, and by its clock.
pub async fn serve_here(listener: TcpListener, proxy: Proxy, stop: impl Future<Output = ()>) {
    Floor::new(proxy).work(&listener, stop).await;
}
