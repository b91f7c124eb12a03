//! The name of a rule as a field value.

/// How many octets of it are shown.
const MOST: usize = 256;

/// The name with everything percent-encoded that no field value has, or not everywhere alike.
pub(super) fn of(name: &str) -> Vec<u8> {
    let mut value = Vec::with_capacity(name.len());
    for octet in name.trim().bytes() {
        if value.len() >= MOST {
            break;
        }
        if matches!(octet, b' '..=b'~') && octet != b'%' {
            value.push(octet);
        } else {
            value.extend_from_slice(format!("%{octet:02X}").as_bytes());
        }
    }
    let end = value.trim_ascii_end().len();
    value.truncate(end);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_value_that_can_be_read_again() {
        for (name, value) in [
            ("web app to API", "web app to API"),
            (" a ", "a"),
            ("a\r\nB: c", "a%0D%0AB: c"),
            ("50 %", "50 %25"),
            ("caf\u{e9}", "caf%C3%A9"),
            ("", ""),
        ] {
            assert_eq!(String::from_utf8_lossy(&of(name)), value);
        }
        assert!(of(&"x".repeat(1000)).len() <= MOST);
        assert!(of(&"\u{e9}".repeat(1000)).len() < MOST + 3);
    }
}
