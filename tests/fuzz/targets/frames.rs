//! Frames of HTTP/2: what they show is the same in whatever pieces they come.
#![no_main]

mod pieces;

use std::time::Duration;

use corstap::wire::Violation;
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

/// The frames, what is unfinished, and the first rule that was broken.
fn follow(mut frames: Frames, octets: &[u8], ends: &[usize]) -> (Vec<Frame>, Option<u64>, Option<Violation>) {
    let (mut seen, mut at) = (Vec::new(), 0);
    for &end in ends {
        seen.extend(frames.follow(&octets[at..end]));
        at = end;
    }
    (seen, frames.unfinished(), frames.violation())
}
