//! Leaves, minted once per host and kept for the run.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ServerConfig, ServerSessionMemoryCache, StoresServerSessions};
use rustls::sign::{CertifiedKey, SigningKey, SingleCertAndKey};
use time::{Duration, OffsetDateTime};

use super::{Ca, Error};
use crate::clock;
use crate::wire::alpn::Alpn;
use crate::wire::target::Host;

/// How many hosts' leaves are kept.
const MOST_LEAVES: usize = 1024;
/// How many TLS sessions clients can resume.
const MOST_SESSIONS: usize = 4096;

/// Signs a leaf when a host is first asked for, and hands out the TLS configuration that goes with
/// it. All leaves of a run share one key, which is not the CA's.
pub struct LeafCache {
    ca: Ca,
    key: KeyPair,
    signing: Arc<dyn SigningKey>,
    provider: Arc<CryptoProvider>,
    sessions: Arc<dyn StoresServerSessions>,
    minted: Mutex<HashMap<Host, Minted>>,
}

/// A leaf, in a configuration for each protocol.
struct Minted {
    plain: Arc<ServerConfig>,
    http11: Arc<ServerConfig>,
    http2: Arc<ServerConfig>,
    renew: OffsetDateTime,
}

impl Minted {
    fn config(&self, alpn: Option<Alpn>) -> Arc<ServerConfig> {
        Arc::clone(match alpn {
            None => &self.plain,
            Some(Alpn::Http11) => &self.http11,
            Some(Alpn::Http2) => &self.http2,
        })
    }
}

impl fmt::Debug for LeafCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeafCache")
            .field("ca", &self.ca)
            .finish_non_exhaustive()
    }
}

impl LeafCache {
    /// Leaves of this CA.
    pub fn new(ca: Ca, provider: Arc<CryptoProvider>) -> Result<Self, Error> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let signing = provider.key_provider.load_private_key(der)?;
        let sessions = ServerSessionMemoryCache::new(MOST_SESSIONS);
        Ok(Self {
            ca,
            key,
            signing,
            provider,
            sessions,
            minted: Mutex::default(),
        })
    }

    /// The CA that signs.
    pub fn ca(&self) -> &Ca {
        &self.ca
    }

    /// The configuration for clients that want to speak TLS with `host`, which has chosen `alpn` of
    /// what they offer.
    ///
    /// The leaf is sent together with the CA's certificate, which the SPKI pin needs.
    pub fn config(&self, host: &Host, alpn: Option<Alpn>) -> Result<Arc<ServerConfig>, Error> {
        let mut minted = self.minted.lock().unwrap_or_else(PoisonError::into_inner);
        let now = clock::now().utc();
        if let Some(known) = minted.get(host).filter(|known| known.renew > now) {
            return Ok(known.config(alpn));
        }
        let fresh = self.mint(host)?;
        let config = fresh.config(alpn);
        if minted.len() >= MOST_LEAVES {
            minted.clear();
        }
        minted.insert(host.clone(), fresh);
        Ok(config)
    }

    fn mint(&self, host: &Host) -> Result<Minted, Error> {
        let leaf = self.ca.sign(host, &self.key)?;
        let chain = vec![leaf.certificate, self.ca.certificate().clone()];
        let certified = CertifiedKey::new(chain, Arc::clone(&self.signing));
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        config.session_storage = Arc::clone(&self.sessions);
        let choosing = |alpn: Alpn| {
            let mut config = config.clone();
            config.alpn_protocols = vec![alpn.name().to_vec()];
            Arc::new(config)
        };
        Ok(Minted {
            http11: choosing(Alpn::Http11),
            http2: choosing(Alpn::Http2),
            plain: Arc::new(config),
            renew: leaf.not_after - Duration::DAY,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ca::HostList;

    fn cache() -> LeafCache {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let ca = Ca::generate(HostList::development(), "me@here").expect("made");
        LeafCache::new(ca, provider).expect("made")
    }

    fn host(text: &str) -> Host {
        Host::parse(text.as_bytes()).expect(text)
    }

    #[test]
    fn a_leaf_is_minted_once_per_host() {
        let cache = cache();
        let one = cache.config(&host("app.test"), None).expect("minted");
        assert!(Arc::ptr_eq(
            &one,
            &cache.config(&host("app.test"), None).expect("kept")
        ));
        assert!(!Arc::ptr_eq(
            &one,
            &cache.config(&host("api.test"), None).expect("minted")
        ));
    }

    #[test]
    fn nothing_is_minted_for_a_host_outside() {
        let error = cache()
            .config(&host("example.com"), None)
            .expect_err("refused");
        assert_eq!(
            error.to_string(),
            "example.com is outside the names of the CA"
        );
    }

    #[test]
    fn leaves_do_not_share_the_key_of_the_ca() {
        use rcgen::PublicKeyData;
        let cache = cache();
        let pin = cache.ca().spki_pin();
        let leaf = aws_lc_rs::digest::digest(
            &aws_lc_rs::digest::SHA256,
            &cache.key.subject_public_key_info(),
        );
        let leaf = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, leaf);
        assert_ne!(pin, leaf);
    }
}
