//! `corstap run` as a child process, and servers for it to reach.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use rustix::process::Pid;
use serde_json::Value;

use super::corstap;

/// Longer than anything here takes.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// How often something is tried: a sample, or all of it where `CORSTAP_FULL` says so.
pub(super) fn times(sample: usize, full: usize) -> usize {
    if std::env::var_os("CORSTAP_FULL").is_some() {
        full
    } else {
        sample
    }
}

/// A running proxy whose live log is JSON. It is killed at the latest when nobody needs it.
pub(super) struct Running {
    pub(super) child: Child,
    pub(super) address: SocketAddr,
    pub(super) lines: Receiver<String>,
    pub(super) capture: PathBuf,
    told: Arc<Mutex<Vec<u8>>>,
    /// Ends when there is nothing more to be told.
    telling: Option<thread::JoinHandle<()>>,
}

impl Running {
    pub(super) fn start(home: &Path, name: &str) -> Self {
        let capture = home.join(format!("{name}.corstap"));
        let mut command = corstap(home);
        command
            .args([
                "run",
                "--json",
                "--listen",
                "127.0.0.1:0",
                "--dashboard",
                "off",
                "--capture",
            ])
            .arg(&capture);
        Self::of(&mut command, capture)
    }

    /// A command that comes to be `corstap run --json` with that capture.
    pub(super) fn of(command: &mut Command, capture: PathBuf) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("run");
        let mut greeting = BufReader::new(child.stderr.take().expect("piped"));
        let mut first = String::new();
        greeting.read_line(&mut first).expect("a greeting");
        let address = first
            .split(' ')
            .find_map(|word| word.parse().ok())
            .unwrap_or_else(|| panic!("no address in {first}"));
        let told = Arc::new(Mutex::new(first.into_bytes()));
        let keep = Arc::clone(&told);
        let telling = thread::spawn(move || {
            let mut line = Vec::new();
            while greeting.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
                keep.lock().expect("no panic").append(&mut line);
            }
        });
        let (tell, lines) = channel();
        let out = BufReader::new(child.stdout.take().expect("piped"));
        thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let _ = tell.send(line);
            }
        });
        Self {
            child,
            address,
            lines,
            capture,
            told,
            telling: Some(telling),
        }
    }

    pub(super) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// What it has said on standard error so far.
    pub(super) fn told(&self) -> String {
        String::from_utf8_lossy(&self.told.lock().expect("no panic")).into_owned()
    }

    /// All that it has said on standard error, once it has ended.
    pub(super) fn told_to_the_end(&mut self) -> String {
        if let Some(telling) = self.telling.take() {
            telling.join().expect("no panic");
        }
        self.told()
    }

    pub(super) fn next(&self) -> Value {
        let line = self
            .lines
            .recv_timeout(PATIENCE)
            .expect("something is logged");
        serde_json::from_str(&line).expect("JSON")
    }

    /// Waits until so many exchanges were logged once they were over: what comes later may tell more
    /// of one that was before, which is then logged again.
    pub(super) fn logs(&self, exchanges: usize) {
        let mut ended = BTreeSet::new();
        while ended.len() < exchanges {
            let record = self.next();
            if !record["elapsed_ms"].is_null() {
                ended.insert(record["id"].as_u64());
            }
        }
    }

    /// `kill -9`.
    pub(super) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A server that answers every request with 200, and says nothing of CORS.
pub(super) fn server() -> SocketAddr {
    serve(|mut stream| {
        let mut buffer = [0; 4096];
        while stream.read(&mut buffer).is_ok_and(|octets| octets > 0) {
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
            if stream.write_all(answer).is_err() {
                return;
            }
        }
    })
}

/// A server that treats each connection so, in a thread of its own.
pub(super) fn serve(answer: impl Fn(TcpStream) + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = listener.local_addr().expect("bound");
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let answer = answer.clone();
            thread::spawn(move || answer(stream));
        }
    });
    address
}

/// One request on a connection of its own, and all that comes back.
pub(super) fn fetch(proxy: SocketAddr, server: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(proxy).expect("the proxy listens");
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("a time that is not zero");
    let request = format!(
        "GET http://{server}/{path} HTTP/1.1\r\nHost: {server}\r\nOrigin: https://app.test\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("written");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("read");
    response
}

/// SQLite finds nothing wrong with the file.
pub(super) fn assert_sound(capture: &Path) {
    let connection = Connection::open(capture).expect("opened");
    let found: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("checked");
    assert_eq!(found, "ok");
}
