//! What a user allows: a policy, one file, from which everything follows.
//!
//! [`Policy::parse`] understands a file strictly and says everything that is wrong with it at once;
//! [`Policy::rule_for`] finds the rule for a request. Nothing here reads files or asks for the time.

mod answer;
pub mod finding;
mod index;
mod lines;
mod lint;
mod lookup;
pub mod mistake;
pub mod origin;
mod parse;
mod path;
pub mod pattern;
pub mod replay;
pub mod rewrite;
pub mod rule;
pub mod seen;
mod spelling;
pub mod suggest;
pub mod target;

use self::finding::{Code, Finding, Severity};
use self::index::Index;
use self::parse::{Draft, Item, Reader};
use crate::exchange::Moment;
use crate::wire::is_token;

pub use self::parse::MOST_OCTETS;
pub use self::pattern::OriginPattern;
pub use self::rule::{Names, PreflightMode, Rule};
pub use self::target::Target;

/// A policy: rules in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    rules: Vec<Rule>,
    index: Index,
}

/// What became of a file.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// What of it was understood. It may be put in force only if the file [is
    /// sound](Self::is_sound).
    pub policy: Policy,
    /// Everything that is wrong, in the order of the file.
    pub findings: Vec<Finding>,
    /// The text, as places count it: without a byte order mark.
    pub text: String,
}

impl Parsed {
    /// Whether nothing is unsafe, and nothing broken.
    pub fn is_sound(&self) -> bool {
        self.worst() < Some(Severity::Broken)
    }

    /// How bad the worst finding is.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(Finding::severity).max()
    }
}

impl Policy {
    /// A policy of these rules.
    pub fn new(rules: Vec<Rule>) -> Self {
        let index = Index::of(&rules);
        Self { rules, index }
    }

    /// Understands a policy file.
    pub fn parse(file: &[u8], now: Moment) -> Parsed {
        let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
        let told = match (file.len(), std::str::from_utf8(file)) {
            (MOST_OCTETS.., _) => Err((Code::TooLarge, 0)),
            (_, Err(error)) => Err((Code::NotUtf8, error.valid_up_to())),
            (_, Ok(text)) => Ok(text),
        };
        match told {
            Ok(text) => Self::of_text(text, now),
            Err((code, at)) => {
                let valid = file
                    .get(..at)
                    .map(String::from_utf8_lossy)
                    .unwrap_or_default();
                let mut reader = Reader::of(&valid);
                reader.find(code, &(at..at));
                Parsed {
                    policy: Self::default(),
                    findings: reader.findings,
                    text: valid.into_owned(),
                }
            }
        }
    }

    fn of_text(text: &str, now: Moment) -> Parsed {
        let mut reader = Reader::of(text);
        let drafts = reader.read(text);
        let policy = Self::new(drafts.iter().map(rule).collect());
        lint::check(&mut reader, &drafts, &policy, now);
        let mut findings = reader.findings;
        findings.sort_by_key(|finding| (finding.place, finding.code));
        Parsed {
            policy,
            findings,
            text: text.to_owned(),
        }
    }

    /// The rules, in order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

/// The rule that a draft comes to.
fn rule(draft: &Draft) -> Rule {
    Rule {
        name: draft.title.clone(),
        origins: values(&draft.origins),
        targets: values(&draft.targets),
        methods: names(&draft.methods),
        request_headers: names(&draft.request_headers),
        expose_headers: names(&draft.expose_headers),
        credentials: draft.credentials.as_ref().is_some_and(|item| item.value),
        max_age: draft.max_age.as_ref().map(|item| item.value),
        preflight: draft.preflight,
        expires: draft.expires.as_ref().map(|item| item.value),
    }
}

fn values<T: Clone>(items: &[Item<T>]) -> Vec<T> {
    items.iter().map(|item| item.value.clone()).collect()
}

/// Names that are tokens; others were found.
fn names(items: &[Item<Box<str>>]) -> Names {
    let all = values(items).into_iter();
    let (any, mut listed): (Vec<_>, Vec<_>) = all.partition(|name| **name == *"*");
    listed.retain(|name| is_token(name.as_bytes()));
    Names {
        any: !any.is_empty(),
        listed,
    }
}
