//! The rhythm in which blocks become final, as they come: whoever knows it need not ask before there can be an answer.

use std::time::Duration;

use tokio::time::Instant;

/// Over how many blocks it is taken, so that the moment at which each is noticed does not matter.
const SPAN: u64 = 8;

/// How long it takes from one final block to the next.
#[derive(Debug, Default)]
pub(super) struct Rhythm {
    since: Option<(u64, Instant)>,
    interval: Option<Duration>,
}

impl Rhythm {
    /// The chain is final up to here now.
    pub(super) fn note(&mut self, height: u64, now: Instant) {
        let Some((from, at)) = self.since else {
            self.since = Some((height, now));
            return;
        };
        let blocks = height.saturating_sub(from);
        if blocks == 0 || (blocks < SPAN && self.interval.is_some()) {
            return;
        }
        self.interval = u32::try_from(blocks).ok().map(|blocks| (now - at) / blocks);
        self.since = Some((height, now));
    }

    /// Unknown at first.
    pub(super) fn interval(&self) -> Option<Duration> {
        self.interval
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_known_after_two_blocks_and_follows_slowly() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut rhythm = Rhythm::default();
        rhythm.note(100, at(0));
        assert_eq!(rhythm.interval(), None);
        rhythm.note(102, at(2_100));
        assert_eq!(rhythm.interval(), Some(Duration::from_millis(1_050)));
        for block in 1..=7 {
            rhythm.note(102 + block, at(2_100 + block * 2_000));
        }
        assert_eq!(rhythm.interval(), Some(Duration::from_millis(1_050)));
        rhythm.note(110, at(18_100));
        assert_eq!(rhythm.interval(), Some(Duration::from_secs(2)));
    }
}
