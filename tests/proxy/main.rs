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
mod conversation;
mod deadlines;
mod departures;
mod failures;
mod framing;
mod hostile;
mod leaves;
mod ourselves;
mod recording;
mod streams;
mod tunnels;
mod vectors;
