//! The edits that make one head of another.

use std::collections::BTreeMap;

use crate::wire::edit::Edit;
use crate::wire::headers::HeaderList;
use crate::wire::trim_ows;

/// The fields that say what a page may do.
const PREFIX: &[u8] = b"access-control-";
const VARY: &str = "Vary";

/// Collects edits on the head of a response. What stands there already is not edited.
pub(super) struct Editor<'a> {
    sent: &'a HeaderList,
    status: Option<u16>,
    /// The lines that change: another value, or none.
    lines: BTreeMap<usize, Option<Vec<u8>>>,
    added: Vec<(&'static str, Vec<u8>)>,
    /// The names whose lines are what they are to be.
    settled: Vec<&'static str>,
}

impl<'a> Editor<'a> {
    pub(super) fn new(sent: &'a HeaderList) -> Self {
        Self {
            sent,
            status: None,
            lines: BTreeMap::new(),
            added: Vec::new(),
            settled: Vec::new(),
        }
    }

    pub(super) fn set_status(&mut self, status: u16) {
        self.status = Some(status);
    }

    /// Leaves one line of that name with this value, or none.
    pub(super) fn set(&mut self, name: &'static str, value: Option<Vec<u8>>) {
        self.settled.push(name);
        let mut value = value;
        for (line, sent) in self.sent.lines(name) {
            match value.take() {
                Some(value) if *value == *sent => {}
                kept => {
                    self.lines.insert(line, kept);
                }
            }
        }
        if let Some(value) = value {
            self.added.push((name, value));
        }
    }

    /// Takes out every other Access-Control field that says more than one thing.
    pub(super) fn clear_wide(&mut self) {
        for (line, (name, value)) in self.sent.iter().enumerate() {
            let is_it = |set: &&str| name.eq_ignore_ascii_case(set.as_bytes());
            let is_settled = self.settled.iter().any(is_it);
            if is_access_control(name) && is_wide(value) && !is_settled {
                self.lines.insert(line, None);
            }
        }
    }

    /// Says that the response depends on the Origin, beside all else that it depends on.
    pub(super) fn vary_by_origin(&mut self) {
        let lines = || self.sent.lines(VARY);
        let mut members = lines().flat_map(|(_, value)| value.split(|&octet| octet == b','));
        let covers = |member: &[u8]| member == b"*" || member.eq_ignore_ascii_case(b"origin");
        if members.any(|member| covers(trim_ows(member))) {
            return;
        }
        let Some((line, value)) = lines().last() else {
            self.added.push((VARY, b"Origin".to_vec()));
            return;
        };
        let merged = if value.is_empty() {
            b"Origin".to_vec()
        } else {
            [value, b"Origin"].join(&b", "[..])
        };
        self.lines.insert(line, Some(merged));
    }

    /// All of them, in the order of the head.
    pub(super) fn edits(self) -> Vec<Edit> {
        let status = self.status.map(Edit::Status);
        let lines = self.lines.into_iter().map(|(line, value)| match value {
            Some(value) => Edit::Replace { line, value },
            None => Edit::Remove { line },
        });
        let added = self.added.into_iter();
        let added = added.map(|(name, value)| Edit::Add { name, value });
        status.into_iter().chain(lines).chain(added).collect()
    }
}

fn is_access_control(name: &[u8]) -> bool {
    name.get(..PREFIX.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

/// Whether a value may stand for every origin, or for all that have none.
fn is_wide(value: &[u8]) -> bool {
    let null = b"null";
    value.contains(&b'*')
        || value
            .windows(null.len())
            .any(|part| part.eq_ignore_ascii_case(null))
}
