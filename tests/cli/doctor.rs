//! `corstap doctor`: each leg, as it ought to be and as it ought not.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;

use corstap::ca::{Ca, DevCa, HostList, LeafCache};
use corstap::wire::alpn::Alpn;
use corstap::wire::target::Host;
use serde_json::Value;

use super::corstap;
use super::running::{Running, serve};

/// A doctor for whom all is well: free ports, and no browser.
pub(super) fn doctor(home: &Path) -> Command {
    let mut command = corstap(home);
    command.args([
        "doctor",
        "--json",
        "--no-browser",
        "--listen",
        "127.0.0.1:0",
        "--dashboard",
        "127.0.0.1:0",
    ]);
    command
}

/// What it finds of a leg: level and words; its exit code is right for all it finds.
pub(super) fn finds(command: &mut Command, leg: &str) -> Vec<(String, String)> {
    let output = command.output().expect("run");
    let text = String::from_utf8(output.stdout).expect("text");
    let all: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let is_wrong = all.iter().any(|found| found["level"] == "wrong");
    assert_eq!(
        output.status.code(),
        Some(i32::from(is_wrong)),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let of_leg = all.iter().filter(|found| found["leg"] == leg);
    let words = |found: &Value| {
        let remedy = found["remedy"].as_str().unwrap_or_default();
        assert_eq!(found["level"] == "ok", remedy.is_empty(), "{found}");
        let said = format!("{} → {remedy}", found["said"].as_str().expect("text"));
        (found["level"].as_str().expect("text").to_owned(), said)
    };
    of_leg.map(words).collect()
}

pub(super) fn finds_wrong(command: &mut Command, leg: &str, word: &str) {
    let found = finds(command, leg);
    let is_it = found
        .iter()
        .any(|(level, said)| level == "wrong" && said.contains(word));
    assert!(is_it, "{leg}, {word}: {found:?}");
}

pub(super) fn ca(home: &Path) -> std::path::PathBuf {
    let dir = home.join(".local/share/corstap/ca");
    DevCa::open(&dir, &HostList::development(), "me").expect("made");
    dir
}

#[test]
fn where_all_is_well_nothing_is_found_and_nothing_is_left() {
    let home = tempfile::tempdir().expect("a directory");
    ca(home.path());
    for leg in [
        "listener",
        "dashboard",
        "ca",
        "clock",
        "captures",
        "upstream",
    ] {
        let found = finds(&mut doctor(home.path()), leg);
        assert!(found.len() == 1 && found[0].0 == "ok", "{leg}: {found:?}");
    }
    let captures = home.path().join(".local/state/corstap/captures");
    assert_eq!(fs::read_dir(captures).expect("there").count(), 0);
    let mut command = corstap(home.path());
    let output = command
        .args(["doctor", "--no-browser", "--listen", "127.0.0.1:0"])
        .output()
        .expect("run");
    assert!(
        String::from_utf8_lossy(&output.stdout)
            .starts_with("ok     listener      the proxy can listen on")
    );
}

#[test]
fn a_port_that_is_taken_is_named_with_who_has_it() {
    let home = tempfile::tempdir().expect("a directory");
    let running = Running::start(home.path(), "one");
    let own = running.address.to_string();
    let listen = |at: &str| {
        let mut command = corstap(home.path());
        command.args([
            "doctor",
            "--json",
            "--no-browser",
            "--listen",
            at,
            "--dashboard",
            "off",
        ]);
        command
    };
    let found = finds(&mut listen(&own), "listener");
    assert!(
        found[0].0 == "note" && found[0].1.contains("a corstap listens on"),
        "{found:?}"
    );
    let older = answering("HTTP/1.1 200 OK\r\n\r\ncorstap 0.0.9\n");
    finds_wrong(
        &mut listen(&older),
        "listener",
        "another version listens on",
    );
    let other = answering("HTTP/1.1 400 Bad Request\r\n\r\n<html>no</html>");
    finds_wrong(
        &mut listen(&other),
        "listener",
        "not by a corstap that says who it is",
    );
    finds_wrong(
        &mut listen("192.0.2.1:0"),
        "listener",
        "cannot listen on 192.0.2.1:0",
    );
    let mut command = listen("127.0.0.1:0");
    command.args(["--dashboard", "0.0.0.0:0"]);
    let output = command.output().expect("run");
    assert_eq!(output.status.code(), Some(2), "it is there twice");
    let mut command = corstap(home.path());
    command.args([
        "doctor",
        "--json",
        "--no-browser",
        "--listen",
        "127.0.0.1:0",
        "--dashboard",
        "0.0.0.0:0",
    ]);
    finds_wrong(&mut command, "dashboard", "not a loopback address");
}

/// A server that answers everything with this.
fn answering(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = listener.local_addr().expect("bound");
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = TcpStream::read(&mut stream, &mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address.to_string()
}

#[test]
fn files_that_others_may_use_and_directories_that_nobody_may_are_named() {
    let home = tempfile::tempdir().expect("a directory");
    let key = ca(home.path()).join("ca-key.pem");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("set");
    finds_wrong(&mut doctor(home.path()), "ca", "chmod 600");
    fs::write(&key, "garbage").expect("written");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("set");
    finds_wrong(&mut doctor(home.path()), "ca", "is damaged");
    let full = tempfile::tempdir().expect("a directory");
    let state = full.path().join(".local/state");
    fs::create_dir_all(&state).expect("made");
    fs::write(state.join("corstap"), "in the way").expect("written");
    finds_wrong(
        &mut doctor(full.path()),
        "captures",
        "corstap run --capture FILE",
    );
    let other = tempfile::tempdir().expect("a directory");
    let captures = other.path().join(".local/state/corstap/captures");
    fs::create_dir_all(&captures).expect("made");
    fs::set_permissions(&captures, fs::Permissions::from_mode(0o755)).expect("set");
    finds_wrong(&mut doctor(other.path()), "captures", "chmod 700");
}

#[test]
fn where_there_is_no_browser_that_is_said_with_what_to_install() {
    const FIXED: [&str; 5] = [
        "/opt/google/chrome/chrome",
        "/opt/microsoft/msedge/msedge",
        "/snap/bin/brave",
        "/snap/bin/chromium",
        "/snap/bin/firefox",
    ];
    if FIXED.iter().any(|file| Path::new(file).exists()) {
        eprintln!("SKIPPED: a browser is here that no search path is needed for");
        return;
    }
    let home = tempfile::tempdir().expect("a directory");
    let with_browsers = || {
        let mut command = corstap(home.path());
        command.args([
            "doctor",
            "--json",
            "--listen",
            "127.0.0.1:0",
            "--dashboard",
            "off",
        ]);
        command
    };
    finds_wrong(
        &mut with_browsers(),
        "chromium",
        "none is found → install one",
    );
    let found = finds(&mut with_browsers(), "firefox");
    assert!(
        found.len() == 1
            && found[0].0 == "note"
            && found[0].1.starts_with("none is found → install"),
        "{found:?}"
    );
}

#[test]
fn proxies_of_the_environment_are_tried() {
    let home = tempfile::tempdir().expect("a directory");
    let dead = TcpListener::bind("127.0.0.1:0")
        .expect("bound")
        .local_addr()
        .expect("bound");
    let mut command = doctor(home.path());
    command.env("HTTPS_PROXY", format!("http://{dead}"));
    finds_wrong(&mut command, "upstream", "--upstream-proxy none");
    let mut command = doctor(home.path());
    command.env("https_proxy", "socks5://127.0.0.1:1");
    finds_wrong(&mut command, "upstream", "https_proxy");
    let mut command = doctor(home.path());
    command.env("HTTPS_PROXY", format!("http://{}", answering("")));
    let found = finds(&mut command, "upstream");
    assert!(
        found[0].0 == "ok" && found[0].1.contains("which answers"),
        "{found:?}"
    );
}

#[test]
fn servers_are_reached_as_a_run_would_and_told_why_not() {
    let home = tempfile::tempdir().expect("a directory");
    let plain = answering("HTTP/1.1 200 OK\r\n\r\n");
    let mut command = doctor(home.path());
    command.arg(format!("http://{plain}"));
    let found = finds(&mut command, "server");
    assert!(
        found[0].0 == "ok" && found[0].1.contains("reached at 127.0.0.1:"),
        "{found:?}"
    );
    let mut command = doctor(home.path());
    command.arg(format!("https://{plain}"));
    finds_wrong(&mut command, "server", "does not speak TLS");
    let mut command = doctor(home.path());
    command.arg("no such thing");
    finds_wrong(&mut command, "server", "it is like https://");
    let dead = TcpListener::bind("127.0.0.1:0")
        .expect("bound")
        .local_addr()
        .expect("bound");
    let mut command = doctor(home.path());
    command.arg(format!("http://{dead}"));
    finds_wrong(&mut command, "server", "Is the server running");
}

#[test]
fn what_may_be_otherwise_is_noted_with_what_to_do() {
    let home = tempfile::tempdir().expect("a directory");
    let noted = |command: &mut Command, leg: &str, words: &str| {
        let found = finds(command, leg);
        assert!(
            found.len() == 1 && found[0].0 == "note" && found[0].1.contains(words),
            "{leg}: {found:?}"
        );
    };
    noted(
        &mut doctor(home.path()),
        "ca",
        "there is none yet → the first corstap run",
    );
    let taken = TcpListener::bind("127.0.0.1:0").expect("bound");
    let taken = taken
        .local_addr()
        .map(|address| (address.to_string(), taken));
    let (address, _taken) = taken.expect("bound");
    let at = |option: &str, address: &str| {
        let mut command = corstap(home.path());
        command.args(["doctor", "--json", "--no-browser", option, address]);
        let other = ["--dashboard", "--listen"]
            .into_iter()
            .find(|other| *other != option);
        command.args([other.expect("two"), "127.0.0.1:0"]);
        command
    };
    let words = format!("the dashboard cannot listen on {address}");
    noted(&mut at("--dashboard", &address), "dashboard", &words);
    let beyond = "can be reached from beyond this machine → leave --listen out";
    noted(&mut at("--listen", "0.0.0.0:0"), "listener", beyond);
}

#[cfg(target_os = "linux")]
#[test]
fn a_place_where_no_file_can_be_made_is_named() {
    let home = tempfile::tempdir().expect("a directory");
    let mut command = doctor(home.path());
    // Not even root makes any there.
    command.env("XDG_STATE_HOME", "/proc");
    finds_wrong(&mut command, "captures", "corstap run --capture FILE");
}

/// The user of that number has no home in the list of users either.
const NOBODY: u32 = 54_321;

#[test]
fn without_a_home_it_says_what_to_set() {
    use std::os::unix::process::CommandExt;
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: root alone can be somebody else");
        return;
    }
    // Whoever has no home may not see what somebody else's has.
    let here = tempfile::tempdir().expect("a directory");
    fs::set_permissions(here.path(), fs::Permissions::from_mode(0o755)).expect("set");
    let program = here.path().join("corstap");
    let own = env!("CARGO_BIN_EXE_corstap");
    let linked = fs::hard_link(own, &program);
    linked
        .or_else(|_| fs::copy(own, &program).map(drop))
        .expect("copied");
    let mut command = Command::new(program);
    command.env_clear().uid(NOBODY).current_dir("/").args([
        "doctor",
        "--json",
        "--no-browser",
        "--listen",
        "127.0.0.1:0",
        "--dashboard",
        "off",
    ]);
    for leg in ["ca", "captures"] {
        finds_wrong(&mut command, leg, "set HOME");
    }
}

#[test]
fn a_server_is_not_asked_where_the_way_to_servers_is_wrong() {
    let home = tempfile::tempdir().expect("a directory");
    let mut command = doctor(home.path());
    command.env("https_proxy", "socks5://127.0.0.1:1");
    command.arg("https://localhost:1");
    finds_wrong(&mut command, "server", "is not asked");
}

/// A server that speaks TLS with a certificate of a CA of its own, which is given in PEM.
fn speaking_tls() -> (String, String) {
    let authority = Ca::generate(HostList::development(), "servers").expect("made");
    let pem = authority.certificate_pem();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let leaves = LeafCache::new(authority, provider);
    let host = Host::parse(b"127.0.0.1").expect("a host");
    let config = leaves.config(&host, Some(Alpn::Http11)).expect("minted");
    let address = serve(move |mut tcp| {
        let session = rustls::ServerConnection::new(Arc::clone(&config));
        let mut session = session.expect("a session");
        // Whoever does not trust it leaves.
        let _ = session.complete_io(&mut tcp);
    });
    (format!("https://{address}"), pem)
}

#[test]
fn a_server_whose_certificate_is_not_trusted_is_named_until_it_is() {
    let home = tempfile::tempdir().expect("a directory");
    let (url, pem) = speaking_tls();
    let ask = |more: &[&str]| {
        let mut command = doctor(home.path());
        command.args(more).arg(&url);
        command
    };
    finds_wrong(&mut ask(&[]), "server", "--upstream-ca");
    let root = home.path().join("root.pem");
    fs::write(&root, pem).expect("written");
    let root = root.to_str().expect("text");
    for (more, words) in [
        (["--upstream-ca", root], "its certificate is trusted"),
        (["--upstream-insecure", "127.0.0.1"], "NOT verified"),
    ] {
        let found = finds(&mut ask(&more), "server");
        assert!(
            found[0].0 == "ok" && found[0].1.contains(words),
            "{found:?}"
        );
    }
}

#[test]
fn a_java_whose_store_cannot_be_read_is_named() {
    let home = tempfile::tempdir().expect("a directory");
    ca(home.path());
    let java = home.path().join("java");
    fs::create_dir_all(java.join("lib/security")).expect("made");
    fs::write(java.join("lib/security/cacerts"), "none").expect("written");
    let mut command = doctor(home.path());
    command.env("JAVA_HOME", &java);
    finds_wrong(&mut command, "trust", "Java (");
}

/// Firefox profiles that trust what Firefox does.
fn make_profiles(home: &Path, profiles: [&str; 2]) {
    for profile in profiles {
        let dir = home.join(".mozilla/firefox").join(profile);
        fs::create_dir_all(&dir).expect("made");
        let store = format!("sql:{}", dir.display());
        let made = Command::new("certutil")
            .args(["-N", "--empty-password", "-d", &store])
            .output();
        assert!(made.expect("certutil").status.success());
    }
}

/// The name of corstap's CA in a store.
fn name_in(store: &str) -> String {
    let listed = Command::new("certutil")
        .args(["-L", "-d", store])
        .output()
        .expect("certutil");
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let mut words = listed.split_whitespace();
    let name = words.find(|word| word.starts_with("corstap-"));
    name.expect("it is there").to_owned()
}

/// Leaves corstap's CA in a store, without trust.
fn distrust(store: &str, name: &str) {
    let distrusted = Command::new("certutil")
        .args(["-M", "-d", store, "-n", name, "-t", ",,"])
        .status();
    assert!(distrusted.expect("certutil").success());
}

#[test]
fn a_store_that_trusts_what_was_replaced_or_lacks_what_others_trust_is_named() {
    let home = tempfile::tempdir().expect("a directory");
    let path = std::env::var_os("PATH").expect("one");
    make_profiles(home.path(), ["a.one", "b.two"]);
    ca(home.path());
    let with_tools = || {
        let mut command = doctor(home.path());
        command.env("PATH", &path);
        command
    };
    finds_wrong(
        &mut doctor(home.path()),
        "trust",
        "certutil is not installed",
    );
    let found = finds(&mut with_tools(), "trust");
    assert!(
        found
            .iter()
            .all(|(level, said)| level == "note" && said.contains("corstap ca install")),
        "{found:?}"
    );
    let verb = |arguments: &[&str]| {
        let mut command = corstap(home.path());
        command.env("PATH", &path).arg("ca").args(arguments);
        assert!(command.output().expect("run").status.success());
    };
    verb(&["install", "--stores", "nss"]);
    let two = home.path().join(".mozilla/firefox/b.two");
    let store = format!("sql:{}", two.display());
    let name = name_in(&store);
    Command::new("certutil")
        .args(["-D", "-d", &store, "-n", &name])
        .output()
        .expect("certutil");
    finds_wrong(
        &mut with_tools(),
        "trust",
        "profile b.two: does not trust the CA, which others do",
    );
    if Path::new("/usr/local/share/ca-certificates").is_dir() {
        let system = "the system's certificates (/usr/local/share/ca-certificates): does not";
        finds_wrong(&mut with_tools(), "trust", system);
    } else {
        eprintln!("SKIPPED: the system's store of this machine is none of Debian's");
    }
    let one = home.path().join(".mozilla/firefox/a.one");
    let store = format!("sql:{}", one.display());
    distrust(&store, &name);
    finds_wrong(
        &mut with_tools(),
        "trust",
        "profile a.one: has the CA, without trust → corstap ca install",
    );
    verb(&["rotate"]);
    finds_wrong(
        &mut with_tools(),
        "trust",
        "profile a.one: still has corstap-",
    );
}
