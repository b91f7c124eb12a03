//! The proxy from outside: what goes in on one side and comes out on the other.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics has failed"
)]

#[path = "../support/mod.rs"]
mod support;

mod certificates;
mod confirm;
mod contents;
mod conversation;
mod deadlines;
mod departures;
mod failures;
mod floods;
mod frames;
mod framing;
mod guide;
mod hostile;
mod hostile2;
mod http2;
mod leaves;
mod ourselves;
mod patience;
mod reaching;
mod recording;
mod rewriting;
mod streams;
mod trust;
mod tunnels;
mod vectors;
mod via;
