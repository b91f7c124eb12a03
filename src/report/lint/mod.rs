//! What the lint found, as text, as JSON and in the forms that continuous integration reads.

pub mod junit;
pub mod sarif;
mod text;
pub mod words;

use serde::Serialize;

use crate::policy::finding::{Code, Finding, Place, Severity};

pub use self::text::finding as text;

/// Why a finding is one.
pub fn why(finding: &Finding) -> String {
    let why = words::of(finding.code).why;
    let value = match (finding.code, &finding.value) {
        (Code::Syntax, Some(value)) => value.to_string(),
        (_, Some(value)) => format!("`{value}`"),
        (_, None) => "It".to_owned(),
    };
    why.replacen("{value}", &value, 1)
}

/// What a code means, whatever it is about.
pub fn meaning(code: Code) -> String {
    let why = words::of(code).why;
    let severity = match code.severity() {
        Severity::Unsafe => "It is unsafe: somebody gets what is not theirs.",
        Severity::Broken => "It is broken: it does not do what it says.",
        Severity::Advice => "It is advice: nothing is refused for it.",
    };
    let why = match why.strip_prefix("{value}") {
        Some(rest) => format!("This value{rest}"),
        None => why
            .replace(": {value}", "")
            .replace(" ({value})", "")
            .replace("{value}", "this value"),
    };
    format!("{why} {severity}")
}

/// What to do about a finding.
pub fn todo(finding: &Finding) -> String {
    let todo = words::of(finding.code).todo;
    match (&finding.instead, finding.code) {
        (None, _) => todo.to_owned(),
        (Some(wanted), Code::ValueType) => format!("Write {wanted}."),
        (Some(target), Code::TargetPrivate) => format!("{todo} The server is {target}."),
        (Some(meant), Code::KeyUnknown) => format!("Write `{meant}`, if that was meant."),
        (Some(instead), _) => format!("Write `{instead}`."),
    }
}

/// A finding as it is written in JSON.
#[derive(Clone, Debug, Serialize)]
pub struct Written<'a> {
    v: u32,
    policy: &'a str,
    code: Code,
    severity: Severity,
    rule: Option<&'a str>,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    value: Option<&'a str>,
    instead: Option<&'a str>,
    other: Option<Place>,
    why: String,
    #[serde(rename = "do")]
    todo: String,
}

/// The JSON form of a finding in a file.
pub fn json<'a>(policy: &'a str, finding: &'a Finding) -> Written<'a> {
    Written {
        v: 1,
        policy,
        code: finding.code,
        severity: finding.severity(),
        rule: finding.rule.as_deref(),
        line: finding.place.line,
        column: finding.place.column,
        end_line: finding.place.end_line,
        end_column: finding.place.end_column,
        value: finding.value.as_deref(),
        instead: finding.instead.as_deref(),
        other: finding.other,
        why: why(finding),
        todo: todo(finding),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_says_why_and_what_to_do_in_whole_sentences() {
        for code in Code::ALL {
            let words = words::of(*code);
            for sentence in [words.why, words.todo] {
                assert!(
                    sentence.ends_with(['.', ')']),
                    "{}: {sentence}",
                    code.name()
                );
            }
        }
    }
}
