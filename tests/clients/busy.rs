//! Busy pages in real browsers, whose requests overlap: what connections tell of one may be said of another
//! that was sent beside it. The wire alone is judged here; whoever made the requests knows what came of them.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::time::Duration;

use corstap::browser::{Launch, firefox};
use corstap::ca::HostList;
use corstap::cors::Outcome;
use corstap::proxy::Route;
use corstap::store;
use corstap::store::capture::Which;
use corstap::wire::target::Authority;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::pages;
use crate::site::Papers;
use crate::support::scene::{Rig, SERVER, host};

const PAGE: &str = "app.example.test";

/// Asks for many things at once, of several servers, with credentials and without, round after round. Every
/// answer allows every origin, which does not count with credentials. `done` is what came of each `fetch`.
const BUSY: &str = "<!DOCTYPE html><title>busy</title><body><script>
const servers = SERVERS, came = [];
let seed = 20;
const random = below => {
  seed = (seed * 1103515245 + 12345) & 0x7fffffff;
  return (seed >> 8) % below;
};
const pause = time => new Promise(done => setTimeout(done, time));
const go = async (url, options) => {
  const path = new URL(url).pathname;
  await fetch(url, options).then(answer => answer.text()).then(
    () => came.push([path, 'allowed']), () => came.push([path, 'blocked']));
};
const element = (name, properties) => new Promise(done => {
  const made = Object.assign(document.createElement(name), properties);
  made.onload = made.onerror = done;
  document.body.append(made);
});
let number = 0;
const one = () => {
  const url = servers[random(servers.length)] + '/' + number++;
  const slow = random(3) ? '' : '?wait=' + random(120);
  const credentials = random(2) ? 'include' : 'omit';
  switch (random(8)) {
    case 0: return element('img', { src: url + '/img' + slow });
    case 1: return element('script', { src: url + '/js' + slow });
    case 2: return go(url + '/preflight' + slow, { method: 'PUT', credentials });
    case 3: return element('img', { src: url + '/img' + slow, crossOrigin: 'anonymous' });
    case 4: return go(url + '/plain' + slow);
    default: return go(url + '/' + credentials + slow, { credentials });
  }
};
const done = (async () => {
  for (let round = 0; round < 30; round++) {
    await Promise.all(Array.from({ length: 1 + random(8) }, one));
    await pause([0, 0, 5, 60, 120, 200][random(6)]);
  }
  return JSON.stringify(came);
})();
</script>";

/// Asks for one thing after the other, of some servers with credentials first and of others without. The page
/// that is embedded without credentials loads a picture before, which is without them then.
const QUIET: &str = "<!DOCTYPE html><title>quiet</title><body><script>
const came = [];
const picture = url => new Promise(done => {
  const image = new Image(); image.onload = image.onerror = done; image.src = url;
});
const done = (async () => {
  for (const [index, server] of SERVERS.entries()) {
    if (location.pathname == '/credentialless') await picture(server + '/none/img');
    const [first, other] = index % 2 ? ['include', 'omit'] : ['omit', 'include'];
    for (const credentials of [first, first, other, first, other]) {
      const url = server + '/' + came.length + '/' + credentials;
      const outcome = await fetch(url, { credentials }).then(() => 'allowed', () => 'blocked');
      came.push([new URL(url).pathname, outcome]);
    }
  }
  return JSON.stringify(came);
})();
</script>";

/// A proxy, and behind it servers with and without TLS.
struct Town {
    rig: Rig,
    /// The origin of pages with TLS, and of those without.
    secure: String,
    plain: String,
    /// The origins of the servers, those with TLS first.
    servers: Vec<String>,
}

impl Town {
    async fn set() -> Self {
        let papers = Papers::new();
        let (plain, secure) = (serve(None).await, serve(papers.speaking(b"h2")).await);
        let mut ports = Vec::new();
        for protocol in [&b"http/1.1"[..], b"http/1.1", b"h2", b"h2"] {
            ports.push(serve(papers.speaking(protocol)).await);
        }
        let mut servers: Vec<String> = ports
            .iter()
            .map(|port| format!("https://{SERVER}:{port}"))
            .collect();
        servers.push(format!("http://{SERVER}:{plain}"));
        ports.extend([plain, secure]);
        let at = |(name, port)| {
            let host = host(name);
            (Authority { host, port }, Ipv4Addr::LOCALHOST.into())
        };
        let places = ports
            .iter()
            .flat_map(|port| [(PAGE, *port), (SERVER, *port)]);
        let route = Route {
            resolve: places.map(at).collect(),
            roots: vec![papers.root()],
            ..Route::default()
        };
        Self {
            rig: Rig::start_with(HostList::development(), route, true).await,
            secure: format!("https://{SERVER}:{secure}"),
            plain: format!("http://{PAGE}:{plain}"),
            servers,
        }
    }

    /// A page whose requests overlap.
    fn busy(&self) -> String {
        format!("{}/busy?{}", self.plain, self.servers.join(","))
    }

    /// A page whose requests do not, of that name.
    fn quiet(&self, name: &str) -> String {
        format!("{}/{name}?{}", self.secure, self.servers[..4].join(","))
    }

    /// What was decided by the wire alone is what came of it; and at least so many hundredths are decided.
    async fn assert_right(self, came: &str, decided: usize) {
        let came: Vec<(String, String)> = serde_json::from_str(came).expect("what came of it");
        let came: HashMap<String, String> = came.into_iter().collect();
        let (capture, _dir) = self.rig.finish().await;
        let (mut right, mut undecided, mut wrong) = (0, 0, Vec::new());
        let each = |stored: store::row::Stored| {
            let request = &stored.recorded.request;
            let path = request.url.splitn(4, '/').nth(3).unwrap_or_default();
            let path = path.split('?').next().unwrap_or_default();
            let verdict = &stored.judgement.verdict;
            match came.get(&format!("/{path}")) {
                Some(_) if request.method == "OPTIONS" => {}
                Some(_) if verdict.answer.outcome == Outcome::Undecided => undecided += 1,
                Some(came) if came == verdict.answer.outcome.name() => right += 1,
                Some(came) => wrong.push(format!("{path}: {came}, {:?}", verdict.credentials)),
                None => {}
            }
            Ok(())
        };
        capture
            .exchanges::<store::Error>(Which::All, each)
            .expect("read");
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert_eq!(right + undecided, came.len());
        assert!(
            right * 100 >= decided * came.len(),
            "{right} right, {undecided} undecided"
        );
    }
}

/// A server that answers everything, on a port of loopback that is free.
async fn serve(acceptor: impl Into<Option<TlsAcceptor>>) -> u16 {
    let acceptor = acceptor.into();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("bound");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            tcp.set_nodelay(true).expect("set");
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                match acceptor {
                    None => converse(tcp).await,
                    Some(acceptor) => {
                        if let Ok(stream) = acceptor.accept(tcp).await {
                            converse(stream).await;
                        }
                    }
                }
            });
        }
    });
    port
}

async fn converse(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
    let service = service_fn(|request| async move { Ok::<_, Infallible>(answer(&request).await) });
    let builder = auto::Builder::new(TokioExecutor::new());
    // Browsers break off what they do not want.
    let _ = builder
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let (path, query) = (request.uri().path(), request.uri().query());
    let servers = |query: &str| {
        let quoted: Vec<String> = query
            .split(',')
            .map(|server| format!("'{server}'"))
            .collect();
        format!("[{}]", quoted.join(","))
    };
    let page = |page: &str| page.replace("SERVERS", &servers(query.unwrap_or_default()));
    if let Some(wait) = query.and_then(|query| query.strip_prefix("wait=")) {
        tokio::time::sleep(Duration::from_millis(wait.parse().expect("a time"))).await;
    }
    let reported = query.unwrap_or_default().replace(',', "/report ") + "/report";
    let is_preflight = request.method() == Method::OPTIONS;
    let origin = request.headers().get("origin").filter(|_| is_preflight);
    let origin = origin
        .and_then(|origin| origin.to_str().ok())
        .unwrap_or("*");
    let (kind, content, more) = match path {
        "/busy" => {
            let policy = format!("img-src 'none'; report-uri {reported}");
            let field = ("content-security-policy-report-only", policy);
            ("text/html", page(BUSY), Some(field))
        }
        "/quiet" => ("text/html", page(QUIET), None),
        "/credentialless" => {
            let field = ("cross-origin-embedder-policy", "credentialless".to_owned());
            ("text/html", page(QUIET), Some(field))
        }
        path if path.ends_with("/js") => ("text/javascript", "0".to_owned(), None),
        // Pictures of text, which fail by themselves.
        _ => ("text/plain", "something".to_owned(), None),
    };
    let mut answer = Response::builder()
        .header("content-type", kind)
        .header("access-control-allow-origin", origin)
        .header("access-control-allow-credentials", "true")
        .header("access-control-allow-methods", "PUT")
        .header("access-control-max-age", "0");
    if let Some((name, value)) = more {
        answer = answer.header(name, value);
    }
    answer.body(Full::from(content)).expect("an answer")
}

async fn is_right_in_chromium(url: impl Fn(&Town) -> String, decided: usize) {
    let Some(program) = pages::chromium() else {
        return;
    };
    let town = Town::set().await;
    let launch = Launch {
        program: Some(program),
        proxy: town.rig.proxy,
        spki_pin: town.rig.spki_pin.clone(),
    };
    let mut chromium = launch.start().unwrap_or_else(|error| panic!("{error}"));
    let devtools = &mut chromium.devtools;
    let context = devtools.open_context().await.expect("opened");
    let tab = devtools.open_tab(Some(&context)).await.expect("opened");
    devtools.navigate(&tab, &url(&town)).await.expect("a page");
    let came = devtools.evaluate(&tab, "done").await.expect("an end");
    chromium.close().await;
    town.assert_right(came.as_str().expect("text"), decided)
        .await;
}

async fn is_right_in_firefox(url: impl Fn(&Town) -> String, decided: usize) {
    let Some(program) = pages::firefox() else {
        return;
    };
    let town = Town::set().await;
    let launch = firefox::Launch {
        program: Some(program),
        proxy: town.rig.proxy,
        ca_pem: town.rig.ca_pem.clone(),
    };
    let started = launch.start().await;
    let mut firefox = started.unwrap_or_else(|error| panic!("{error}"));
    let bidi = &mut firefox.bidi;
    let context = bidi.open_context().await.expect("opened");
    let tab = bidi.open_tab(&context).await.expect("opened");
    bidi.navigate(&tab, &url(&town)).await.expect("a page");
    let came = bidi.evaluate(&tab, "done").await.expect("an end");
    firefox.close().await;
    town.assert_right(came.as_str().expect("text"), decided)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_busy_page_in_chromium_nothing_is_said_that_is_not_so() {
    is_right_in_chromium(Town::busy, 70).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_busy_page_in_firefox_nothing_is_said_that_is_not_so() {
    is_right_in_firefox(Town::busy, 70).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_quiet_page_in_chromium_nothing_is_said_that_is_not_so() {
    is_right_in_chromium(|town| town.quiet("quiet"), 50).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_quiet_page_in_firefox_nothing_is_said_that_is_not_so() {
    is_right_in_firefox(|town| town.quiet("quiet"), 50).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_page_embedded_without_credentials_in_chromium_nothing_is_said_that_is_not_so() {
    is_right_in_chromium(|town| town.quiet("credentialless"), 30).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_page_embedded_without_credentials_in_firefox_nothing_is_said_that_is_not_so() {
    is_right_in_firefox(|town| town.quiet("credentialless"), 30).await;
}
