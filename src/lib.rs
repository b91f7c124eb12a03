//! corstap: a local TLS-terminating intercept proxy for web developers. A browser is pointed at
//! it; it records the cross-origin exchanges and says for each failure what the browser will say,
//! and why.
//!
//! # The house
//!
//! ```text
//!                 browser ──► proxy ──► server          explain FILE.har
//!                               │ events                      │ events
//!                               ▼                             ▼
//!                            recorder                    report::har
//!                               │                             │
//!               store ──► writer: cors::Judge ◄───────────────┘
//!                               │ committed
//!                               ▼
//!                 live log, capture file, dashboard
//! ```
//!
//! Three rings; imports point inward, and a test reads them so that nobody has to.
//!
//! - **Pure**, values in and values out: [`wire`] (octets and messages), [`exchange`] (what was
//!   seen), [`cors`] (the Fetch Standard, three engines, the judge), [`policy`] (what a user allows),
//!   [`report`] (words and files; every code is in its [`catalogue`](report::catalogue)).
//! - **Shell**, where I/O is: [`clock`], [`private`] files, the [`ca`], the [`store`], the
//!   [`proxy`], the [`dashboard`], the [`probe`] of a server, the [`browser`].
//! - **Product**: [`cli`] (what was typed), [`cmd`] (one verb a file; in [`cmd::run`] the parts
//!   meet), [`term`] (the only printer).
//!
//! # What never happens
//!
//! - [`wire`] never repairs a message: it passes as it came, or is refused with a name for the
//!   reason.
//! - [`cors`] never asks for the time, and never guesses the credentials mode: where the wire does
//!   not tell, both answers are given.
//! - The [`proxy`] never waits for the [`store`], and never answers a page in a dead server's
//!   place.
//! - Nothing is shown that is not committed.
//! - A secret is never written: values are known to be harmless, or withheld.
//! - The [`ca`] never signs for a host outside its names.

pub mod wire;

pub mod exchange;

pub mod cors;

pub mod policy;

pub mod report;

pub mod clock;

pub mod private;

pub mod ca;

pub mod store;

pub mod proxy;

pub mod dashboard;

pub mod probe;

pub mod browser;

pub mod cli;

pub mod term;

pub mod cmd;
