//! The development certificate authority: a CA that cannot hurt.
//!
//! Its certificate is name-constrained to the hosts one develops on (RFC 5280 section 4.2.1.10),
//! its key is its owner's alone, and nothing outside its names is ever signed: a browser that was
//! told to accept the key itself would not look at the constraints.

pub mod dev;
pub mod hosts;
pub mod issuer;
pub mod leaf;
pub mod trust;

pub use self::dev::DevCa;
pub use self::hosts::HostList;
pub use self::issuer::Ca;
pub use self::leaf::LeafCache;

use std::path::PathBuf;
use std::thread::{self, JoinHandle};

use crate::private;

/// Why there is no CA to sign with.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its directory or key file is not private.
    #[error(transparent)]
    Private(#[from] private::Error),
    /// The key file is damaged.
    #[error(
        "the CA in {path} is damaged: {what}. Restore it, or make a new one with `corstap ca rotate` and trust that"
    )]
    Damaged {
        /// The key file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The CA is no longer valid.
    #[error("the CA in {0} has expired; make a new one with `corstap ca rotate` and trust that")]
    Expired(PathBuf),
    /// A host that no CA may name.
    #[error("`{pattern}` is not a host: {why}")]
    Pattern {
        /// What was given.
        pattern: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A leaf was wanted for a host outside the CA's names.
    #[error("{0} is outside the names of the CA")]
    Outside(String),
    /// A certificate could not be written.
    #[error("cannot write the certificate")]
    Certificate(#[from] rcgen::Error),
    /// The operating system gave no random octets.
    #[error("the system's random source failed")]
    Random,
    /// TLS does not take the certificate.
    #[error("cannot use the certificate for TLS")]
    Tls(#[from] rustls::Error),
}

/// Fills octets from the system's random source.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut octets = [0; N];
    getrandom::fill(&mut octets).map_err(|_| Error::Random)?;
    Ok(octets)
}

/// Entropy that is being gathered. Whoever drops it waits for that: a process may not end meanwhile, for
/// the library takes down what its random numbers need.
#[derive(Debug)]
#[must_use = "dropping it waits"]
pub struct Gathering(Option<JoinHandle<()>>);

/// Has the cryptography gather the entropy that its own random numbers begin with, on a thread, so
/// that no first connection has to wait for that: it takes some 35 ms.
pub fn gather_entropy() -> Gathering {
    let gather = || {
        // Where there is none the first that needs it says so.
        let _ = aws_lc_rs::rand::fill(&mut [0]);
    };
    let thread = thread::Builder::new().name("entropy".to_owned());
    Gathering(thread.spawn(gather).ok())
}

impl Drop for Gathering {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            // It has done what it could.
            let _ = thread.join();
        }
    }
}
