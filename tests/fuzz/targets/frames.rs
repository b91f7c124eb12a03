//! Frames of HTTP/2: what they show is the same in whatever pieces they come.
#![no_main]

mod pieces;

use std::time::Duration;

use corstap::wire::allowance::Allowance;
use corstap::wire::frames::{Frame, Frames};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((octets, ends)) = pieces::cut(data) else {
        return;
    };
    for of in [Frames::of_client, Frames::of_server] {
        let whole = follow(of(), octets, &[octets.len()]);
        assert_eq!(whole, follow(of(), octets, &ends));
        let mut allowance = Allowance::new();
        for frame in whole.0 {
            // A few kibibytes are no flood.
            assert!(allowance.spend(frame, Duration::ZERO));
        }
    }
});

/// The frames, what is unfinished, and whether there is a pseudo-header field in trailers.
fn follow(mut frames: Frames, octets: &[u8], ends: &[usize]) -> (Vec<Frame>, Option<u64>, bool) {
    let (mut seen, mut at) = (Vec::new(), 0);
    for &end in ends {
        seen.extend(frames.follow(&octets[at..end]));
        at = end;
    }
    (seen, frames.unfinished(), frames.has_pseudo_trailer())
}
