//! `corstap browse` as a child process, at home in an empty directory.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use serde_json::Value;
use tempfile::TempDir;

use crate::site::{API, PAGE, Site};

/// Longer than anything here takes, on a machine that has other things to do.
pub const PATIENCE: Duration = Duration::from_secs(150);

pub struct Browsing {
    pub home: TempDir,
    pub child: Child,
    stderr: Option<ChildStderr>,
    lines: Receiver<String>,
    /// The latest record of each exchange.
    pub records: BTreeMap<u64, Value>,
}

/// A command at home in a directory, with nothing of the environment but the search path.
pub fn corstap(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_corstap"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.env_clear().env("PATH", path).env("HOME", home);
    command
}

/// What makes the site's servers reachable, and trusted.
pub fn reaching(command: &mut Command, site: &Site) {
    for host in [PAGE, API] {
        let resolve = format!("{host}:{}:127.0.0.1", site.address.port());
        command.arg("--resolve").arg(resolve);
    }
    command.arg("--upstream-ca").arg(&site.root);
}

impl Browsing {
    /// Opens the site's page in a headless browser.
    pub fn start(site: &Site, browser: &str) -> Self {
        Self::of_page(site, &site.page(), browser)
    }

    /// The same with another page.
    pub fn of_page(site: &Site, page: &str, browser: &str) -> Self {
        let home = tempfile::tempdir().expect("a directory");
        let mut command = corstap(home.path());
        command.args(["browse", "--headless", "--json", "--browser", browser]);
        command.args(["--listen", "127.0.0.1:0"]);
        reaching(&mut command, site);
        command.arg(page);
        Self::of(command, home)
    }

    pub fn of(mut command: Command, home: TempDir) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("run");
        let (tell, lines) = channel();
        let out = BufReader::new(child.stdout.take().expect("piped"));
        thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let _ = tell.send(line);
            }
        });
        Self {
            home,
            stderr: child.stderr.take(),
            child,
            lines,
            records: BTreeMap::new(),
        }
    }

    /// Takes records in until one, with that method and end of the URL, is as it should be.
    pub fn until(&mut self, method: &str, end: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let is_it = |record: &Value| {
            let url = record["request"]["url"].as_str().unwrap_or_default();
            record["request"]["method"] == method && url.ends_with(end) && is_so(record)
        };
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = self.records.values().find(|record| is_it(record)) {
                return found.clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("no {method} …{end} as expected in {:#?}", self.told());
            };
            self.take_in(&line);
        }
    }

    fn take_in(&mut self, line: &str) {
        let record: Value = serde_json::from_str(line).expect("JSON");
        self.records
            .insert(record["id"].as_u64().expect("a number"), record);
    }

    /// Takes in what is left once it has ended: none of it ended so.
    pub fn has_none(&mut self, ending: &str) {
        while let Ok(line) = self.lines.recv() {
            self.take_in(&line);
        }
        let is_so = |record: &Value| record["ending"] == ending;
        assert!(!self.records.values().any(is_so), "{:#?}", self.told());
    }

    /// What is said of each exchange, in short.
    fn told(&self) -> Vec<String> {
        let told = |record: &Value| {
            let (request, verdict) = (&record["request"], &record["verdict"]);
            format!(
                "{} {} {} {} {}",
                request["method"],
                request["url"],
                record["ending"],
                verdict["outcome"],
                verdict["confirmed"]
            )
        };
        self.records.values().map(told).collect()
    }

    /// Where the proxy listens, which it says first of all.
    pub fn listens(&mut self) -> SocketAddr {
        let stderr = self.stderr.as_mut().expect("nobody has read it");
        let mut line = Vec::new();
        // What follows is read at the end.
        while line.last() != Some(&b'\n') {
            let mut octet = [0];
            stderr.read_exact(&mut octet).expect("read");
            line.extend(octet);
        }
        let line = String::from_utf8(line).expect("text");
        let mut words = line.split(' ');
        words
            .find_map(|word| word.parse().ok())
            .expect("an address")
    }

    /// The rows that a dashboard lists of its first capture, by their URLs.
    pub fn rows(&self) -> BTreeMap<String, Value> {
        let name = self.captures().swap_remove(0);
        let name = name
            .file_stem()
            .and_then(|name| name.to_str())
            .expect("text");
        let options = [
            "run",
            "--json",
            "--listen",
            "127.0.0.1:0",
            "--dashboard",
            "127.0.0.1:0",
        ];
        let mut run = corstap(self.home.path());
        let mut run = run
            .args(options)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("run");
        let lines = BufReader::new(run.stderr.take().expect("piped")).lines();
        let mut lines = lines.map_while(Result::ok);
        let told = lines.find_map(|line| Some(line.strip_prefix("dashboard: http://")?.to_owned()));
        let told = told.expect("it says where it is");
        let (address, token) = told.split_once("/#").expect("a token");
        let mut stream = TcpStream::connect(address).expect("it listens");
        let head = format!(
            "GET /api/rows?capture={name} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
             Connection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("written");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("read");
        run.kill().and_then(|()| run.wait()).expect("ended");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a head");
        let page: Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"));
        let rows = page["rows"].as_array().expect("rows").iter();
        rows.map(|row| (row["url"].as_str().expect("a URL").to_owned(), row.clone()))
            .collect()
    }

    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Sends it a signal and waits for its end; what it said on standard error comes back.
    pub fn end(&mut self, signal: Signal) -> (Option<i32>, String) {
        rustix::process::kill_process(self.pid(), signal).expect("it runs");
        let code = self.child.wait().expect("waited").code();
        let mut said = String::new();
        if let (Some(mut stderr), true) = (self.stderr.take(), signal != Signal::KILL) {
            stderr.read_to_string(&mut said).expect("read");
        }
        (code, said)
    }

    /// Waits until no process of it and no file of the browser is left.
    pub fn is_gone(&self) {
        self.has_none_of(|own| (own.processes(), own.files()));
    }

    /// Waits until no process of it is left.
    pub fn has_no_processes(&self) {
        self.has_none_of(|own| (own.processes(), Vec::new()));
    }

    fn has_none_of(&self, what: impl Fn(&Self) -> (Vec<String>, Vec<PathBuf>)) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = what(self);
            if left == (Vec::new(), Vec::new()) {
                return;
            }
            assert!(Instant::now() < deadline, "left behind: {left:#?}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The commands of the processes that name its directory.
    pub fn processes(&self) -> Vec<String> {
        self.numbered().into_iter().map(|(_, line)| line).collect()
    }

    /// The process that guards the browser.
    pub fn guard(&self) -> Pid {
        let mut all = self.numbered().into_iter();
        let guard = all.find(|(_, line)| line.contains(" guard-browser "));
        let number = guard.and_then(|(name, _)| name.parse().ok());
        number.and_then(Pid::from_raw).expect("it is guarded")
    }

    fn numbered(&self) -> Vec<(String, String)> {
        let home = self.home.path().to_string_lossy().into_owned();
        let command = |entry: fs::DirEntry| {
            let line = fs::read(entry.path().join("cmdline")).ok()?;
            let number = entry.file_name().into_string().ok()?;
            Some((number, String::from_utf8_lossy(&line).replace('\0', " ")))
        };
        let all = fs::read_dir("/proc").expect("there").flatten();
        all.filter_map(command)
            .filter(|(_, line)| line.contains(&home) && line.contains("/browsers/"))
            .collect()
    }

    /// Its captures.
    pub fn captures(&self) -> Vec<PathBuf> {
        let dir = self.home.path().join(".local/state/corstap/captures");
        let all = fs::read_dir(dir).expect("there").flatten();
        let all = all.map(|entry| entry.path());
        all.filter(|file| file.extension().is_some_and(|ending| ending == "corstap"))
            .collect()
    }

    /// The files below its home, but for its captures.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut waiting = vec![self.home.path().to_owned()];
        while let Some(dir) = waiting.pop() {
            for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
                let path = entry.path();
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    waiting.push(path);
                } else if !path.to_string_lossy().contains("captures") {
                    found.push(path);
                }
            }
        }
        found
    }
}

impl Drop for Browsing {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
