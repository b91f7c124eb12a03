//! The CA as such: a certificate, its key, and the leaves it signs.

use std::net::IpAddr;

use aws_lc_rs::digest;
use base64::Engine as _;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    NameConstraints, PKCS_ECDSA_P256_SHA256, PublicKeyData, SanType, SerialNumber,
};
use rustls::pki_types::CertificateDer;
use time::{Duration, OffsetDateTime};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{Error, HostList, random};
use crate::clock;
use crate::wire::target::Host;

/// How long the CA is valid.
const CA_DAYS: i64 = 825;
/// How long a leaf is valid, from a day ago on, for clocks that are behind.
const LEAF_DAYS: i64 = 45;

/// A certificate authority that is ready to sign.
#[derive(Debug)]
pub struct Ca {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    hosts: HostList,
    not_after: OffsetDateTime,
}

/// A certificate as a PEM file (RFC 7468).
pub(super) fn pem(certificate: &CertificateDer<'_>) -> String {
    let lf = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    pem::encode_config(&pem::Pem::new("CERTIFICATE", certificate.to_vec()), lf)
}

/// Why a certificate and key are not a CA.
#[derive(Debug, PartialEq, Eq)]
pub enum Unusable {
    /// They are not what they ought to be.
    Damaged(&'static str),
    /// The certificate has expired.
    Expired,
}

impl Ca {
    /// Makes a new CA that can sign for `hosts` alone. `owner` is who made it where, for the name
    /// people see when they trust it.
    pub fn generate(hosts: HostList, owner: &str) -> Result<Self, Error> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let now = clock::now().utc();
        let mut params = CertificateParams::default();
        params.not_before = now - Duration::DAY;
        params.not_after = now + Duration::days(CA_DAYS);
        params.serial_number = Some(serial()?);
        params.distinguished_name =
            name(&format!("corstap development CA ({owner}, {})", now.date()));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.name_constraints = constraints(&hosts);
        let certificate = params.self_signed(&key)?.der().clone();
        let not_after = params.not_after;
        Ok(Self {
            issuer: Issuer::new(params, key),
            certificate,
            hosts,
            not_after,
        })
    }

    /// The CA of a certificate and key that were stored.
    pub(super) fn restore(
        certificate: &CertificateDer<'_>,
        key: KeyPair,
    ) -> Result<Self, Unusable> {
        let (_, parsed) = X509Certificate::from_der(certificate)
            .map_err(|_| Unusable::Damaged("the certificate cannot be parsed"))?;
        if parsed.public_key().raw != key.subject_public_key_info() {
            return Err(Unusable::Damaged(
                "the key does not belong to the certificate",
            ));
        }
        if !parsed.is_ca() {
            return Err(Unusable::Damaged("the certificate is not a CA's"));
        }
        let not_after = parsed.validity().not_after.to_datetime();
        if not_after <= clock::now().utc() {
            return Err(Unusable::Expired);
        }
        let hosts = read_constraints(&parsed)?;
        let issuer = Issuer::from_ca_cert_der(certificate, key)
            .map_err(|_| Unusable::Damaged("the certificate cannot sign"))?;
        Ok(Self {
            issuer,
            certificate: certificate.clone().into_owned(),
            hosts,
            not_after,
        })
    }

    /// The hosts it can sign for.
    pub fn hosts(&self) -> &HostList {
        &self.hosts
    }

    /// When it stops being valid.
    pub fn not_after(&self) -> OffsetDateTime {
        self.not_after
    }

    /// Its certificate.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// Its certificate as a PEM file (RFC 7468).
    pub fn certificate_pem(&self) -> String {
        pem(&self.certificate)
    }

    /// Its key as a PEM file (RFC 7468), for its owner alone.
    pub(super) fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// SHA-256 of the certificate, as tools print it: `AB:CD:…`.
    pub fn fingerprint(&self) -> String {
        let digest = digest::digest(&digest::SHA256, &self.certificate);
        let octets: Vec<String> = digest
            .as_ref()
            .iter()
            .map(|octet| format!("{octet:02X}"))
            .collect();
        octets.join(":")
    }

    /// The SPKI pin: base64 of the SHA-256 of the public key (RFC 7469 section 2.4), which
    /// Chromium's `--ignore-certificate-errors-spki-list` takes.
    pub fn spki_pin(&self) -> String {
        let digest = digest::digest(
            &digest::SHA256,
            &self.issuer.key().subject_public_key_info(),
        );
        base64::engine::general_purpose::STANDARD.encode(digest)
    }

    /// Signs a leaf for one host with the public half of `key`. It is valid for 46 days at most,
    /// and refused for a host outside the CA's names.
    pub fn sign(&self, host: &Host, key: &KeyPair) -> Result<Leaf, Error> {
        if !self.hosts.contains(host) {
            return Err(Error::Outside(host.to_string()));
        }
        let now = clock::now().utc();
        let mut params = CertificateParams::default();
        params.not_before = now - Duration::DAY;
        params.not_after = (now + Duration::days(LEAF_DAYS)).min(self.not_after);
        params.serial_number = Some(serial()?);
        params.distinguished_name = name("corstap development leaf");
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        params.subject_alt_names = vec![match host {
            Host::Ip(address) => SanType::IpAddress(*address),
            Host::Name(_) => {
                SanType::DnsName(host.name().unwrap_or_default().to_owned().try_into()?)
            }
        }];
        let certificate = params.signed_by(key, &self.issuer)?.der().clone();
        Ok(Leaf {
            certificate,
            not_after: params.not_after,
        })
    }
}

/// A certificate for one host.
#[derive(Debug)]
pub struct Leaf {
    /// The certificate.
    pub certificate: CertificateDer<'static>,
    /// When it stops being valid.
    pub not_after: OffsetDateTime,
}

/// A random serial number: positive and of 16 octets (RFC 5280 section 4.1.2.2).
fn serial() -> Result<SerialNumber, Error> {
    let mut octets: [u8; 16] = random()?;
    let [first, ..] = &mut octets;
    *first = *first & 0x7f | 0x40;
    Ok(SerialNumber::from_slice(&octets))
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "corstap");
    name.push(DnType::CommonName, common);
    name
}

/// Permitted subtrees for exactly these hosts. A name without a leading dot covers itself and what
/// is below it; verifiers differ on leading dots.
fn constraints(hosts: &HostList) -> Option<NameConstraints> {
    let HostList::Only { names, addresses } = hosts else {
        return None;
    };
    let names = names.iter().cloned().map(GeneralSubtree::DnsName);
    let addresses = addresses.iter().map(|address| {
        let prefix = if address.is_ipv4() { 32 } else { 128 };
        GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(*address, prefix))
    });
    Some(NameConstraints {
        permitted_subtrees: names.chain(addresses).collect(),
        excluded_subtrees: Vec::new(),
    })
}

fn read_constraints(certificate: &X509Certificate<'_>) -> Result<HostList, Unusable> {
    let damaged = Unusable::Damaged("its name constraints cannot be read");
    let Ok(extension) = certificate.name_constraints() else {
        return Err(damaged);
    };
    let Some(permitted) =
        extension.and_then(|extension| extension.value.permitted_subtrees.as_ref())
    else {
        return Ok(HostList::Any);
    };
    let (mut names, mut addresses) = (Vec::new(), Vec::new());
    for subtree in permitted {
        if let GeneralName::DNSName(name) = subtree.base {
            names.push(name.to_owned());
        } else if let GeneralName::IPAddress(octets) = subtree.base {
            addresses
                .push(single_address(octets).ok_or(Unusable::Damaged("it permits a network"))?);
        } else {
            return Err(damaged);
        }
    }
    Ok(HostList::Only { names, addresses })
}

/// The address of an iPAddress constraint whose mask is all ones.
fn single_address(octets: &[u8]) -> Option<IpAddr> {
    let (address, mask) = octets.split_at_checked(octets.len() / 2)?;
    if mask.iter().any(|&octet| octet != 0xff) {
        return None;
    }
    match address.len() {
        4 => <[u8; 4]>::try_from(address).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(address).ok().map(IpAddr::from),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;
    use x509_parser::extensions::ParsedExtension;

    use super::*;

    fn ca() -> Ca {
        Ca::generate(HostList::development(), "me@here").expect("made")
    }

    fn leaf_key() -> KeyPair {
        KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("made")
    }

    fn parsed(der: &[u8]) -> X509Certificate<'_> {
        X509Certificate::from_der(der).expect("DER").1
    }

    fn host(text: &str) -> Host {
        Host::parse(text.as_bytes()).expect(text)
    }

    #[test]
    fn the_ca_can_sign_leaves_for_its_hosts_and_nothing_else() {
        let ca = ca();
        let certificate = parsed(ca.certificate());
        let constraints = certificate
            .basic_constraints()
            .expect("one")
            .expect("there");
        assert!(constraints.critical && constraints.value.ca);
        assert_eq!(constraints.value.path_len_constraint, Some(0));
        let usage = certificate.key_usage().expect("one").expect("there");
        assert!(usage.critical && usage.value.key_cert_sign() && usage.value.crl_sign());
        assert!(!usage.value.digital_signature());
        let names = certificate.name_constraints().expect("one").expect("there");
        assert!(names.critical);
        assert_eq!(read_constraints(&certificate), Ok(HostList::development()));
        assert!(certificate.subject().to_string().contains("me@here"));
    }

    #[test]
    fn a_ca_comes_back_from_what_was_stored_and_only_with_its_own_key() {
        let ca = ca();
        let key = KeyPair::from_pem(&ca.key_pem()).expect("a key");
        let restored = Ca::restore(ca.certificate(), key).expect("usable");
        assert_eq!(
            (restored.hosts(), restored.spki_pin()),
            (ca.hosts(), ca.spki_pin())
        );
        let wrong = Ca::restore(ca.certificate(), leaf_key()).expect_err("another key");
        assert_eq!(
            wrong,
            Unusable::Damaged("the key does not belong to the certificate")
        );
    }

    #[test]
    fn every_field_of_a_leaf_is_set_on_purpose() {
        let (ca, key) = (ca(), leaf_key());
        let leaf = ca.sign(&host("api.example.test"), &key).expect("signed");
        let certificate = parsed(&leaf.certificate);
        let validity = certificate.validity();
        let days = (validity.not_after.timestamp() - validity.not_before.timestamp()) / 86400;
        assert!((1..=46).contains(&days), "{days} days");
        let constraints = certificate
            .basic_constraints()
            .expect("one")
            .expect("there");
        assert!(!constraints.value.ca);
        let usage = certificate
            .extended_key_usage()
            .expect("one")
            .expect("there");
        assert!(usage.value.server_auth && !usage.value.client_auth);
        let names = certificate
            .subject_alternative_name()
            .expect("one")
            .expect("there");
        assert_eq!(
            names.value.general_names,
            [GeneralName::DNSName("api.example.test")]
        );
        assert_eq!(certificate.issuer(), parsed(ca.certificate()).subject());
        assert_eq!(
            authority_key(&certificate),
            subject_key(&parsed(ca.certificate()))
        );
        certificate
            .verify_signature(Some(parsed(ca.certificate()).public_key()))
            .expect("signed by it");
    }

    fn authority_key(certificate: &X509Certificate<'_>) -> Option<Vec<u8>> {
        certificate.extensions().iter().find_map(|extension| {
            let ParsedExtension::AuthorityKeyIdentifier(id) = extension.parsed_extension() else {
                return None;
            };
            id.key_identifier.as_ref().map(|id| id.0.to_vec())
        })
    }

    fn subject_key(certificate: &X509Certificate<'_>) -> Option<Vec<u8>> {
        certificate.extensions().iter().find_map(|extension| {
            let ParsedExtension::SubjectKeyIdentifier(id) = extension.parsed_extension() else {
                return None;
            };
            Some(id.0.to_vec())
        })
    }

    #[test]
    fn serial_numbers_are_positive_long_and_never_the_same() {
        let (ca, key) = (ca(), leaf_key());
        let mut seen = HashSet::new();
        for number in 0..500 {
            let leaf = ca
                .sign(&host(&format!("h{number}.test")), &key)
                .expect("signed");
            let serial = parsed(&leaf.certificate).raw_serial().to_vec();
            assert!(serial.len() == 16 && serial[0] & 0x80 == 0, "{serial:02x?}");
            assert!(seen.insert(serial));
        }
    }

    #[test]
    fn nothing_outside_the_names_is_signed() {
        let (ca, key) = (ca(), leaf_key());
        for outside in ["example.com", "10.0.0.1", "latest", "[::2]"] {
            let error = ca.sign(&host(outside), &key).expect_err(outside);
            assert!(matches!(error, Error::Outside(_)));
        }
    }

    proptest! {
        #[test]
        fn a_leaf_names_exactly_its_host(label in "[a-z][a-z0-9_-]{0,40}[a-z0-9]", address: [u8; 4]) {
            // What stands for another script is a name only if it is spelt as such.
            prop_assume!(!label.starts_with("xn--"));
            let ca = Ca::generate(HostList::Any, "me@here").expect("made");
            let key = leaf_key();
            let name = format!("{label}.example.test");
            let leaf = ca.sign(&host(&name), &key).expect("signed");
            let certificate = parsed(&leaf.certificate);
            let names = certificate.subject_alternative_name().expect("one").expect("there");
            prop_assert_eq!(&names.value.general_names, &[GeneralName::DNSName(&name)]);
            let leaf = ca.sign(&Host::Ip(address.into()), &key).expect("signed");
            let certificate = parsed(&leaf.certificate);
            let names = certificate.subject_alternative_name().expect("one").expect("there");
            prop_assert_eq!(&names.value.general_names, &[GeneralName::IPAddress(&address)]);
        }
    }
}
