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

mod conversation;
mod departures;
mod failures;
mod hostile;
mod tunnels;
mod vectors;
