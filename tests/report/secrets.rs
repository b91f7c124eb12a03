//! Secrets planted everywhere: none of them is in the capture, in what SQLite keeps beside it, in the
//! logs at trace level, or in any form of a report.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use corstap::ca::{Ca, HostList, LeafCache};
use corstap::wire::alpn::Alpn;
use http_body_util::Empty;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use memchr::memmem;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::corstap;
use crate::running::Running;
use crate::support::scene::{End, SERVER, host, provider};

/// How often each kind is planted.
const EACH: usize = 7;

/// Where a secret stands: the fields of a request or of its answer, or the target; `%` is the secret.
enum Spot {
    Request(&'static str, &'static str),
    Answer(u16, &'static str, &'static str),
    Target(&'static str),
}
use Spot::{Answer, Request as Asked, Target};

const SPOTS: &[(&str, Spot)] = &[
    ("a cookie", Asked("cookie", "theme=dark; sid=%; a=b")),
    ("a bearer token", Asked("authorization", "Bearer %")),
    (
        "a JWT",
        Asked("authorization", "Bearer eyJhbGciOiJIUzI1NiJ9.%.c2ln"),
    ),
    (
        "a digest",
        Asked("authorization", "Digest username=\"u\", response=\"%\""),
    ),
    ("an API key", Asked("x-api-key", "%")),
    ("a header name", Asked("x-tenant-%", "1")),
    (
        "a name that a preflight asks for",
        Asked("access-control-request-headers", "x-a, x-%,x-b"),
    ),
    (
        "a method that a preflight asks for",
        Asked("access-control-request-method", "X-%"),
    ),
    ("a CSRF token", Asked("x-csrf-token", "%")),
    ("a security token", Asked("x-amz-security-token", "%")),
    (
        "an access token of a gateway",
        Asked("cf-access-jwt-assertion", "%"),
    ),
    ("a validator", Asked("if-none-match", "W/\"%\"")),
    ("a forwarded identity", Asked("x-forwarded-user", "%")),
    ("a client hint", Asked("sec-ch-ua-model", "\"%\"")),
    (
        "a WebSocket protocol",
        Asked("sec-websocket-protocol", "token, %"),
    ),
    ("a trace", Asked("x-amzn-trace-id", "Root=%")),
    (
        "the query of a referrer",
        Asked("referer", "https://app.example.test/in?code=%"),
    ),
    (
        "the path of a referrer",
        Asked("referer", "https://app.example.test/reset/%"),
    ),
    (
        "the user of a referrer",
        Asked("referer", "https://u:%@app.example.test/"),
    ),
    (
        "an origin that is none",
        Asked("origin", "https://u:%@app.example.test"),
    ),
    ("a key in a query", Target("/v1/users?page=2&api_key=%")),
    ("a key alone in a query", Target("/v1/users?%")),
    ("a key as a name in a query", Target("/v1/users?%=1")),
    ("a key in a path", Target("/v1/keys/%/revoke")),
    ("a session in a path", Target("/v1/users;jsessionid=%")),
    (
        "a signed URL",
        Target("/o.png?X-Amz-Expires=900&X-Amz-Signature=%"),
    ),
    (
        "a shared access signature",
        Target("/o?sv=2024-01-01&sig=%&se=1"),
    ),
    ("SAML", Target("/acs?SAMLResponse=%&RelayState=a")),
    (
        "a query in a query",
        Target("/go?to=https%3A%2F%2Fa.test%2F%3Ftoken%3D%"),
    ),
    ("Set-Cookie", Answer(200, "set-cookie", "sid=%; HttpOnly")),
    ("a renewed token", Answer(200, "authorization", "Bearer %")),
    ("an entity tag", Answer(200, "etag", "\"%\"")),
    (
        "a file name",
        Answer(200, "content-disposition", "attachment; filename=\"%.pdf\""),
    ),
    (
        "a challenge",
        Answer(401, "www-authenticate", "Digest nonce=\"%\""),
    ),
    (
        "an authentication",
        Answer(200, "authentication-info", "nextnonce=\"%\""),
    ),
    (
        "a link",
        Answer(200, "link", "<https://a.test/%>; rel=next"),
    ),
    ("a refresh", Answer(200, "refresh", "0; url=/in?token=%")),
    (
        "an exposed name",
        Answer(200, "access-control-expose-headers", "x-%, x-a"),
    ),
    ("a name in an answer", Answer(200, "x-internal-%", "1")),
    (
        "a code in a redirect",
        Answer(
            302,
            "location",
            "https://app.example.test/cb?code=%&state=a",
        ),
    ),
    (
        "a token in a fragment",
        Answer(
            302,
            "location",
            "https://app.example.test/cb#access_token=%",
        ),
    ),
    (
        "a password in a redirect",
        Answer(302, "location", "https://u:%@b.example.test/"),
    ),
    (
        "a token in the path of a redirect",
        Answer(307, "location", "/files/%/get"),
    ),
    ("a link of an app", Answer(302, "location", "myapp://in/%")),
    (
        "an allowed origin that is none",
        Answer(200, "access-control-allow-origin", "https://u:%@app.test"),
    ),
    (
        "the URL of the page as the allowed origin",
        Answer(
            200,
            "access-control-allow-origin",
            "https://app.example.test/reset/%?code=%",
        ),
    ),
    (
        "a fragment of it",
        Answer(
            200,
            "access-control-allow-origin",
            "https://app.example.test#%",
        ),
    ),
    (
        "the same for the clock",
        Answer(
            200,
            "timing-allow-origin",
            "https://a.test, https://a.test/?%",
        ),
    ),
    (
        "an allowed method",
        Answer(200, "access-control-allow-methods", "PUT, X-%"),
    ),
    ("a method that there is", Answer(405, "allow", "GET, X-%")),
    (
        "an allowed name",
        Answer(200, "access-control-allow-headers", "x-%, (x-%)"),
    ),
    (
        "where content is",
        Answer(200, "content-location", "/o/%?token=%"),
    ),
    (
        "a policy",
        Answer(200, "content-security-policy", "script-src 'nonce-%'"),
    ),
    (
        "a report endpoint",
        Answer(200, "report-to", "{\"url\":\"https://a.test/%\"}"),
    ),
];

/// A request, its answer, and the secret in them.
struct Plan {
    kind: &'static str,
    secret: String,
    target: String,
    request: Vec<(String, String)>,
    status: u16,
    answer: Vec<(String, String)>,
}

/// Forty characters of a token, another for each number.
fn token(number: usize) -> String {
    const LETTERS: &[u8] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ u64::try_from(number).expect("small");
    (0..40)
        .map(|_| {
            state = state
                .wrapping_mul(0x5851_f42d_4c95_7f2d)
                .wrapping_add(0x1405_7b7e_f767_814f);
            char::from(LETTERS[usize::try_from(state >> 59).expect("small")])
        })
        .collect()
}

fn plans() -> Vec<Plan> {
    let spots = SPOTS.iter().cycle().take(SPOTS.len() * EACH).enumerate();
    spots
        .map(|(number, (kind, spot))| plan(number, kind, spot))
        .collect()
}

fn plan(number: usize, kind: &'static str, spot: &Spot) -> Plan {
    let secret = token(number);
    // Percent signs that belong there are followed by a digit.
    let planted = |text: &str| {
        let parts: Vec<&str> = text.split('%').collect();
        let mut whole = parts[0].to_owned();
        for part in &parts[1..] {
            let is_encoded = part.starts_with(['2', '3']);
            whole.push_str(if is_encoded { "%" } else { &secret });
            whole.push_str(part);
        }
        whole
    };
    let field = |name: &str, value: &str| (planted(name), planted(value));
    let agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";
    let mut plan = Plan {
        kind,
        secret: secret.clone(),
        target: format!("/case/{number}"),
        request: vec![("user-agent".to_owned(), agent.to_owned())],
        status: 200,
        answer: Vec::new(),
    };
    let mut has_origin = false;
    match spot {
        Asked(name, value) => {
            plan.request.push(field(name, value));
            has_origin = *name == "origin";
            if *name == "access-control-request-headers" {
                plan.request
                    .push(("access-control-request-method".to_owned(), "PUT".to_owned()));
            }
        }
        Target(target) => plan.target = planted(target),
        Answer(status, name, value) => {
            plan.status = *status;
            plan.answer.push(field(name, value));
        }
    }
    if !has_origin {
        let origin = format!("https://app{number}.example.test");
        plan.request.push(("origin".to_owned(), origin));
    }
    plan
}

impl Plan {
    fn method(&self) -> &'static str {
        let asks = |(name, _): &(String, String)| name.starts_with("access-control-request");
        if self.request.iter().any(asks) {
            "OPTIONS"
        } else {
            "GET"
        }
    }
}

/// A server with TLS that answers the requests in order as planned; and the certificate to trust.
async fn server(plans: Arc<Vec<Plan>>) -> (SocketAddr, String) {
    let ca = Ca::generate(HostList::Any, "servers").expect("made");
    let pem = ca.certificate_pem();
    let leaves = LeafCache::new(ca, provider());
    let mut config = (*leaves.config(&host(SERVER), None).expect("minted")).clone();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("bound");
    let address = listener.local_addr().expect("bound");
    let next = Arc::new(AtomicUsize::new(0));
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let (acceptor, plans, next) = (acceptor.clone(), Arc::clone(&plans), Arc::clone(&next));
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(tcp).await else {
                    return;
                };
                let service = service_fn(move |_| {
                    let answer = answer(&plans[next.fetch_add(1, Ordering::SeqCst)]);
                    async move { Ok::<_, Infallible>(answer) }
                });
                let builder = auto::Builder::new(TokioExecutor::new());
                let _ = builder
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    (address, pem)
}

fn answer(plan: &Plan) -> Response<Empty<Bytes>> {
    let mut answer = Response::builder().status(plan.status);
    for (name, value) in &plan.answer {
        answer = answer.header(name.as_str(), value.as_str());
    }
    answer.body(Empty::new()).expect("an answer")
}

/// A client's connection through the proxy, with TLS.
async fn client(
    proxy: SocketAddr,
    authority: &str,
    root: &CertificateDer<'static>,
    alpn: Alpn,
) -> End {
    let mut tunnel = End::new(TcpStream::connect(proxy).await.expect("the proxy listens"));
    let secret = "Proxy-Authorization: Basic dXNlcjpwcm94eS1zZWNyZXQtcHJveHktc2VjcmV0";
    tunnel
        .sends(format!(
            "CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n{secret}\r\n\r\n"
        ))
        .await;
    tunnel
        .sees("HTTP/1.1 200 Connection Established\r\n\r\n")
        .await;
    tunnel.with_tls_offering(SERVER, root, &[alpn]).await
}

async fn ask_http1(mut client: End, authority: &str, plans: &[Plan]) {
    for plan in plans {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nHost: {authority}\r\n",
            plan.method(),
            plan.target
        );
        for (name, value) in &plan.request {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        client.sends(head + "\r\n").await;
        let mut seen = 0;
        loop {
            assert!(
                client.reads_more(crate::support::scene::PATIENCE).await,
                "{}",
                plan.kind
            );
            if memmem::find(&client.read()[seen..], b"\r\n\r\n").is_some() {
                break;
            }
            seen = client.read().len().saturating_sub(3);
        }
        client.forgets();
    }
}

async fn ask_http2(client: End, authority: &str, plans: &[Plan]) {
    let (mut requests, connection) = h2::client::handshake(client.into_stream())
        .await
        .expect("a handshake");
    let driving = tokio::spawn(connection);
    for plan in plans {
        let mut request = Request::builder()
            .method(plan.method())
            .uri(format!("https://{authority}{}", plan.target));
        for (name, value) in &plan.request {
            request = request.header(name.as_str(), value.as_str());
        }
        std::future::poll_fn(|cx| requests.poll_ready(cx))
            .await
            .expect("room");
        let request = request.body(()).expect("a request");
        let (response, _) = requests.send_request(request, true).expect("sent");
        assert_eq!(
            response.await.expect("an answer").status(),
            plan.status,
            "{}",
            plan.kind
        );
    }
    driving.abort();
}

/// The ways in which a secret might be written.
fn spellings(secret: &str) -> BTreeSet<Vec<u8>> {
    let mut spellings = BTreeSet::from([
        secret.as_bytes().to_vec(),
        secret.to_uppercase().into_bytes(),
    ]);
    let encoded = secret.bytes().fold(String::new(), |mut text, octet| {
        let _ = write!(text, "%{octet:02X}");
        text
    });
    spellings.insert(encoded.to_lowercase().into_bytes());
    spellings.insert(encoded.into_bytes());
    // Whatever stands before it, base64 has it in one of three ways, but for its ends.
    for before in ["", "a", "aa"] {
        let whole = format!("{before}{secret}");
        for text in [
            STANDARD_NO_PAD.encode(&whole),
            URL_SAFE_NO_PAD.encode(&whole),
        ] {
            let core = text.get(4..text.len() - 4).expect("long");
            spellings.insert(core.as_bytes().to_vec());
        }
    }
    spellings
}

/// What has a secret in it.
fn leaks(places: &[(String, Vec<u8>)], plans: &[Plan]) -> Vec<String> {
    let mut leaks = Vec::new();
    for plan in plans {
        for spelling in spellings(&plan.secret) {
            let finder = memmem::Finder::new(&spelling);
            for (name, octets) in places {
                if let Some(at) = finder.find(octets) {
                    let around = &octets[at.saturating_sub(60)..(at + 60).min(octets.len())];
                    leaks.push(format!(
                        "{}: {name}: {}",
                        plan.kind,
                        String::from_utf8_lossy(around)
                    ));
                }
            }
        }
    }
    leaks
}

fn reports(home: &Path, capture: &Path, exchanges: usize) -> Vec<(String, Vec<u8>)> {
    let mut reports = Vec::new();
    let ids: Vec<String> = (1..=exchanges).map(|id| id.to_string()).collect();
    for (number, some) in ids.chunks(30).enumerate() {
        for form in ["markdown", "html", "har", "json", "curl"] {
            let mut command = corstap(home);
            command
                .arg("report")
                .args(some)
                .args(["--format", form, "--capture"])
                .arg(capture);
            let output = command.env("CORSTAP_LOG", "trace").output().expect("run");
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            assert!(output.stdout.len() > 2_000, "{form} tells of all of them");
            reports.push((format!("{form} {number}"), output.stdout));
            reports.push((format!("log of {form} {number}"), output.stderr));
        }
    }
    reports
}

/// The capture, and what lies beside it.
fn files_of_captures(home: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(home).expect("there").flatten();
    let paths = entries.map(|entry| entry.path());
    let paths = paths.filter(|path| path.to_string_lossy().contains(".corstap"));
    paths
        .map(|path| {
            let octets = std::fs::read(&path).expect("read");
            (path.display().to_string(), octets)
        })
        .collect()
}

fn assert_no(leaks: &[String]) {
    let kinds = leaks.iter().filter_map(|leak| leak.split(':').next());
    let kinds: BTreeSet<&str> = kinds.collect();
    let many = leaks.len();
    assert!(
        many == 0,
        "{many} leaks of {kinds:?}:\n{}",
        leaks.join("\n")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_planted_secret_is_written_anywhere() {
    let plans = Arc::new(plans());
    assert!(plans.len() >= 300 && SPOTS.len() >= 30);
    let home = tempfile::tempdir().expect("a directory");
    let (address, pem) = server(Arc::clone(&plans)).await;
    std::fs::write(home.path().join("servers.pem"), pem).expect("written");
    let capture = home.path().join("planted.corstap");
    let mut command = corstap(home.path());
    command
        .env("CORSTAP_LOG", "trace")
        .args(["run", "--json", "--listen", "127.0.0.1:0", "--resolve"])
        .arg(format!("{SERVER}:{}:127.0.0.1", address.port()))
        .arg("--ca-dir")
        .arg(home.path().join("ca"))
        .arg("--upstream-ca")
        .arg(home.path().join("servers.pem"))
        .arg("--capture")
        .arg(&capture);
    let mut running = Running::of(&mut command, capture.clone());
    let root = std::fs::read(home.path().join("ca/ca.pem")).expect("a CA");
    let root = CertificateDer::from_pem_slice(&root).expect("a certificate");
    let authority = format!("{SERVER}:{}", address.port());
    let (first, second) = plans.split_at(plans.len() / 2);
    let one = client(running.address, &authority, &root, Alpn::Http11).await;
    ask_http1(one, &authority, first).await;
    let two = client(running.address, &authority, &root, Alpn::Http2).await;
    ask_http2(two, &authority, second).await;
    let mut logged = Vec::new();
    let mut ended = BTreeSet::new();
    while ended.len() < plans.len() {
        let record = running.next();
        if !record["elapsed_ms"].is_null() {
            ended.insert(record["id"].as_u64());
        }
        logged.extend_from_slice(record.to_string().as_bytes());
    }
    let mut places = vec![("live log".to_owned(), logged)];
    places.extend(files_of_captures(home.path()));
    assert!(places.len() > 2, "the capture and its WAL");
    running.kill();
    places.push((
        "capture after all".to_owned(),
        std::fs::read(&capture).expect("read"),
    ));
    places.extend(reports(home.path(), &capture, plans.len()));
    let told = running.told();
    assert!(told.contains("TRACE"), "at trace level");
    places.push(("log".to_owned(), told.into_bytes()));
    let leaks = leaks(&places, &plans);
    assert_no(&leaks);
}
