//! The token of a run: who has it may see what was recorded.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

/// A secret of 256 random bits, made anew for each run and held in memory only.
pub struct Token(String);

impl Token {
    /// A new one; nothing where the system has no random octets.
    pub fn new() -> Option<Self> {
        let mut octets = [0; 32];
        aws_lc_rs::rand::fill(&mut octets).ok()?;
        Some(Self(URL_SAFE_NO_PAD.encode(octets)))
    }

    /// The token itself, for its user's eyes only.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether the value of an `Authorization` field has it (RFC 6750 section 2.1). How long that takes
    /// does not depend on how much of it is right.
    pub fn is_in(&self, authorization: &[u8]) -> bool {
        let Some((scheme, token)) = authorization.split_at_checked(b"Bearer ".len()) else {
            return false;
        };
        scheme.eq_ignore_ascii_case(b"Bearer ") && token.ct_eq(self.0.as_bytes()).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(withheld)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_counts() {
        let token = Token::new().expect("made");
        let right = format!("Bearer {}", token.reveal());
        assert!(token.is_in(right.as_bytes()));
        assert!(token.is_in(right.replace("Bearer", "bearer").as_bytes()));
        let shorter = &right[..right.len() - 1];
        for wrong in [
            shorter,
            "",
            "Bearer ",
            "Basic x",
            &format!("{right}x"),
            token.reveal(),
        ] {
            assert!(!token.is_in(wrong.as_bytes()), "{wrong}");
        }
    }

    #[test]
    fn no_two_are_the_same_and_none_is_told() {
        let (one, other) = (Token::new().expect("made"), Token::new().expect("made"));
        assert_ne!(one.reveal(), other.reveal());
        assert!(one.reveal().len() >= 43 && !format!("{one:?}").contains(one.reveal()));
    }
}
