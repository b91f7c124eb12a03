//! The connections to servers that one client keeps.

use crate::proxy::dial::Reached;
use crate::proxy::peer::Peer;
use crate::wire::target::Authority;

/// How many servers a client's connection to the proxy's port keeps waiting.
const MOST_SERVERS: usize = 16;

/// The connections to servers that wait for the next request of this client, the latest last.
#[derive(Default)]
pub(super) struct Servers(Vec<(Authority, Reached)>);

impl Servers {
    pub(super) fn get_mut(&mut self, server: &Authority) -> Option<&mut Peer> {
        let mut all = self.0.iter_mut();
        let found = all.find(|(known, _)| known == server);
        found.map(|(_, reached)| &mut reached.peer)
    }

    pub(super) fn take(&mut self, server: &Authority) -> Option<Reached> {
        let at = self.0.iter().position(|(known, _)| known == server)?;
        Some(self.0.remove(at).1)
    }

    pub(super) fn keep(&mut self, server: Authority, reached: Reached) {
        if self.0.len() >= MOST_SERVERS {
            self.0.remove(0);
        }
        self.0.push((server, reached));
    }
}
