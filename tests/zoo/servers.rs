//! Starting and ending the servers of the zoo.

use std::collections::HashMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// How long a server may take to be ready.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server of the zoo, which ends with it.
pub(crate) struct Server {
    child: Child,
    /// By site; `all` where one port serves them all.
    ports: HashMap<String, u16>,
    files: Option<TempDir>,
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            let _ = kill_process(pid, Signal::TERM);
        }
        let until = Instant::now() + Duration::from_secs(2);
        while Instant::now() < until && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::yield_now();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    pub(crate) fn ports(&self) -> &HashMap<String, u16> {
        &self.ports
    }
}

fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/zoo")
        .join(name)
}

/// Where `scripts/test` installs the packages of npm and pip.
fn installed(name: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target"),
        PathBuf::from,
    );
    target.join("zoo").join(name)
}

/// A program, where it is installed.
fn program(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    dirs.flat_map(|dir| names.iter().map(move |name| dir.join(name)))
        .find(|program| program.is_file())
}

/// A server that reads a configuration with the port in it.
pub(crate) fn nginx(starlette: u16) -> Option<Server> {
    let program = program(&["nginx"])?;
    let starlette = starlette.to_string();
    let filled = [("@STARLETTE@", starlette.as_str())];
    Some(configured("nginx", "nginx.conf", &filled, |file, dir| {
        let mut command = Command::new(&program);
        command.args(["-e", "stderr", "-p"]).arg(dir);
        command.arg("-c").arg(file);
        command
    }))
}

pub(crate) fn apache() -> Option<Server> {
    const MODULES: [&str; 3] = [
        "/usr/lib/apache2/modules",
        "/usr/lib64/httpd/modules",
        "/usr/libexec/apache2",
    ];
    let program = program(&["apache2", "httpd"])?;
    let modules = MODULES.into_iter().find(|dir| Path::new(dir).is_dir())?;
    Some(configured(
        "Apache",
        "httpd.conf",
        &[("@MODULES@", modules)],
        |file, _| {
            let mut command = Command::new(&program);
            command.arg("-X").arg("-f").arg(file);
            if rustix::process::geteuid().is_root() {
                command.args(["-c", "User daemon", "-c", "Group daemon"]);
            }
            command
        },
    ))
}

pub(crate) fn caddy() -> Option<Server> {
    let program = program(&["caddy"])?;
    Some(configured("Caddy", "Caddyfile", &[], |file, dir| {
        let mut command = Command::new(&program);
        command
            .args(["run", "--adapter", "caddyfile", "--config"])
            .arg(file);
        command.env("HOME", dir);
        command
    }))
}

/// Starts a server on a port that was free a moment ago. Somebody else may have taken it since:
/// then the server ends, and another port is tried. It is there once it answers in its own `name`.
fn configured(
    name: &str,
    file: &str,
    filled: &[(&str, &str)],
    command: impl Fn(&Path, &Path) -> Command,
) -> Server {
    for _ in 0..5 {
        let dir = tempfile::tempdir().expect("a directory");
        let file = lay_out(file, filled, dir.path());
        let port = file.1;
        let mut command = command(&file.0, dir.path());
        let log = fs::File::create(dir.path().join("log")).expect("made");
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(log);
        let server = Server {
            child: command.spawn().expect("started"),
            ports: HashMap::from([("all".to_owned(), port)]),
            files: Some(dir),
        };
        if let Some(server) = ready(server, name, port) {
            return server;
        }
    }
    panic!("{name}: the server does not start; see what it says above");
}

/// Writes the configuration and the files that are served.
fn lay_out(name: &str, filled: &[(&str, &str)], dir: &Path) -> (PathBuf, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bound");
    let port = listener.local_addr().expect("bound").port();
    fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).expect("set");
    fs::create_dir_all(dir.join("files/dir")).expect("made");
    fs::write(dir.join("files/data.json"), "{}").expect("written");
    fs::write(dir.join("users"), "zoo:{PLAIN}zoo\n").expect("written");
    let mut text = fs::read_to_string(here(name)).expect("there");
    let (number, place) = (port.to_string(), dir.to_string_lossy().into_owned());
    let own = [("@PORT@", number.as_str()), ("@DIR@", place.as_str())];
    for (mark, value) in own.iter().chain(filled) {
        text = text.replace(mark, value);
    }
    let file = dir.join(name);
    fs::write(&file, text).expect("written");
    (file, port)
}

/// Waits until a server answers; nothing if it ends instead.
fn ready(mut server: Server, name: &str, port: u16) -> Option<Server> {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if let Ok(Some(status)) = server.child.try_wait() {
            let log = server.files.as_ref().map(|dir| dir.path().join("log"));
            let said = log.and_then(|log| fs::read_to_string(log).ok());
            eprintln!("ended ({status}): {}", said.unwrap_or_default());
            return None;
        }
        if is_server(name, port).unwrap_or(false) {
            return Some(server);
        }
        std::thread::yield_now();
    }
    None
}

/// Whether what listens on a port says that it is that server.
fn is_server(name: &str, port: u16) -> io::Result<bool> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer).to_lowercase();
    Ok(answer.contains(&format!("server: {}", name.to_lowercase())))
}

pub(crate) fn express() -> Option<Server> {
    let program = program(&["node"])?;
    let modules = installed("node_modules");
    modules.join("express").is_dir().then_some(())?;
    let mut command = Command::new(program);
    command.arg(here("express.js")).env("NODE_PATH", modules);
    Some(telling(command, 11))
}

pub(crate) fn starlette() -> Option<Server> {
    Some(telling(python("starlette_app.py")?, 7))
}

pub(crate) fn django() -> Option<Server> {
    Some(telling(python("django_app.py")?, 1))
}

fn python(name: &str) -> Option<Command> {
    let program = installed("venv/bin/python");
    program.is_file().then_some(())?;
    let mut command = Command::new(program);
    command.arg(here(name)).env("PYTHONDONTWRITEBYTECODE", "1");
    Some(command)
}

/// Starts a server that tells its ports, a line for each of so many sites: name and port.
fn telling(mut command: Command, sites: usize) -> Server {
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("started");
    let told = BufReader::new(child.stdout.take().expect("piped"));
    let ports = told
        .lines()
        .take(sites)
        .map(|line| {
            let line = line.expect("text");
            let (name, port) = line.split_once(' ').expect("a name and a port");
            (name.to_owned(), port.parse().expect("a port"))
        })
        .collect();
    Server {
        child,
        ports,
        files: None,
    }
}
