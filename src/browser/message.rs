//! Messages of browsers: JSON, with the text of pages and servers in it. That need not be Unicode: half
//! a surrogate pair is a string to a page, goes into JSON as an escape, and is no string to Rust.

use serde::de::DeserializeOwned;

/// What stands in the place of a character that is none.
const REPLACEMENT: &[u8] = br"\ufffd";

/// How long the escape of a code unit is.
const UNIT: usize = REPLACEMENT.len();

/// Reads a message. Surrogates without their other half are read as U+FFFD.
pub(super) fn read<T: DeserializeOwned>(json: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice(json).or_else(|_| serde_json::from_slice(&well_formed(json)))
}

/// The same JSON with U+FFFD for every escaped surrogate that has no other half.
fn well_formed(json: &[u8]) -> Vec<u8> {
    let mut mended = Vec::with_capacity(json.len());
    let mut rest = json;
    while let Some((before, escape)) =
        memchr::memchr(b'\\', rest).and_then(|at| rest.split_at_checked(at))
    {
        let (length, replacement) = match Surrogate::of(escape) {
            None => (2, None),
            Some(Surrogate::High)
                if escape.get(UNIT..).and_then(Surrogate::of) == Some(Surrogate::Low) =>
            {
                (2 * UNIT, None)
            }
            Some(_) => (UNIT, Some(REPLACEMENT)),
        };
        let (escape, after) = escape.split_at_checked(length).unwrap_or((escape, &[]));
        mended.extend_from_slice(before);
        mended.extend_from_slice(replacement.unwrap_or(escape));
        rest = after;
    }
    mended.extend_from_slice(rest);
    mended
}

/// Half of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Surrogate {
    High,
    Low,
}

impl Surrogate {
    /// The half whose escape the text begins with.
    fn of(text: &[u8]) -> Option<Self> {
        let [b'\\', b'u', b'd' | b'D', half, a, b, ..] = text else {
            return None;
        };
        let is_unit = a.is_ascii_hexdigit() && b.is_ascii_hexdigit();
        match half {
            b'8' | b'9' | b'a' | b'b' | b'A' | b'B' if is_unit => Some(Self::High),
            b'c'..=b'f' | b'C'..=b'F' if is_unit => Some(Self::Low),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn text(json: &str) -> Option<String> {
        read(json.as_bytes()).ok()
    }

    #[test]
    fn half_a_pair_is_read_as_a_replacement_and_what_is_around_it_stays() {
        for (json, read) in [
            (r#""a\ud800b""#, "a\u{fffd}b"),
            (r#""a\uDfFfb""#, "a\u{fffd}b"),
            (r#""\ud800""#, "\u{fffd}"),
            (r#""\udc00\ud800""#, "\u{fffd}\u{fffd}"),
            (r#""\ud800\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
            (r#""\ud83d\ude00\ude00\n""#, "\u{1f600}\u{fffd}\n"),
            (r#""\ud800\\udc00""#, "\u{fffd}\\udc00"),
            (r#""\ud800\u00e9""#, "\u{fffd}\u{e9}"),
            // No escape of a surrogate, but of a backslash.
            (r#""\\ud800\ud800""#, "\\ud800\u{fffd}"),
        ] {
            assert_eq!(text(json).as_deref(), Some(read), "{json}");
        }
    }

    #[test]
    fn what_is_no_json_stays_unread() {
        for json in [
            "",
            "\"",
            r#""\"#,
            r#""\u"#,
            r#""\ud8"#,
            r#""\ud800"#,
            r#""\ud800\"#,
            r#""\q\ud800""#,
        ] {
            assert_eq!(text(json), None, "{json}");
        }
    }

    proptest! {
        #[test]
        fn any_code_units_a_page_may_have_are_read_as_its_browser_would_decode_them(units: Vec<u16>) {
            let escapes: Vec<String> = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let json = format!(r#"{{"said": ["{}"], "id": 1}}"#, escapes.concat());
            let message: Value = read(json.as_bytes()).expect("readable");
            let expected = String::from_utf16_lossy(&units);
            prop_assert_eq!(message.pointer("/said/0").and_then(Value::as_str), Some(&*expected));
            prop_assert_eq!(&message["id"], 1);
        }
    }
}
