//! What `corstap check` writes for continuous integration, held against the schemas of those who read it.

use std::path::{Path, PathBuf};

use corstap::cors::Engine;

use super::{corstap, stderr};
use crate::support::installed::validate;
use crate::support::truth::cases;

/// Where the schemas are.
const SARIF: &str = "node_modules/@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json";
const JUNIT: &str = "junit-10.xsd";

/// A policy with findings of every severity, with everything in it that has to be escaped somewhere.
const BAD: &str = "version = 1\n\n[[rule]]\nname = \"a <&\u{9b}\u{202e}'> ]]>\"\norigins = [\"https://App.test\", \"null\", \
    \"https://\u{e9}.test\"]\ntargets = [\"https://api.test\"]\nmethods = [\"GET\"]\nodd-<&>-key = 1\n";
const FINE: &str = "version = 1\n\n[[rule]]\nname = \"a\"\norigins = [\"https://other.test\"]\ntargets = [\"https://api.test\"]\n";

/// A HAR file whose exchange passes today, and would not with such a policy.
fn traffic(home: &Path) -> PathBuf {
    let file = home.join("traffic.har");
    let cases = cases();
    let case = cases.iter().find(|case| case.id() == "acao-exact");
    std::fs::write(&file, case.expect("a case").har(Engine::Chromium)).expect("written");
    file
}

/// Checks a policy, alone and with traffic, and holds what is written against a schema.
fn check(format: &str, schema: &str) {
    let home = tempfile::tempdir().expect("a directory");
    let (traffic, mut files) = (traffic(home.path()), Vec::new());
    // Every character that a reference has to have encoded.
    for (name, policy, code) in [
        ("odd #%?[]:|\u{e9}.toml", BAD, 1),
        ("fine.toml", FINE, 0),
        ("broken.toml", "version = [", 1),
    ] {
        std::fs::write(home.path().join(name), policy).expect("written");
        for more in [&[][..], &["--capture".as_ref(), traffic.as_os_str()]] {
            let mut command = corstap(home.path());
            command
                .current_dir(home.path())
                .args(["check", name, "--format", format]);
            let output = command.args(more).output().expect("run");
            let code = if more.is_empty() { code } else { 1 };
            assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
            let file = home.path().join(format!("written-{}", files.len()));
            std::fs::write(&file, &output.stdout).expect("written");
            files.push(file);
        }
    }
    validate(schema, &files);
}

#[test]
fn sarif_is_valid_against_its_schema() {
    check("sarif", SARIF);
}

#[test]
fn junit_is_valid_against_the_schema_of_jenkins() {
    check("junit", JUNIT);
}
