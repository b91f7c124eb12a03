//! Credentials modes that are tied to each other: what is learnt of one is learnt of all.
//!
//! Some evidence does not tell a mode, but that two requests have the same, or that a request has
//! another mode than those of a connection. Such ties are kept until one of those tied is known.

use std::collections::HashMap;
use std::iter::Chain;
use std::{option, vec};

use crate::exchange::{ConnectionId, ExchangeId};

use super::super::credentials::{Because, Credentials, CredentialsMode};

/// How many classes of tied nodes are kept.
const MOST_CLASSES: usize = 8 * 1024;
/// How many nodes are tied together at most.
const MOST_MEMBERS: usize = 256;

/// What has a credentials mode: a request, or a connection by all the requests it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// A request.
    Exchange(ExchangeId),
    /// A connection.
    Line(ConnectionId),
}

/// How two modes are related.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tie {
    /// They are the same.
    Same,
    /// They are different.
    Opposite,
}

/// What is known of a node's mode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing.
    #[default]
    Free,
    /// That it is tied to others.
    Tied(Place),
    /// The mode itself.
    Known(Credentials),
}

/// A place in a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    class: u64,
    is_flipped: bool,
}

/// What a node comes to stand at.
pub(super) type Change = (Node, Standing);

/// The nodes that come to stand elsewhere: mostly none, or that one.
#[derive(Debug, Default)]
pub(super) struct Changes {
    first: Option<Change>,
    others: Vec<Change>,
}

/// Nodes with the same mode, or with the other one where they are flipped; which is which is
/// unknown.
type Class = Vec<Member>;

#[derive(Clone, Copy, Debug)]
struct Member {
    node: Node,
    is_flipped: bool,
    because: Because,
}

/// The classes of tied nodes.
#[derive(Debug, Default)]
pub(super) struct Modes {
    classes: HashMap<u64, Class>,
    next: u64,
}

impl Tie {
    fn apply(self, mode: CredentialsMode) -> CredentialsMode {
        match self {
            Self::Same => mode,
            Self::Opposite => mode.other(),
        }
    }
}

impl Changes {
    fn one(change: Change) -> Self {
        Self {
            first: Some(change),
            others: Vec::new(),
        }
    }
}

impl IntoIterator for Changes {
    type Item = Change;
    type IntoIter = Chain<option::IntoIter<Change>, vec::IntoIter<Change>>;

    fn into_iter(self) -> Self::IntoIter {
        self.first.into_iter().chain(self.others)
    }
}

impl Modes {
    /// Learns the mode of a node. The changes are to be made to the nodes they name.
    pub(super) fn tell(&mut self, (node, standing): Change, known: Credentials) -> Changes {
        let Some(mode) = known.mode else {
            return Changes::default();
        };
        let place = match standing {
            Standing::Known(_) => return Changes::default(),
            Standing::Free => return Changes::one((node, Standing::Known(known))),
            Standing::Tied(place) => place,
        };
        let mut changes = Changes::one((node, Standing::Known(known)));
        for member in self.classes.remove(&place.class).unwrap_or_default() {
            if member.node != node {
                let is_same = member.is_flipped == place.is_flipped;
                let mode = if is_same { mode } else { mode.other() };
                let known = Credentials::known(mode, member.because);
                changes.others.push((member.node, Standing::Known(known)));
            }
        }
        changes
    }

    /// Learns that the modes of two nodes are related. The changes are to be made to the nodes
    /// they name. What is known already stands against what would contradict it.
    pub(super) fn tie(
        &mut self,
        (one, of_one): Change,
        (other, of_other): Change,
        tie: Tie,
        because: Because,
    ) -> Changes {
        let as_known = |known: Credentials| {
            let mode = known.mode.map(|mode| tie.apply(mode));
            Credentials {
                mode,
                because: Some(because),
            }
        };
        match (of_one, of_other) {
            (Standing::Known(_), Standing::Known(_)) => Changes::default(),
            (Standing::Known(known), _) => self.tell((other, of_other), as_known(known)),
            (_, Standing::Known(known)) => self.tell((one, of_one), as_known(known)),
            _ => {
                let one = self.place((one, of_one), because);
                let other = self.place((other, of_other), because);
                self.join(one, other, tie)
            }
        }
    }

    /// The class of a node, with all that is in it: one of its own where it has none.
    fn place(&mut self, (node, standing): Change, because: Because) -> (Place, Class) {
        if let Standing::Tied(place) = standing
            && let Some(class) = self.classes.get(&place.class)
        {
            return (place, class.clone());
        }
        let place = Place {
            class: u64::MAX,
            is_flipped: false,
        };
        let alone = Member {
            node,
            is_flipped: false,
            because,
        };
        (place, vec![alone])
    }

    fn join(
        &mut self,
        (one, of_one): (Place, Class),
        (other, of_other): (Place, Class),
        tie: Tie,
    ) -> Changes {
        let is_one_class = one.class == other.class && one.class != u64::MAX;
        if is_one_class || of_one.len() + of_other.len() > MOST_MEMBERS {
            return Changes::default();
        }
        let turns = (one.is_flipped != other.is_flipped) != (tie == Tie::Opposite);
        let turned = of_other.into_iter().map(|member| Member {
            is_flipped: member.is_flipped != turns,
            ..member
        });
        let class: Class = of_one.into_iter().chain(turned).collect();
        self.classes.remove(&one.class);
        self.classes.remove(&other.class);
        self.next += 1;
        let name = self.next;
        let others = class
            .iter()
            .map(|member| {
                let place = Place {
                    class: name,
                    is_flipped: member.is_flipped,
                };
                (member.node, Standing::Tied(place))
            })
            .collect();
        self.classes.insert(name, class);
        self.forget();
        Changes {
            first: None,
            others,
        }
    }

    /// Old classes are forgotten: names grow.
    fn forget(&mut self) {
        if self.classes.len() > 2 * MOST_CLASSES {
            let oldest = self.next.saturating_sub(MOST_CLASSES as u64);
            self.classes.retain(|name, _| *name > oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nodes and where they stand.
    #[derive(Default)]
    struct Table {
        modes: Modes,
        standings: HashMap<u64, Standing>,
    }

    impl Table {
        fn node(&self, id: u64) -> Change {
            let standing = self.standings.get(&id).copied().unwrap_or_default();
            (Node::Exchange(ExchangeId(id)), standing)
        }

        fn apply(&mut self, changes: Changes) {
            for (node, standing) in changes {
                if let Node::Exchange(id) = node {
                    self.standings.insert(id.0, standing);
                }
            }
        }

        fn tie(&mut self, one: u64, other: u64, tie: Tie) {
            let (one, other) = (self.node(one), self.node(other));
            let changes = self.modes.tie(one, other, tie, Because::SameConnection);
            self.apply(changes);
        }

        fn tell(&mut self, id: u64, mode: CredentialsMode) {
            let node = self.node(id);
            let known = Credentials::known(mode, Because::Cookie);
            let changes = self.modes.tell(node, known);
            self.apply(changes);
        }

        fn mode(&self, id: u64) -> Option<CredentialsMode> {
            match self.node(id).1 {
                Standing::Known(known) => known.mode,
                Standing::Free | Standing::Tied(_) => None,
            }
        }
    }

    #[test]
    fn what_is_learnt_of_one_is_learnt_of_all() {
        let mut table = Table::default();
        table.tie(1, 2, Tie::Same);
        table.tie(3, 4, Tie::Opposite);
        table.tie(2, 4, Tie::Opposite);
        table.tell(3, CredentialsMode::Include);
        let modes = [1, 2, 3, 4].map(|id| table.mode(id));
        let (include, omit) = (Some(CredentialsMode::Include), Some(CredentialsMode::Omit));
        assert_eq!(modes, [include, include, include, omit]);
        table.tie(4, 5, Tie::Opposite);
        assert_eq!(table.mode(5), include);
        assert!(table.modes.classes.is_empty());
    }

    #[test]
    fn what_is_known_stands() {
        let mut table = Table::default();
        table.tell(1, CredentialsMode::Include);
        table.tell(2, CredentialsMode::Omit);
        table.tie(1, 2, Tie::Same);
        table.tell(2, CredentialsMode::Include);
        assert_eq!(table.mode(2), Some(CredentialsMode::Omit));
    }

    #[test]
    fn a_tie_within_a_class_changes_nothing() {
        let mut table = Table::default();
        table.tie(1, 2, Tie::Same);
        table.tie(1, 2, Tie::Opposite);
        table.tell(1, CredentialsMode::Omit);
        assert_eq!(table.mode(2), Some(CredentialsMode::Omit));
    }
}
