//! The CORS protocol as browsers enforce it.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics has failed"
)]

#[path = "../support/mod.rs"]
mod support;

mod evidence;
mod lookalike;
mod truth;
