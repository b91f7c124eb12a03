//! Heads of requests: whatever comes, in whatever pieces, is a head or refused; and what leaves for
//! the server is what came, but for the target and the fields for the proxy.
#![no_main]

mod pieces;

use corstap::wire::edit::for_server;
use corstap::wire::framing::{Framing, is_persistent};
use corstap::wire::head::RequestHead;
use corstap::wire::scan::{HeadScanner, Kind};
use corstap::wire::target::{Place, Target};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((octets, ends)) = pieces::cut(data) else {
        return;
    };
    let whole = HeadScanner::new(Kind::Request).scan(octets);
    let mut scanner = HeadScanner::new(Kind::Request);
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
    let octets = &octets[span.start..span.end];
    assert!(octets.ends_with(b"\r\n\r\n"));
    let Ok(head) = RequestHead::parse(octets) else {
        return;
    };
    let _ = (
        Framing::of_request(&head),
        is_persistent(head.version, &head.headers),
    );
    let _ = Target::of(&head, Place::Tunnel);
    let origin_form = match Target::of(&head, Place::ProxyPort) {
        Ok(Target::Absolute { origin_form, .. }) => origin_form,
        Ok(Target::Connect(_) | Target::Origin) | Err(_) => return,
    };
    let edited = for_server(octets, &head, Some(&origin_form)).expect("another target");
    let again = RequestHead::parse(&edited).expect("still a head");
    assert_eq!((&again.method, again.version), (&head.method, head.version));
    assert_eq!(again.target, origin_form);
    let for_proxy = |name: &[u8]| {
        name.eq_ignore_ascii_case(b"proxy-connection")
            || name.eq_ignore_ascii_case(b"proxy-authorization")
    };
    let kept = head.headers.iter().filter(|(name, _)| !for_proxy(name));
    assert!(again.headers.iter().eq(kept));
    assert_eq!(Framing::of_request(&again), Framing::of_request(&head));
    Target::of(&again, Place::Tunnel).expect("the form that servers take");
});
