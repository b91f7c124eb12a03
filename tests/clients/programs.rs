//! Programs that speak HTTP: curl, Node's clients, Python's requests, and pip.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use corstap::exchange::Protocol;
use corstap::exchange::Protocol::{Http2, Http11};
use tokio::process::Command;
use tokio::time::timeout;

use crate::site::{Papers, Place, Site, file};

/// How long a program may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program, where it is installed.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    let found = dirs.map(|dir| dir.join(name)).find(|path| path.is_file());
    if found.is_none() {
        eprintln!("SKIPPED: there is no {name} (scripts/servers installs it)");
    }
    found
}

/// What `scripts/servers` has installed for these tests.
fn installed(name: &str) -> Option<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target"),
        PathBuf::from,
    );
    let found = Some(target.join("clients").join(name)).filter(|path| path.exists());
    if found.is_none() {
        eprintln!("SKIPPED: there is no clients/{name} (scripts/servers installs it)");
    }
    found
}

fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients")
        .join(name)
}

/// Runs a program, which must succeed, and gives what it prints.
async fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = timeout(PATIENCE, output).await.expect("in time");
    let output = output.expect("run");
    let said = [output.stderr, output.stdout.clone()].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).expect("text")
}

/// A program that is told of the proxy and the site by its environment, and of nothing else.
fn told(program: &Path, place: &Place) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", place.dir.path())
        .env("PROXY", place.proxy())
        .env("SITE", &place.origin)
        .env("FILE", place.path("file"))
        .env("NODE_EXTRA_CA_CERTS", place.path("ca.pem"))
        .env("REQUESTS_CA_BUNDLE", place.path("ca.pem"));
    command
}

/// What is recorded of a file fetched, and sent and had back.
fn both_ways(protocol: Protocol) -> Vec<(String, Protocol, &'static str)> {
    ["GET /file", "POST /echo"]
        .map(|line| (line.to_owned(), protocol, "complete"))
        .into()
}

/// Has curl fetch the file, and send it and have it back; says by which version of HTTP.
async fn curl(curl: &Path, place: &Place, version: &str) -> String {
    let upload = format!("@{}", place.path("file").display());
    let mut versions = String::new();
    for (path, more) in [("/file", None), ("/echo", Some(upload))] {
        let came = place.path("came");
        let mut command = told(curl, place);
        command
            .args([
                "--disable",
                "-sS",
                "--fail",
                version,
                "--proxy",
                &place.proxy(),
            ])
            .args(["-w", "%{http_version} ", "-H", "Expect:", "--cacert"])
            .arg(place.path("ca.pem"))
            .arg("-o")
            .arg(&came);
        if let Some(upload) = more {
            command.arg("--data-binary").arg(upload);
        }
        versions += &run(command.arg(format!("{}{path}", place.origin))).await;
        assert!(std::fs::read(&came).expect("there") == file(), "{path}");
    }
    versions
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_gets_and_sends_a_file_over_either_version() {
    let Some(program) = program("curl") else {
        return;
    };
    for (version, told, protocol) in [
        ("--http1.1", "1.1 1.1 ", Http11),
        ("--http2", "2 2 ", Http2),
    ] {
        let (place, _site) = Place::set().await;
        assert_eq!(curl(&program, &place, version).await, told);
        assert_eq!(place.recorded().await, both_ways(protocol));
    }
}

/// Has a script of Node's do the same.
async fn node(script: PathBuf, protocol: Protocol) {
    let Some(program) = program("node") else {
        return;
    };
    let (place, _site) = Place::set().await;
    let said = run(told(&program, &place).arg(script)).await;
    assert_eq!(said, "the same\n");
    assert_eq!(place.recorded().await, both_ways(protocol));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_https_gets_and_sends_a_file() {
    node(here("https.mjs"), Http11).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_http2_gets_and_sends_a_file() {
    node(here("http2.mjs"), Http2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_fetch_gets_and_sends_a_file() {
    // Packages are looked for beside the script.
    let Some(packages) = installed("node_modules") else {
        return;
    };
    let dir = tempfile::tempdir().expect("a directory");
    std::os::unix::fs::symlink(packages, dir.path().join("node_modules")).expect("linked");
    for name in ["fetch.mjs", "talk.mjs"] {
        std::fs::copy(here(name), dir.path().join(name)).expect("copied");
    }
    node(dir.path().join("fetch.mjs"), Http11).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pythons_requests_gets_and_sends_a_file() {
    let Some(python) = installed("venv/bin/python") else {
        return;
    };
    let (place, _site) = Place::set().await;
    let said = run(told(&python, &place).arg(here("session.py"))).await;
    assert_eq!(said, "the same\n");
    assert_eq!(place.recorded().await, both_ways(Http11));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pip_fetches_a_package() {
    let Some(python) = installed("venv/bin/python") else {
        return;
    };
    let (place, site) = Place::set().await;
    run(Command::new(&python)
        .arg(here("wheel.py"))
        .arg(place.dir.path()))
    .await;
    let name = "tiny-1.0-py3-none-any.whl";
    let wheel = std::fs::read(place.path(name)).expect("made");
    let index = format!("<!DOCTYPE html><a href=\"/{name}\">{name}</a>");
    site.puts("/simple/tiny/", "text/html", index);
    site.puts(
        &format!("/{name}"),
        "application/octet-stream",
        wheel.clone(),
    );
    let mut pip = told(&python, &place);
    pip.args([
        "-m",
        "pip",
        "--isolated",
        "--disable-pip-version-check",
        "download",
    ])
    .args([
        "--no-deps",
        "--no-cache-dir",
        "--retries",
        "0",
        "--proxy",
        &place.proxy(),
    ])
    .args(["--index-url", &format!("{}/simple", place.origin), "--cert"])
    .arg(place.path("ca.pem"))
    .arg("-d")
    .arg(place.path("came"))
    .arg("tiny");
    run(&mut pip).await;
    assert!(std::fs::read(place.path("came").join(name)).expect("there") == wheel);
    let expected = ["GET /simple/tiny/".to_owned(), format!("GET /{name}")];
    assert_eq!(
        place.recorded().await,
        expected.map(|line| (line, Http11, "complete"))
    );
}

/// nginx, which ends with it.
struct Nginx(Child);

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts nginx on a port that was free a moment ago; nothing if somebody has taken it since.
fn nginx(program: &Path, dir: &Path, behind: &str) -> Option<(Nginx, u16)> {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
    let port = free.local_addr().expect("bound").port();
    drop(free);
    let written = std::fs::read_to_string(here("nginx.conf")).expect("there");
    let filled = [
        ("@PORT@", port.to_string().as_str()),
        ("@DIR@", &dir.display().to_string()),
        ("@BEHIND@", behind),
    ]
    .iter()
    .fold(written, |text, (holder, with)| text.replace(holder, with));
    std::fs::write(dir.join("nginx.conf"), filled).expect("written");
    let mut command = std::process::Command::new(program);
    command.args(["-e", "stderr", "-p"]).arg(dir).arg("-c");
    command.arg(dir.join("nginx.conf")).stderr(Stdio::piped());
    let mut nginx = Nginx(command.spawn().expect("run"));
    let stderr = BufReader::new(nginx.0.stderr.take().expect("piped"));
    let mut said = String::new();
    let since = Instant::now();
    while since.elapsed() < PATIENCE {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            // It goes on talking to somebody.
            std::thread::spawn(move || stderr.lines().map_while(Result::ok).for_each(drop));
            return Some((nginx, port));
        }
        if nginx.0.try_wait().expect("ours").is_some() {
            let mut stderr = stderr;
            while stderr.read_line(&mut said).is_ok_and(|octets| octets > 0) {}
            eprintln!("{said}");
            return None;
        }
        std::thread::yield_now();
    }
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_gets_and_sends_a_file_to_nginx_over_http_2() {
    let (Some(curl_program), Some(nginx_program)) = (program("curl"), program("nginx")) else {
        return;
    };
    let papers = Papers::new();
    let dir = tempfile::tempdir().expect("a directory");
    for (name, text) in [
        ("leaf.pem", &papers.leaf_pem),
        ("leaf.key", &papers.key_pem),
    ] {
        std::fs::write(dir.path().join(name), text).expect("written");
    }
    std::fs::write(dir.path().join("file"), file()).expect("written");
    let behind = Arc::new(Site::default()).serve(None).await.to_string();
    let mut started = (0..5).filter_map(|_| nginx(&nginx_program, dir.path(), &behind));
    let (_nginx, port) = started.next().expect("nginx starts");
    let place = Place::before(&papers, port).await;
    assert_eq!(curl(&curl_program, &place, "--http2").await, "2 2 ");
    assert_eq!(place.recorded().await, both_ways(Http2));
}
