//! What is seen of content, in any coding and framing: it does not matter in which pieces it came, and
//! what cannot be decoded is found out without harm.
#![no_main]

mod pieces;

use corstap::wire::content::Content;
use corstap::wire::framing::Framing;
use corstap::wire::glimpse::{Depth, Glimpse};
use corstap::wire::headers::HeaderList;
use libfuzzer_sys::fuzz_target;

const CODINGS: [&str; 6] = ["", "gzip", "deflate", "br", "zstd", "x"];

fuzz_target!(|data: &[u8]| {
    let Some((&choice, data)) = data.split_first() else {
        return;
    };
    let Some((octets, ends)) = pieces::cut(data) else {
        return;
    };
    let coding = CODINGS[usize::from(choice >> 2) % CODINGS.len()];
    let framing = (choice & 1 == 1).then_some(Framing::Chunked);
    let depth = if choice & 2 == 2 {
        Depth::Coding
    } else {
        Depth::Content
    };
    let headers: HeaderList = [("Content-Encoding", coding)].into_iter().collect();
    let whole = seen(&headers, framing, depth, octets, &[octets.len()]);
    assert_eq!(whole, seen(&headers, framing, depth, octets, &ends));
    if depth == Depth::Coding {
        assert!(matches!(whole, None | Some(Content::Miscoded)));
    }
});

fn seen(
    headers: &HeaderList,
    framing: Option<Framing>,
    depth: Depth,
    octets: &[u8],
    ends: &[usize],
) -> Option<Content> {
    let mut glimpse = Glimpse::of(headers, framing, depth)?;
    let mut at = 0;
    for &end in ends {
        glimpse.see(&octets[at..end]);
        at = end;
    }
    glimpse.content(true)
}
