//! Whether a server can be reached, for those who only want to know.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

use super::Route;
use super::dial::Dialer;
use crate::exchange::Scheme;
use crate::wire::alpn::Alpn;
use crate::wire::target::Authority;

/// Why it cannot, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotReachable {
    /// What is so.
    pub said: String,
    /// What to do next.
    pub remedy: String,
}

/// Reaches a server as an exchange would, verified where it speaks TLS, and says how that went.
pub async fn reach(
    route: Route,
    provider: Arc<CryptoProvider>,
    scheme: Scheme,
    server: &Authority,
) -> Result<String, NotReachable> {
    let dialer = Dialer::new(route, Vec::new(), provider);
    let reached = match scheme {
        Scheme::Http => dialer.tcp(server).await,
        Scheme::Https => dialer.tls(server, &[Alpn::Http2, Alpn::Http11]).await,
    };
    let reached = reached.map_err(|failure| NotReachable {
        said: failure.to_string(),
        remedy: failure.remedy("corstap run"),
    })?;
    let at = match (&reached.reach.server, &reached.reach.via) {
        (Some(address), _) => format!("reached at {address}"),
        (None, Some(via)) => format!("reached through {via}"),
        (None, None) => "reached".to_owned(),
    };
    let verified = match (scheme, &reached.reach.unverified) {
        (Scheme::Http, _) => "",
        (Scheme::Https, None) => ", its certificate is trusted",
        (Scheme::Https, Some(_)) => ", its certificate NOT verified",
    };
    Ok(format!("{at}{verified}"))
}
