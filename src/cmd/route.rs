//! How servers are reached, of what was typed and what the environment says.

use std::fmt::Write;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::ca::HostList;
use crate::cli::Servers;
use crate::proxy::{Bypass, Identity, Route, Upstream, UpstreamProxy};
use crate::wire::target::Host;

/// The route to servers, for a proxy that listens at `own`, if it is for one.
pub(super) fn route(
    arguments: &Servers,
    own: Option<SocketAddr>,
    provider: &CryptoProvider,
) -> Result<Route> {
    let identities = arguments.client_cert.iter();
    Ok(Route {
        resolve: arguments.resolve.iter().cloned().collect(),
        upstream: upstream(arguments.upstream_proxy.as_deref(), own)?,
        roots: roots(&arguments.upstream_ca)?,
        identities: identities
            .map(|given| identity(given, provider))
            .collect::<Result<_>>()?,
        unverified: hosts("--upstream-insecure", &arguments.upstream_insecure)?,
    })
}

/// What the user is to know of it at each start.
pub(super) fn told(route: &Route) -> String {
    let mut told = String::new();
    let proxies = route.upstream.proxies();
    if !proxies.is_empty() {
        let proxies: Vec<String> = proxies.iter().map(ToString::to_string).collect();
        let _ = write!(
            told,
            "\nServers are reached through the proxy {}, but for this machine, --resolve and NO_PROXY.",
            proxies.join(" or ")
        );
    }
    if !route.unverified.is_empty() {
        let _ = write!(
            told,
            "\nThe certificates of these servers are NOT verified: {}.",
            route.unverified
        );
    }
    told
}

/// The proxies named by the option, or else by the environment.
fn upstream(option: Option<&str>, own: Option<SocketAddr>) -> Result<Upstream> {
    let variable = |name: &str| std::env::var(name).ok();
    let upstream = match option {
        Some("none") => return Ok(Upstream::default()),
        Some(text) => {
            let proxy =
                UpstreamProxy::parse(text).map_err(|error| anyhow!("--upstream-proxy: {error}"))?;
            Upstream::through(proxy, Bypass::from_environment(variable))
        }
        None => Upstream::from_environment(variable).map_err(|(name, error)| {
            anyhow!("{name}: {error}. To do without: corstap run --upstream-proxy none")
        })?,
    };
    if let Some(proxy) = upstream
        .proxies()
        .into_iter()
        .find(|proxy| own.is_some_and(|own| is_own(proxy, own)))
    {
        bail!(
            "the upstream proxy {proxy} is corstap itself. To do without: corstap run --upstream-proxy none"
        );
    }
    Ok(upstream)
}

/// Whether a proxy is our own listener, as far as that can be said without asking for its name.
fn is_own(proxy: &UpstreamProxy, own: SocketAddr) -> bool {
    let host = &proxy.authority.host;
    let is_here = host.is_loopback() && (own.ip().is_loopback() || own.ip().is_unspecified());
    proxy.authority.port == own.port() && (is_here || *host == Host::Ip(own.ip()))
}

fn hosts(option: &str, patterns: &[String]) -> Result<HostList> {
    let mut hosts = HostList::default();
    for pattern in patterns {
        hosts.add(pattern).with_context(|| option.to_owned())?;
    }
    Ok(hosts)
}

fn roots(files: &[PathBuf]) -> Result<Vec<CertificateDer<'static>>> {
    let mut roots = Vec::new();
    for file in files {
        roots.extend(certificates(file, &read(file)?)?);
    }
    Ok(roots)
}

/// `HOST=FILE`, or `HOST=CERTIFICATE,KEY`.
fn identity(given: &str, provider: &CryptoProvider) -> Result<Identity> {
    let usage = || {
        anyhow!(
            "--client-cert: `{given}` is not HOST=FILE.pem or HOST=CERTIFICATE.pem,KEY.pem, as in api.example.test=me.pem"
        )
    };
    let (host, files) = given.split_once('=').ok_or_else(usage)?;
    let (chain, key) = files.split_once(',').unwrap_or((files, files));
    if chain.is_empty() || key.is_empty() {
        return Err(usage());
    }
    let hosts = hosts("--client-cert", &[host.to_owned()])?;
    let (chain, key) = (Path::new(chain), Path::new(key));
    let certificates = certificates(chain, &read(chain)?)?;
    let private = private_key(key, &read(key)?)?;
    Identity::new(hosts, certificates, private, provider).map_err(|error| {
        let (chain, key) = (chain.display(), key.display());
        if matches!(error, rustls::Error::InconsistentKeys(_)) {
            return anyhow!("the key in {key} does not belong to the first certificate in {chain}");
        }
        anyhow!(error).context(format!(
            "cannot use the certificate in {chain} with the key in {key}"
        ))
    })
}

fn read(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}

fn certificates(file: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .unwrap_or_default();
    if found.is_empty() {
        bail!("{} holds no PEM certificate", file.display());
    }
    Ok(found)
}

fn private_key(file: &Path, pem: &[u8]) -> Result<PrivateKeyDer<'static>> {
    let is_encrypted = memchr::memmem::find(pem, b"ENCRYPTED").is_some();
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| {
        let file = file.display();
        if is_encrypted {
            anyhow!(
                "the key in {file} is encrypted; decrypt it: openssl pkey -in {file} -out KEY.pem"
            )
        } else {
            anyhow!("{file} holds no PEM private key")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_that_is_corstap_itself_is_refused() {
        let address = |text: &str| text.parse().expect(text);
        for (proxy, own) in [
            ("localhost:2677", "127.0.0.1:2677"),
            ("http://127.1:2677", "127.0.0.1:2677"),
            ("http://user@[::1]:2677", "0.0.0.0:2677"),
            ("10.0.0.1:2677", "10.0.0.1:2677"),
        ] {
            let refused = upstream(Some(proxy), Some(address(own))).expect_err(proxy);
            assert!(
                refused.to_string().ends_with(
                    ":2677 is corstap itself. To do without: corstap run --upstream-proxy none"
                ),
                "{refused}"
            );
        }
        for (proxy, own) in [
            ("localhost:2678", "127.0.0.1:2677"),
            ("10.0.0.1:2677", "127.0.0.1:2677"),
        ] {
            upstream(Some(proxy), Some(address(own))).expect(proxy);
        }
    }
}
