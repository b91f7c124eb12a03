//! Signs of the browsers that are out there: whether any uses the proxy, whether one trusts the CA, and
//! what the set-up page has found out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// Something that a browser, or whoever uses the proxy, has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Sign {
    /// It has asked the proxy for something.
    Used = 1,
    /// It has finished a handshake with a leaf of the CA.
    Trusted = 1 << 1,
    /// It was shown the set-up page.
    SetUpPage = 1 << 2,
    /// Its set-up page has found that the CA is trusted.
    TrustChecked = 1 << 3,
    /// Its set-up page has found that loopback names go through the proxy.
    LoopbackChecked = 1 << 4,
}

/// The signs there were so far.
#[derive(Clone, Debug, Default)]
pub struct Signs(Arc<AtomicU8>);

impl Signs {
    /// Whether this one was there.
    pub fn has(&self, sign: Sign) -> bool {
        self.0.load(Ordering::Relaxed) & sign as u8 != 0
    }

    /// How many there were.
    pub fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed).count_ones() as usize
    }

    pub(super) fn note(&self, sign: Sign) {
        // Every request gives one: writing again would take it from the caches of the other cores.
        if !self.has(sign) {
            self.0.fetch_or(sign as u8, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sign_is_its_own() {
        let signs = Signs::default();
        let other = signs.clone();
        signs.note(Sign::Trusted);
        signs.note(Sign::LoopbackChecked);
        let seen = [
            Sign::Used,
            Sign::Trusted,
            Sign::SetUpPage,
            Sign::TrustChecked,
            Sign::LoopbackChecked,
        ]
        .map(|sign| other.has(sign));
        assert_eq!(seen, [false, true, false, false, true]);
    }
}
