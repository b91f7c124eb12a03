//! The CORS protocol as browsers enforce it.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test that panics has failed"
)]

#[path = "../support/mod.rs"]
mod support;

mod at_once;
mod differential;
mod evidence;
mod foreign;
mod har;
mod lookalike;
mod measured;
mod naive;
mod odd;
mod pasted;
mod rewritten;
mod said;
mod truth;
