//! Findings as a `JUnit` report: a test case for each, and one that passes where there is none.

use std::fmt::Write;

use super::{todo, why};
use crate::policy::finding::{Finding, Severity};
use crate::report::text::steers;

/// A test case: its name, and what failed, if it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// The kind of the failure, and its text; advice is no failure.
    pub failure: Option<(String, String)>,
}

/// The cases of a lint.
pub fn cases(policy: &str, findings: &[Finding]) -> Vec<Case> {
    let case = |finding: &Finding| {
        let place = finding.place;
        let name = format!(
            "{policy}:{}:{} {}",
            place.line,
            place.column,
            finding.code.name()
        );
        let text = format!("{} {}", why(finding), todo(finding));
        let fails = finding.severity() >= Severity::Broken;
        Case {
            name,
            failure: fails.then(|| (finding.code.name().to_owned(), text)),
        }
    };
    let mut cases: Vec<Case> = findings.iter().map(case).collect();
    if cases.iter().all(|case| case.failure.is_none()) {
        cases.push(Case {
            name: format!("{policy} is sound"),
            failure: None,
        });
    }
    cases
}

/// The report on these cases.
pub fn report(policy: &str, cases: &[Case]) -> String {
    let failures = cases.iter().filter(|case| case.failure.is_some()).count();
    let mut report = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"corstap check {}\" tests=\"{}\" \
         failures=\"{failures}\" errors=\"0\">\n",
        escaped(policy),
        cases.len(),
    );
    for Case { name, failure } in cases {
        let name = escaped(name);
        let _ = match failure {
            None => writeln!(
                report,
                "<testcase classname=\"corstap.check\" name=\"{name}\"/>"
            ),
            Some((kind, text)) => writeln!(
                report,
                "<testcase classname=\"corstap.check\" name=\"{name}\"><failure type=\"{}\" message=\"{}\"/></testcase>",
                escaped(kind),
                escaped(text)
            ),
        };
    }
    report.push_str("</testsuite>\n</testsuites>\n");
    report
}

/// Text within an attribute; characters that XML 1.0 has not are replaced, and those that steer a terminal.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\t' | '\n' | '\r' => escaped.push(' '),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            steering if steers(steering) => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}
