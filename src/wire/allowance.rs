//! How many frames of HTTP/2 that move nothing a peer may send. The h2 crate bounds the floods that
//! cost memory; it answers or ignores the others for as long as they go on.

use std::time::Duration;

use super::frames::Frame;

/// How many idle frames a peer may send at once, and how many more each second: no browser sends a
/// tenth of that.
const MOST_IDLE: u32 = 10_000;
const IDLE_A_SECOND: u32 = 1_000;

/// How many frames that move nothing a peer may still send.
#[derive(Debug)]
pub struct Allowance {
    left: u32,
    since: Duration,
}

impl Allowance {
    /// A full one, for a connection that has just begun.
    pub fn new() -> Self {
        Self {
            left: MOST_IDLE,
            since: Duration::ZERO,
        }
    }

    /// The peer was sent that many frames of DATA, each of which it may answer by window updates for
    /// the stream and the connection.
    pub fn grant(&mut self, data: usize) {
        let more = u32::try_from(data).unwrap_or(MOST_IDLE).saturating_mul(2);
        self.left = self.left.saturating_add(more).min(MOST_IDLE);
    }

    /// The peer has sent a frame, that long after the connection began; false when it was one too
    /// many.
    pub fn spend(&mut self, frame: Frame, now: Duration) -> bool {
        if !frame.is_idle() {
            return true;
        }
        if self.left == 0 {
            let passed = now.saturating_sub(self.since).as_secs();
            let passed = u32::try_from(passed).unwrap_or(u32::MAX);
            self.left = IDLE_A_SECOND.saturating_mul(passed).min(MOST_IDLE);
            self.since = now;
        }
        let is_granted = self.left > 0;
        self.left = self.left.saturating_sub(1);
        is_granted
    }
}

impl Default for Allowance {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frames::Frames;

    /// A frame of an octet.
    fn frame(kind: u8) -> Frame {
        let octets = [0, 0, 1, kind, 0, 0, 0, 0, 1];
        let frame = Frames::of_server().follow(&octets).next();
        frame.expect("a frame")
    }

    #[test]
    fn frames_that_move_nothing_are_granted_up_to_a_limit() {
        let start = Duration::ZERO;
        let mut allowance = Allowance::new();
        let ping = frame(6);
        let granted = (0..2 * MOST_IDLE)
            .filter(|_| allowance.spend(ping, start))
            .count();
        assert_eq!(granted, MOST_IDLE as usize);
        let later = Duration::from_secs(3);
        let granted = (0..2 * MOST_IDLE)
            .filter(|_| allowance.spend(ping, later))
            .count();
        assert_eq!(granted, 3 * IDLE_A_SECOND as usize);
    }

    #[test]
    fn what_carries_messages_is_free_and_earns_window_updates() {
        let now = Duration::ZERO;
        let mut allowance = Allowance::new();
        let (data, update) = (frame(0), frame(8));
        for _ in 0..2 * MOST_IDLE {
            assert!(allowance.spend(data, now));
            allowance.grant(1);
            assert!(allowance.spend(update, now) && allowance.spend(update, now));
        }
    }
}
