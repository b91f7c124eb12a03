//! Where browsers are.

use std::env;
use std::path::{Path, PathBuf};

/// Names of Chromium's family on the search path, the plainest first.
const ON_PATH: [&str; 7] = [
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
    "microsoft-edge",
    "brave-browser",
    "vivaldi",
];

/// Where macOS keeps them.
const APPLICATIONS: [&str; 4] = [
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    "/Applications/Brave Browser.app/Contents/MacOS/Brave Browser",
];

/// Finds a browser of Chromium's family.
pub fn chromium() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let dirs: Vec<PathBuf> = env::split_paths(&path).collect();
    let on_path = ON_PATH
        .iter()
        .flat_map(|name| dirs.iter().map(move |dir| dir.join(name)));
    on_path
        .chain(APPLICATIONS.iter().map(PathBuf::from))
        .find(|file| is_program(file))
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata()
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
