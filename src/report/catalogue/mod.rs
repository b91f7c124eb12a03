//! The catalogue: every code there is, what it means, what each engine prints for it, and what to
//! do about it.
#![doc = include_str!("catalogue.md")]

mod cause;
mod printed;

use std::fmt::Write;

use serde::Serialize;

pub use self::cause::{meaning, remedy};

use self::printed::printed;
use crate::cors::{Cause, Engine};

/// What is said of a code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The code.
    pub code: &'static str,
    /// What it is.
    pub layer: Layer,
    /// What it means.
    pub means: &'static str,
    /// What the engines print for it.
    pub printed: Vec<Printed>,
    /// What to do about it.
    pub remedy: &'static str,
    /// Where the standard has it, as a URL.
    pub standard: Option<String>,
}

/// What a code is: of which layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// What the browser enforces.
    Cause,
}

/// What an engine prints for a cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Printed {
    /// The engine.
    pub engine: Engine,
    /// Its code, or the name given here to its text.
    pub code: &'static str,
    /// What it says, in short.
    pub says: &'static str,
}

/// Everything in the catalogue.
pub fn all() -> Vec<Entry> {
    Cause::ALL.into_iter().map(of_cause).collect()
}

/// What a code is about: a code of ours, or one that an engine prints.
pub fn find(code: &str) -> Vec<Entry> {
    let wanted = code.trim_end_matches(|last: char| last.is_ascii_digit());
    let is_it = |entry: &Entry| {
        entry.code.eq_ignore_ascii_case(code)
            || entry
                .printed
                .iter()
                .any(|printed| printed.code.eq_ignore_ascii_case(wanted))
    };
    let mut found = all();
    found.retain(is_it);
    found
}

fn of_cause(cause: Cause) -> Entry {
    Entry {
        code: cause.name(),
        layer: Layer::Cause,
        means: meaning(cause),
        printed: printed(cause),
        remedy: remedy(cause),
        standard: Some(format!(
            "https://fetch.spec.whatwg.org/#{}",
            cause.fetch_fragment()
        )),
    }
}

impl Layer {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cause => "cause",
        }
    }
}

/// The catalogue as a page of Markdown.
pub fn page() -> String {
    let mut page = String::from("\n# Causes: what the browser enforces\n");
    for entry in all() {
        let _ = write!(page, "\n## `{}`\n\n{}\n", entry.code, entry.means);
        if !entry.printed.is_empty() {
            page.push_str("\n| | code | says |\n| --- | --- | --- |\n");
        }
        for printed in &entry.printed {
            let _ = writeln!(
                page,
                "| {} | `{}` | {} |",
                printed.engine.title(),
                printed.code,
                printed.says.replace('*', "\\*")
            );
        }
        let _ = write!(page, "\n{}\n", entry.remedy);
        if let Some(standard) = &entry.standard {
            let _ = write!(page, "\nIn the standard: <{standard}>\n");
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_found_by_its_own_name() {
        for entry in all() {
            assert!(
                find(entry.code)
                    .iter()
                    .any(|found| found.code == entry.code),
                "{}",
                entry.code
            );
            assert!(entry.means.ends_with('.') && entry.remedy.ends_with(['.', '?']));
        }
    }

    #[test]
    fn a_code_that_an_engine_prints_leads_to_its_causes() {
        let codes =
            |printed| -> Vec<&str> { find(printed).into_iter().map(|entry| entry.code).collect() };
        assert_eq!(codes("PreflightInvalidStatus"), ["preflight-status"]);
        assert_eq!(codes("CORSMissingAllowOrigin2"), ["allow-origin-missing"]);
        assert_eq!(
            codes("MethodDisallowedByPreflightResponse"),
            [
                "method-not-allowed",
                "method-case",
                "method-wildcard-credentialed"
            ]
        );
        assert_eq!(codes("nonsense"), [""; 0]);
    }

    #[test]
    fn every_cause_that_an_engine_has_a_code_for_has_its_words() {
        for entry in all() {
            for printed in entry.printed {
                assert!(!printed.says.is_empty(), "{} {}", entry.code, printed.code);
            }
        }
    }

    #[test]
    fn the_page_in_the_documentation_is_this_catalogue() {
        let file = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/src/report/catalogue/catalogue.md"
        );
        if std::env::var_os("CORSTAP_WRITE_CATALOGUE").is_some() {
            std::fs::write(file, page()).expect("written");
        }
        assert!(
            page() == include_str!("catalogue.md"),
            "it has changed: CORSTAP_WRITE_CATALOGUE=1 cargo test --lib catalogue, then once more"
        );
    }
}
