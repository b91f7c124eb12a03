//! Rewrites: what a rule made of a response on its way to the browser.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Response;
use super::secret::{Redactor, Value};
use crate::wire::edit::Edit;
use crate::wire::headers::latin1;

/// What a rule made of a response, or of the question itself, where the server was not asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewrite {
    /// The name of the rule.
    pub rule: Arc<str>,
    /// What was changed in the response as it was sent.
    pub edits: Vec<Edit>,
    /// The response as the browser got it.
    pub delivered: Response,
}

impl Rewrite {
    /// How much memory it takes beyond its own, in octets.
    pub fn weight(&self) -> usize {
        self.rule.len() + self.edits.len() * 128 + self.delivered.headers.weight()
    }
}

/// A rewrite as a capture holds it, beside the response that was delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedRewrite {
    /// The name of the rule.
    pub rule: String,
    /// What was changed.
    pub edits: Vec<RecordedEdit>,
}

/// One change as a capture holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedEdit {
    /// The name of the field; `:status` for the status.
    pub field: String,
    /// Which field line of the response as sent it is, from 1.
    pub line: Option<usize>,
    /// What the server sent; nothing where a line was added.
    pub from: Option<Value>,
    /// What the browser got; nothing where a line was taken out.
    pub to: Option<Value>,
}

impl RecordedRewrite {
    /// What a capture holds of a rewrite of what was `sent`.
    pub(super) fn of(rewrite: &Rewrite, sent: Option<&Response>, redactor: &Redactor) -> Self {
        let told = |edit| recorded(edit, sent, redactor);
        Self {
            rule: rewrite.rule.to_string(),
            edits: rewrite.edits.iter().map(told).collect(),
        }
    }

    /// Withholds what another redactor let stand.
    pub(super) fn withhold(&mut self, redactor: &Redactor) {
        for edit in &mut self.edits {
            for value in [&mut edit.from, &mut edit.to].into_iter().flatten() {
                if let Value::Plain(plain) = &*value {
                    *value = redactor.field(edit.field.as_bytes(), plain.as_bytes()).1;
                }
            }
            edit.field = redactor.name(&edit.field);
        }
    }
}

fn recorded(edit: &Edit, sent: Option<&Response>, redactor: &Redactor) -> RecordedEdit {
    let before = |line: usize| {
        let (name, value) = sent?.headers.iter().nth(line)?;
        Some(redactor.field(name, value))
    };
    let of_line = |line: usize, to: Option<&[u8]>| {
        let (field, from) = before(line).unzip();
        let to = to.map(|value| {
            let name = field.as_deref().unwrap_or_default();
            redactor.field(name.as_bytes(), value).1
        });
        RecordedEdit {
            field: field.unwrap_or_default(),
            line: Some(line + 1),
            from,
            to,
        }
    };
    match edit {
        Edit::Status(status) => RecordedEdit {
            field: ":status".to_owned(),
            line: None,
            from: sent.map(|sent| Value::Plain(sent.status.to_string())),
            to: Some(Value::Plain(status.to_string())),
        },
        Edit::Replace { line, value } => of_line(*line, Some(value)),
        Edit::Remove { line } => of_line(*line, None),
        Edit::Add { name, value } => RecordedEdit {
            field: latin1(name.as_bytes()).into_owned(),
            line: None,
            from: None,
            to: Some(redactor.field(name.as_bytes(), value).1),
        },
    }
}
