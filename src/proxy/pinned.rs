//! Clients that refuse our leaves.
//!
//! One that has accepted a leaf for another host in this run trusts the CA, so it must know the
//! certificate of this one (it is *pinned*): it is let through to the server unread from then on.
//! One that has accepted none does not trust the CA, which is for its user to mend; a tunnel would
//! only hide that. One that has accepted this very leaf before is two programs in one coat, and of
//! the second nothing is known.
//!
//! A client is known by its address and by what its TLS library offers, which says what program it
//! is and no more: two profiles of one browser, one of which trusts the CA, are one client, and so
//! are curl and `curl -k`.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls::AlertDescription;
use rustls::server::ClientHello;

use super::Notice;
use crate::wire::target::Host;

/// How many clients are known; when there are more, all are forgotten.
const MOST_BROWSERS: usize = 64;
/// How many hosts are known of each.
const MOST_HOSTS: usize = 1024;
/// How often a client closes without a word after our certificate, with no success between, until
/// that is a refusal. Browsers close connections that they turn out not to need.
const CLOSES: u8 = 3;

/// A client, as far as its `ClientHello` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Browser(u64);

/// How a client shows that it does not want our certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It says so (RFC 8446 section 6.2).
    Alert,
    /// It closes without a word.
    Close,
}

impl Refusal {
    /// How a handshake failed, if the certificate can be the reason.
    pub(super) fn of(error: &io::Error) -> Option<Self> {
        let told = error.get_ref().and_then(|inner| inner.downcast_ref());
        let is_close = matches!(
            error.kind(),
            io::ErrorKind::UnexpectedEof
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::BrokenPipe
        );
        match told {
            Some(rustls::Error::AlertReceived(
                AlertDescription::UnknownCA
                | AlertDescription::BadCertificate
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::CertificateRevoked
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateUnknown,
            )) => Some(Self::Alert),
            Some(_) => None,
            None => is_close.then_some(Self::Close),
        }
    }
}

/// What clients have made of our leaves in this run.
#[derive(Debug, Default)]
pub(super) struct Pins {
    known: Mutex<HashMap<Browser, Known>>,
    hasher: RandomState,
}

#[derive(Debug, Default)]
struct Known {
    accepted: HashSet<Host>,
    closed: HashMap<Host, u8>,
    pinned: HashSet<Host>,
}

impl Pins {
    /// The client at this address that says this. What is in no order, or in one that changes from
    /// connection to connection, is compared without it, and what is random (RFC 8701) is left out.
    pub(super) fn browser(&self, address: IpAddr, hello: &ClientHello<'_>) -> Browser {
        let suites = hello.cipher_suites().iter().copied().map(u16::from);
        let schemes = hello.signature_schemes().iter().copied().map(u16::from);
        let groups = hello.named_groups().unwrap_or_default();
        let groups = groups.iter().copied().map(u16::from);
        let offers: Vec<&[u8]> = hello.alpn().into_iter().flatten().collect();
        let said = (sorted(suites), sorted(schemes), sorted(groups), offers);
        Browser(self.hasher.hash_one((address, said)))
    }

    /// Whether this client is let through to this host.
    pub(super) fn is_pinned(&self, browser: Browser, host: &Host) -> bool {
        let known = self.known();
        let known = known.get(&browser);
        known.is_some_and(|known| known.pinned.contains(host))
    }

    /// A client has accepted the leaf of a host.
    pub(super) fn accepted(&self, browser: Browser, host: &Host) {
        self.learn(browser, |known| {
            known.closed.remove(host);
            if known.accepted.len() < MOST_HOSTS {
                known.accepted.insert(host.clone());
            }
        });
    }

    /// A client has refused the leaf of a host. What comes back is for the user to know.
    pub(super) fn refused(&self, browser: Browser, host: &Host, how: Refusal) -> Option<Notice> {
        self.learn(browser, |known| {
            if how == Refusal::Close && !known.closed_again(host) {
                return None;
            }
            let trusts_ca = (1..MOST_HOSTS).contains(&known.accepted.len());
            if !trusts_ca || known.accepted.contains(host) || known.pinned.len() >= MOST_HOSTS {
                return Some(Notice::Distrusted(host.clone()));
            }
            known.pinned.insert(host.clone());
            Some(Notice::Pinned(host.clone()))
        })
    }

    fn learn<T>(&self, browser: Browser, lesson: impl FnOnce(&mut Known) -> T) -> T {
        let mut known = self.known();
        if known.len() >= MOST_BROWSERS && !known.contains_key(&browser) {
            known.clear();
        }
        lesson(known.entry(browser).or_default())
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Browser, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Counts a close; says whether there were enough.
    fn closed_again(&mut self, host: &Host) -> bool {
        if self.closed.len() >= MOST_HOSTS {
            self.closed.clear();
        }
        let closes = self.closed.entry(host.clone()).or_default();
        *closes = closes.saturating_add(1);
        *closes >= CLOSES
    }
}

/// Code points without those that are reserved to be random: 0x0a0a, 0x1a1a … (RFC 8701).
fn sorted(points: impl Iterator<Item = u16>) -> Vec<u16> {
    let is_random = |point: &u16| {
        let [high, low] = point.to_be_bytes();
        high == low && low & 0x0f == 0x0a
    };
    let mut points: Vec<u16> = points.filter(|point| !is_random(point)).collect();
    points.sort_unstable();
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Browser = Browser(1);
    const OTHER: Browser = Browser(2);

    fn host(text: &str) -> Host {
        Host::parse(text.as_bytes()).expect(text)
    }

    #[test]
    fn who_has_accepted_another_leaf_has_this_one_pinned() {
        let (pins, a, b) = (Pins::default(), host("a.test"), host("b.test"));
        pins.accepted(ONE, &a);
        let notice = pins.refused(ONE, &b, Refusal::Alert);
        assert_eq!(notice, Some(Notice::Pinned(b.clone())));
        assert!(pins.is_pinned(ONE, &b));
        assert!(!pins.is_pinned(ONE, &a) && !pins.is_pinned(OTHER, &b));
    }

    #[test]
    fn who_has_accepted_none_or_this_one_does_not_trust_the_ca() {
        let (pins, a, b) = (Pins::default(), host("a.test"), host("b.test"));
        pins.accepted(OTHER, &a);
        pins.accepted(OTHER, &b);
        for browser in [ONE, OTHER] {
            let notice = pins.refused(browser, &b, Refusal::Alert);
            assert_eq!(notice, Some(Notice::Distrusted(b.clone())));
            assert!(!pins.is_pinned(browser, &b));
        }
    }

    #[test]
    fn closes_count_when_they_are_repeated_and_nothing_succeeds_between() {
        let (pins, a, b) = (Pins::default(), host("a.test"), host("b.test"));
        pins.accepted(ONE, &a);
        for _ in 0..2 {
            assert_eq!(pins.refused(ONE, &a, Refusal::Close), None);
            assert_eq!(pins.refused(ONE, &b, Refusal::Close), None);
        }
        pins.accepted(ONE, &a);
        assert_eq!(pins.refused(ONE, &a, Refusal::Close), None);
        let notice = pins.refused(ONE, &b, Refusal::Close);
        assert_eq!(notice, Some(Notice::Pinned(b)));
    }

    #[test]
    fn what_is_random_and_what_has_no_order_makes_no_other_client() {
        let one = [0x0a0a, 0x1301, 0x1302, 0xc02b];
        let other = [0x1302, 0xc02b, 0xfafa, 0x1301];
        assert_eq!(sorted(one.into_iter()), sorted(other.into_iter()));
        assert_eq!(sorted([0x1a2a, 0x0b0b].into_iter()), [0x0b0b, 0x1a2a]);
    }
}
