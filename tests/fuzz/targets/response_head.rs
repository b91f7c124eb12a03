//! Heads of responses: whatever comes, in whatever pieces, is a head or refused.
#![no_main]

mod pieces;

use corstap::wire::framing::{Framing, is_asked_upgrade, is_persistent};
use corstap::wire::head::ResponseHead;
use corstap::wire::scan::{HeadScanner, Kind};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((octets, ends)) = pieces::cut(data) else {
        return;
    };
    let whole = HeadScanner::new(Kind::Response).scan(octets);
    let mut scanner = HeadScanner::new(Kind::Response);
    let mut stepwise = Ok(None);
    for end in ends {
        stepwise = scanner.scan(&octets[..end]);
        if stepwise != Ok(None) {
            break;
        }
    }
    assert_eq!(whole, stepwise);
    let Ok(Some(span)) = whole else {
        return;
    };
    assert_eq!(span.start, 0);
    let Ok(head) = ResponseHead::parse(&octets[..span.end]) else {
        return;
    };
    assert!((100..600).contains(&head.status));
    let _ = is_persistent(head.version, &head.headers);
    let _ = is_asked_upgrade(&head.headers, &head.headers);
    for to in ["GET", "HEAD", "CONNECT"] {
        let framing = Framing::of_response(&head, to);
        if to == "HEAD" || head.is_interim() || matches!(head.status, 204 | 304) {
            assert!(matches!(framing, Ok(Framing::Length(0)) | Err(_)));
        }
    }
});
