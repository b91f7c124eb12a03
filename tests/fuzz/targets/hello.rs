//! The first octets of a connection: told from the first one, without contradicting those who read
//! on.
#![no_main]

use corstap::wire::alpn::Alpn;
use corstap::wire::hello::Hello;
use corstap::wire::scan::{HeadScanner, Kind};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Some(alpn) = Alpn::of(data) {
        assert_eq!(alpn.name(), data);
    }
    let Some(&first) = data.first() else {
        return;
    };
    let head = HeadScanner::new(Kind::Request).scan(data);
    match Hello::of(first) {
        Hello::Http => {}
        // Nothing that starts with a control octet is taken for a request.
        Hello::Tls => assert!(head.is_err()),
        Hello::Other => assert!(head.is_err() || first.is_ascii_graphic()),
    }
});
