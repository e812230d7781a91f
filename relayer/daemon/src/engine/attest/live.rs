//! Live work has flights of its own beside those of a backlog, and attesters are given them first: what somebody waits for does
//! not wait behind sixteen batches, and goes in small ones. The backlog's flights stay as many as they are.

use std::collections::HashSet;

use isthmus_core::id::TransferId;
use tokio::time::{Duration, Instant};

use crate::engine::Fatal;
use crate::engine::attest::crowd::Hold;
use crate::engine::attest::flight::{Flight, flights};
use crate::engine::attest::{Collector, MOST_FLIGHTS};
use crate::engine::board::Share;

/// Most flights of live work. While they are full, more of it waits for one of them to land.
const LIVE_FLIGHTS: usize = 4;
/// With fewer flights under way there is nothing to overtake.
const BUSY: usize = MOST_FLIGHTS / 4;
/// Between two flights of live work: what comes in meanwhile goes with the next.
const BETWEEN: Duration = Duration::from_millis(100);

/// What is under way.
#[derive(Debug, Default)]
pub(super) struct Sky {
    pub(super) ids: HashSet<TransferId>,
    live: usize,
    backlog: usize,
    looked: Option<Instant>,
}

impl Sky {
    /// How many more flights of the backlog may begin.
    pub(super) fn room(&self) -> usize {
        MOST_FLIGHTS.saturating_sub(self.backlog)
    }

    pub(super) fn rise(&mut self, ids: &[TransferId], share: Share) {
        self.ids.extend(ids);
        *self.count(share) += 1;
    }

    pub(super) fn land(&mut self, ids: &[TransferId], share: Share) {
        for id in ids {
            self.ids.remove(id);
        }
        let count = self.count(share);
        *count = count.saturating_sub(1);
    }

    /// Whether there is something to overtake.
    fn is_busy(&self) -> bool {
        self.backlog >= BUSY
    }

    /// How many flights of live work may begin now; notes that somebody looks for it.
    fn live_room(&mut self, now: Instant) -> usize {
        let room = LIVE_FLIGHTS.saturating_sub(self.live);
        let soon = self.looked.is_some_and(|at| now < at + BETWEEN);
        if room == 0 || soon {
            return 0;
        }
        self.looked = Some(now);
        room
    }

    fn count(&mut self, share: Share) -> &mut usize {
        match share {
            Share::Live => &mut self.live,
            Share::Backlog => &mut self.backlog,
        }
    }
}

impl Collector {
    /// Live work that is due, if there is so much else under way, or a backlog held back by the chain's queue, that it would wait.
    pub(super) async fn take_live(&self, sky: &mut Sky, hold: Hold) -> Result<Vec<Flight>, Fatal> {
        let now = self.recorder.clock().now();
        let mut waiting = self.recorder.live().of(&self.lane, now);
        waiting.retain(|id| !sky.ids.contains(id));
        if waiting.is_empty() {
            return Ok(Vec::new());
        }
        if !sky.is_busy() && hold == Hold::Off {
            return Ok(Vec::new());
        }
        let room = sky.live_room(Instant::now());
        if room == 0 {
            return Ok(Vec::new());
        }
        let most = self.ledger.profile().max_batch;
        let due = self.recorder.journal().due_of(&self.lane, now, &waiting);
        let ready = self.begin(due.map_err(Fatal)?, most).await?;
        Ok(flights(ready, room, most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sky(backlog: usize) -> Sky {
        Sky {
            backlog,
            ..Sky::default()
        }
    }

    #[test]
    fn live_work_has_flights_of_its_own_beside_a_full_backlog() {
        let mut sky = sky(MOST_FLIGHTS);
        let now = Instant::now();
        assert_eq!((sky.room(), sky.live_room(now)), (0, LIVE_FLIGHTS));
        assert_eq!(sky.live_room(now), 0, "somebody has just looked");
        let later = now + BETWEEN;
        let id = TransferId::new([1; 32]);
        sky.rise(&[id], Share::Live);
        assert_eq!((sky.room(), sky.live_room(later)), (0, LIVE_FLIGHTS - 1));
        sky.land(&[id], Share::Live);
        assert!(sky.ids.is_empty());
        assert_eq!(sky.live_room(later + BETWEEN), LIVE_FLIGHTS);
    }

    #[test]
    fn live_work_leaves_room_to_the_backlog_and_has_nothing_to_overtake_without() {
        let mut sky = sky(BUSY - 1);
        assert!(!sky.is_busy());
        sky.rise(&[], Share::Live);
        assert_eq!(sky.room(), MOST_FLIGHTS - (BUSY - 1));
        sky.rise(&[], Share::Backlog);
        assert!(sky.is_busy());
    }
}
