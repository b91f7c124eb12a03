//! How servers are reached.

use std::net::SocketAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// How the server of an exchange was reached, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// The server's address; nothing where only a proxy knows it.
    pub server: Option<SocketAddr>,
    /// The proxy that it was reached through, or was to be, as `host:port`.
    pub via: Option<Arc<str>>,
    /// That its certificate was let pass unverified; nothing where it was verified, or where there
    /// is none.
    pub unverified: Option<Unverified>,
}

impl Reach {
    /// Reached at this address, and nothing to say of it.
    pub fn at(server: SocketAddr) -> Self {
        Self {
            server: Some(server),
            ..Self::default()
        }
    }
}

/// A certificate that passed because the user wants it so, not because it is good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unverified {
    /// What is wrong with it; nothing if it would have passed all the same.
    pub fault: Option<Arc<str>>,
}
