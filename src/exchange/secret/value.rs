//! Values of fields, as a capture holds them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How what stands for a withheld text begins.
pub const WITHHELD: &str = "{withheld:";

/// A field value as a capture holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// The value itself; octets that are not ASCII are read as Latin-1.
    Plain(String),
    /// A value withheld.
    Withheld(Withheld),
}

/// What stands in place of a value that is withheld.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withheld {
    #[serde(rename = "withheld")]
    pub(super) mark: True,
    /// Its length in octets.
    pub length: usize,
    /// Its keyed digest: equal within a run if and only if the values are.
    pub digest: String,
}

/// The JSON value `true`.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "bool", into = "bool")]
pub(super) struct True;

impl From<True> for bool {
    fn from(True: True) -> Self {
        true
    }
}

impl TryFrom<bool> for True {
    type Error = &'static str;

    fn try_from(value: bool) -> Result<Self, Self::Error> {
        if value {
            Ok(Self)
        } else {
            Err("a value that is not withheld is a string")
        }
    }
}

impl fmt::Debug for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{WITHHELD}{}:{}}}", self.length, self.digest)
    }
}
