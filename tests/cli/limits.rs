//! What one client, or one server, can cost: not much memory, no files without end, nobody else's
//! time.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, prlimit, setrlimit};

use super::running::{PATIENCE, Running, fetch, serve, server, times};

const MEBIBYTE: usize = 1024 * 1024;

/// The most memory that a process has had, in octets.
fn peak(running: &Running) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", running.child.id()));
    let status = status.expect("ours");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.expect("a peak").trim().trim_end_matches(" kB");
    kibibytes.parse::<usize>().expect("a number") * 1024
}

/// Sends the same over and over, until so much has gone or the other side takes no more for a
/// moment.
fn pour(stream: &mut TcpStream, piece: &[u8], most: usize) {
    let moment = Duration::from_millis(300);
    stream.set_write_timeout(Some(moment)).expect("set");
    let mut sent = 0;
    while sent < most {
        match stream.write(piece) {
            Ok(octets) => sent += octets,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
}

fn connect(proxy: SocketAddr, start: &str) -> TcpStream {
    let mut stream = TcpStream::connect(proxy).expect("the proxy listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    stream.write_all(start.as_bytes()).expect("written");
    stream
}

#[cfg(target_os = "linux")]
#[test]
fn no_flood_of_a_clients_grows_in_memory() {
    let home = tempfile::tempdir().expect("a directory");
    let running = Running::start(home.path(), "floods");
    let silent = serve(|mut stream| {
        // It reads heads, and never answers.
        let mut buffer = vec![0; 4096];
        while stream.read(&mut buffer).is_ok_and(|octets| octets > 0) {}
    });
    fetch(running.address, server(), "a");
    let before = peak(&running);
    let get = format!("GET http://{silent}/ HTTP/1.1\r\nHost: {silent}\r\n");
    let post = get.replace("GET", "POST") + "Transfer-Encoding: chunked\r\n\r\n";
    for (what, start, piece) in [
        ("a head", get.clone(), "X: y\r\n".to_owned()),
        ("a line", get.clone() + "X: ", "y".repeat(1000)),
        ("a target", "GET /".to_owned(), "y".repeat(1000)),
        ("trailers", post.clone() + "0\r\n", "X: y\r\n".to_owned()),
        ("a chunk line", post + "5;", "y".repeat(1000)),
        ("requests", get.clone() + "\r\n", get + "\r\n"),
    ] {
        let mut stream = connect(running.address, &start);
        let piece = piece.repeat(64 * 1024 / piece.len());
        pour(&mut stream, piece.as_bytes(), 64 * MEBIBYTE);
        let grown = peak(&running) - before;
        assert!(grown < 4 * MEBIBYTE, "{what}: {grown} octets");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn no_flood_of_a_servers_grows_in_memory() {
    let home = tempfile::tempdir().expect("a directory");
    let running = Running::start(home.path(), "floods");
    fetch(running.address, server(), "a");
    let before = peak(&running);
    for (start, piece) in [
        ("HTTP/1.1 200 OK\r\n", "X: y\r\n"),
        ("HTTP/1.1 200 OK\r\nX: ", "yyyyyyyyyyyyyyyyyyyyyyyyy"),
        ("", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;",
            "yyyyyyyyyyyyy",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
            "X: y\r\n",
        ),
        // Far too much after an answer that is complete.
        (
            "HTTP/1.1 204 No Content\r\n\r\n",
            "HTTP/1.1 204 No Content\r\n\r\n",
        ),
    ] {
        let flooding = serve(move |mut stream| {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(start.as_bytes());
            let piece = piece.repeat(64 * 1024 / piece.len());
            pour(&mut stream, piece.as_bytes(), 64 * MEBIBYTE);
        });
        let mut stream = connect(
            running.address,
            &format!(
                "GET http://{flooding}/ HTTP/1.1\r\nHost: {flooding}\r\nConnection: close\r\n\r\n"
            ),
        );
        let mut back = Vec::new();
        // A reset after too much is an end as well.
        let _ = stream.read_to_end(&mut back);
        assert!(back.len() < MEBIBYTE, "{} octets came back", back.len());
        let grown = peak(&running) - before;
        assert!(grown < 4 * MEBIBYTE, "after {piece:?}: {grown} octets");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn sixty_four_mebibytes_each_way_leave_no_trace_in_memory() {
    const SIZE: usize = 64 * MEBIBYTE;
    let home = tempfile::tempdir().expect("a directory");
    let running = Running::start(home.path(), "large");
    let mirror = serve(|mut stream| {
        // The head ends with the first piece: the client waits for the answer's before it sends more.
        let _ = stream.read(&mut [0; 4096]);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n");
        let _ = stream.write_all(head.as_bytes());
        let mut back = stream.try_clone().expect("cloned");
        let _ = std::io::copy(&mut (&mut stream).take(SIZE as u64), &mut back);
    });
    fetch(running.address, server(), "a");
    let before = peak(&running);
    let head = format!(
        "POST http://{mirror}/ HTTP/1.1\r\nHost: {mirror}\r\nContent-Length: {SIZE}\r\n\r\n"
    );
    let mut client = connect(running.address, &head);
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n");
    let mut seen = vec![0; answer.len()];
    client.read_exact(&mut seen).expect("an answer");
    assert_eq!(String::from_utf8_lossy(&seen), answer);
    let mut sending = client.try_clone().expect("cloned");
    let sender = std::thread::spawn(move || {
        let piece = vec![b'x'; MEBIBYTE];
        for _ in 0..SIZE / MEBIBYTE {
            sending.write_all(&piece).expect("taken");
        }
    });
    let mut buffer = vec![0; MEBIBYTE];
    let mut left = SIZE;
    while left > 0 {
        let octets = client.read(&mut buffer).expect("more");
        assert!(octets > 0, "{left} octets are missing");
        left -= octets;
    }
    sender.join().expect("no panic");
    let grown = peak(&running) - before;
    assert!(grown < 4 * MEBIBYTE, "{grown} octets");
}

#[test]
fn clients_that_never_finish_their_heads_keep_nobody_waiting() {
    let home = tempfile::tempdir().expect("a directory");
    let clients = times(100, 2000);
    allow_files(clients as u64 + 200);
    let running = Running::start(home.path(), "slow");
    let server = server();
    let slow: Vec<TcpStream> = (0..clients)
        .map(|_| connect(running.address, "GET http://a.test/ HTTP/1.1\r\nX: "))
        .collect();
    let asked = Instant::now();
    assert!(fetch(running.address, server, "a").ends_with("ok"));
    let waited = asked.elapsed();
    assert!(waited < Duration::from_secs(1), "{waited:?}");
    drop(slow);
}

/// Lets this process, and those that it starts, have so many files open.
fn allow_files(wanted: u64) {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < wanted) {
        let raised = Rlimit {
            current: Some(wanted),
            ..limit
        };
        setrlimit(Resource::Nofile, raised).expect("within the hard limit");
    }
}

#[test]
fn a_proxy_that_is_out_of_files_serves_again_once_there_are_some() {
    let home = tempfile::tempdir().expect("a directory");
    let running = Running::start(home.path(), "files");
    let server = server();
    fetch(running.address, server, "a");
    let few = Rlimit {
        current: Some(64),
        maximum: Some(64),
    };
    prlimit(Some(running.pid()), Resource::Nofile, few).expect("set");
    let many: Vec<TcpStream> = (0..128)
        .map(|_| connect(running.address, "GET http://a.test/ HTTP/1.1\r\nX: "))
        .collect();
    while !running.told().contains("cannot accept a connection") {
        std::thread::yield_now();
    }
    drop(many);
    assert!(fetch(running.address, server, "b").ends_with("ok"));
    let warnings = running.told().matches("cannot accept").count();
    assert!(warnings < 8, "{}", running.told());
}
