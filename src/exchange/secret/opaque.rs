//! Words that look like tokens.

/// Whether a word looks like a token rather than like a name that people gave: it has a run that
/// mixes letters and digits, or is all digits, or is long; or it is a UUID, or base64url.
pub(super) fn is_opaque(word: &str) -> bool {
    let mut runs = word.split(|character: char| !character.is_ascii_alphanumeric());
    runs.any(is_token) || is_spread_token(word)
}

fn is_token(run: &str) -> bool {
    let digits = run.bytes().filter(u8::is_ascii_digit).count();
    match run.len() {
        0..12 => false,
        12..16 => digits == run.len() || changes(run, u8::is_ascii_digit) >= 4,
        // Names in camel case have words of more than three letters.
        16..32 => digits > 0 || changes(run, u8::is_ascii_uppercase) * 3 > run.len() * 2,
        _ => true,
    }
}

/// How often octets that are so meet octets that are not.
fn changes(run: &str, is: fn(&u8) -> bool) -> usize {
    let octets = run.as_bytes();
    let neighbours = octets.iter().zip(octets.iter().skip(1));
    neighbours
        .filter(|(one, other)| is(one) != is(other))
        .count()
}

/// Whether a word, however long, is plainly made of words in small letters and small numbers.
pub(super) fn is_made_of_words(word: &str) -> bool {
    let mut runs = word.split(|character: char| !character.is_ascii_alphanumeric());
    runs.all(|run| {
        let is_word = run.len() < 20 && run.bytes().all(|octet| octet.is_ascii_lowercase());
        let is_number = run.len() <= 4 && run.bytes().all(|octet| octet.is_ascii_digit());
        is_word || is_number
    })
}

/// A token whose separators break it into short runs.
fn is_spread_token(word: &str) -> bool {
    const LEAST: usize = 24;
    if word.len() < LEAST {
        return false;
    }
    let octets: Vec<u8> = word.bytes().filter(u8::is_ascii_alphanumeric).collect();
    let count = |is: fn(&u8) -> bool| octets.iter().filter(|octet| is(octet)).count();
    let digits = count(u8::is_ascii_digit);
    let is_hex = octets.len() >= LEAST && digits > 0 && octets.iter().all(u8::is_ascii_hexdigit);
    let is_mixed = octets.len() >= LEAST
        && digits >= 3
        && count(u8::is_ascii_uppercase) >= 3
        && count(u8::is_ascii_lowercase) >= 3;
    is_hex || is_mixed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_told_from_words() {
        for token in [
            "4eC39HqLyjWDarjtT1zdp7dc",
            "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
            "550e8400-e29b-41d4-a716-446655440000",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r",
            "4111111111111111",
            "AKIAIOSFODNN7EXAMPLE",
            "a1B2c3D4e5F6g7",
            "QwErTyUiOpAsDfGhJkLzXcVbNm",
        ] {
            assert!(is_opaque(token), "{token}");
        }
        for word in [
            "users",
            "how-to-configure-cors-in-nginx-2024",
            "internationalization",
            "v1",
            "getCustomerOrderHistory",
            "getUserByIdAndName",
            "photo20241122",
            "2026-11-22",
        ] {
            assert!(!is_opaque(word), "{word}");
        }
    }
}
