//! Certificates: those of servers that are not to be trusted, and the leaves that clients get.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    Issuer, KeyPair, NameConstraints, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::support::scene::{SERVER, Scene, connector, provider};

const FETCH: &str = "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0\r\n\
    Origin: https://app.example.test\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Site: same-site\r\nSec-Fetch-Dest: empty\r\n";
const VISIT: &str = "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0\r\n\
    Sec-Fetch-Mode: navigate\r\nSec-Fetch-Site: none\r\nSec-Fetch-Dest: document\r\n";

/// What a server shows, and what its clients trust.
struct Shown {
    chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
    root: CertificateDer<'static>,
}

/// Changes to a certificate that would otherwise be right.
type Change = fn(&mut CertificateParams);

/// What is wrong, the changes to leaf and intermediate, and the words of the record.
struct Case {
    wrong: &'static str,
    leaf: Change,
    intermediate: Change,
    shows: fn(Shown) -> Shown,
    words: &'static str,
}

const RIGHT: Case = Case {
    wrong: "nothing",
    leaf: |_| {},
    intermediate: |_| {},
    shows: |shown| shown,
    words: "",
};

const WRONG: &[Case] = &[
    Case {
        wrong: "expired",
        leaf: |leaf| leaf.not_after = date_time_ymd(2020, 1, 1),
        words: "it has expired",
        ..RIGHT
    },
    Case {
        wrong: "not yet valid",
        leaf: |leaf| leaf.not_before = date_time_ymd(4000, 1, 1),
        words: "it is not valid yet",
        ..RIGHT
    },
    Case {
        wrong: "for another name",
        leaf: |leaf| leaf.subject_alt_names = named("other.example.test"),
        words: "it is for another name",
        ..RIGHT
    },
    Case {
        wrong: "for a name one label short",
        leaf: |leaf| leaf.subject_alt_names = named("*.api.example.test"),
        words: "it is for another name",
        ..RIGHT
    },
    Case {
        wrong: "named in its subject alone",
        leaf: |leaf| {
            leaf.subject_alt_names = Vec::new();
            leaf.distinguished_name.push(DnType::CommonName, SERVER);
        },
        words: "it is for another name",
        ..RIGHT
    },
    Case {
        wrong: "for clients",
        leaf: |leaf| leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
        words: "not to be trusted",
        ..RIGHT
    },
    Case {
        wrong: "of an unknown CA",
        shows: |shown| Shown {
            root: ca("elsewhere.test")
                .self_signed(&key())
                .expect("made")
                .der()
                .clone(),
            ..shown
        },
        words: "its issuer is unknown",
        ..RIGHT
    },
    Case {
        wrong: "without its intermediate",
        shows: |shown| Shown {
            chain: shown.chain[..1].to_vec(),
            ..shown
        },
        words: "its issuer is unknown",
        ..RIGHT
    },
    Case {
        wrong: "self-signed",
        shows: |shown| Shown {
            chain: vec![self_signed(&shown.key)],
            ..shown
        },
        words: "its issuer is unknown",
        ..RIGHT
    },
    Case {
        wrong: "of an intermediate that has expired",
        intermediate: |ca| ca.not_after = date_time_ymd(2020, 1, 1),
        words: "it has expired",
        ..RIGHT
    },
    Case {
        wrong: "of an intermediate that is no CA",
        intermediate: |ca| ca.is_ca = IsCa::ExplicitNoCa,
        words: "not to be trusted",
        ..RIGHT
    },
    Case {
        wrong: "of an intermediate for other names",
        intermediate: |ca| {
            ca.name_constraints = Some(NameConstraints {
                permitted_subtrees: vec![GeneralSubtree::DnsName("other.test".to_owned())],
                excluded_subtrees: Vec::new(),
            });
        },
        words: "not to be trusted",
        ..RIGHT
    },
];

fn named(name: &str) -> Vec<rcgen::SanType> {
    let name = name.to_owned().try_into().expect("ASCII");
    vec![rcgen::SanType::DnsName(name)]
}

fn key() -> KeyPair {
    KeyPair::generate().expect("made")
}

fn certificate(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.subject_alt_names = named(name);
    params
        .distinguished_name
        .push(DnType::OrganizationName, name);
    params
}

fn self_signed(key: &KeyPair) -> CertificateDer<'static> {
    let made = certificate(SERVER).self_signed(key).expect("made");
    made.der().clone()
}

fn ca(name: &str) -> CertificateParams {
    let mut params = certificate(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

/// A leaf of an intermediate of a root.
fn made(case: &Case) -> Shown {
    let (root_key, middle_key, leaf_key) = (key(), key(), key());
    let root_params = ca("root.test");
    let root = root_params
        .self_signed(&root_key)
        .expect("made")
        .der()
        .clone();
    let root_issuer = Issuer::new(root_params, root_key);
    let mut middle_params = ca("middle.test");
    (case.intermediate)(&mut middle_params);
    let middle = middle_params.signed_by(&middle_key, &root_issuer);
    let middle_issuer = Issuer::new(middle_params, middle_key);
    let mut leaf_params = certificate(SERVER);
    (case.leaf)(&mut leaf_params);
    let leaf = leaf_params
        .signed_by(&leaf_key, &middle_issuer)
        .expect("made");
    (case.shows)(Shown {
        chain: vec![leaf.der().clone(), middle.expect("made").der().clone()],
        key: leaf_key,
        root,
    })
}

async fn set(case: &Case) -> Scene {
    let Shown { chain, key, root } = made(case);
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain, key);
    Scene::with(Arc::new(config.expect("a key that fits")), vec![root]).await
}

/// A fetch gets nothing, the record the reason, and a person both.
async fn assert_not_trusted(scene: &Scene, case: &Case) {
    let get = |fields| {
        format!(
            "GET / HTTP/1.1\r\nHost: {}\r\n{fields}\r\n",
            scene.authority()
        )
    };
    let mut fetch = scene.tls_client().await;
    fetch.sends(&get(FETCH)).await;
    assert_eq!(fetch.reads_to_end().await, b"", "{}", case.wrong);
    let recorded = scene.recorded();
    let recorded = &recorded.recorded;
    assert_eq!(recorded.ending.name(), "tls", "{}", case.wrong);
    let reason = recorded.reason.clone().unwrap_or_default();
    assert!(reason.contains(case.words), "{}: {reason}", case.wrong);
    let mut visit = scene.tls_client().await;
    visit.sends(&get(VISIT)).await;
    let page = visit.reads_to_end().await;
    let page = String::from_utf8(page).expect("text");
    assert!(
        page.starts_with("HTTP/1.1 502 ")
            && page.contains(case.words)
            && page.contains("--upstream-ca"),
        "{}: {page}",
        case.wrong
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_to_be_trusted_answers_nobody_and_the_record_says_why() {
    for case in WRONG {
        let scene = set(case).await;
        tokio::select! {
            () = assert_not_trusted(&scene, case) => {}
            () = async { loop { drop(scene.tries_tls_server().await); } } => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_certificates_are_right_is_reached() {
    let scene = set(&RIGHT).await;
    let (mut client, mut server) = scene.both().await;
    client.sends("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    server.sees("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_host_nor_sni_changes_where_a_tunnel_leads() {
    let scene = Scene::set().await;
    let (mut client, mut server) = scene.both().await;
    let request = "GET / HTTP/1.1\r\nHost: other.example.test\r\n\r\n";
    client.sends(request).await;
    server.sees(request).await;
    drop((client, server));
    // The leaf is for the name that was asked for by CONNECT.
    let mut tunnel = scene.tunnel_to(&scene.authority()).await;
    let connector = connector(&scene.rig.root);
    let name = "other.example.test".try_into().expect("a name");
    let (refused, _server) =
        tokio::join!(tunnel.connects_with(connector, name), scene.tls_server());
    let told = refused.expect_err("another name").to_string();
    assert!(
        told.contains("other.example.test") && told.contains(SERVER),
        "{told}"
    );
}
