//! corstap's own pages in real browsers: the set-up page, the dashboard, and the doctor that asks them.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use corstap::cors::Engine;
use serde_json::Value;

use crate::browser;
use crate::support::chromium::ALONE;

/// A run with a dashboard.
pub(super) struct Run {
    pub(super) child: Child,
    home: tempfile::TempDir,
    pub(super) proxy: String,
    pub(super) dashboard: String,
}

impl Run {
    /// One with these options more.
    pub(super) fn start(more: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().expect("a directory"), more)
    }

    /// The same, at home in a directory that has something already.
    pub(super) fn start_in(home: tempfile::TempDir, more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_corstap"))
            .args([
                "run",
                "--listen",
                "127.0.0.1:0",
                "--dashboard",
                "127.0.0.1:0",
            ])
            .args(more)
            .env_clear()
            .env("HOME", home.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("run");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut next = || lines.next().expect("a line").expect("read");
        let first = next();
        let proxy = first.split(' ').nth(3).expect("an address").to_owned();
        let dashboard = loop {
            if let Some(url) = next().strip_prefix("dashboard: ") {
                break url.to_owned();
            }
        };
        thread::spawn(move || lines.for_each(drop));
        Self {
            child,
            home,
            proxy,
            dashboard,
        }
    }

    /// The text of a page as a Chromium with these arguments comes to see it.
    fn sees(&self, program: &Path, arguments: &[&str], url: &str) -> String {
        let profile = self.home.path().join("profile");
        let output = Command::new(program)
            .args(ALONE)
            .arg(format!("--user-data-dir={}", profile.display()))
            .args(arguments)
            .args(["--virtual-time-budget=9000", "--dump-dom", url])
            .env("HOME", self.home.path())
            .output()
            .expect("a browser");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_set_up_page_tells_a_browser_what_it_lacks() {
    let Some(program) = browser(Engine::Chromium) else {
        return;
    };
    let run = Run::start(&[]);
    let proxy = format!("--proxy-server=http://{}", run.proxy);
    let page = "http://corstap.invalid/";
    let told = run.sees(&program, &[&proxy], page);
    assert!(told.contains("This browser is not set up yet."), "{told}");
    let ca = fs::read_to_string(run.home.path().join(".local/share/corstap/ca/ca.pem"));
    assert!(ca.is_ok(), "a CA was made");
    let output = Command::new(env!("CARGO_BIN_EXE_corstap"))
        .args(["ca", "show"])
        .env_clear()
        .env("HOME", run.home.path())
        .output()
        .expect("run");
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    let pin = shown
        .lines()
        .find_map(|line| line.strip_prefix("SPKI pin"))
        .expect("one")
        .trim();
    let pin = format!("--ignore-certificate-errors-spki-list={pin}");
    let told = run.sees(&program, &[&proxy, &pin], page);
    assert!(
        told.contains("This browser is set up, but for localhost."),
        "{told}"
    );
    let told = run.sees(
        &program,
        &[&proxy, &pin, "--proxy-bypass-list=<-loopback>"],
        page,
    );
    assert!(told.contains("This browser is set up."), "{told}");
}

/// A server that says nothing of CORS.
pub(super) fn server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = listener.local_addr().expect("bound").to_string();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    address
}

#[test]
fn the_dashboard_shows_what_was_recorded_as_text_and_keeps_its_token() {
    let Some(program) = browser(Engine::Chromium) else {
        return;
    };
    let run = Run::start(&[]);
    let server = server();
    let path =
        "/<img/src=x/onerror=document.title='ran'>&amp;<script>document.title='ran'</script>";
    let origin = "https://<b>bold.test";
    let mut stream = TcpStream::connect(&run.proxy).expect("it listens");
    let request = format!(
        "GET http://{server}{path} HTTP/1.1\r\nHost: {server}\r\nOrigin: {origin}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("written");
    stream.read_to_end(&mut Vec::new()).expect("read");
    let told = run.sees(&program, &["--no-proxy-server"], &run.dashboard);
    assert!(
        told.contains("&lt;img/src=x/onerror=") && told.contains("&lt;b&gt;bold.test"),
        "{told}"
    );
    assert!(
        !told.contains("<img")
            && !told.contains("<b>bold")
            && told.contains("<title>corstap</title>"),
        "{told}"
    );
    assert!(
        told.contains("blocked") && told.contains(">Live<"),
        "{told}"
    );
    let token = run.dashboard.split('#').nth(1).expect("a token");
    assert!(!told.contains(token), "{told}");
    let without = run.dashboard.split('#').next().expect("an address");
    let profile = run.home.path().join("profile");
    fs::remove_dir_all(profile).expect("removed");
    let told = run.sees(&program, &["--no-proxy-server"], without);
    assert!(
        told.contains("it has the token of the run") && !told.contains("bold.test"),
        "{told}"
    );
}

/// What the doctor finds of browsers that are found in this directory.
fn finds(bin: &Path) -> Vec<Value> {
    let home = tempfile::tempdir().expect("a directory");
    let path = std::env::var("PATH").expect("one");
    let output = Command::new(env!("CARGO_BIN_EXE_corstap"))
        .args([
            "doctor",
            "--json",
            "--listen",
            "127.0.0.1:0",
            "--dashboard",
            "off",
        ])
        .env("PATH", format!("{}:{path}", bin.display()))
        .env("HOME", home.path())
        .env_remove("JAVA_HOME")
        .output()
        .expect("run");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

fn is(found: &[Value], leg: &str, level: &str, word: &str) -> bool {
    found.iter().any(|found| {
        found["leg"] == leg
            && found["level"] == level
            && found["said"]
                .as_str()
                .is_some_and(|said| said.contains(word))
    })
}

/// A browser that takes away some of what it is told, and adds something.
fn wrapped(bin: &Path, name: &str, program: &Path, script: &str) -> PathBuf {
    let file = bin.join(name);
    let script = format!(
        "#!/bin/bash\nargs=()\nfor arg in \"$@\"; do {script}; done\nexec {} \"${{args[@]}}\"\n",
        program.display()
    );
    fs::write(&file, script).expect("written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("set");
    file
}

#[test]
fn the_doctor_finds_browsers_that_do_as_they_are_told_and_others() {
    let (Some(chromium), Some(firefox)) = (browser(Engine::Chromium), browser(Engine::Firefox))
    else {
        return;
    };
    let bin = tempfile::tempdir().expect("a directory");
    let well = finds(bin.path());
    for leg in ["chromium", "firefox"] {
        for word in ["uses the proxy", "trusts a CA", "sends localhost"] {
            assert!(is(&well, leg, "ok", word), "{leg}, {word}: {well:?}");
        }
    }
    let name = chromium
        .file_name()
        .and_then(|name| name.to_str())
        .expect("text");
    let without = |what: &str| format!("[[ $arg == {what}* ]] || args+=(\"$arg\")");
    wrapped(bin.path(), name, &chromium, &without("--proxy-server"));
    let firefox_name = firefox
        .file_name()
        .and_then(|name| name.to_str())
        .expect("text");
    wrapped(
        bin.path(),
        firefox_name,
        Path::new("/bin/false"),
        "args+=(\"$arg\")",
    );
    let found = finds(bin.path());
    assert!(
        is(
            &found,
            "chromium",
            "wrong",
            "told to use the proxy, does not"
        ),
        "{found:?}"
    );
    assert!(is(&found, "firefox", "wrong", "does not"), "{found:?}");
    for (what, word) in [
        (
            "--ignore-certificate-errors-spki-list",
            "does not trust the CA",
        ),
        ("--proxy-bypass-list", "keeps localhost from the proxy"),
    ] {
        wrapped(bin.path(), name, &chromium, &without(what));
        let found = finds(bin.path());
        assert!(is(&found, "chromium", "wrong", word), "{word}: {found:?}");
    }
}

#[test]
fn the_doctor_finds_what_a_firefox_does_not_do_as_it_is_told() {
    let Some(firefox) = browser(Engine::Firefox) else {
        return;
    };
    let bin = tempfile::tempdir().expect("a directory");
    let name = firefox.file_name().and_then(|name| name.to_str());
    // A Firefox whose profile is meddled with before it starts.
    let with =
        |what: &str| format!("[[ $before == --profile ]] && {what}; before=$arg; args+=(\"$arg\")");
    let sets = |setting: &str, value: &str| {
        with(&format!(
            "echo 'user_pref(\"network.proxy.{setting}\", {value});' >> \"$arg/user.js\""
        ))
    };
    for (script, word) in [
        (sets("http_port", "9"), "told to use the proxy, does not"),
        (with("rm \"$arg/cert9.db\""), "does not trust the CA"),
        (
            sets("allow_hijacking_localhost", "false"),
            "keeps localhost from the proxy",
        ),
    ] {
        wrapped(bin.path(), name.expect("text"), &firefox, &script);
        let found = finds(bin.path());
        assert!(is(&found, "firefox", "wrong", word), "{word}: {found:?}");
    }
}
