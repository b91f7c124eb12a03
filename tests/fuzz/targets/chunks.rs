//! The chunk machine, in any pieces, against a decoder that has the whole body before it.
#![no_main]

mod pieces;

use corstap::wire::chunked::Chunked;
use corstap::wire::{MAX_CHUNK_LINE, MAX_FIELDS, MAX_HEAD, Violation};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((octets, ends)) = pieces::cut(data) else {
        return;
    };
    let whole = pass(octets, &[octets.len()]);
    assert_eq!(whole, pass(octets, &ends));
    match (naive(octets), whole) {
        (Naive::Whole(length), (passed, result)) => {
            assert_eq!((passed, result), (length, Ok(true)));
        }
        (Naive::Bad, (_, result)) => assert!(result.is_err(), "{result:?}"),
        // A line may be refused before it is there as a whole.
        (Naive::Part, (_, result)) => assert_ne!(result, Ok(true)),
    }
});

/// How many octets pass, and whether that is all of the body.
fn pass(octets: &[u8], ends: &[usize]) -> (usize, Result<bool, Violation>) {
    let (mut chunked, mut at) = (Chunked::new(), 0);
    for &end in ends {
        loop {
            match chunked.pass(&octets[at..end]) {
                Ok(0) => break,
                Ok(passed) => at += passed,
                Err(violation) => return (at, Err(violation)),
            }
        }
    }
    (at, Ok(chunked.is_done()))
}

/// What the decoder makes of some octets.
enum Naive {
    /// A body of so many octets.
    Whole(usize),
    /// The beginning of one.
    Part,
    Bad,
}

fn naive(octets: &[u8]) -> Naive {
    let mut at = 0;
    loop {
        let Some(line) = line(&octets[at..]) else {
            return Naive::Part;
        };
        if line.len() + 2 > MAX_CHUNK_LINE {
            return Naive::Bad;
        }
        let Some(size) = size(line) else {
            return Naive::Bad;
        };
        at += line.len() + 2;
        if size == 0 {
            break;
        }
        let Some(end) = usize::try_from(size)
            .ok()
            .and_then(|size| at.checked_add(size))
        else {
            return Naive::Part;
        };
        match octets.get(end..).unwrap_or_default() {
            [] | [b'\r'] => return Naive::Part,
            [b'\r', b'\n', ..] => at = end + 2,
            _ => return Naive::Bad,
        }
    }
    trailers(octets, at)
}

fn trailers(octets: &[u8], start: usize) -> Naive {
    let (mut at, mut lines) = (start, 0);
    loop {
        let Some(line) = line(&octets[at..]) else {
            return Naive::Part;
        };
        at += line.len() + 2;
        if line.is_empty() {
            return Naive::Whole(at);
        }
        lines += 1;
        if at - start > MAX_HEAD || lines > MAX_FIELDS || !is_field(line) {
            return Naive::Bad;
        }
    }
}

/// The octets before the first LF, without the octet before it, which ought to be CR.
fn line(octets: &[u8]) -> Option<&[u8]> {
    let lf = octets.iter().position(|octet| *octet == b'\n')?;
    // Without a CR the LF is left in, which is valid nowhere.
    Some(octets[..lf].strip_suffix(b"\r").unwrap_or(&octets[..=lf]))
}

fn size(line: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(line).ok();
    let end = line.iter().position(|octet| !octet.is_ascii_hexdigit());
    let (digits, rest) = line.split_at(end.unwrap_or(line.len()));
    let blank = |octet: &u8| matches!(octet, b' ' | b'\t');
    let rest = &rest[rest.iter().take_while(|octet| blank(octet)).count()..];
    let is_extended = rest.first() == Some(&b';') && rest.iter().all(|octet| is_plain(*octet));
    if digits.is_empty() || !(end.is_none() || is_extended) {
        return None;
    }
    // Digits are ASCII, so that they are text whatever follows.
    let digits = text.map_or_else(
        || String::from_utf8_lossy(digits),
        |text| text[..digits.len()].into(),
    );
    let size = u128::from_str_radix(digits.trim_start_matches('0'), 16);
    let size = if digits.trim_start_matches('0').is_empty() {
        0
    } else {
        size.ok()?
    };
    i64::try_from(size).ok().map(i64::unsigned_abs)
}

fn is_plain(octet: u8) -> bool {
    octet == b'\t' || octet >= 0x20 && octet != 0x7f
}

fn is_field(line: &[u8]) -> bool {
    let Some(colon) = line.iter().position(|octet| *octet == b':') else {
        return false;
    };
    let (name, value) = line.split_at(colon);
    let is_token = |octet: &u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(octet);
    !name.is_empty() && name.iter().all(is_token) && value.iter().all(|octet| is_plain(*octet))
}
