//! Real clients through the proxy: each gets what the server sent, octet for octet, and is recorded.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics has failed"
)]

#[path = "../support/mod.rs"]
mod support;

mod busy;
mod pages;
mod programs;
mod site;
mod socket;
