//! corstap: a local TLS-terminating intercept proxy that says why a cross-origin fetch fails.

pub mod wire;

pub mod exchange;

pub mod cors;

pub mod report;

pub mod clock;

pub mod private;

pub mod ca;

pub mod store;

pub mod proxy;

pub mod browser;

pub mod cli;

pub mod cmd;

pub mod term;
