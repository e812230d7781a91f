//! Live work has flights of its own beside those of a backlog, and attesters are given them first: what has only just come in
//! does not wait behind sixteen batches. The backlog's flights stay as many as they are.

use std::collections::HashSet;

use isthmus_core::id::TransferId;
use isthmus_core::ports::DueOrder;
use isthmus_core::time::Timestamp;
use isthmus_core::transfer::Transfer;
use tokio::time::{Duration, Instant};

use crate::engine::Fatal;
use crate::engine::attest::{Collector, Flight, MOST_FLIGHTS, flights};
use crate::engine::board::Share;

/// Most flights of live work. While they are full, more of it waits like everything else.
const LIVE_FLIGHTS: usize = 2;
/// With fewer flights under way there is nothing to overtake.
const BUSY: usize = MOST_FLIGHTS / 4;
/// How long after its lock a transfer is live, by the registry's clock: for pacing only.
const LIVE_MS: u64 = 10_000;
/// Between two looks for live work: every write of anybody wakes the collector.
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

    /// How many flights of live work may begin now; notes that somebody looks for it.
    fn live_room(&mut self, now: Instant) -> usize {
        let room = LIVE_FLIGHTS.saturating_sub(self.live);
        let soon = self.looked.is_some_and(|at| now < at + BETWEEN);
        if room == 0 || self.backlog < BUSY || soon {
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
    /// Live work that is due, if there is so much else under way that it would wait.
    pub(super) async fn take_live(&self, sky: &mut Sky) -> Result<Vec<Flight>, Fatal> {
        let room = sky.live_room(Instant::now());
        if room == 0 {
            return Ok(Vec::new());
        }
        let now = self.recorder.clock().now();
        let most = self.ledger.profile().max_batch;
        let journal = self.recorder.journal();
        let newest = journal.due_in(&self.lane, now, most, DueOrder::NewestFirst);
        let mut newest = newest.map_err(Fatal)?;
        newest.retain(|(transfer, _)| is_live(transfer, now) && !sky.ids.contains(&transfer.id()));
        let ready = self.begin(newest, most).await?;
        Ok(flights(ready, room, most))
    }
}

/// Whether it was locked a moment ago and nobody was asked yet: what was put off belongs to the backlog.
fn is_live(transfer: &Transfer, now: Timestamp) -> bool {
    let locked = transfer.state().take().map(|receipt| receipt.at);
    let fresh = locked.is_some_and(|at| now < at.plus_ms(LIVE_MS));
    fresh && transfer.pending().is_none()
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
        assert_eq!(sky.live_room(Instant::now()), 0);
        sky.rise(&[], Share::Live);
        assert_eq!(sky.room(), MOST_FLIGHTS - (BUSY - 1));
    }
}
