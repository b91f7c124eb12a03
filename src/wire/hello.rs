//! What a peer speaks, told from its first octet.

/// A protocol, as far as one octet tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hello {
    /// A TLS handshake record (RFC 8446 section 5.1).
    Tls,
    /// Maybe HTTP/1: a method starts with a letter, by custom a capital one.
    Http,
    /// Neither.
    Other,
}

impl Hello {
    /// Tells by the first octet a client sends.
    pub fn of(first: u8) -> Self {
        match first {
            0x16 => Self::Tls,
            b'A'..=b'Z' | b'a'..=b'z' | b'\r' | b'\n' => Self::Http,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_octet_tells() {
        assert_eq!(Hello::of(0x16), Hello::Tls);
        assert_eq!(Hello::of(b'G'), Hello::Http);
        assert_eq!(Hello::of(0x00), Hello::Other);
    }
}
