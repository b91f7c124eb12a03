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

/// Names of Firefox on the search path.
const FIREFOX_ON_PATH: [&str; 3] = ["firefox-esr", "firefox", "firefox-developer-edition"];

/// Where macOS keeps Firefox.
const FIREFOX_APPLICATIONS: [&str; 2] = [
    "/Applications/Firefox.app/Contents/MacOS/firefox",
    "/Applications/Firefox Developer Edition.app/Contents/MacOS/firefox",
];

/// Finds a browser of Chromium's family.
pub fn chromium() -> Option<PathBuf> {
    program(&ON_PATH, &APPLICATIONS)
}

/// Finds a Firefox.
pub fn firefox() -> Option<PathBuf> {
    program(&FIREFOX_ON_PATH, &FIREFOX_APPLICATIONS)
}

/// The first of these on the search path, or else of those files, that can be run.
fn program(on_path: &[&str], files: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let dirs: Vec<PathBuf> = env::split_paths(&path).collect();
    let on_path = on_path
        .iter()
        .flat_map(|name| dirs.iter().map(move |dir| dir.join(name)));
    on_path
        .chain(files.iter().map(PathBuf::from))
        .find(|file| is_program(file))
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata()
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
