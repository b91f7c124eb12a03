//! Whom to trust: the platform's roots, those that the user names, and the very certificates that
//! the user names.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use rustls_platform_verifier::Verifier;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::time::ASN1Time;

/// Verifies the certificates of servers.
#[derive(Debug)]
pub(super) struct Trust {
    chains: Verifier,
    named: Vec<CertificateDer<'static>>,
}

impl Trust {
    /// Reads the platform's roots, which may take its time. Each certificate in `named` is trusted
    /// as a root, and as a server's own.
    pub(super) fn load(
        named: Vec<CertificateDer<'static>>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, Error> {
        let chains = Verifier::new_with_extra_roots(named.iter().cloned(), provider)?;
        Ok(Self { chains, named })
    }
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        // A certificate that signed itself is no CA's, which is what chains are checked for.
        if self.named.iter().any(|named| named == end_entity) {
            verify_named(end_entity, server_name, now)?;
            return Ok(ServerCertVerified::assertion());
        }
        self.chains
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chains.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chains.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chains.supported_verify_schemes()
    }
}

/// Lets one server's certificate pass whatever is wrong with it, and remembers what that was. That
/// the server has the certificate's key is verified all the same.
#[derive(Debug)]
pub(super) struct Lenient {
    trust: Arc<Trust>,
    fault: OnceLock<Error>,
}

impl Lenient {
    pub(super) fn new(trust: Arc<Trust>) -> Self {
        Self {
            trust,
            fault: OnceLock::new(),
        }
    }

    /// Why the certificate would not have passed, if it would not.
    pub(super) fn fault(&self) -> Option<&Error> {
        self.fault.get()
    }
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.trust.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        if let Err(fault) = verified {
            // There is one certificate on a connection: nothing was remembered before.
            let _ = self.fault.set(fault);
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.trust.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.trust.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.trust.supported_verify_schemes()
    }
}

/// A certificate that is trusted by itself must still be the server's, and of today.
fn verify_named(
    certificate: &CertificateDer<'_>,
    server_name: &ServerName<'_>,
    now: UnixTime,
) -> Result<(), Error> {
    verify_server_name(&ParsedCertificate::try_from(certificate)?, server_name)?;
    let (_, parsed) =
        X509Certificate::from_der(certificate).map_err(|_| CertificateError::BadEncoding)?;
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let now = ASN1Time::from_timestamp(now).map_err(|_| CertificateError::BadEncoding)?;
    let validity = parsed.validity();
    if now < validity.not_before {
        Err(CertificateError::NotValidYet.into())
    } else if now > validity.not_after {
        Err(CertificateError::Expired.into())
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    /// `openssl req -x509`: a CA's certificate, used by a server.
    fn self_signed() -> CertificateDer<'static> {
        let key = KeyPair::generate().expect("made");
        let mut params = CertificateParams::new(["localhost".to_owned()]).expect("valid");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2027, 1, 1);
        params.self_signed(&key).expect("made").der().clone()
    }

    fn verify(named: Vec<CertificateDer<'static>>, name: &str, year: u64) -> Result<(), Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let certificate = named.first().expect("one").clone();
        let trust = Trust::load(named, provider).expect("loaded");
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let year = Duration::from_hours((year - 1970) * 8766 + 4383);
        let now = UnixTime::since_unix_epoch(year);
        trust
            .verify_server_cert(&certificate, &[], &name, &[], now)
            .map(drop)
    }

    #[test]
    fn a_certificate_that_is_named_is_trusted_for_its_names_and_its_time() {
        let one = vec![self_signed()];
        assert_eq!(verify(one.clone(), "localhost", 2026), Ok(()));
        let failure = |error: CertificateError| Err(error.into());
        assert_eq!(
            verify(one.clone(), "localhost", 2028),
            failure(CertificateError::Expired)
        );
        assert!(verify(one, "other.test", 2026).is_err());
    }
}
