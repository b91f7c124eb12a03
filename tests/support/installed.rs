//! What `scripts/servers` has installed for the tests.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A program, a module or a file that reads what we write; nothing, and a word about it, where it is not
/// installed.
pub fn installed(name: &str) -> Option<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target"),
        PathBuf::from,
    );
    let found = Some(target.join("report").join(name)).filter(|path| path.exists());
    if found.is_none() {
        eprintln!("SKIPPED: there is no report/{name} (scripts/servers installs it)");
    }
    found
}

/// Runs a program, which is to be content, and says what it said.
pub fn run(command: &mut Command) -> String {
    let output: Output = command.stdin(Stdio::null()).output().expect("run");
    let told = String::from_utf8_lossy(&output.stderr);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{said}");
    said.into_owned()
}

/// Holds files against a schema that is installed, if it is.
pub fn validate(schema: &str, files: &[PathBuf]) {
    let Some((python, schema)) = installed("venv/bin/python").zip(installed(schema)) else {
        return;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/report/validate.py");
    let told = run(Command::new(python).arg(script).arg(schema).args(files));
    assert_eq!(told, "valid\n");
}
