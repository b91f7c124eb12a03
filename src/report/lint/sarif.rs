//! Findings as SARIF 2.1.0, which code hosts show beside the lines.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Value, json};

use super::{meaning, todo, why, words};
use crate::policy::finding::{Code, Finding, Severity};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// What a path has to have encoded to be a reference (RFC 3986 section 4.2); a colon would end a scheme.
const NOT_IN_PATHS: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b':')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The log of a run over one policy; results beside the lint's can be added.
pub fn log(policy: &str, findings: &[Finding], more: Vec<Value>) -> Value {
    let mut codes: Vec<Code> = findings.iter().map(|finding| finding.code).collect();
    codes.sort_unstable();
    codes.dedup();
    let mut results: Vec<Value> = findings
        .iter()
        .map(|finding| result(policy, finding))
        .collect();
    results.extend(more);
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "corstap",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": codes.into_iter().map(rule).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(code: Code) -> Value {
    let words = words::of(code);
    let mut properties = json!({ "severity": code.severity().name() });
    if code.severity() == Severity::Unsafe {
        properties =
            json!({ "severity": "unsafe", "security-severity": "8.0", "tags": ["security"] });
    }
    json!({
        "id": code.name(),
        "shortDescription": { "text": meaning(code) },
        "help": { "text": words.todo },
        "defaultConfiguration": { "level": level(code.severity()) },
        "properties": properties,
    })
}

fn result(policy: &str, finding: &Finding) -> Value {
    json!({
        "ruleId": finding.code.name(),
        "level": level(finding.severity()),
        "message": { "text": format!("{} {}", why(finding), todo(finding)) },
        "locations": [location(policy, finding)],
    })
}

fn location(policy: &str, finding: &Finding) -> Value {
    let place = finding.place;
    json!({ "physicalLocation": {
        "artifactLocation": { "uri": uri(policy) },
        "region": {
            "startLine": place.line,
            "startColumn": place.column,
            "endLine": place.end_line,
            "endColumn": place.end_column,
        },
    } })
}

/// A result that is about recorded traffic: it stands at the beginning of the file.
pub fn of_traffic(policy: &str, code: &str, level: &str, text: &str) -> Value {
    json!({
        "ruleId": code,
        "level": level,
        "message": { "text": text },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri(policy) },
            "region": { "startLine": 1, "startColumn": 1 },
        } }],
    })
}

fn uri(path: &str) -> String {
    utf8_percent_encode(path, NOT_IN_PATHS).to_string()
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Unsafe | Severity::Broken => "error",
        Severity::Advice => "note",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_reference_that_leads_to_it() {
        for (path, expected) in [
            ("cors/policy.toml", "cors/policy.toml"),
            ("/srv/a b.toml", "/srv/a%20b.toml"),
            ("c:50 %#?.toml", "c%3A50%20%25%23%3F.toml"),
            ("caf\u{e9}\\.toml", "caf%C3%A9%5C.toml"),
        ] {
            assert_eq!(uri(path), expected);
        }
    }
}
