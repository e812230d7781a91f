//! Transactions that wait for a block are a queue that nothing overtakes: they go by their numbers. So a backlog is signed for no
//! faster than the chain takes it while anything is live, which then finds a short queue. For pacing only.

use tokio::time::{Duration, Instant, timeout};

use crate::engine::attest::Collector;

/// With so many transactions in the queue no more of a backlog is signed for. Two blocks' worth or so, so that none goes out unfilled.
const CROWD: u64 = 24;
/// Between two looks at the queue.
const BETWEEN: Duration = Duration::from_millis(100);
/// How long a look may take: it holds up what lands meanwhile.
const MOMENT: Duration = Duration::from_millis(250);
/// A queue of which nothing was taken for so long is stuck: who waits behind it may as well be signed for, voids above all.
const STUCK: Duration = Duration::from_mins(1);

/// Whether a backlog is held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// The queue is long, and something live would wait behind it.
    On,
    /// All may go.
    Off,
}

/// What is known of the queue.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    looked: Option<Instant>,
    queued: u64,
    /// Since when it is as long as it is, or longer.
    since: Option<Instant>,
}

impl Crowd {
    fn note(&mut self, queued: u64, now: Instant) {
        if queued < self.queued || self.queued < CROWD {
            self.since = Some(now);
        }
        self.queued = queued;
    }

    /// Whether a backlog waits.
    fn is_long(&self, now: Instant) -> bool {
        let stuck = self.since.is_some_and(|since| since + STUCK <= now);
        self.queued >= CROWD && !stuck
    }

    fn is_looked_at(&mut self, now: Instant) -> bool {
        let soon = self.looked.is_some_and(|at| now < at + BETWEEN);
        if !soon {
            self.looked = Some(now);
        }
        soon
    }
}

impl Collector {
    /// Whether the backlog waits now. Looks at the queue if it is time; a chain that does not say is not waited for.
    pub(super) async fn hold(&self, crowd: &mut Crowd) -> Hold {
        if !self.recorder.live().is_any(self.recorder.clock().now()) {
            return Hold::Off;
        }
        if !crowd.is_looked_at(Instant::now()) {
            let said = timeout(MOMENT, self.ledger.queued()).await;
            let queued = said.map_or(0, Result::unwrap_or_default);
            crowd.note(queued, Instant::now());
        }
        if crowd.is_long(Instant::now()) {
            Hold::On
        } else {
            Hold::Off
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_queue_is_waited_for_as_long_as_it_moves() {
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let mut crowd = Crowd::default();
        assert!(!crowd.is_long(at(0)));
        crowd.note(CROWD - 1, at(0));
        assert!(!crowd.is_long(at(0)));
        crowd.note(CROWD, at(100));
        assert!(crowd.is_long(at(100)), "it was short until now");
        crowd.note(CROWD + 1, at(150));
        assert!(crowd.is_long(at(159)));
        assert!(!crowd.is_long(at(160)), "nothing was taken of it");
        crowd.note(CROWD, at(161));
        assert!(crowd.is_long(at(220)), "it moves again");
        crowd.note(0, at(221));
        assert!(!crowd.is_long(at(221)));
    }

    #[test]
    fn it_is_looked_at_now_and_then() {
        let start = Instant::now();
        let mut crowd = Crowd::default();
        assert!(!crowd.is_looked_at(start));
        assert!(crowd.is_looked_at(start + BETWEEN / 2));
        assert!(!crowd.is_looked_at(start + BETWEEN));
    }
}
