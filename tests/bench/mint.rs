//! What a leaf certificate costs: one for each host that is read, on the first connection to it.
//!
//! `cargo bench --bench mint` measures.
#![allow(clippy::expect_used, reason = "a benchmark that panics has failed")]

use corstap::ca::{Ca, HostList};
use corstap::wire::target::Host;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};

fn main() {
    divan::main();
}

/// With the key that all leaves of a run share.
#[divan::bench]
fn leaf_with_a_shared_key(bencher: divan::Bencher<'_, '_>) {
    let ca = Ca::generate(HostList::Any, "bench").expect("a CA");
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
    let host = Host::parse(b"api.example.test").expect("a host");
    bencher.bench_local(|| ca.sign(&host, &key).expect("signed"));
}

/// What of it is the signature: nothing can be cheaper.
#[divan::bench]
fn a_signature_alone(bencher: divan::Bencher<'_, '_>) {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
    bencher.bench_local(|| rcgen::SigningKey::sign(&key, &[7; 400]).expect("signed"));
}
