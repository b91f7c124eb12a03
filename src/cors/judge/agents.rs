//! Browsers: requests with one User-Agent may come from several profiles, whose connections and
//! sessions tell nothing of each other.

use super::super::recent::Recent;
use super::story::Key;

/// How many browsers, and how many origins of their documents, are remembered.
const MOST: usize = 1024;

/// What is known of the browsers by their User-Agent.
#[derive(Debug, Default)]
pub(super) struct Agents {
    documents: Recent<Key, (), MOST>,
    several: Recent<Key, (), MOST>,
    framed: Recent<Key, (), MOST>,
    workers: Recent<Key, (), MOST>,
}

impl Agents {
    /// A document was loaded: `page` is its origin, in its browser.
    pub(super) fn loads(&mut self, page: Key) {
        if self.documents.get(page).is_none() {
            self.documents.insert(page, ());
        }
    }

    /// A document was loaded into a frame of another site, where what belongs to it is kept apart
    /// from what belongs to it elsewhere: `page` is its origin, in its browser.
    pub(super) fn frames(&mut self, page: Key) {
        if self.framed.get(page).is_none() {
            self.framed.insert(page, ());
        }
    }

    /// A page starts a worker.
    pub(super) fn starts_worker(&mut self, page: Key) {
        if self.workers.get(page).is_none() {
            self.workers.insert(page, ());
        }
    }

    /// Whether a worker of that page was seen to start.
    pub(super) fn has_worker(&self, page: Key) -> bool {
        self.workers.get(page).is_some()
    }

    /// Something was seen that one profile does not do.
    pub(super) fn are_several(&mut self, agent: Key) {
        if self.several.get(agent).is_none() {
            self.several.insert(agent, ());
        }
    }

    /// Whether all that came from this page came from one profile, as far as can be told: its
    /// document was seen, in no frame of another site, and nothing that one profile does not do.
    pub(super) fn is_alone(&self, agent: Key, page: Key) -> bool {
        self.documents.get(page).is_some()
            && self.framed.get(page).is_none()
            && self.several.get(agent).is_none()
    }
}
