//! Patterns of origins: which pages a rule is for.

use std::fmt;
use std::sync::Arc;

use super::origin::{Origin, WebOrigin};
use crate::exchange::Scheme;
use crate::wire::target::Host;

/// Which origins are meant. They are compared as parsed values, host by host and port by port: a
/// pattern never covers part of a label.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum OriginPattern {
    /// Origins of http or https.
    Web(WebPattern),
    /// The origin of an app or an extension, exactly as it is written.
    Custom(Box<str>),
    /// Opaque origins, which are written `null`.
    Null,
    /// `*`: every origin.
    Any,
}

/// A scheme, hosts and ports.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WebPattern {
    /// The scheme.
    pub scheme: Scheme,
    /// Which hosts.
    pub host: HostPattern,
    /// Which ports.
    pub port: Port,
}

/// Which hosts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// This one.
    Exact(Host),
    /// Every name below this one, at any depth, and not itself: `*.example.com`.
    Below(Arc<str>),
}

/// Which ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Port {
    /// This one.
    Exact(u16),
    /// All of them: `:*`.
    Any,
}

impl OriginPattern {
    /// Whether the value of an Origin field is one of these.
    pub fn matches(&self, origin: &[u8]) -> bool {
        Origin::parse(origin).is_some_and(|origin| self.covers(&origin))
    }

    /// Whether an origin is one of these.
    pub fn covers(&self, origin: &Origin) -> bool {
        match (self, origin) {
            (Self::Any, _) | (Self::Null, Origin::Opaque) => true,
            (Self::Web(pattern), Origin::Web(origin)) => pattern.covers(origin),
            (Self::Custom(text), Origin::Custom(origin)) => text == origin,
            (Self::Web(_) | Self::Custom(_) | Self::Null, _) => false,
        }
    }

    /// Whether every origin that `other` covers is one of these.
    pub fn includes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (Self::Web(own), Self::Web(other)) => own.includes(other),
            (Self::Web(_) | Self::Custom(_) | Self::Null, _) => self == other,
        }
    }

    /// Whether a rewrite may use it: one exact origin of the web, or localhost with any port.
    pub fn is_exact_or_localhost(&self) -> bool {
        let Self::Web(WebPattern { host, port, .. }) = self else {
            return false;
        };
        match (host, port) {
            (HostPattern::Exact(_), Port::Exact(_)) => true,
            (HostPattern::Exact(host), Port::Any) => host.name() == Some("localhost"),
            (HostPattern::Below(_), _) => false,
        }
    }
}

impl WebPattern {
    fn covers(&self, origin: &WebOrigin) -> bool {
        let port = match self.port {
            Port::Exact(port) => port == origin.authority.port,
            Port::Any => true,
        };
        port && self.scheme == origin.scheme && self.host.covers(&origin.authority.host)
    }

    fn includes(&self, other: &Self) -> bool {
        let port = self.port == Port::Any || self.port == other.port;
        let host = match (&self.host, &other.host) {
            (HostPattern::Below(parent), HostPattern::Below(name)) => {
                parent == name || is_below(name, parent)
            }
            (pattern, HostPattern::Exact(host)) => pattern.covers(host),
            (HostPattern::Exact(_), HostPattern::Below(_)) => false,
        };
        port && host && self.scheme == other.scheme
    }
}

impl HostPattern {
    /// Whether a host is one of these.
    pub fn covers(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Exact(own), host) => own == host,
            (Self::Below(parent), Host::Name(name)) => is_below(name, parent),
            (Self::Below(_), Host::Ip(_)) => false,
        }
    }
}

/// Whether a name is below another: what is before it are labels of letters, digits and hyphens,
/// and nothing odd that some parser takes for the end of a host.
fn is_below(name: &str, parent: &str) -> bool {
    name.strip_suffix(parent)
        .and_then(|before| before.strip_suffix('.'))
        .is_some_and(|labels| labels.split('.').all(is_label))
}

/// Whether this is a label as host names have them.
pub(super) fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
}

/// As a policy spells it.
impl fmt::Display for OriginPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Web(pattern) => pattern.fmt(f),
            Self::Custom(text) => f.write_str(text),
            Self::Null => f.write_str("null"),
            Self::Any => f.write_str("*"),
        }
    }
}

impl fmt::Display for WebPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme.name())?;
        match &self.host {
            HostPattern::Exact(host) => write!(f, "{host}")?,
            HostPattern::Below(parent) => write!(f, "*.{parent}")?,
        }
        match self.port {
            Port::Exact(port) if port == self.scheme.default_port() => Ok(()),
            Port::Exact(port) => write!(f, ":{port}"),
            Port::Any => f.write_str(":*"),
        }
    }
}
