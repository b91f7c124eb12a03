//! Why an exchange over HTTP/2 stops before its end, and what each side gets to see of it.

use std::fmt;

use h2::Reason;

use crate::exchange::Ending;
use crate::proxy::dial::wants_certificate;
use crate::wire::Violation;

/// Why an exchange did not end with its response.
#[derive(Debug)]
pub(super) enum Stopped {
    /// There is no response that could be passed on.
    Unanswered {
        ending: Ending,
        reason: String,
        reset: Option<Reason>,
    },
    /// The response broke off after its head had gone to the browser.
    BrokenOff {
        reason: String,
        reset: Option<Reason>,
    },
    /// The content of the request is not valid; no response has begun.
    BadContent(String),
    /// The browser went away, or reset its stream.
    ClientGone(h2::Error),
    /// Its connection was ended because of what it sent.
    Dismissed(Violation),
}

impl Stopped {
    /// The same, of a server whose connection was ended because of what it sent.
    pub(super) fn because_of(self, violation: Violation) -> Self {
        let broke = || format!("the server broke the rules of HTTP/2: {violation}");
        match self {
            Self::Unanswered { .. } => Self::Unanswered {
                ending: Ending::NotHttp,
                reason: broke(),
                reset: None,
            },
            Self::BrokenOff { .. } => Self::BrokenOff {
                reason: broke(),
                reset: None,
            },
            Self::BadContent(_) | Self::ClientGone(_) | Self::Dismissed(_) => self,
        }
    }
}

pub(super) fn gone(reset: Result<Reason, h2::Error>) -> Stopped {
    Stopped::ClientGone(reset.map_or_else(|error| error, Into::into))
}

/// Whether this is how browsers refuse what they have of a response: WebKit by `STREAM_CLOSED`, all
/// others by `CANCEL` (measured).
pub(super) fn is_refusal(error: &h2::Error) -> bool {
    matches!(error.reason(), Some(Reason::CANCEL | Reason::STREAM_CLOSED))
}

pub(super) fn not_http(violation: Violation) -> Stopped {
    Stopped::Unanswered {
        ending: Ending::NotHttp,
        reason: format!("the server's answer is not valid HTTP: {violation}"),
        reset: Some(Reason::PROTOCOL_ERROR),
    }
}

/// What came of a stream that the server did not answer on.
pub(super) fn unanswered(error: &h2::Error) -> Stopped {
    let stopped = |ending, reason: &dyn fmt::Display| Stopped::Unanswered {
        ending,
        reason: reason.to_string(),
        reset: reason_for_client(error),
    };
    if error.get_io().is_some_and(wants_certificate) {
        stopped(
            Ending::Tls,
            &format_args!(
                "the server wants to see a certificate that it takes ({error}); `corstap run --client-cert \
                 HOST=FILE.pem` shows it one"
            ),
        )
    } else if error.is_go_away() && error.is_remote() {
        stopped(
            Ending::NoResponse,
            &"the server takes no more requests on this connection (GOAWAY)",
        )
    } else if error.is_reset() && error.is_remote() {
        stopped(
            Ending::ResetByServer,
            &format_args!("the server reset the stream before it answered: {error}"),
        )
    } else if error.is_library() || error.is_go_away() {
        stopped(
            Ending::NotHttp,
            &format_args!("the server's answer is not valid HTTP/2: {error}"),
        )
    } else {
        stopped(
            Ending::NoResponse,
            &format_args!("the server's connection broke: {error}"),
        )
    }
}

/// The reset that tells the browser what happened on the server's side; none where its whole
/// connection is gone, which the browser gets to see by its own.
pub(super) fn reason_for_client(error: &h2::Error) -> Option<Reason> {
    if error.is_go_away() && error.is_remote() {
        // Not processed, so it may be tried again (RFC 9113 section 8.7).
        Some(Reason::REFUSED_STREAM)
    } else if error.is_go_away() {
        None
    } else {
        error.reason()
    }
}
