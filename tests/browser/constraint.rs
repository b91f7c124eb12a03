//! The CA's constraint, at those who verify: a leaf that its real key has signed for a host outside
//! its names is refused, though the CA is trusted; one for a host inside is taken.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use corstap::browser::firefox::Launch;
use corstap::ca::{DevCa, HostList};
use corstap::cors::Engine;
use corstap::proxy::Route;
use corstap::wire::target::Authority;
use rcgen::{CertificateParams, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore, ServerConfig};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::browser;
use crate::support::chromium::ALONE;
use crate::support::scene::{Rig, host, provider};

const INSIDE: &str = "api.app.test";
const OUTSIDE: &str = "api.other.example";
const REACHED: &str = "the server was reached";

/// A stored CA, trusted by a Chromium, and a server with a leaf of its key for each host.
struct Thief {
    home: TempDir,
    ca: DevCa,
    inside: SocketAddr,
    outside: SocketAddr,
}

impl Thief {
    async fn new() -> Self {
        let home = tempfile::tempdir().expect("a directory");
        let dir = home.path().join(".local/share/corstap/ca");
        let ca = DevCa::open(&dir, &HostList::development(), "me@here").expect("made");
        let stolen = std::fs::read_to_string(dir.join("ca-key.pem")).expect("there");
        let key = KeyPair::from_pem(&stolen).expect("a key");
        let issuer = Issuer::from_ca_cert_der(ca.ca.certificate(), key).expect("a CA");
        Self {
            inside: serve(leaf(&issuer, &ca, INSIDE)).await,
            outside: serve(leaf(&issuer, &ca, OUTSIDE)).await,
            home,
            ca,
        }
    }

    fn at(&self, name: &str) -> SocketAddr {
        if name == INSIDE {
            self.inside
        } else {
            self.outside
        }
    }

    fn url(&self, name: &str) -> String {
        format!("https://{name}:{}/", self.at(name).port())
    }

    /// What a program says of the server of a host, and whether it was content.
    fn ask(&self, program: &str, arguments: &[&str]) -> (bool, String) {
        let output = Command::new(program)
            .args(arguments)
            .env("HOME", self.home.path())
            .env("NODE_EXTRA_CA_CERTS", &self.ca.certificate_file)
            .output()
            .unwrap_or_else(|error| panic!("{program}: {error}"));
        (output.status.success(), said(&output))
    }
}

fn said(output: &Output) -> String {
    let all = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8_lossy(&all).into_owned()
}

/// A leaf that corstap would not sign.
fn leaf(issuer: &Issuer<'_, KeyPair>, ca: &DevCa, name: &str) -> ServerConfig {
    let key = KeyPair::generate().expect("made");
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("valid");
    params.not_before = ca.ca.not_after() - time::Duration::days(826);
    params.not_after = params.not_before + time::Duration::days(40);
    let signed = params.signed_by(&key, issuer).expect("signed");
    let chain = vec![signed.der().clone(), ca.ca.certificate().clone()];
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("a certificate")
}

async fn serve(config: ServerConfig) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let listener = listener.expect("bound");
    let address = listener.local_addr().expect("bound");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut tls = acceptor.accept(tcp).await?;
                let _ = tls.read(&mut [0; 4096]).await?;
                let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close";
                let answer = format!(
                    "{head}\r\nContent-Length: {}\r\n\r\n{REACHED}",
                    REACHED.len()
                );
                tls.write_all(answer.as_bytes()).await?;
                tls.shutdown().await
            });
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openssl_refuses_a_leaf_for_a_host_outside() {
    let thief = Thief::new().await;
    let ca = thief.ca.certificate_file.to_str().expect("text");
    let ask = |name: &str| {
        let at = thief.at(name).to_string();
        let verify = ["s_client", "-verify_return_error", "-brief", "-CAfile", ca];
        let peer = [
            "-connect",
            &at,
            "-servername",
            name,
            "-verify_hostname",
            name,
        ];
        thief.ask("openssl", &[&verify[..], &peer].concat())
    };
    let (is_content, told) = ask(INSIDE);
    assert!(is_content, "{told}");
    let (is_content, told) = ask(OUTSIDE);
    assert!(
        !is_content && told.contains("permitted subtree violation"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rustls_refuses_a_leaf_for_a_host_outside() {
    let thief = Thief::new().await;
    let mut roots = RootCertStore::empty();
    roots
        .add(thief.ca.ca.certificate().clone())
        .expect("a root");
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let ask = async |name: &'static str| {
        let tcp = TcpStream::connect(thief.at(name)).await?;
        let name = ServerName::try_from(name).expect("a name");
        connector.connect(name, tcp).await.map(drop)
    };
    ask(INSIDE).await.expect("verified");
    let error = ask(OUTSIDE).await.expect_err("refused");
    let error = error
        .get_ref()
        .and_then(|error| error.downcast_ref::<rustls::Error>());
    let Some(rustls::Error::InvalidCertificate(CertificateError::Other(why))) = error else {
        panic!("{error:?}");
    };
    assert!(
        format!("{why:?}").contains("NameConstraintViolation"),
        "{why:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node_refuses_a_leaf_for_a_host_outside() {
    let thief = Thief::new().await;
    let ask = |name: &str| {
        let script = format!(
            "require('https').get({{ host: '127.0.0.1', port: {}, servername: '{name}', headers: {{ host: '{name}' }} }},
               (answer) => {{ answer.resume(); console.log(answer.statusCode); }})
             .on('error', (error) => {{ console.log(error.code, error.message); process.exitCode = 1; }})",
            thief.at(name).port()
        );
        thief.ask("node", &["-e", &script])
    };
    let (is_content, told) = ask(INSIDE);
    assert!(is_content && told.contains("200"), "{told}");
    let (is_content, told) = ask(OUTSIDE);
    assert!(
        !is_content && told.contains("permitted subtree violation"),
        "{told}"
    );
}

/// Trusts the CA in the store that Chromium reads, as its users do.
fn install(home: &Path) {
    let store = home.join(".pki/nssdb");
    std::fs::create_dir_all(&store).expect("made");
    let sql = format!("sql:{}", store.display());
    let made = Command::new("certutil")
        .args(["-N", "--empty-password", "-d", &sql])
        .output();
    assert!(made.expect("certutil").status.success());
    let done = Command::new(env!("CARGO_BIN_EXE_corstap"))
        .args(["ca", "install", "--stores", "nss"])
        .env("HOME", home)
        .env_remove("XDG_DATA_HOME")
        .output()
        .expect("run");
    assert!(done.status.success(), "{}", said(&done));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chromium_refuses_a_leaf_for_a_host_outside() {
    let Some(program) = browser(Engine::Chromium) else {
        return;
    };
    let thief = Thief::new().await;
    install(thief.home.path());
    let program = program.to_str().expect("text");
    let profile = thief.home.path().join("profile");
    let profile = format!("--user-data-dir={}", profile.display());
    let ask = |name: &str| {
        let arguments = [
            "--no-proxy-server",
            "--host-resolver-rules=MAP *.test 127.0.0.1, MAP *.example 127.0.0.1",
            "--dump-dom",
            &profile,
        ];
        thief
            .ask(
                program,
                &[&ALONE[..], &arguments, &[&thief.url(name)]].concat(),
            )
            .1
    };
    let told = ask(INSIDE);
    assert!(told.contains(REACHED), "{told}");
    let told = ask(OUTSIDE);
    assert!(
        !told.contains(REACHED) && told.contains("ERR_CERT"),
        "{told}"
    );
}

/// A Firefox that trusts the CA, behind a proxy that reads nothing: it sees the servers' own leaves.
async fn firefox(thief: &Thief, program: PathBuf) -> (Rig, corstap::browser::firefox::Browser) {
    let at = |name: &str| {
        let port = thief.at(name).port();
        (
            Authority {
                host: host(name),
                port,
            },
            IpAddr::from(Ipv4Addr::LOCALHOST),
        )
    };
    let route = Route {
        resolve: [INSIDE, OUTSIDE].map(at).into(),
        ..Route::default()
    };
    let rig = Rig::start(HostList::default(), route).await;
    let launch = Launch {
        program: Some(program),
        proxy: rig.proxy,
        ca_pem: thief.ca.ca.certificate_pem(),
    };
    let browser = launch
        .start()
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    (rig, browser)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn firefox_refuses_a_leaf_for_a_host_outside() {
    let Some(program) = browser(Engine::Firefox) else {
        return;
    };
    let thief = Thief::new().await;
    let (_rig, mut browser) = firefox(&thief, program).await;
    let context = browser.bidi.open_context().await.expect("a context");
    let tab = browser.bidi.open_tab(&context).await.expect("a tab");
    let inside = browser.bidi.navigate(&tab, &thief.url(INSIDE)).await;
    inside.expect("it is shown");
    let text = browser
        .bidi
        .evaluate(&tab, "document.body.textContent")
        .await;
    assert_eq!(text.expect("a text"), REACHED);
    let outside = browser.bidi.navigate(&tab, &thief.url(OUTSIDE)).await;
    let told = outside.expect_err("refused").to_string();
    browser.close().await;
    assert!(told.contains("SEC_ERROR_CERT_NOT_IN_NAME_SPACE"), "{told}");
}
