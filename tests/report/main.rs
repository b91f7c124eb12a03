//! Reports: failures told to those who did not see them.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics has failed"
)]

#[path = "../support/mod.rs"]
mod support;

mod console;
