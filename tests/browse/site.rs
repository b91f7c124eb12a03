//! A page and an API for it, over TLS that nobody trusts but who was told to: the page does by
//! itself what a test is to look at.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use corstap::ca::{Ca, HostList, LeafCache};
use corstap::wire::alpn::Alpn;
use corstap::wire::headers::from_latin1;
use corstap::wire::target::Host;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::LazyConfigAcceptor;

/// The page's host and the API's: another site, so that nothing but the browser tells what is sent
/// with credentials and what is not in Firefox, and the same site, where nothing on the wire does.
pub const PAGE: &str = "app.example.test";
pub const API: &str = "api.example.test";

const SCRIPT: &str = "const go = (path, options) =>
  fetch('https://API' + path, options).then(() => 1, () => 0);
const picture = path => new Promise(done => {
  const image = new Image(); image.onload = image.onerror = done; image.src = 'https://API' + path;
});
const worker = path => new Promise(done => {
  const asks = `fetch('https://API${path}').then(() => postMessage(1), () => postMessage(0))`;
  new Worker(URL.createObjectURL(new Blob([asks]))).onmessage = done;
});
(async () => {
  await go('/bare');
  await go('/star', { credentials: 'include' });
  await go('/open');
  await go('/preflight?refused', { method: 'PUT', headers: { 'x-custom': '1' } });
  await go('/preflight?fine', { method: 'PUT' });
  await go('/redirect');
  await fetch('https://forbidden.test/a').catch(() => 0);
  await picture('/cached');
  await go('/cached');
  await worker('/bare?worker');
  await fetch('/done');
})();
";

/// What never reaches the wire, or does so in another way than a fetch.
const UNSENT: &str = "const go = (url, options) => fetch(url, options).then(() => 1, () => 0);
const socket = path => new Promise(done => {
  const opened = new WebSocket('wss://API' + path); opened.onopen = opened.onerror = done;
});
const xhr = url => new Promise(done => {
  const request = new XMLHttpRequest(); request.onloadend = done; request.open('GET', url); request.send();
});
(async () => {
  await go('http://API/mixed');
  await go('https://127.0.0.1:PORT/nearer', { targetAddressSpace: 'local' });
  await go('https://HOST:6000/port');
  await go('https://API/held', { method: 'PUT' });
  await go('https://API/held', { method: 'PUT' });
  await socket('/socket?opens');
  await socket('/socket?refused');
  await go('https://API/inspected');
  await fetch('myapp://login/callback?token=SECRET').catch(() => 0);
  await fetch('ftp://API/file').catch(() => 0);
  await xhr('file:///etc/hosts');
  await fetch('/done');
})();
";

/// A page whose requests all go through a service worker, which answers some itself.
const WORKED: &str =
    "const go = (path, options) => fetch('https://API' + path, options).then(() => 1, () => 0);
(async () => {
  const { serviceWorker } = navigator;
  await serviceWorker.register('/worker.js');
  if (!serviceWorker.controller) {
    await new Promise(done => serviceWorker.addEventListener('controllerchange', done));
  }
  await go('/bare');
  await go('/bare?made');
  await go('/bare?mended');
  await go('/bare?stale');
  await go('/preflight', { method: 'PUT', headers: { 'x-custom': '1' } });
  await go('/open');
  await fetch('/done');
})();
";

const WORKER: &str = "addEventListener('install', () => skipWaiting());
addEventListener('activate', event => event.waitUntil(clients.claim()));
addEventListener('fetch', event => {
  const { request } = event;
  const instead = () => new Response('instead');
  if (request.url.endsWith('made')) event.respondWith(instead());
  else if (request.url.endsWith('stale')) {
    event.respondWith(instead());
    event.waitUntil(fetch(request).catch(() => 0));
  } else if (request.url.endsWith('mended')) event.respondWith(fetch(request).catch(instead));
  else event.respondWith(fetch(request));
});
";

/// A field whose octets are half a surrogate pair, which Chromium tells as it is.
const HALF: &str = "X-Half: \u{ed}\u{a0}\u{80}\r\n";

/// What stands in a URL that is never sent.
pub const SECRET: &str = "b7Kq2Zx9Lm4Tn8Vw";

/// Servers on loopback.
pub struct Site {
    pub address: SocketAddr,
    pub root: PathBuf,
}

impl Site {
    /// Starts them; what they are to be trusted by is written to a directory.
    pub async fn start(dir: &Path) -> Self {
        let authority = Ca::generate(HostList::development(), "test").expect("made");
        let root = dir.join("root.pem");
        std::fs::write(&root, authority.certificate_pem()).expect("written");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let leaves = Arc::new(LeafCache::new(authority, provider));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("bound");
        let address = listener.local_addr().expect("bound");
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                tokio::spawn(serve(tcp, Arc::clone(&leaves), address.port()));
            }
        });
        Self { address, root }
    }

    pub fn page(&self) -> String {
        format!("https://{PAGE}:{}/", self.address.port())
    }

    /// The page whose requests do not get far.
    pub fn page_of_the_unsent(&self) -> String {
        format!("{}unsent", self.page())
    }

    /// The page that has a service worker.
    pub fn page_of_the_worker(&self) -> String {
        format!("{}worked", self.page())
    }
}

/// Serves one connection; browsers open some that they do not use.
async fn serve(tcp: TcpStream, leaves: Arc<LeafCache>, port: u16) -> Option<()> {
    let hello = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), tcp);
    let hello = hello.await.ok()?;
    let name = hello.client_hello().server_name()?.to_owned();
    let config = leaves.config(&Host::parse(name.as_bytes())?, Some(Alpn::Http11));
    let mut stream = BufReader::new(hello.into_stream(config.ok()?).await.ok()?);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            (stream.read_line(&mut head).await.ok()? > 0).then_some(())?;
        }
        let mut words = head.split(' ');
        let (method, path) = (words.next()?, words.next()?);
        let answer = match socket(path, &head) {
            Some(answer) => answer,
            None => answer(method, path, port),
        };
        stream.write_all(&from_latin1(&answer)).await.ok()?;
        stream.flush().await.ok()?;
    }
}

/// The answer to the handshake of a WebSocket (RFC 6455 section 4.2.2).
fn socket(path: &str, head: &str) -> Option<String> {
    const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    let line = |line: &str| {
        let (name, value) = line.split_once(':')?;
        let is_key = name.eq_ignore_ascii_case("sec-websocket-key");
        is_key.then(|| value.trim().to_owned())
    };
    let key = head.lines().find_map(line)?;
    if !path.ends_with("opens") {
        return Some("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n".to_owned());
    }
    let accept = digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{GUID}").as_bytes());
    Some(format!(
        "HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
        STANDARD.encode(accept.as_ref())
    ))
}

/// The pages and their scripts: fields and content.
fn file(path: &str, port: u16) -> Option<(String, String)> {
    let api = format!("{API}:{port}");
    let policy = format!("Content-Security-Policy: connect-src https://{api} 'self'\r\n");
    let page = |policy: &str, script: &str| {
        let fields = format!("Content-Type: text/html\r\n{policy}");
        Some((fields, format!("<script src=/{script}.js></script>")))
    };
    let script = |text: &str| {
        let text = text
            .replace("API", &api)
            .replace("PORT", &port.to_string())
            .replace("SECRET", SECRET)
            .replace("HOST", API);
        Some(("Content-Type: text/javascript\r\n".to_owned(), text))
    };
    match path {
        "/" => page(&policy, "app"),
        "/unsent" => page("", "unsent"),
        "/worked" => page("", "worked"),
        "/app.js" => script(SCRIPT),
        "/unsent.js" => script(UNSENT),
        "/worked.js" => script(WORKED),
        "/worker.js" => script(WORKER),
        _ => None,
    }
}

/// An answer, an octet a character.
fn answer(method: &str, path: &str, port: u16) -> String {
    let page = format!("Access-Control-Allow-Origin: https://{PAGE}:{port}\r\n");
    let path = path.split('?').next().unwrap_or_default();
    let (status, fields, content) = match path {
        _ if let Some((fields, content)) = file(path, port) => (200, fields, content),
        "/held" if method == "OPTIONS" => (
            204,
            format!("{page}Access-Control-Allow-Methods: PUT\r\nAccess-Control-Max-Age: 600\r\n"),
            String::new(),
        ),
        "/star" | "/open" => (
            200,
            "Access-Control-Allow-Origin: *\r\n".to_owned(),
            "ok".to_owned(),
        ),
        "/preflight" if method == "OPTIONS" => (
            204,
            format!("{page}Access-Control-Allow-Methods: PUT\r\n"),
            String::new(),
        ),
        "/bare" => (200, HALF.to_owned(), "ok".to_owned()),
        "/preflight" | "/held" => (200, page, "ok".to_owned()),
        "/redirect" => (302, format!("{page}Location: /open\r\n"), String::new()),
        "/cached" => (
            200,
            "Cache-Control: max-age=1000\r\nContent-Type: image/svg+xml\r\n".to_owned(),
            "<svg xmlns='http://www.w3.org/2000/svg'/>".to_owned(),
        ),
        _ => (200, String::new(), "ok".to_owned()),
    };
    let length = if status == 204 {
        String::new()
    } else {
        format!("Content-Length: {}\r\n", content.len())
    };
    format!("HTTP/1.1 {status} OK\r\n{fields}{length}\r\n{content}")
}
