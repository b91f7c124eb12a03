//! Pieces that several tests share.
#![allow(dead_code, unreachable_pub, reason = "each test takes what it needs")]

pub mod chromium;
pub mod exceptions;
pub mod frames;
pub mod http2;
pub mod installed;
pub mod live;
pub mod pty;
pub mod replays;
pub mod scene;
pub mod strict;
pub mod truth;
