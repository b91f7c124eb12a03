//! NSS: the certificate stores of Chromium on Linux, and of every Firefox profile.

use std::fs;
use std::path::{Path, PathBuf};

use super::probe::Probe;
use super::{Platform, Roots, Step, Store, Subject, Words};

/// Stores of Chromium's family on Linux, below the home, with what they are.
const CHROMIUM: [(&str, &str); 4] = [
    (".pki/nssdb", "Chromium, Chrome, Edge, Brave"),
    (".local/share/pki/nssdb", "Chromium, Chrome, Edge, Brave"),
    ("snap/chromium/current/.pki/nssdb", "Chromium (snap)"),
    (
        ".var/app/org.chromium.Chromium/.pki/nssdb",
        "Chromium (flatpak)",
    ),
];

/// Directories of Firefox profiles on Linux, below the home.
const FIREFOX: [(&str, &str); 4] = [
    (".mozilla/firefox", "Firefox"),
    (".config/mozilla/firefox", "Firefox"),
    ("snap/firefox/common/.mozilla/firefox", "Firefox (snap)"),
    (
        ".var/app/org.mozilla.firefox/.mozilla/firefox",
        "Firefox (flatpak)",
    ),
];

/// The same on macOS.
const FIREFOX_MAC: [(&str, &str); 1] =
    [("Library/Application Support/Firefox/Profiles", "Firefox")];

/// Windows has none: Firefox reads the system's store there.
pub(super) fn steps(platform: Platform, roots: &Roots, subject: &Subject) -> Vec<Step> {
    let (chromium, firefox) = match platform {
        Platform::Linux => (CHROMIUM.as_slice(), FIREFOX.as_slice()),
        Platform::MacOs => ([].as_slice(), FIREFOX_MAC.as_slice()),
        Platform::Windows => return Vec::new(),
    };
    let chromium = chromium
        .iter()
        .map(|(dir, what)| (roots.home.join(dir), (*what).to_owned()));
    let firefox = firefox.iter().flat_map(|(dir, what)| {
        let named = move |profile: PathBuf| {
            let name = profile.file_name().unwrap_or_default().to_string_lossy();
            let what = format!("{what}, profile {name}");
            (profile, what)
        };
        profiles(&roots.home.join(dir)).into_iter().map(named)
    });
    chromium
        .chain(firefox)
        .filter(|(dir, _)| is_store(dir))
        .map(|(dir, what)| step(&dir, what, subject))
        .collect()
}

/// The directories in a directory, in the order of their names.
fn profiles(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten();
    let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
    let mut found: Vec<PathBuf> = paths.filter(|path| path.is_dir()).collect();
    found.sort();
    found
}

fn is_store(dir: &Path) -> bool {
    dir.join("cert9.db").is_file()
}

fn step(dir: &Path, place: String, subject: &Subject) -> Step {
    let (store, name) = (format!("sql:{}", dir.display()), subject.name());
    let file = subject.argument();
    let add = [
        "certutil", "-A", "-d", &store, "-t", "C,,", "-n", &name, "-i", &file,
    ];
    Step {
        store: Store::Nss,
        place,
        install: vec![Words::new(add)],
        uninstall: vec![Words::new(["certutil", "-D", "-d", &store, "-n", &name])],
        probe: Probe::Command {
            words: Words::new(["certutil", "-L", "-d", &store, "-n", &name]),
            fingerprint: subject.sha256.clone(),
            trust: Some("Trusted CA"),
        },
    }
}
