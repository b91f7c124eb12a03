//! `--attach`: a Chromium that is open already, started by somebody else, which uses the proxy and has
//! tools of its own.

use std::io::{self, BufRead, BufReader};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;

use corstap::browser::find;
use corstap::ca::{DevCa, HostList};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream as Stream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::browsing::{Browsing, corstap, reaching};
use crate::chromium::ALONE;
use crate::site::Site;
use crate::{is_told, is_wanted};

/// Where the proxy listens, once it does: the browser is told of a relay, and is there first.
static PROXY: OnceLock<SocketAddr> = OnceLock::new();

/// Passes on what comes to the proxy.
fn relay() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = listener.local_addr().expect("bound");
    thread::spawn(move || {
        for browser in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let proxy = TcpStream::connect(PROXY.wait()).expect("it listens");
                let (from, to) = (browser.try_clone()?, proxy.try_clone()?);
                thread::spawn(move || pass(from, to));
                pass(proxy, browser);
                Ok::<_, io::Error>(())
            });
        }
    });
    address
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    // Either end may go first.
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}

/// A Chromium of the user's own.
struct Open {
    child: Child,
    port: u16,
    _profile: TempDir,
}

impl Open {
    fn start(proxy: SocketAddr, pin: &str) -> Self {
        let profile = tempfile::tempdir().expect("a directory");
        let program = find::chromium().expect("scripts/test installs one");
        let mut child = Command::new(program)
            .args(ALONE)
            .args([
                "--remote-debugging-port=0",
                "--proxy-bypass-list=<-loopback>",
            ])
            .arg(format!("--proxy-server=http://{proxy}"))
            .arg(format!("--ignore-certificate-errors-spki-list={pin}"))
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .env("HOME", profile.path())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a browser");
        let mut said = BufReader::new(child.stderr.take().expect("piped")).lines();
        let port = said.by_ref().map_while(Result::ok).find_map(|line| {
            let address = line
                .strip_prefix("DevTools listening on ws://")?
                .split('/')
                .next()?;
            address.parse::<SocketAddr>().ok()
        });
        thread::spawn(move || said.for_each(drop));
        Self {
            child,
            port: port.expect("it says where it listens").port(),
            _profile: profile,
        }
    }

    /// The tools of the tab that is there.
    async fn tools(&self) -> Tools {
        let address = SocketAddr::from(([127, 0, 0, 1], self.port));
        let ask = format!("http://{address}/json/list");
        let listed = Command::new("curl")
            .args(["-s", &ask])
            .output()
            .expect("curl");
        let listed: Value = serde_json::from_slice(&listed.stdout).expect("JSON");
        let pages = listed.as_array().expect("a list").iter();
        let page = pages
            .into_iter()
            .find(|one| one["type"] == "page")
            .expect("a tab");
        let url = page["webSocketDebuggerUrl"].as_str().expect("text");
        let stream = Stream::connect(address).await.expect("it listens");
        let (socket, _) = client_async(url, stream).await.expect("it speaks");
        Tools { socket, next: 0 }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The tools that somebody has open beside corstap.
struct Tools {
    socket: WebSocketStream<Stream>,
    next: u64,
}

impl Tools {
    async fn call(&mut self, method: &str, params: Value) {
        self.next += 1;
        let command = json!({"id": self.next, "method": method, "params": params});
        let sent = self.socket.send(Message::text(command.to_string()));
        sent.await.expect("sent");
        while let Some(message) = self.socket.next().await {
            let text = message.expect("read").into_text().expect("text");
            let answer: Value = serde_json::from_str(&text).expect("JSON");
            if answer["id"] == self.next {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return;
            }
        }
        panic!("{method}: no answer");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chromium_that_is_open_says_what_it_makes_of_each_exchange_and_what_its_tools_block() {
    if !is_wanted("chromium") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let site = Site::start(dir.path()).await;
    let home = tempfile::tempdir().unwrap();
    let ca = home.path().join(".local/share/corstap/ca");
    let ca = DevCa::open(&ca, &HostList::development(), "me").expect("made");
    let open = Open::start(relay(), &ca.ca.spki_pin());
    let mut tools = open.tools().await;
    tools.call("Network.enable", json!({})).await;
    tools
        .call("Network.setBlockedURLs", json!({"urls": ["*/inspected"]}))
        .await;
    let mut command = corstap(home.path());
    command.args([
        "browse",
        "--json",
        "--listen",
        "127.0.0.1:0",
        "--dashboard",
        "off",
        "--attach",
    ]);
    command.arg(open.port.to_string());
    reaching(&mut command, &site);
    let mut browsing = Browsing::of(command, home);
    PROXY.set(browsing.listens()).expect("once");
    // Corstap listens to the tab that is there; what its user does in it is told.
    tools
        .call("Page.navigate", json!({"url": site.page_of_the_unsent()}))
        .await;
    let inspected = browsing.until("GET", "/inspected", |record| {
        record["ending"] == "never-sent"
    });
    let verdict = &inspected["verdict"];
    assert_eq!(
        (
            &verdict["outcome"],
            &verdict["not_cors"][0]["code"],
            &verdict["confirmed"]["code"]
        ),
        (
            &json!("failed"),
            &json!("blocked-by-client"),
            &json!("inspector")
        )
    );
    let held = browsing.until("OPTIONS", "/held", is_told);
    assert_eq!(held["verdict"]["confirmed"]["by"], "devtools");
    the_report_has_the_browsers_word(&browsing);
    drop(open);
    let (code, told) = browsing.end(rustix::process::Signal::INT);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("the browser is gone"), "{told}");
}

/// What the browser said stands in a HAR file too, beside what other programs read.
fn the_report_has_the_browsers_word(browsing: &Browsing) {
    let home = browsing.home.path();
    let output = corstap(home)
        .args(["report", "--all", "--format", "har"])
        .output()
        .expect("run");
    let har: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let entries = har["log"]["entries"].as_array().expect("a list");
    let word = |end: &str| {
        let is_it = |entry: &&Value| {
            entry["request"]["url"]
                .as_str()
                .is_some_and(|url| url.ends_with(end))
        };
        let entry = entries.iter().find(is_it);
        entry.unwrap_or_else(|| panic!("no {end} in {har}"))["_corstap"].clone()
    };
    let inspected = word("/inspected");
    assert_eq!(inspected["verdict"]["confirmed"]["code"], "inspector");
    let script = inspected["initiator"]["url"].as_str().expect("text");
    assert!(script.ends_with("/unsent.js"), "{script}");
}
