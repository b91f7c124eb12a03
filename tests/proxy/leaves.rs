//! Leaves, read back: each field as it ought to be, for hosts of all kinds.

use std::collections::HashSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use corstap::ca::{Ca, HostList};
use corstap::wire::target::Host;
use rcgen::KeyPair;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};

/// How many leaves are looked at.
fn how_many() -> u64 {
    if std::env::var_os("CORSTAP_FULL").is_some() {
        10_000
    } else {
        500
    }
}

/// Hosts of each kind in turn.
fn host(number: u64) -> Host {
    let random = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let text = match number % 6 {
        0 => format!("h{random:x}.example.test"),
        1 => {
            return Host::from(Ipv4Addr::from_bits(
                u32::try_from(random >> 32).expect("32 bits"),
            ));
        }
        2 => {
            return Host::Ip(
                Ipv6Addr::from_bits(u128::from(random) << 64 | u128::from(number)).into(),
            );
        }
        3 => longest(random),
        4 => format!("xn--bcher-kva.xn--{random:x}-kva.test"),
        _ => format!("a_{random:x}.b-{number}.localhost."),
    };
    Host::parse(text.as_bytes()).unwrap_or_else(|| Host::Name(text.into()))
}

/// A name of 253 octets, the most that DNS has room for.
fn longest(random: u64) -> String {
    let label = "l".repeat(63);
    let name = format!("{random:016x}.{label}.{label}.{label}.");
    let rest = 253 - name.len() - ".test".len();
    format!("{name}{}.test", "r".repeat(rest))
}

fn extension<'a, T>(
    certificate: &'a X509Certificate<'_>,
    wanted: impl Fn(&'a ParsedExtension<'a>) -> Option<T>,
) -> T {
    let found = certificate.extensions().iter();
    let mut found = found.filter_map(|extension| wanted(extension.parsed_extension()));
    found.next().expect("there")
}

/// What has to be so whatever the host is.
fn assert_sound(certificate: &X509Certificate<'_>, ca: &X509Certificate<'_>) {
    let (validity, of_ca) = (certificate.validity(), ca.validity());
    let seconds = validity.not_after.timestamp() - validity.not_before.timestamp();
    assert!(seconds <= 46 * 86_400, "{seconds} s");
    assert!(validity.is_valid() && validity.not_after <= of_ca.not_after);
    let serial = certificate.raw_serial();
    assert!((8..=20).contains(&serial.len()) && serial[0] & 0x80 == 0);
    let is_ca = certificate
        .basic_constraints()
        .expect("one")
        .expect("there");
    assert!(!is_ca.value.ca);
    let usage = certificate.key_usage().expect("one").expect("there");
    assert!(usage.value.digital_signature() && !usage.value.key_cert_sign());
    let usage = certificate
        .extended_key_usage()
        .expect("one")
        .expect("there");
    assert!(usage.value.server_auth && !usage.value.any && !usage.value.client_auth);
    let authority = extension(certificate, |extension| {
        let ParsedExtension::AuthorityKeyIdentifier(id) = extension else {
            return None;
        };
        id.key_identifier.as_ref().map(|id| id.0)
    });
    let subject = extension(ca, |extension| {
        let ParsedExtension::SubjectKeyIdentifier(id) = extension else {
            return None;
        };
        Some(id.0)
    });
    assert_eq!(authority, subject);
    assert_ne!(certificate.public_key().raw, ca.public_key().raw);
    certificate
        .verify_signature(Some(ca.public_key()))
        .expect("signed by it");
}

#[test]
fn every_leaf_names_its_host_alone_and_is_sound() {
    let ca = Ca::generate(HostList::Any, "me@here").expect("made");
    let (_, of_ca) = X509Certificate::from_der(ca.certificate()).expect("DER");
    let key = KeyPair::generate().expect("made");
    let mut serials = HashSet::new();
    for number in 0..how_many() {
        let host = host(number);
        let leaf = ca.sign(&host, &key).expect("signed");
        let (_, certificate) = X509Certificate::from_der(&leaf.certificate).expect("DER");
        assert_sound(&certificate, &of_ca);
        assert!(serials.insert(certificate.raw_serial().to_vec()), "twice");
        let names = certificate
            .subject_alternative_name()
            .expect("one")
            .expect("there");
        let octets;
        let wanted = match &host {
            Host::Name(_) => GeneralName::DNSName(host.name().expect("a name")),
            Host::Ip(address) => {
                octets = match address {
                    std::net::IpAddr::V4(address) => address.octets().to_vec(),
                    std::net::IpAddr::V6(address) => address.octets().to_vec(),
                };
                GeneralName::IPAddress(&octets)
            }
        };
        assert_eq!(names.value.general_names, [wanted], "{host}");
    }
}
