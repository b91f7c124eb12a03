//! Why servers are not reached, and what to do about it.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::AlertDescription;

use super::PATIENCE;
use super::via::NoTunnel;
use crate::exchange::{Ending, Reach};
use crate::wire::target::Authority;

/// Why a server was not reached. It is remembered and told again, so it can be cloned.
#[derive(Clone, Debug)]
pub(in crate::proxy) struct Unreached(Arc<Failure>);

#[derive(Debug)]
struct Failure {
    server: Authority,
    step: Step,
}

/// The step that failed.
#[derive(Debug)]
pub(super) enum Step {
    Resolve(io::Error),
    /// The addresses that were tried, in order; none if the name has none.
    Connect(Vec<Attempt>),
    Late(&'static str),
    OwnListener(SocketAddr),
    /// The upstream proxy, and why there is no way through it.
    Proxy(Authority, ProxyFailure),
    /// What the server speaks is not TLS.
    NotTls,
    Tls(io::Error),
    Certificate(rustls::CertificateError),
    Roots(rustls::Error),
}

/// Why an upstream proxy leads nowhere.
#[derive(Debug)]
pub(super) enum ProxyFailure {
    Unreached(Unreached),
    Late,
    NoTunnel(NoTunnel),
}

/// One address that was tried.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) address: SocketAddr,
    pub(super) error: io::Error,
}

impl fmt::Display for Attempt {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the kinds are the standard library's, and all others tell by themselves"
    )]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.error.kind() {
            io::ErrorKind::ConnectionRefused => write!(f, "{}: refused", self.address),
            io::ErrorKind::TimedOut => write!(f, "{}: no answer in time", self.address),
            _ => write!(f, "{}: {}", self.address, self.error),
        }
    }
}

impl Step {
    /// What a handshake failed at.
    pub(super) fn of_handshake(error: io::Error) -> Self {
        let told = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match told {
            Some(rustls::Error::InvalidCertificate(error)) => Self::Certificate(error.clone()),
            Some(rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType)) => {
                Self::NotTls
            }
            _ => Self::Tls(error),
        }
    }
}

impl Unreached {
    pub(super) fn new(server: &Authority, step: Step) -> Self {
        Self(Arc::new(Failure {
            server: server.clone(),
            step,
        }))
    }

    /// A server that ends a handshake which we had taken for done, because it wants a certificate.
    pub(in crate::proxy) fn by_certificate(server: &Authority, error: io::Error) -> Self {
        Self::new(server, Step::Tls(error))
    }

    /// A name of our own, where nobody has to be reached.
    pub(in crate::proxy) fn own_name(server: &Authority) -> Self {
        Self::new(server, Step::Resolve(io::ErrorKind::NotFound.into()))
    }

    pub(super) fn is_worth_remembering(&self) -> bool {
        match &self.0.step {
            Step::Connect(_) => false,
            Step::Proxy(_, ProxyFailure::Unreached(failure)) => failure.is_worth_remembering(),
            Step::Resolve(_)
            | Step::Late(_)
            | Step::OwnListener(_)
            | Step::Proxy(_, ProxyFailure::NoTunnel(_) | ProxyFailure::Late)
            | Step::NotTls
            | Step::Tls(_)
            | Step::Certificate(_)
            | Step::Roots(_) => true,
        }
    }

    #[cfg(test)]
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// How an exchange that wanted this server ends.
    pub(in crate::proxy) fn ending(&self) -> Ending {
        match &self.0.step {
            Step::Resolve(_) => Ending::Dns,
            Step::Connect(attempts) => match attempts.last() {
                None => Ending::Dns,
                Some(last) if last.error.kind() == io::ErrorKind::TimedOut => Ending::Timeout,
                Some(_) => Ending::Refused,
            },
            Step::Late(_) | Step::Proxy(_, ProxyFailure::Late) => Ending::Timeout,
            Step::OwnListener(_) => Ending::NeverSent,
            Step::Proxy(_, ProxyFailure::Unreached(failure)) => Some(failure.ending())
                .filter(|ending| matches!(ending, Ending::NeverSent | Ending::Timeout))
                .unwrap_or(Ending::Refused),
            Step::Proxy(_, ProxyFailure::NoTunnel(_)) => Ending::Refused,
            Step::NotTls | Step::Tls(_) | Step::Certificate(_) | Step::Roots(_) => Ending::Tls,
        }
    }

    /// The way that was tried, where it is not the straight one.
    pub(in crate::proxy) fn way(&self) -> Option<Reach> {
        let Step::Proxy(proxy, _) = &self.0.step else {
            return None;
        };
        Some(Reach {
            via: Some(proxy.to_string().into()),
            ..Reach::default()
        })
    }

    /// What the user can do about it; options belong to the `command` they have typed.
    pub(in crate::proxy) fn remedy(&self, command: &str) -> String {
        let Failure { server, step } = &*self.0;
        match step {
            Step::Resolve(_) => format!(
                "Check the name, or say where it is: `{command} --resolve {server}:127.0.0.1`."
            ),
            Step::Connect(..) | Step::Late(_) => {
                format!(
                    "Is the server running, and does it listen on port {}?",
                    server.port
                )
            }
            Step::OwnListener(_) => {
                "Ask for the server you mean, not for corstap itself.".to_owned()
            }
            Step::Proxy(proxy, why) => why.remedy(proxy, command),
            Step::NotTls => format!("Ask for http://{server}, or have the server speak TLS."),
            Step::Tls(error) if wants_certificate(error) || may_want_certificate(error) => format!(
                "If the server wants to see a certificate: `{command} --client-cert {}=FILE.pem`.",
                server.host
            ),
            Step::Tls(_) => format!(
                "Does the server speak TLS on port {}? It may expect plain http.",
                server.port
            ),
            Step::Certificate(_) => format!(
                "If the certificate is your own, or your own CA's: `{command} --upstream-ca FILE`. To let it pass \
                 unverified: `{command} --upstream-insecure {}`.",
                server.host
            ),
            Step::Roots(_) => format!(
                "Install the system's CA certificates, or name them: `{command} --upstream-ca FILE`."
            ),
        }
    }
}

impl ProxyFailure {
    fn remedy(&self, proxy: &Authority, command: &str) -> String {
        match self {
            Self::NoTunnel(NoTunnel::Credentials {
                takes_basic: false, ..
            }) => format!(
                "It takes no name and password, which is all that corstap can give (Basic). A proxy on this machine that \
                 signs in for you can stand between: `{command} --upstream-proxy http://127.0.0.1:PORT`."
            ),
            Self::NoTunnel(NoTunnel::Credentials { .. }) => format!(
                "Give it a name and a password that it knows: `{command} --upstream-proxy http://USER:PASSWORD@{proxy}`, or \
                 the same in HTTPS_PROXY and HTTP_PROXY."
            ),
            Self::NoTunnel(NoTunnel::Status(_)) => "Many proxies make tunnels to some ports and servers alone. To reach this one without \
                  the proxy, add it to NO_PROXY."
                .to_owned(),
            Self::Unreached(_) | Self::Late | Self::NoTunnel(_) => format!(
                "Is {proxy} an HTTP proxy, and does it run? `{command} --upstream-proxy none` reaches servers without one."
            ),
        }
    }
}

impl fmt::Display for Unreached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure { server, step } = &*self.0;
        match step {
            Step::Resolve(error) => write!(f, "{} does not resolve: {error}", server.host),
            Step::Connect(attempts) if attempts.is_empty() => {
                write!(f, "{} has no address", server.host)
            }
            Step::Connect(attempts) => {
                write!(f, "no connection to {server} at ")?;
                let told: Vec<String> = attempts.iter().map(Attempt::to_string).collect();
                f.write_str(&told.join(", at "))
            }
            Step::Late(what) => write!(
                f,
                "{what} {server} took longer than {} s",
                PATIENCE.as_secs()
            ),
            Step::OwnListener(address) => write!(f, "{server} is corstap itself, at {address}"),
            Step::Proxy(proxy, ProxyFailure::Unreached(failure)) => {
                write!(
                    f,
                    "{server} is behind the upstream proxy {proxy}: {failure}"
                )
            }
            Step::Proxy(proxy, ProxyFailure::Late) => write!(
                f,
                "the upstream proxy {proxy} took longer than {} s to make a tunnel to {server}",
                PATIENCE.as_secs()
            ),
            Step::Proxy(proxy, ProxyFailure::NoTunnel(why)) => {
                write!(
                    f,
                    "no way to {server} through the upstream proxy {proxy}: {why}"
                )
            }
            Step::NotTls => write!(
                f,
                "{server} does not speak TLS; what it says looks like plain text"
            ),
            Step::Tls(error) => write!(f, "the TLS handshake with {server} failed: {error}"),
            Step::Certificate(error) => {
                write!(
                    f,
                    "the certificate of {server} is not to be trusted: {}",
                    words(error)
                )
            }
            Step::Roots(error) => write!(f, "there is nothing to verify {server} by: {error}"),
        }
    }
}

/// Whether a server says that it misses a certificate of ours, or does not take the one it was shown.
/// In TLS 1.3 it says so after the handshake.
pub(in crate::proxy) fn wants_certificate(error: &io::Error) -> bool {
    let told = error.get_ref().and_then(|inner| inner.downcast_ref());
    matches!(
        told,
        Some(rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired
                | AlertDescription::BadCertificate
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::CertificateRevoked
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateUnknown
                | AlertDescription::UnknownCA
                | AlertDescription::AccessDenied
        ))
    )
}

/// Whether a server may miss a certificate: TLS 1.2 has no word for that (RFC 5246 section 7.4.6).
fn may_want_certificate(error: &io::Error) -> bool {
    let told = error.get_ref().and_then(|inner| inner.downcast_ref());
    let refusal = AlertDescription::HandshakeFailure;
    matches!(told, Some(rustls::Error::AlertReceived(alert)) if *alert == refusal)
}

/// What is wrong with a certificate.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "rustls says the rest well enough"
)]
pub(super) fn fault(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(error) => words(error),
        other => other.to_string(),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "rustls says the rest well enough"
)]
fn words(error: &rustls::CertificateError) -> String {
    use rustls::CertificateError as E;
    match error {
        E::Expired | E::ExpiredContext { .. } => "it has expired".to_owned(),
        E::NotValidYet | E::NotValidYetContext { .. } => "it is not valid yet".to_owned(),
        E::UnknownIssuer => "its issuer is unknown".to_owned(),
        E::Other(_) => "it is not one that a server may use, by itself".to_owned(),
        E::NotValidForName | E::NotValidForNameContext { .. } => {
            "it is for another name".to_owned()
        }
        E::Revoked => "it is revoked".to_owned(),
        other => other.to_string(),
    }
}
