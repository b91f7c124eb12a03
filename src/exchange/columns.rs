//! An exchange in the columns of a capture, before anything of it is read.

use super::Protocol;

/// The columns that say what a policy would make of an exchange.
#[derive(Clone, Copy, Debug)]
pub struct Columns<'a> {
    /// The method.
    pub method: &'a str,
    /// The URL.
    pub url: &'a str,
    /// The protocol.
    pub protocol: Protocol,
    /// The request's fields.
    pub request_headers: Text<'a>,
    /// The judgement.
    pub judgement: Text<'a>,
}

/// JSON that a capture holds once for many exchanges: where two texts have the same number, they are the
/// same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'a> {
    /// Its number in the capture; nothing where each exchange has its own.
    pub number: Option<i64>,
    /// The text.
    pub json: &'a str,
}
