//! Authorities and URLs: what is parsed and written again means the same; and what is withheld
//! stays withheld.
#![no_main]

use corstap::exchange::RequestUrl;
use corstap::exchange::secret::{Redactor, Values};
use corstap::wire::target::{Authority, Host};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Some(authority) = Authority::parse(data, Some(80)) {
        let written = authority.to_string();
        assert_eq!(
            Authority::parse(written.as_bytes(), None),
            Some(authority.clone())
        );
        let host = authority.host.to_string();
        assert_eq!(Host::parse(host.as_bytes()), Some(authority.host));
    }
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Some(url) = RequestUrl::parse(text) {
        let written = url.to_string();
        let again = RequestUrl::parse(&written).expect("a URL");
        assert_eq!((again.to_string(), again.origin()), (written, url.origin()));
    }
    let redactor = Redactor::new(&[7; 32], Values::Harmless);
    for secret in ["hunter2", "s3cr3tpassw0rd"] {
        for url in [
            format!("https://user:{secret}@{text}"),
            format!("https://a.test/{text}?token={secret}"),
            format!("{text}#{secret}"),
            format!("//{secret}:{secret}@a.test/{text}"),
        ] {
            // What stands in the text itself may be anywhere.
            if !text.contains(secret) && !hides(text) {
                let kept = redactor.url(&url);
                assert!(!kept.contains(secret), "{url:?} became {kept:?}");
            }
        }
    }
});

/// Whether the text itself gives what comes after it another meaning.
fn hides(text: &str) -> bool {
    text.contains(['?', '#', '@', '/', '\\', '\t', '\r', '\n'])
}
