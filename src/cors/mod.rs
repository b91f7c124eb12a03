//! The Fetch Standard's CORS protocol, as three engines enforce it, and the judging of what was
//! seen by it.
//!
//! [`check`] and [`preflight`] are stateless: one response, one engine, one credentials mode.
//! [`Judge`] holds the stories: which request a preflight belongs to, which hop a redirect led
//! to, and what gives the credentials mode away; [`root`] finds what lies beneath a failure. Nothing
//! here asks for the time.

pub mod around;
mod beside;
pub mod cache;
pub mod cause;
pub mod check;
pub mod classify;
mod conclusion;
pub mod confirm;
pub mod content;
pub mod credentials;
pub mod diagnosis;
mod embedder;
pub mod engine;
pub mod exposed;
mod frame_policy;
pub mod judge;
mod loading;
pub mod lookalike;
mod media_type;
mod mixed_content;
pub mod names;
mod opaque;
pub mod opinion;
mod opinions;
pub mod origin;
mod precedents;
pub mod preflight;
pub mod reading;
mod recent;
pub mod redirect;
mod refused;
mod resource_policy;
pub mod root;
pub mod verdict;
mod websocket;
mod withhold;

pub use self::cause::{Cause, Phase, Rule};
pub use self::classify::{Destination, Kind, Profile};
pub use self::credentials::{Credentials, CredentialsMode};
pub use self::diagnosis::{Confidence, Diagnosis};
pub use self::engine::Engine;
pub use self::judge::Judge;
pub use self::lookalike::LookAlike;
pub use self::root::Root;
pub use self::verdict::{Answer, Judgement, Outcome, Verdict};
