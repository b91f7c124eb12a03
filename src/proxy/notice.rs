//! Notices: what the user has to know of connections that are not exchanges.

use std::collections::HashSet;
use std::fmt;
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use crate::wire::target::Host;

/// How many notices may wait, and how many are remembered.
const MOST: usize = 1024;

/// Something the user has to know. Each is told once a run, unless it says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Notice {
    /// A host that is not read was tunnelled.
    NotRead(Host),
    /// A client refused our certificate, and has not accepted another one before.
    Distrusted(Host),
    /// A client refused our certificate for this host, although it has accepted others.
    Pinned(Host),
    /// A tunnel came from a corstap, and would have gone on through this proxy.
    Ring(String),
    /// What has become of the policy in force. It is told each time.
    Rewriting(String),
}

impl Notice {
    /// The text, with commands for a CA that lives at another place: ` --ca-dir DIR`, or nothing.
    pub fn told(&self, place: &str) -> String {
        match self {
            Self::Distrusted(host) => format!(
                "ca-not-trusted: the browser refuses corstap's certificate for {host}. It has to trust the CA: \
                 `corstap ca show{place}` says where it is and how to trust it"
            ),
            Self::NotRead(_) | Self::Pinned(_) | Self::Ring(_) | Self::Rewriting(_) => {
                self.to_string()
            }
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRead(host) => {
                write!(
                    f,
                    "not read: {host} (tunnelled as it is). To read it, start with --host {host}; a CA that was \
                     made without it says how to make one that covers it"
                )
            }
            Self::Ring(proxy) => write!(
                f,
                "a request that came through a corstap is not sent on through the proxy {proxy}, which may lead round in \
                 a ring. Start one of the two with --upstream-proxy none"
            ),
            Self::Distrusted(_) => f.write_str(&self.told("")),
            Self::Rewriting(news) => f.write_str(news),
            Self::Pinned(host) => write!(
                f,
                "pinned: {host} is tunnelled from now on, unread, because this client accepts corstap's certificates \
                 elsewhere but refuses this one. (Another profile of the same browser that does not trust the CA looks \
                 the same: trust it there, too, and start again)"
            ),
        }
    }
}

/// Takes notices in; tells each once.
#[derive(Clone, Debug)]
pub struct Notices {
    told: Arc<Mutex<HashSet<Notice>>>,
    tell: SyncSender<Notice>,
}

impl Notices {
    /// Where notices go in, and where they come out.
    pub fn new() -> (Self, Receiver<Notice>) {
        let (tell, out) = mpsc::sync_channel(MOST);
        (
            Self {
                told: Arc::default(),
                tell,
            },
            out,
        )
    }

    /// Tells a notice, new or not.
    pub fn say(&self, notice: Notice) {
        // Nobody listens any more, or nobody reads: then nobody is to know.
        let _ = self.tell.try_send(notice);
    }

    /// Those that were told once, in no order.
    pub fn told(&self) -> Vec<Notice> {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.iter().cloned().collect()
    }

    /// Tells a notice, if it is new.
    pub(super) fn tell(&self, notice: Notice) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() < MOST && told.insert(notice.clone()) {
            self.say(notice);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_told_once() {
        let (notices, out) = Notices::new();
        let host = |text: &str| Host::parse(text.as_bytes()).expect(text);
        for name in ["a.com", "b.com", "a.com"] {
            notices.tell(Notice::NotRead(host(name)));
        }
        drop(notices);
        let told: Vec<String> = out.iter().map(|notice| notice.to_string()).collect();
        assert_eq!(told.len(), 2);
        assert_eq!(
            told[0],
            "not read: a.com (tunnelled as it is). To read it, start with --host a.com; a CA that was made without it \
             says how to make one that covers it"
        );
    }
}
