//! The tap: reads along as content passes, and says how much of it may.

use super::Violation;
use super::chunked::Chunked;
use super::framing::Framing;

/// Follows one message's content by its framing. It changes nothing, keeps nothing, and lets
/// octets pass only while they are part of the message and valid.
#[derive(Debug)]
pub struct Tap {
    rest: Rest,
    passed: u64,
}

#[derive(Debug)]
enum Rest {
    Length(u64),
    Chunked(Chunked),
    UntilClose { closed: bool },
}

impl Tap {
    /// A tap before the first octet of content.
    pub fn new(framing: Framing) -> Self {
        let rest = match framing {
            Framing::Length(length) => Rest::Length(length),
            Framing::Chunked => Rest::Chunked(Chunked::new()),
            Framing::UntilClose => Rest::UntilClose { closed: false },
        };
        Self { rest, passed: 0 }
    }

    /// How many of the octets at the front are part of the message and may pass now. 0 means that
    /// more must be seen first, or that the message is complete.
    pub fn pass(&mut self, octets: &[u8]) -> Result<usize, Violation> {
        let passed = match &mut self.rest {
            Rest::Length(left) => {
                let taken =
                    usize::try_from(*left).map_or(octets.len(), |left| left.min(octets.len()));
                *left -= taken as u64;
                taken
            }
            Rest::Chunked(chunked) => chunked.pass(octets)?,
            Rest::UntilClose { .. } => octets.len(),
        };
        self.passed += passed as u64;
        Ok(passed)
    }

    /// The sender has closed; true when the message is complete with that.
    pub fn close(&mut self) -> bool {
        if let Rest::UntilClose { closed } = &mut self.rest {
            *closed = true;
        }
        self.is_complete()
    }

    /// Whether the last octet of the message has passed.
    pub fn is_complete(&self) -> bool {
        match &self.rest {
            Rest::Length(left) => *left == 0,
            Rest::Chunked(chunked) => chunked.is_done(),
            Rest::UntilClose { closed } => *closed,
        }
    }

    /// Whether there was content with an octet before the last, as far as it has passed.
    pub fn has_content(&self) -> bool {
        match &self.rest {
            Rest::Length(_) | Rest::UntilClose { .. } => self.passed > 1,
            // More than the last chunk and the end of no trailers.
            Rest::Chunked(_) => self.passed > 5,
        }
    }

    /// How many octets have passed, framing included.
    pub fn passed(&self) -> u64 {
        self.passed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_beyond_a_length_do_not_pass() {
        let mut tap = Tap::new(Framing::Length(5));
        assert_eq!(tap.pass(b"hel"), Ok(3));
        assert!(!tap.is_complete());
        assert_eq!(tap.pass(b"loHTTP/1.1 200"), Ok(2));
        assert!(tap.is_complete());
        assert_eq!((tap.pass(b"HTTP"), tap.passed()), (Ok(0), 5));
    }

    #[test]
    fn a_close_completes_only_what_it_delimits() {
        assert!(Tap::new(Framing::UntilClose).close());
        assert!(Tap::new(Framing::Length(0)).close());
        assert!(!Tap::new(Framing::Length(1)).close());
        assert!(!Tap::new(Framing::Chunked).close());
    }
}
