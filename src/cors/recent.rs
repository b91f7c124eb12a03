//! A map that forgets its oldest entries, so that no session is too long for it.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use foldhash::fast::RandomState;

/// Holds at most `MOST` entries; when more come, those put in first are forgotten.
#[derive(Debug)]
pub(super) struct Recent<K, V, const MOST: usize> {
    values: HashMap<K, (u64, V), RandomState>,
    order: VecDeque<(u64, K)>,
    next: u64,
}

impl<K, V, const MOST: usize> Default for Recent<K, V, MOST> {
    fn default() -> Self {
        Self {
            values: HashMap::default(),
            order: VecDeque::new(),
            next: 0,
        }
    }
}

impl<K: Copy + Eq + Hash, V, const MOST: usize> Recent<K, V, MOST> {
    /// The value of `key`.
    pub(super) fn get(&self, key: K) -> Option<&V> {
        self.values.get(&key).map(|(_, value)| value)
    }

    /// The value of `key`, to be changed.
    pub(super) fn get_mut(&mut self, key: K) -> Option<&mut V> {
        self.values.get_mut(&key).map(|(_, value)| value)
    }

    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// All entries, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.values.iter().map(|(key, (_, value))| (key, value))
    }

    /// Takes the value of `key` out.
    pub(super) fn remove(&mut self, key: K) -> Option<V> {
        self.values.remove(&key).map(|(_, value)| value)
    }

    /// Puts a value in, as the latest.
    pub(super) fn insert(&mut self, key: K, value: V) {
        self.next += 1;
        self.values.insert(key, (self.next, value));
        self.order.push_back((self.next, key));
        self.forget();
    }

    /// Drops what is beyond the bound, and the traces of what was taken out or put in again.
    fn forget(&mut self) {
        while self.values.len() > MOST || self.order.len() > 2 * MOST {
            let Some((stamp, key)) = self.order.pop_front() else {
                return;
            };
            if self
                .values
                .get(&key)
                .is_some_and(|(current, _)| *current == stamp)
            {
                self.values.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten_and_what_came_again_is_young() {
        let mut recent: Recent<u8, u8, 2> = Recent::default();
        recent.insert(1, 10);
        recent.insert(2, 20);
        recent.insert(1, 11);
        recent.insert(3, 30);
        assert_eq!(
            (recent.get(1), recent.get(2), recent.get(3)),
            (Some(&11), None, Some(&30))
        );
    }

    #[test]
    fn taking_out_and_putting_in_does_not_grow_it() {
        let mut recent: Recent<u8, u8, 2> = Recent::default();
        for value in 0..100 {
            recent.insert(1, value);
            assert_eq!(recent.remove(1), Some(value));
        }
        assert!(recent.order.len() <= 4);
    }
}
