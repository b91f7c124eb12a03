//! The development CA on the command line.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Output;

use corstap::ca::{DevCa, HostList};

use super::{corstap, stderr, stdout};

#[test]
fn rotating_makes_a_ca_for_these_hosts_and_says_what_to_do_about_the_old_one() {
    let home = tempfile::tempdir().expect("a directory");
    let dir = home.path().join("ca");
    let ca = |arguments: &[&str]| {
        corstap(home.path())
            .arg("ca")
            .args(arguments)
            .arg("--ca-dir")
            .arg(&dir)
            .output()
            .expect("run")
    };
    let none = ca(&["show"]);
    assert_eq!(none.status.code(), Some(2));
    assert!(
        stderr(&none).contains("there is no CA in"),
        "{}",
        stderr(&none)
    );

    let first = ca(&["rotate", "--host", "example.com"]);
    assert_eq!(first.status.code(), Some(0), "{}", stderr(&first));
    assert!(stdout(&first).contains("example.com, *.example.com"));
    let shown = stdout(&ca(&["show"]));
    let fingerprint = shown
        .lines()
        .find_map(|line| line.strip_prefix("SHA-256"))
        .expect("one")
        .trim()
        .to_owned();
    let second = stdout(&ca(&["rotate", "--host", "example.org"]));
    assert!(second.contains(&format!(
        "The old CA is gone. Remove it wherever it was trusted: SHA-256 {fingerprint}"
    )));
    assert_eq!(
        fs::metadata(&dir).expect("there").permissions().mode() & 0o777,
        0o700
    );
    assert_eq!(
        fs::metadata(dir.join("ca-key.pem"))
            .expect("there")
            .permissions()
            .mode()
            & 0o777,
        0o600
    );
}

#[test]
fn a_host_outside_the_ca_is_refused_with_the_command_that_mends_it() {
    let home = tempfile::tempdir().expect("a directory");
    let dir = home.path().join("ca");
    let made = corstap(home.path())
        .args(["ca", "rotate", "--host", "example.com", "--ca-dir"])
        .arg(&dir)
        .output();
    assert!(made.expect("run").status.success());
    let run = |arguments: &[&str]| {
        let mut command = corstap(home.path());
        command
            .args(["run", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .arg("--ca-dir")
            .arg(&dir);
        command.output().expect("run")
    };
    let outside = run(&["--host", "example.org"]);
    assert_eq!(outside.status.code(), Some(2));
    let command = format!(
        "corstap ca rotate --host example.com --host example.org --ca-dir {}",
        dir.display()
    );
    assert!(stderr(&outside).contains(&command), "{}", stderr(&outside));
    let any = run(&["--any-host"]);
    assert_eq!(any.status.code(), Some(2));
    assert!(
        stderr(&any).contains("corstap ca rotate --any-host"),
        "{}",
        stderr(&any)
    );
    let no_host = run(&["--host", "https://example.com"]);
    assert_eq!(no_host.status.code(), Some(2));
    assert!(
        stderr(&no_host).contains("`https://example.com` is not a host"),
        "{}",
        stderr(&no_host)
    );
}

/// A start with the CA of that directory.
fn start(home: &Path, dir: &Path) -> Output {
    let mut command = corstap(home);
    command
        .args(["run", "--listen", "127.0.0.1:0", "--ca-dir"])
        .arg(dir);
    command.output().expect("run")
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    let home = tempfile::tempdir().expect("a directory");
    let dir = home.path().join("ca");
    let made = corstap(home.path())
        .args(["ca", "rotate", "--ca-dir"])
        .arg(&dir)
        .output()
        .expect("run");
    assert!(made.status.success());
    let key = dir.join("ca-key.pem");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("set");
    let run = start(home.path(), &dir);
    assert_eq!(run.status.code(), Some(2));
    assert!(
        stderr(&run).contains(&format!("chmod 600 {}", key.display())),
        "{}",
        stderr(&run)
    );
}

/// What is wrong with a prepared directory, how it comes to be so, and a word of the refusal.
type Prepared = (&'static str, fn(&Path), &'static str);

const PREPARED: &[Prepared] = &[
    (
        "a directory that is a link",
        |dir| moved(dir, |to| symlink(to, dir)),
        "symbolic link",
    ),
    (
        "a directory that is a file",
        |dir| moved(dir, |_| fs::write(dir, "")),
        "not a directory",
    ),
    (
        "a directory for all",
        |dir| set_mode(dir, 0o755),
        "chmod 700",
    ),
    (
        "a directory for the group",
        |dir| set_mode(dir, 0o710),
        "chmod 700",
    ),
    (
        "a key that is a link",
        |dir| moved(&key(dir), |to| symlink(to, key(dir))),
        "symbolic link",
    ),
    (
        "a link to nowhere",
        |dir| moved(&key(dir), |_| symlink("nowhere", key(dir))),
        "symbolic link",
    ),
    (
        "a key for the group",
        |dir| set_mode(&key(dir), 0o640),
        "chmod 600",
    ),
    (
        "a key that all may write",
        |dir| set_mode(&key(dir), 0o602),
        "chmod 600",
    ),
    (
        "a key of two names",
        |dir| fs::hard_link(key(dir), dir.join("other")).expect("linked"),
        "hard-linked",
    ),
    (
        "a FIFO",
        |dir| moved(&key(dir), |_| fifo(&key(dir))),
        "not a regular file",
    ),
    (
        "a key that is a directory",
        |dir| moved(&key(dir), |_| fs::create_dir(key(dir))),
        "not a regular file",
    ),
];

fn key(dir: &Path) -> PathBuf {
    dir.join("ca-key.pem")
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
}

/// Moves something out of the way, and puts something else in its place.
fn moved(path: &Path, instead: impl FnOnce(&Path) -> io::Result<()>) {
    let to = path.with_extension("moved");
    fs::rename(path, &to).expect("moved");
    instead(&to).expect("made");
}

fn fifo(path: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).map_err(Into::into)
}

#[test]
fn a_ca_that_is_not_its_owners_alone_is_refused_at_the_start() {
    for (what, prepare, word) in PREPARED {
        let home = tempfile::tempdir().expect("a directory");
        let dir = home.path().join("ca");
        DevCa::open(&dir, &HostList::development(), "me").expect("made");
        prepare(&dir);
        let run = start(home.path(), &dir);
        assert_eq!(run.status.code(), Some(2), "{what}");
        let told = stderr(&run);
        assert!(
            told.lines().count() == 1 && told.contains(word),
            "{what}: {told}"
        );
    }
}

#[test]
fn a_ca_of_somebody_else_is_refused_at_the_start() {
    if !rustix::process::geteuid().is_root() {
        // Only root can give files away.
        return;
    }
    for given in ["ca", "ca/ca-key.pem"] {
        let home = tempfile::tempdir().expect("a directory");
        let dir = home.path().join("ca");
        DevCa::open(&dir, &HostList::development(), "me").expect("made");
        chown(home.path().join(given), Some(65534), None).expect("given away");
        let run = start(home.path(), &dir);
        assert_eq!(run.status.code(), Some(2), "{given}");
        let told = stderr(&run);
        assert!(told.contains("belongs to another user"), "{given}: {told}");
    }
}

#[test]
fn a_link_that_waits_for_the_new_key_is_not_followed() {
    let home = tempfile::tempdir().expect("a directory");
    let dir = home.path().join("ca");
    let made = DevCa::open(&dir, &HostList::development(), "me").expect("made");
    drop(made);
    let bait = home.path().join("bait");
    fs::write(&bait, "untouched").expect("written");
    symlink(&bait, dir.join(".ca-key.pem.new")).expect("linked");
    DevCa::rotate(&dir, HostList::development(), "me").expect("made");
    assert_eq!(fs::read_to_string(&bait).expect("there"), "untouched");
    let key = fs::symlink_metadata(key(&dir)).expect("there");
    assert!(key.is_file() && key.permissions().mode() & 0o777 == 0o600);
}

/// The beginnings of private keys: PEM (RFC 7468) with something in it, and DER: PKCS #8 of P-256
/// and P-384, SEC 1 of P-256, PKCS #8 of Ed25519 (RFC 8410).
fn holds_a_key(octets: &[u8]) -> bool {
    const DER: &[&[u8]] = &[
        b"\x30\x81\x87\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01",
        b"\x30\x81\xb6\x02\x01\x00\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01",
        b"\x30\x77\x02\x01\x01\x04\x20",
        b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70",
    ];
    let begins = b"PRIVATE KEY-----";
    let mut ends = memchr::memmem::find_iter(octets, begins).map(|at| at + begins.len());
    let is_full = |at: usize| {
        let rest: Vec<u8> = octets[at..].iter().copied().take(48).collect();
        let rest = rest.trim_ascii_start();
        rest.len() > 32
            && rest[..32]
                .iter()
                .all(|octet| octet.is_ascii_alphanumeric() || b"+/".contains(octet))
    };
    ends.any(is_full)
        || DER
            .iter()
            .any(|der| memchr::memmem::find(octets, der).is_some())
}

#[test]
fn no_private_key_is_in_the_repository_or_in_the_program() {
    let home = tempfile::tempdir().expect("a directory");
    let dir = home.path().join("ca");
    DevCa::open(&dir, &HostList::development(), "me").expect("made");
    assert!(
        holds_a_key(&fs::read(key(&dir)).expect("there")),
        "one is known when it is seen"
    );
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut waiting = vec![root.to_owned()];
    let mut seen = 0;
    while let Some(dir) = waiting.pop() {
        for entry in fs::read_dir(dir).expect("readable") {
            let path = entry.expect("one").path();
            let is_made = ["target", ".git", "certs/dev", "node_modules"]
                .iter()
                .any(|made| path.ends_with(made));
            if path.is_dir() && !is_made {
                waiting.push(path);
            } else if path.is_file() {
                let octets = fs::read(&path).expect("readable");
                assert!(!holds_a_key(&octets), "{}", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 100, "{seen} files");
    let program = fs::read(env!("CARGO_BIN_EXE_corstap")).expect("the program");
    assert!(!holds_a_key(&program));
}
