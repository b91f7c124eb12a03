//! The house: who may import whom, and what the pure rings never touch.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that panics has failed"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What each room may import from the others. Imports point inward.
const ROOMS: &[(&str, &[&str])] = &[
    ("wire", &[]),
    ("exchange", &["wire"]),
    ("cors", &["wire", "exchange"]),
    ("policy", &["wire", "exchange", "cors"]),
    ("report", &["wire", "exchange", "cors", "policy"]),
    ("clock", &["exchange"]),
    ("private", &[]),
    ("ca", &["wire", "clock", "private"]),
    ("store", &["exchange", "cors", "clock", "private"]),
    (
        "proxy",
        &["wire", "exchange", "cors", "policy", "clock", "ca", "store"],
    ),
    (
        "probe",
        &["wire", "exchange", "cors", "policy", "report", "proxy"],
    ),
    ("browser", &["exchange", "private"]),
    (
        "dashboard",
        &["exchange", "cors", "policy", "report", "clock", "store"],
    ),
    ("term", &["report"]),
    ("cli", &["wire", "exchange", "browser"]),
    (
        "cmd",
        &[
            "wire",
            "exchange",
            "cors",
            "policy",
            "report",
            "clock",
            "private",
            "ca",
            "store",
            "proxy",
            "dashboard",
            "probe",
            "browser",
            "term",
            "cli",
        ],
    ),
];

/// The rooms without I/O: values in, values out.
const PURE: &[&str] = &["wire", "exchange", "cors", "policy", "report"];

/// What is not pure.
const IMPURE: &[&str] = &[
    "tokio",
    "rusqlite",
    "rustls",
    "tracing",
    "std::env",
    "std::fs",
    "std::io",
    "std::net::Tcp",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "Instant::now",
    "SystemTime::now",
    "now_utc",
    "println!",
];

fn sources() -> BTreeMap<String, Vec<(PathBuf, String)>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut rooms: BTreeMap<String, Vec<(PathBuf, String)>> = BTreeMap::new();
    let mut waiting = vec![root.clone()];
    while let Some(dir) = waiting.pop() {
        for entry in fs::read_dir(dir).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                waiting.push(path);
            } else if is_product(&path) {
                let inner = path.strip_prefix(&root).expect("inside").to_owned();
                let first = inner
                    .components()
                    .next()
                    .expect("a name")
                    .as_os_str()
                    .to_string_lossy();
                let room = first.trim_end_matches(".rs").to_owned();
                let text = fs::read_to_string(&path).expect("readable");
                let product = text
                    .split("#[cfg(test)]")
                    .next()
                    .unwrap_or_default()
                    .to_owned();
                rooms.entry(room).or_default().push((inner, product));
            }
        }
    }
    rooms
}

/// Whether a file holds what is shipped: not its tests, where they have a file of their own.
fn is_product(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "rs")
        && path.file_stem().is_some_and(|name| name != "tests")
}

/// The rooms that a text names as `crate::ROOM`.
fn imports(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for rest in text.split("crate::").skip(1) {
        let end = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        if end > 0 {
            found.push(&rest[..end]);
        } else if let Some(group) = rest.strip_prefix('{') {
            let group = group.split('}').next().unwrap_or_default();
            found.extend(
                group
                    .split(',')
                    .map(|name| name.split("::").next().unwrap_or_default().trim()),
            );
        }
    }
    found
}

#[test]
fn imports_point_inward() {
    let mut wrong = Vec::new();
    for (room, files) in sources() {
        if matches!(room.as_str(), "lib" | "main") {
            continue;
        }
        let (_, allowed) = ROOMS
            .iter()
            .find(|(name, _)| *name == room)
            .unwrap_or_else(|| panic!("which ring is {room} in?"));
        for (path, text) in files {
            for import in imports(&text) {
                let is_room = ROOMS.iter().any(|(name, _)| *name == import);
                if is_room && import != room && !allowed.contains(&import) {
                    wrong.push(format!("{} imports {import}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_pure_rings_touch_nothing() {
    let mut wrong = Vec::new();
    for (room, files) in sources()
        .into_iter()
        .filter(|(room, _)| PURE.contains(&room.as_str()))
    {
        for (path, text) in files {
            let code: String = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .collect();
            for impure in IMPURE {
                if code.contains(impure) {
                    wrong.push(format!("{room}: {} has {impure}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn only_the_clock_asks_for_the_time_and_only_the_terminal_prints() {
    let mut wrong = Vec::new();
    for (room, files) in sources() {
        for (path, text) in files {
            let prints = text.contains("println!") || text.contains("print!(");
            if prints && !matches!(room.as_str(), "term" | "main") {
                wrong.push(format!("{} prints", path.display()));
            }
            if text.contains("SystemTime::now") && room != "clock" {
                wrong.push(format!("{} asks for the time", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_invariant_has_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let list = fs::read_to_string(root.join("tests/invariants.md")).expect("readable");
    let is_test = |name: &&str| name.contains("::") && !name.contains(['…', ' ']);
    let mut tests = list.split('`').filter(is_test).peekable();
    assert!(tests.peek().is_some());
    let missing: Vec<&str> = tests.filter(|test| !exists(root, test)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
    for (series, last) in [
        ("C", 10),
        ("B", 6),
        ("D", 6),
        ("R", 7),
        ("F", 13),
        ("W", 10),
    ] {
        for number in 1..=last {
            let row = format!("\n| {series}{number} | ");
            assert!(list.contains(&row), "{series}{number} is not listed");
        }
    }
}

/// Whether there is a test function of such a path.
fn exists(root: &Path, test: &str) -> bool {
    let mut parts: Vec<&str> = test.split("::").collect();
    let function = parts.pop().map(|name| format!("fn {name}("));
    let dir = if parts.first() == Some(&"lib") {
        parts.remove(0);
        root.join("src")
    } else {
        root.join("tests")
    };
    let path: PathBuf = parts.iter().fold(dir, |dir, part| dir.join(part));
    let texts = [path.with_extension("rs"), path.join("mod.rs")].map(fs::read_to_string);
    let mut texts = texts.iter().flatten();
    function.is_some_and(|function| texts.any(|text| text.contains(&function)))
}
