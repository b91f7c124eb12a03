//! Probing real servers on loopback: what is asked, and what is found.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics has failed"
)]

mod asking;
mod mistakes;
mod site;
