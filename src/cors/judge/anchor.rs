//! Anchors: requests that tell their credentials mode by what they are, and so that of their connection.

use super::super::classify::{Destination, Kind, Profile};
use super::super::credentials::CredentialsMode;

/// The mode of a connection that carries such a request, where the request itself tells. Elements tell nothing
/// where their page may load them
/// [without credentials](https://html.spec.whatwg.org/#coep-credentialless).
pub(super) fn anchor(profile: Profile, may_be_credentialless: bool) -> Option<CredentialsMode> {
    match profile.kind {
        Kind::Preflight => Some(CredentialsMode::Omit),
        Kind::Navigation => Some(CredentialsMode::Include),
        // https://w3c.github.io/webappsec-csp/#report-violation
        Kind::NoCors if profile.destination == Some(Destination::Report) => {
            Some(CredentialsMode::Omit)
        }
        Kind::NoCors if profile.destination.is_some_and(is_element) => {
            (!may_be_credentialless).then_some(CredentialsMode::Include)
        }
        Kind::NoCors
        | Kind::CrossOrigin
        | Kind::SameOrigin
        | Kind::Websocket
        | Kind::NotBrowser => None,
    }
}

/// Whether it is what elements without `crossorigin` and style sheets ask for: such loads include credentials.
fn is_element(destination: Destination) -> bool {
    match destination {
        Destination::Audio
        | Destination::Embed
        | Destination::Frame
        | Destination::Iframe
        | Destination::Image
        | Destination::Object
        | Destination::Script
        | Destination::Style
        | Destination::Track
        | Destination::Video
        | Destination::Xslt => true,
        Destination::Audioworklet
        | Destination::Document
        | Destination::Empty
        | Destination::Fencedframe
        | Destination::Font
        | Destination::Json
        | Destination::Manifest
        | Destination::Paintworklet
        | Destination::Report
        | Destination::Serviceworker
        | Destination::Sharedworker
        | Destination::Text
        | Destination::Webidentity
        | Destination::Websocket
        | Destination::Worker => false,
    }
}
