//! What is written again and again: a browser sends the same fields with each request, a server with
//! each answer, and of most of them the judge says the same. Secrets are withheld from it, and JSON is
//! made of it, once.

use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::common::Text;
use super::row;
use crate::cors::Judgement;
use crate::exchange::HeaderList;
use crate::exchange::recorded::{Fields, fields};
use crate::exchange::secret::Redactor;

/// How many heads are remembered, and how large, in octets, one of them may be.
const MOST_HEADS: usize = 512;
const LARGEST: usize = 8 * 1024;
/// How many judgements are remembered.
const MOST_JUDGEMENTS: usize = 16;

/// Remembers what was written of late.
#[derive(Debug)]
pub(super) struct Memo {
    redactor: Redactor,
    heads: HashMap<HeaderList, Arc<Head>, RandomState>,
    judgements: VecDeque<(Judgement, Arc<Judged>)>,
}

/// The fields of a head as a capture holds them.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) fields: Arc<Fields>,
    pub(super) json: Text,
}

/// A judgement as a capture holds it, and what it is told from others by.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) judgement: Arc<Judgement>,
    pub(super) json: Text,
    pub(super) digest: u64,
}

impl Memo {
    pub(super) fn new(redactor: Redactor) -> Self {
        Self {
            redactor,
            heads: HashMap::default(),
            judgements: VecDeque::with_capacity(MOST_JUDGEMENTS),
        }
    }

    pub(super) fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// The fields of a head, secrets withheld.
    pub(super) fn head(&mut self, headers: &HeaderList) -> Arc<Head> {
        if let Some(known) = self.heads.get(headers) {
            return Arc::clone(known);
        }
        let fields = Arc::new(fields(headers, &self.redactor));
        let json = Text::new(row::json(&fields));
        let head = Arc::new(Head { fields, json });
        if headers.weight() <= LARGEST {
            if self.heads.len() >= MOST_HEADS {
                self.heads.clear();
            }
            self.heads.insert(headers.clone(), Arc::clone(&head));
        }
        head
    }

    /// A judgement, secrets withheld.
    pub(super) fn judged(&mut self, judgement: Judgement) -> Arc<Judged> {
        let mut known = self.judgements.iter().rev();
        if let Some((_, known)) = known.find(|(known, _)| *known == judgement) {
            return Arc::clone(known);
        }
        let mut withheld = judgement.clone();
        withheld.withhold(&self.redactor);
        let judged = Arc::new(Judged::of(Arc::new(withheld)));
        if self.judgements.len() >= MOST_JUDGEMENTS {
            self.judgements.pop_front();
        }
        self.judgements.push_back((judgement, Arc::clone(&judged)));
        judged
    }
}

impl Judged {
    /// One from which secrets are withheld already.
    pub(super) fn of(judgement: Arc<Judgement>) -> Self {
        let json = row::json(&judgement);
        Self {
            digest: digest(&json),
            judgement,
            json: Text::new(json),
        }
    }
}

/// What a judgement is told from others by, as long as the process lasts.
fn digest(json: &str) -> u64 {
    foldhash::quality::FixedState::default().hash_one(json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::secret::Values;

    #[test]
    fn a_head_that_comes_again_is_redacted_once_and_its_secrets_are_withheld() {
        let mut memo = Memo::new(Redactor::new(&[7; 32], Values::Harmless));
        let head = |cookie: &str| HeaderList::from_iter([("Accept", "*/*"), ("Cookie", cookie)]);
        let first = memo.head(&head("hunter2"));
        assert!(Arc::ptr_eq(&first, &memo.head(&head("hunter2"))));
        let other = memo.head(&head("hunter3"));
        assert_ne!(first.fields, other.fields);
        assert_eq!(
            first.fields,
            fields(&head("hunter2"), memo.redactor()).into()
        );
        assert!(first.json.json.contains("*/*") && !first.json.json.contains("hunter"));
    }

    #[test]
    fn heads_that_differ_do_not_make_it_grow() {
        let mut memo = Memo::new(Redactor::new(&[7; 32], Values::Harmless));
        for number in 0..2 * MOST_HEADS {
            memo.head(&HeaderList::from_iter([("X-Number", number.to_string())]));
        }
        memo.head(&HeaderList::from_iter([(
            "X-Large",
            "a".repeat(2 * LARGEST),
        )]));
        assert!(memo.heads.len() <= MOST_HEADS);
        assert!(memo.heads.keys().all(|head| head.weight() <= LARGEST));
    }
}
