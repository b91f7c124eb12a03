//! How TLS is spoken with servers: one configuration for each way, made once and kept.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::{ClientConfig, Resumption};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{CipherSuite, SupportedCipherSuite};
use tokio::sync::OnceCell;

use super::Route;
use super::trust::{Lenient, Trust};
use crate::ca::HostList;
use crate::wire::alpn::Alpn;
use crate::wire::target::Host;

/// How many configurations are kept; there are more only if clients offer odd lists.
const MOST_CONFIGS: usize = 64;

/// A certificate that servers are shown when they ask for one, with its key.
pub struct Identity {
    hosts: HostList,
    certified: Arc<SingleCertAndKey>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("hosts", &self.hosts)
            .finish_non_exhaustive()
    }
}

impl Identity {
    /// For these hosts. The key must belong to the first certificate of the chain.
    pub fn new(
        hosts: HostList,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        provider: &CryptoProvider,
    ) -> Result<Self, rustls::Error> {
        let certified = CertifiedKey::from_der(chain, key, provider)?;
        Ok(Self {
            hosts,
            certified: Arc::new(SingleCertAndKey::from(certified)),
        })
    }
}

/// The configurations.
pub(super) struct Configs {
    roots: Vec<CertificateDer<'static>>,
    identities: Vec<Identity>,
    unverified: HostList,
    provider: Arc<CryptoProvider>,
    trust: OnceCell<Arc<Trust>>,
    made: Mutex<HashMap<Way, Arc<ClientConfig>>>,
}

/// The same cryptography, but AES-128 is what servers are offered first, as browsers do. It is cheaper, and so is
/// the hash that goes with it.
fn as_browsers_offer(mut provider: Arc<CryptoProvider>) -> Arc<CryptoProvider> {
    let is_first = |suite: &SupportedCipherSuite| {
        matches!(
            suite.suite(),
            CipherSuite::TLS13_AES_128_GCM_SHA256
                | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
                | CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
        )
    };
    let suites = &mut Arc::make_mut(&mut provider).cipher_suites;
    suites.sort_by_key(|suite| !is_first(suite));
    provider
}

/// What makes one configuration another one.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Way {
    offers: Vec<Alpn>,
    /// Which of the identities is shown.
    identity: Option<usize>,
}

/// How TLS is spoken on one connection.
pub(super) struct Terms {
    pub(super) config: Arc<ClientConfig>,
    /// Who lets the certificate of this one server pass, if anybody does.
    pub(super) lenient: Option<Arc<Lenient>>,
}

impl Configs {
    pub(super) fn new(route: &mut Route, provider: Arc<CryptoProvider>) -> Self {
        Self {
            roots: std::mem::take(&mut route.roots),
            identities: std::mem::take(&mut route.identities),
            unverified: std::mem::take(&mut route.unverified),
            provider: as_browsers_offer(provider),
            trust: OnceCell::new(),
            made: Mutex::default(),
        }
    }

    /// How to speak with a host, which is offered these protocols.
    pub(super) async fn terms(&self, host: &Host, offers: &[Alpn]) -> Result<Terms, rustls::Error> {
        let trust = self.trust.get_or_try_init(|| self.load_roots()).await?;
        let identity = self
            .identities
            .iter()
            .position(|identity| identity.hosts.contains(host));
        let way = Way {
            offers: offers.to_vec(),
            identity,
        };
        let config = self.config(way, trust)?;
        if !self.unverified.contains(host) {
            return Ok(Terms {
                config,
                lenient: None,
            });
        }
        let lenient = Arc::new(Lenient::new(Arc::clone(trust)));
        let mut config = ClientConfig::clone(&config);
        config
            .dangerous()
            .set_certificate_verifier(Arc::clone(&lenient) as _);
        Ok(Terms {
            config: Arc::new(config),
            lenient: Some(lenient),
        })
    }

    fn config(&self, way: Way, trust: &Arc<Trust>) -> Result<Arc<ClientConfig>, rustls::Error> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = made.get(&way) {
            return Ok(Arc::clone(known));
        }
        let config = Arc::new(self.make(&way, trust)?);
        if made.len() >= MOST_CONFIGS {
            made.clear();
        }
        made.insert(way, Arc::clone(&config));
        Ok(config)
    }

    fn make(&self, way: &Way, trust: &Arc<Trust>) -> Result<ClientConfig, rustls::Error> {
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(trust) as _);
        let identity = way.identity.and_then(|at| self.identities.get(at));
        let mut config = match identity {
            Some(identity) => {
                builder.with_client_cert_resolver(Arc::clone(&identity.certified) as _)
            }
            None => builder.with_no_client_auth(),
        };
        // A resumed session would let the server link connections that the browser keeps apart.
        config.resumption = Resumption::disabled();
        config.alpn_protocols = way.offers.iter().map(|alpn| alpn.name().to_vec()).collect();
        Ok(config)
    }

    /// Reads the platform's roots, on a thread that may take its time.
    async fn load_roots(&self) -> Result<Arc<Trust>, rustls::Error> {
        let (roots, provider) = (self.roots.clone(), Arc::clone(&self.provider));
        let load = move || Trust::load(roots, provider).map(Arc::new);
        tokio::task::spawn_blocking(load).await.unwrap_or_else(|_| {
            Err(rustls::Error::General(
                "the roots could not be read".to_owned(),
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider() -> Arc<CryptoProvider> {
        Arc::new(rustls::crypto::aws_lc_rs::default_provider())
    }

    fn host(text: &str) -> Host {
        Host::parse(text.as_bytes()).expect(text)
    }

    fn self_signed() -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let made = rcgen::generate_simple_self_signed(["me".to_owned()]).expect("made");
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
        (made.cert.der().clone(), key)
    }

    fn hosts(name: &str) -> HostList {
        let mut hosts = HostList::default();
        hosts.add(name).expect(name);
        hosts
    }

    #[tokio::test]
    async fn a_configuration_is_made_once_for_each_way() {
        let (certificate, key) = self_signed();
        let identity = Identity::new(hosts("a.test"), vec![certificate], key, &provider());
        let mut route = Route {
            identities: vec![identity.expect("fits")],
            unverified: hosts("c.test"),
            ..Route::default()
        };
        let configs = Configs::new(&mut route, provider());
        let terms = async |name: &str, offers: &[Alpn]| {
            let terms = configs.terms(&host(name), offers).await;
            terms.expect("roots")
        };
        let http11 = terms("b.test", &[Alpn::Http11]).await;
        let same = terms("d.test", &[Alpn::Http11]).await;
        assert!(Arc::ptr_eq(&http11.config, &same.config));
        let shown = terms("a.test", &[Alpn::Http11]).await;
        assert!(!Arc::ptr_eq(&http11.config, &shown.config));
        assert!(shown.config.client_auth_cert_resolver.has_certs());
        assert!(!http11.config.client_auth_cert_resolver.has_certs());
        let none = terms("b.test", &[]).await;
        assert!(!Arc::ptr_eq(&http11.config, &none.config));
        assert!(none.lenient.is_none());
        assert!(terms("c.test", &[]).await.lenient.is_some());
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let ((certificate, _), (_, key)) = (self_signed(), self_signed());
        let identity = Identity::new(hosts("a.test"), vec![certificate], key, &provider());
        let mismatch = rustls::InconsistentKeys::KeyMismatch;
        assert_eq!(
            identity.expect_err("refused"),
            rustls::Error::InconsistentKeys(mismatch)
        );
    }
}
