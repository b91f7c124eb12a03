//! How exchanges end.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How an exchange ended, or that it has not. A broken connection is an ending, not an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// It has not ended.
    InProgress,
    /// The whole response was passed on.
    Complete,
    /// The response broke off in its content.
    Truncated,
    /// The client went away before the response was complete.
    ResetByClient,
    /// The server reset the connection before it answered.
    ResetByServer,
    /// The server closed the connection without an answer.
    NoResponse,
    /// What the server sent is not valid HTTP; nothing of it was passed on.
    NotHttp,
    /// The server could not be reached: the connection was refused, or there is no route.
    Refused,
    /// The server's name did not resolve.
    Dns,
    /// The TLS handshake with the server failed, or its certificate is not to be trusted.
    Tls,
    /// The server did not answer in time.
    Timeout,
    /// The request never went out: it is not valid, its target is not allowed, or the browser kept it
    /// to itself.
    NeverSent,
}

impl Ending {
    /// Whether the server's answer, or the lack of one, is the last word: no response will come.
    pub fn is_without_response(self) -> bool {
        match self {
            Self::InProgress | Self::Complete | Self::Truncated => false,
            Self::ResetByClient
            | Self::ResetByServer
            | Self::NoResponse
            | Self::NotHttp
            | Self::Refused
            | Self::Dns
            | Self::Tls
            | Self::Timeout
            | Self::NeverSent => true,
        }
    }

    /// The name used in JSON and captures.
    pub fn name(self) -> &'static str {
        match self {
            Self::InProgress => "in-progress",
            Self::Complete => "complete",
            Self::Truncated => "truncated",
            Self::ResetByClient => "reset-by-client",
            Self::ResetByServer => "reset-by-server",
            Self::NoResponse => "no-response",
            Self::NotHttp => "not-http",
            Self::Refused => "refused",
            Self::Dns => "dns",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::NeverSent => "never-sent",
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_json_form() {
        for ending in [
            Ending::InProgress,
            Ending::ResetByClient,
            Ending::NotHttp,
            Ending::Dns,
        ] {
            assert_eq!(serde_json::to_value(ending).expect("plain"), ending.name());
        }
    }
}
