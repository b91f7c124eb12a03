//! The dashboard: a page, on loopback, with the exchanges of a running capture and their verdicts.
//!
//! # Rooms
//!
//! - `routes`: which path is what.
//! - `guard`: whom it answers, before any route: the Host has to be its own (against DNS rebinding),
//!   a page of another site gets nothing, what would change something needs the Origin. Every answer
//!   says what its content may do, and none has a field of CORS.
//! - `session`: the token of a run. Everything that tells something needs it, as
//!   `Authorization: Bearer TOKEN`. It is printed in the fragment of the address, which browsers send
//!   to nobody; the page keeps it in `sessionStorage`, which is this origin's, port included, and takes
//!   it off the address. A cookie would be sent to every port of this host, and through the proxy.
//! - `exchanges`: pages of exchanges, and one of them.
//! - `live`: what changes, as server-sent events. They are read from the capture itself by the numbers
//!   of changes, so that there is no gap and nothing twice, wherever a reader goes on.
//! - `rows`: exchanges as rows of a list, so that a page can hold a hundred thousand.
//! - `captures`: which captures can be looked at; a page names one, never a file.
//! - `report`, `policy`: what the page asks other rooms: reports, and what a policy would do. Nothing
//!   that it asks changes what passes through the proxy.
//! - `status`: what the run says of itself.
//! - `findings`: what may keep exchanges from coming, which the page says where it has none to show.
//! - `visitors`: how many are let in, and who is let go.
//! - `assets`: the page, in files of its own.
//!
//! # API
//!
//! | | |
//! | --- | --- |
//! | `GET /` | the page; it tells nothing, and needs no token |
//! | `GET /proxy.pac` | sends what is read through the proxy; needs no token |
//! | `GET /api/exchanges?before=ID&limit=N&failed=true` | `{"exchanges": […], "next": ID or null, "change": N}`, the newest first |
//! | `GET /api/exchanges/ID` | one exchange |
//! | `GET /api/changes?after=N` | events `exchange`: `id` is the number of the change, `data` the exchange; `Last-Event-ID` counts before `after` |
//! | `GET /api/changes?after=N&rows=true` | the same as events `row` |
//! | `GET /api/rows?before=ID` | `{"rows": […], "next": ID or null, "change": N}`, the newest first |
//! | `GET /api/captures` | `[{"name": …, "current": true}, …]` |
//! | `GET /api/status` | `{"proxy": "ADDR:PORT", "signs": N, "rewriting": {"policy": …, "until": …} or null}` |
//! | `GET /api/findings` | `[{"leg": …, "level": "ok", "note" or "wrong", "said": …, "remedy": … or null}, …]`, as `corstap doctor --json` |
//! | `GET /api/report?ids=ID,ID&format=markdown` | a report, also as `har` or `curl` |
//! | `POST /api/policy/check` | of `{"policy": TEXT}`: `{"findings": […]}`, as `corstap check --json` |
//! | `POST /api/policy/replay` | of `{"policy": TEXT}`: `{"groups": […]}`, as `corstap check --capture --json` |
//! | `POST /api/policy/suggest` | of `{}`: `{"policy": TEXT, "rules": N}`, as `corstap suggest` |
//!
//! An exchange is the JSON of `corstap log --json`. Rows, exchanges, reports, replays and suggestions are of
//! the capture of this run, or of the one that `capture` names. Findings may differ from those before once
//! `signs` does. What fails is `{"error": "…"}`.

mod assets;
mod captures;
mod exchanges;
pub mod findings;
mod guard;
mod live;
mod policy;
pub mod report;
mod routes;
mod rows;
mod session;
mod status;
mod visitors;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;

pub use self::session::Token;
pub use self::status::{Standing, Status};
use self::visitors::Visitors;

/// Why there is no dashboard.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is not one of this machine's alone.
    #[error(
        "the dashboard listens to this machine alone: {0} is not a loopback address; --dashboard 127.0.0.1:0 takes any free port"
    )]
    NotLoopback(SocketAddr),
    /// It cannot listen there.
    #[error(
        "the dashboard cannot listen on {address}; `--dashboard 127.0.0.1:0` takes any free port, `--dashboard off` does without"
    )]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The system gave no random octets.
    #[error("the system's random source failed")]
    Random,
}

/// What a dashboard shows.
pub struct Parts {
    /// The file of the capture.
    pub capture: PathBuf,
    /// The directory of the captures.
    pub captures: PathBuf,
    /// What the run says of itself.
    pub status: Box<dyn Fn() -> Status + Send + Sync>,
    /// Examines what may keep exchanges from coming.
    pub examine: findings::Examine,
    /// Writes reports.
    pub report: report::Write,
    /// Tells that something was committed to it.
    pub changed: watch::Receiver<()>,
    /// The proxy auto-configuration file.
    pub pac: String,
}

/// A dashboard that listens.
#[derive(Debug)]
pub struct Dashboard {
    listener: TcpListener,
    address: SocketAddr,
    token: Token,
}

/// What all routes share.
struct Shared {
    address: SocketAddr,
    token: Token,
    parts: Parts,
}

impl Dashboard {
    /// Listens on a loopback address.
    pub async fn listen(address: SocketAddr) -> Result<Self, Error> {
        if !address.ip().is_loopback() {
            return Err(Error::NotLoopback(address));
        }
        let failed = |source| Error::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        Ok(Self {
            address: listener.local_addr().map_err(failed)?,
            listener,
            token: Token::new().ok_or(Error::Random)?,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address to open in a browser, token and all: for its user's eyes only.
    pub fn url(&self) -> String {
        format!("http://{}/#{}", self.address, self.token.reveal())
    }

    /// Serves until `stop` comes; whoever listens to changes then hears no more.
    pub async fn serve(self, parts: Parts, stop: impl Future<Output = ()>) {
        let shared = Arc::new(Shared {
            address: self.address,
            token: self.token,
            parts,
        });
        let serving = axum::serve(Visitors::at(self.listener), routes::router(shared));
        tokio::select! {
            served = serving => {
                if let Err(error) = served {
                    tracing::warn!(%error, "the dashboard has ended");
                }
            }
            () = stop => {}
        }
    }
}
