//! The dashboard of a run: where it listens, or why there is none.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Result, bail};

use crate::cli::DashboardAt;
use crate::dashboard::{Dashboard, Error};

/// Where it listens unless something else is said.
const PORT: u16 = 2678;

/// Listens as was typed; `proxy` is where the proxy listens. The usual port may be taken, by another
/// run: then this one does without, and says so.
pub(super) async fn open(
    wanted: Option<DashboardAt>,
    proxy: SocketAddr,
) -> Result<Option<Dashboard>> {
    let is_local = proxy.ip().is_loopback();
    match wanted {
        Some(DashboardAt::Off) => Ok(None),
        Some(DashboardAt::At(address)) if !is_local => bail!(
            "no dashboard on {address} while the proxy listens beyond this machine ({proxy}): whoever reaches the proxy \
             is not to reach what was recorded. Leave --dashboard out, or let --listen name a loopback address"
        ),
        Some(DashboardAt::At(address)) => Ok(Some(Dashboard::listen(address).await?)),
        None if !is_local => Ok(None),
        None => usual().await,
    }
}

async fn usual() -> Result<Option<Dashboard>> {
    match Dashboard::listen((Ipv4Addr::LOCALHOST, PORT).into()).await {
        Err(Error::Listen { source, .. }) if source.kind() == io::ErrorKind::AddrInUse => {
            tracing::info!(PORT, "the dashboard's port is taken");
            Ok(None)
        }
        listening => Ok(Some(listening?)),
    }
}

/// What is said of it at the start.
pub(super) fn told(
    dashboard: Option<&Dashboard>,
    wanted: Option<DashboardAt>,
    proxy: SocketAddr,
) -> String {
    match (dashboard, wanted) {
        (Some(dashboard), _) => format!("dashboard: {}", dashboard.url()),
        (None, Some(_)) => "dashboard: off".to_owned(),
        (None, None) if !proxy.ip().is_loopback() => {
            "dashboard: none, because the proxy listens beyond this machine".to_owned()
        }
        (None, None) => format!(
            "dashboard: none, because port {PORT} is taken (by another corstap?); --dashboard 127.0.0.1:0 takes any free one"
        ),
    }
}
