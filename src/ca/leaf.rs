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
    provider: Arc<CryptoProvider>,
    sessions: Arc<dyn StoresServerSessions>,
    minted: Mutex<Mint>,
}

/// The leaves there are, and their key, which is made when the first leaf is.
#[derive(Default)]
struct Mint {
    key: Option<LeafKey>,
    leaves: HashMap<Host, Minted>,
}

/// The key of all leaves, for those who sign with it and for those who sign it.
struct LeafKey {
    pair: KeyPair,
    signing: Arc<dyn SigningKey>,
}

impl LeafKey {
    fn generate(provider: &CryptoProvider) -> Result<Self, Error> {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pair.serialize_der()));
        let signing = provider.key_provider.load_private_key(der)?;
        Ok(Self { pair, signing })
    }
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
    pub fn new(ca: Ca, provider: Arc<CryptoProvider>) -> Self {
        Self {
            ca,
            provider,
            sessions: ServerSessionMemoryCache::new(MOST_SESSIONS),
            minted: Mutex::default(),
        }
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
        let Mint { key, leaves } = &mut *minted;
        let now = clock::now().utc();
        if let Some(known) = leaves.get(host).filter(|known| known.renew > now) {
            return Ok(known.config(alpn));
        }
        let key = match key {
            Some(key) => key,
            None => key.insert(LeafKey::generate(&self.provider)?),
        };
        let fresh = self.mint(host, key)?;
        let config = fresh.config(alpn);
        if leaves.len() >= MOST_LEAVES {
            leaves.clear();
        }
        leaves.insert(host.clone(), fresh);
        Ok(config)
    }

    fn mint(&self, host: &Host, key: &LeafKey) -> Result<Minted, Error> {
        let leaf = self.ca.sign(host, &key.pair)?;
        let chain = vec![leaf.certificate, self.ca.certificate().clone()];
        let certified = CertifiedKey::new(chain, Arc::clone(&key.signing));
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
        LeafCache::new(ca, provider)
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
        cache.config(&host("api.test"), None).expect("minted");
        let minted = cache.minted.lock().expect("not poisoned");
        let key = &minted.key.as_ref().expect("made with the first leaf").pair;
        let leaf =
            aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &key.subject_public_key_info());
        let leaf = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, leaf);
        assert_ne!(pin, leaf);
    }
}
