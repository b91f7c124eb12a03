//! The ports that a run listens on, and who is there already.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::Finding;
use crate::cli::{DashboardAt, Run};

/// How long somebody who listens may take to say who it is.
const PATIENCE: Duration = Duration::from_secs(2);
/// How much of the answer is read.
const MOST: u64 = 4096;
/// The dashboard's usual port.
const DASHBOARD: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 2678);

/// The proxy's port and the dashboard's.
pub(super) async fn listeners(arguments: &Run) -> Vec<Finding> {
    let mut found = vec![proxy(arguments.listen).await];
    match arguments.dashboard {
        Some(DashboardAt::Off) => {}
        Some(DashboardAt::At(address)) => found.push(dashboard(address).await),
        None => found.push(dashboard(DASHBOARD).await),
    }
    found
}

async fn proxy(address: SocketAddr) -> Finding {
    const LEG: &str = "listener";
    let error = match TcpListener::bind(address).await {
        Ok(_) if address.ip().is_loopback() => {
            return Finding::ok(LEG, format!("the proxy can listen on {address}"));
        }
        Ok(_) => {
            let said = format!("{address} can be reached from beyond this machine");
            return Finding::note(LEG, said, "leave --listen out, unless you mean it");
        }
        Err(error) => error,
    };
    let free = "corstap run --listen 127.0.0.1:0 takes any free port";
    if error.kind() != io::ErrorKind::AddrInUse {
        return Finding::wrong(LEG, format!("cannot listen on {address}: {error}"), free);
    }
    let ours = concat!("corstap ", env!("CARGO_PKG_VERSION"));
    match who(address).await {
        Some(name) if name == ours => {
            let said = format!("a corstap listens on {address} already");
            Finding::note(LEG, said, format!("use that one; for a second one, {free}"))
        }
        Some(name) => {
            let said = format!("another version listens on {address} ({name}; this is {ours})");
            Finding::wrong(LEG, said, format!("stop it where it runs; or {free}"))
        }
        None => {
            let said = format!("{address} is taken, and not by a corstap that says who it is");
            Finding::wrong(LEG, said, format!("stop what listens there; or {free}"))
        }
    }
}

async fn dashboard(address: SocketAddr) -> Finding {
    const LEG: &str = "dashboard";
    let any = "corstap run --dashboard 127.0.0.1:0 takes any free port";
    match TcpListener::bind(address).await {
        _ if !address.ip().is_loopback() => {
            let said = format!("{address} is not a loopback address");
            Finding::wrong(LEG, said, any)
        }
        Ok(_) => Finding::ok(LEG, format!("the dashboard can listen on {address}")),
        Err(error) => {
            let said = format!("the dashboard cannot listen on {address}: {error}");
            Finding::note(LEG, said, any)
        }
    }
}

/// Who listens there, if it is a corstap.
async fn who(address: SocketAddr) -> Option<String> {
    let asking = async {
        let mut stream = TcpStream::connect(address).await?;
        let head = "GET http://corstap.invalid/version HTTP/1.1\r\nHost: corstap.invalid\r\n\r\n";
        stream.write_all(head.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(MOST).read_to_end(&mut answer).await?;
        Ok::<_, io::Error>(answer)
    };
    let answer = timeout(PATIENCE, asking).await.ok()?.ok()?;
    let text = String::from_utf8(answer).ok()?;
    let (_, body) = text.split_once("\r\n\r\n")?;
    let name = body.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '.' | '-' | '+');
    let is_name = name.starts_with("corstap ") && name.len() < 64 && name.chars().all(plain);
    is_name.then(|| name.to_owned())
}
