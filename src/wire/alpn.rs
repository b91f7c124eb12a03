//! The protocols that TLS peers agree on ([RFC 7301](https://www.rfc-editor.org/rfc/rfc7301)).

/// A protocol that corstap can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Alpn {
    /// HTTP/1.1
    Http11,
    /// HTTP/2 (RFC 9113)
    Http2,
}

impl Alpn {
    /// The protocol of this name; nothing for one that is not read.
    pub fn of(name: &[u8]) -> Option<Self> {
        [Self::Http11, Self::Http2]
            .into_iter()
            .find(|alpn| alpn.name() == name)
    }

    /// Its name in the handshake.
    pub fn name(self) -> &'static [u8] {
        match self {
            Self::Http11 => b"http/1.1",
            Self::Http2 => b"h2",
        }
    }
}
