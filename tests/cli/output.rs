//! What is printed: nothing that others wrote can steer a terminal.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use serde_json::Value;

use super::corstap;
use super::running::{PATIENCE, serve};

/// Octets that terminals, or readers of what they show, take for more than text: escapes, C1
/// controls as one octet and as UTF-8, and what turns the direction of writing.
const CONTROLS: &[&[u8]] = &[
    b"\x1b[31m",
    b"\x1b]0;title\x07",
    b"\x07",
    b"\r",
    b"\x08",
    b"\x7f",
    b"\x9b31m",
    b"\xc2\x9b31m",
    "\u{202e}".as_bytes(),
    "\u{2066}".as_bytes(),
    "\u{61c}".as_bytes(),
    "\u{2028}".as_bytes(),
];

/// The places of a request that hold what others wrote.
const PLACES: &[&str] = &[
    "GET http://{server}/{control} HTTP/1.1\r\nHost: {server}\r\n",
    "GET http://{server}/a?b={control} HTTP/1.1\r\nHost: {server}\r\n",
    "{control}GET http://{server}/ HTTP/1.1\r\nHost: {server}\r\n",
    "GET http://{server}/ HTTP/1.1\r\nHost: {server}{control}\r\n",
    "GET http://{server}/ HTTP/1.1\r\nHost: {server}\r\nOrigin: https://{control}\r\n",
    "GET http://{server}/ HTTP/1.1\r\nHost: {server}\r\nUser-Agent: {control}\r\n",
    "GET http://{server}/ HTTP/1.1\r\nHost: {server}\r\nA{control}: b\r\n",
    "GET http://{control}.test/ HTTP/1.1\r\nHost: {control}.test\r\n",
    "CONNECT {control}.test:443 HTTP/1.1\r\nHost: {server}\r\n",
    "OPTIONS http://{server}/ HTTP/1.1\r\nHost: {server}\r\nOrigin: https://a.test\r\n\
     Access-Control-Request-Method: {control}\r\nAccess-Control-Request-Headers: {control}\r\n",
];

/// The places of an answer that do.
const ANSWERS: &[&str] = &[
    "HTTP/1.1 200 {control}\r\nAccess-Control-Allow-Origin: https://{control}\r\n",
    "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nAccess-Control-Allow-Methods: {control}\r\n",
    "HTTP/1.1 302 Found\r\nLocation: http://a.test/{control}\r\nServer: {control}\r\n",
    "HTTP/1.1 200 OK\r\nContent-Type: {control}\r\nX{control}: y\r\n",
    "{control}",
];

fn filled(template: &str, server: SocketAddr, control: &[u8]) -> Vec<u8> {
    let template = template.replace("{server}", &server.to_string());
    let parts: Vec<&[u8]> = template.split("{control}").map(str::as_bytes).collect();
    [&parts.join(control)[..], b"Connection: close\r\n\r\n"].concat()
}

/// A server that answers with whatever is asked for in the path of its address.
fn answering(answer: Vec<u8>) -> SocketAddr {
    serve(move |mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(&answer);
    })
}

/// What must not be printed.
fn steers(character: char) -> bool {
    character.is_control() && character != '\n'
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{61c}')
        || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2028}' | '\u{2029}' | '\u{2066}'..='\u{2069}')
}

fn assert_harmless(what: &str, printed: &[u8]) {
    let text = std::str::from_utf8(printed).unwrap_or_else(|_| panic!("{what}: not UTF-8"));
    assert!(!text.is_empty(), "{what}: nothing was printed");
    if let Some(line) = text.lines().find(|line| line.contains(steers)) {
        panic!("{what}: {line:?}");
    }
}

fn send(proxy: SocketAddr, request: &[u8]) {
    let mut stream = TcpStream::connect(proxy).expect("the proxy listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    // What is refused early need not be taken as a whole.
    let _ = stream.write_all(request);
    let _ = stream.read_to_end(&mut Vec::new());
}

/// The live log for people, with all that can be said on standard error.
struct Talking {
    child: Child,
    address: SocketAddr,
    printed: Receiver<Vec<u8>>,
    said: Receiver<Vec<u8>>,
}

impl Talking {
    fn start(home: &Path, capture: &Path) -> Self {
        let mut command = corstap(home);
        command
            .env("CORSTAP_LOG", "trace")
            .args([
                "run",
                "--values",
                "all",
                "--listen",
                "127.0.0.1:0",
                "--capture",
            ])
            .arg(capture);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("run");
        let mut out = child.stdout.take().expect("piped");
        let mut first = vec![0; 64];
        out.read_exact(&mut first).expect("a greeting");
        let greeting = String::from_utf8_lossy(&first).into_owned();
        let address = greeting.split(' ').find_map(|word| word.parse().ok());
        let (printed, said) = (gathered(out), gathered(child.stderr.take().expect("piped")));
        Self {
            child,
            address: address.expect("an address"),
            printed,
            said,
        }
    }

    /// Everything that was printed, and said beside it.
    fn end(mut self) -> (Vec<u8>, Vec<u8>) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("told");
        let all = |from: &Receiver<Vec<u8>>| from.recv_timeout(PATIENCE).expect("it ends");
        let both = (all(&self.printed), all(&self.said));
        self.child.wait().expect("ended");
        both
    }
}

fn gathered(mut from: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (tell, all) = channel();
    thread::spawn(move || {
        let mut octets = Vec::new();
        let _ = from.read_to_end(&mut octets);
        let _ = tell.send(octets);
    });
    all
}

#[test]
fn no_octet_of_others_steers_a_terminal() {
    let home = tempfile::tempdir().expect("a directory");
    let capture = home.path().join("odd.corstap");
    let talking = Talking::start(home.path(), &capture);
    let plain = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec());
    for control in CONTROLS {
        for place in PLACES {
            send(talking.address, &filled(place, plain, control));
        }
        for answer in ANSWERS {
            let odd = answering(filled(answer, plain, control));
            let place =
                "GET http://{server}/ HTTP/1.1\r\nHost: {server}\r\nOrigin: https://a.test\r\n";
            send(talking.address, &filled(place, odd, b""));
        }
    }
    let (printed, said) = talking.end();
    assert_harmless("the live log", &printed);
    assert_harmless("standard error", &said);
    let ask = |arguments: &[&str]| {
        let mut command = corstap(home.path());
        command.args(arguments).arg("--capture").arg(&capture);
        command.output().expect("run").stdout
    };
    assert_harmless("log", &ask(&["log"]));
    let listed = ask(&["log", "--json"]);
    assert_harmless("log --json", &listed);
    for line in listed
        .split(|octet| *octet == b'\n')
        .filter(|line| !line.is_empty())
    {
        let record: Value = serde_json::from_slice(line).expect("JSON");
        assert_harmless("show", &ask(&["show", &record["id"].to_string()]));
    }
}
