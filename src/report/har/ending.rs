//! How an entry ended, by the words that tools have for it.

use super::shape::{ConnectionEnd, Entry, HarResponse, Source};
use crate::exchange::Ending;

/// What browsers and proxies say, and what it means. The first that is found counts.
const WORDS: [(&str, Ending); 31] = [
    ("ERR_CONNECTION_REFUSED", Ending::Refused),
    ("ERR_ADDRESS_UNREACHABLE", Ending::Refused),
    ("ERR_INTERNET_DISCONNECTED", Ending::Refused),
    ("ERR_NAME_NOT_RESOLVED", Ending::Dns),
    ("ERR_NAME_RESOLUTION_FAILED", Ending::Dns),
    ("ERR_CERT_", Ending::Tls),
    ("ERR_SSL_", Ending::Tls),
    ("ERR_BAD_SSL_CLIENT_AUTH_CERT", Ending::Tls),
    ("ERR_TIMED_OUT", Ending::Timeout),
    ("ERR_CONNECTION_TIMED_OUT", Ending::Timeout),
    ("ERR_CONNECTION_RESET", Ending::ResetByServer),
    ("ERR_HTTP2_PROTOCOL_ERROR", Ending::ResetByServer),
    ("ERR_CONNECTION_CLOSED", Ending::NoResponse),
    ("ERR_EMPTY_RESPONSE", Ending::NoResponse),
    ("ERR_INVALID_HTTP_RESPONSE", Ending::NotHttp),
    ("ERR_ABORTED", Ending::ResetByClient),
    ("ERR_BLOCKED_BY_CLIENT", Ending::NeverSent),
    ("ERR_BLOCKED_BY_CSP", Ending::NeverSent),
    ("NS_ERROR_CONNECTION_REFUSED", Ending::Refused),
    ("NS_ERROR_UNKNOWN_HOST", Ending::Dns),
    ("NS_ERROR_NET_TIMEOUT", Ending::Timeout),
    ("NS_ERROR_NET_RESET", Ending::ResetByServer),
    ("NS_BINDING_ABORTED", Ending::ResetByClient),
    ("Connect call failed", Ending::Refused),
    ("onnection refused", Ending::Refused),
    ("Name or service not known", Ending::Dns),
    ("getaddrinfo", Ending::Dns),
    ("certificate verify failed", Ending::Tls),
    ("TLS handshake", Ending::Tls),
    ("timed out", Ending::Timeout),
    ("lient disconnected", Ending::ResetByClient),
];

/// What breaks an answer off that has begun.
const BREAKS: [&str; 5] = [
    "ERR_CONTENT_LENGTH_MISMATCH",
    "ERR_INCOMPLETE_CHUNKED_ENCODING",
    "ERR_CONNECTION_RESET",
    "ERR_CONNECTION_CLOSED",
    "ERR_HTTP2_PROTOCOL_ERROR",
];

impl Entry {
    /// The status and the head of its answer, if it has one.
    pub(super) fn answer(&self) -> Option<(u16, &HarResponse)> {
        let response = self.response.as_ref()?;
        let status = response
            .status
            .filter(|status| (100.0..=999.0).contains(status))?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is within range"
        )]
        let status = status as u16;
        Some((status, response))
    }

    /// How it ended, and what the file says of it. What a browser gave up without saying why is left
    /// open.
    pub(super) fn ending(&self, source: &Source) -> (Ending, Option<String>) {
        let response = self.response.as_ref();
        let error = response.and_then(|response| {
            let error = response.error.as_deref().or(response.failure.as_deref());
            error.filter(|error| !error.is_empty())
        });
        let ending = match error {
            Some(error) => self.failed(error),
            None if self.answer().is_some() => Ending::Complete,
            None if source.is_ours() => Ending::NoResponse,
            None => Ending::InProgress,
        };
        (ending, error.map(str::to_owned))
    }

    fn failed(&self, error: &str) -> Ending {
        let by_client = self.connection_end == Some(ConnectionEnd::ClosedByClient);
        let of_browser = error.contains("net::ERR_") || error.starts_with("NS_");
        let told = || WORDS.iter().find(|(words, _)| error.contains(words));
        match error {
            "truncated-body" | "truncated" => Ending::Truncated,
            "reset" | "reset-by-server" => Ending::ResetByServer,
            "not-http" | "closed-in-headers" => Ending::NotHttp,
            "no-response" | "timeout" if by_client => Ending::ResetByClient,
            "no-response" | "timeout" => Ending::Timeout,
            "reset-by-client" => Ending::ResetByClient,
            "refused" => Ending::Refused,
            "dns" => Ending::Dns,
            "tls" => Ending::Tls,
            "never-sent" => Ending::NeverSent,
            // The head is there, and it is what is judged: what the browser did then is its verdict.
            _ if self.answer().is_some() && of_browser => {
                if BREAKS.iter().any(|words| error.contains(words)) {
                    Ending::Truncated
                } else {
                    Ending::Complete
                }
            }
            _ if self.answer().is_some() => Ending::Truncated,
            _ => match told() {
                Some((_, ending)) => *ending,
                None if of_browser => Ending::InProgress,
                None => Ending::NoResponse,
            },
        }
    }
}
