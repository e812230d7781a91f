//! How much of what is due is looked at in one round, and which: all of it if it fits, else mostly what waits longest, and a
//! share of what came last, so that live work does not wait behind a backlog and a backlog does not wait behind live work.

use std::collections::HashSet;

use isthmus_core::operation::Lane;
use isthmus_core::ports::{Draft, DueOrder, Journal};
use isthmus_core::time::Timestamp;
use isthmus_core::transfer::Transfer;

use crate::engine::Fatal;

/// Most work in one round of a lane. In-flight work is bounded by what is due, not by this: it must only be large enough that
/// the rate times the time between two looks fits into a few rounds.
const MOST: usize = 512;
/// Most calls of a ledger that one round may need for each question.
const CALLS: usize = 8;
/// The same while live work waits: two calls' worth.
const SHORT_CALLS: usize = 2;
/// One in so many is live work, when there is a backlog.
const LIVE_SHARE: usize = 4;

/// The size of a round for a ledger that takes `max_batch` operations in one call.
pub(super) fn size(max_batch: usize) -> usize {
    MOST.min(max_batch.saturating_mul(CALLS)).max(max_batch)
}

/// The size of a round while somebody waits for something: it waits for the round that is under way.
pub(super) fn short(max_batch: usize) -> usize {
    size(max_batch).min(max_batch.saturating_mul(SHORT_CALLS))
}

/// What is due in a lane by `now`, at most `limit`.
pub(super) fn of(
    journal: &dyn Journal,
    lane: &Lane,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<(Transfer, Vec<Draft>)>, Fatal> {
    let live = limit / LIVE_SHARE;
    let oldest = limit.saturating_sub(live);
    let mut page = journal.due(lane, now, oldest).map_err(Fatal)?;
    if page.len() < oldest || live == 0 {
        return Ok(page);
    }
    let newest = journal.due_in(lane, now, live, DueOrder::NewestFirst);
    let known: HashSet<_> = page.iter().map(|(transfer, _)| transfer.id()).collect();
    let newest = newest.map_err(Fatal)?.into_iter();
    page.extend(newest.filter(|(transfer, _)| !known.contains(&transfer.id())));
    Ok(page)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use isthmus_core::id::TransferId;
    use isthmus_core::ports::Append;
    use isthmus_core::testing::sample;
    use isthmus_core::time::Clock;
    use isthmus_core::transfer::Transfer;
    use isthmus_store::Store;

    use super::*;

    #[derive(Debug)]
    struct Noon;

    impl Clock for Noon {
        fn now(&self) -> Timestamp {
            Timestamp::from_s(1_780_000_000)
        }
    }

    /// Transfers that wait for their lock, the first longest.
    fn waiting(store: &Store, count: u64) -> Vec<TransferId> {
        let due = |number: u64| Timestamp::from_ms(1_779_999_000_000 + number);
        let admit = |number: u64| {
            let outbound =
                sample::outbound(number, &[sample::block(number * 10 + 1, number * 10 + 5)]);
            let id = outbound.terms.id();
            let append = Append {
                transfer: Some((id, 0)),
                events: vec![sample::requested(&outbound)],
                due: Some(due(number)),
                ..Append::default()
            };
            assert!(store.append(vec![append]).iter().all(Result::is_ok));
            id
        };
        (1..=count).map(admit).collect()
    }

    #[test]
    fn live_work_gets_its_share_beside_a_backlog() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "test", Arc::new(Noon)).unwrap();
        let ids = waiting(&store, 20);
        let Some(transfer) = store.transfer(ids[0]).unwrap() else {
            panic!("it was just written");
        };
        let lane = transfer.lane(Noon.now()).unwrap();
        let page = |limit| -> Vec<TransferId> {
            let page = of(&store, &lane, Noon.now(), limit).unwrap();
            page.iter()
                .map(|(transfer, _): &(Transfer, _)| transfer.id())
                .collect()
        };
        let expected = [&ids[..6], &[ids[19], ids[18]]].concat();
        assert_eq!(page(8), expected, "six of the oldest, two of the newest");
        assert_eq!(page(26), ids, "what fits is taken whole and once");
        assert_eq!(page(24).len(), 20, "nothing twice");
        assert_eq!(page(1), ids[..1], "a page of one has no room to share");
    }

    #[test]
    fn a_round_is_bounded_and_never_smaller_than_a_call() {
        assert_eq!(size(64), 512);
        assert_eq!(size(8), 64);
        assert_eq!(size(1000), 1000);
        assert_eq!([short(64), short(8), short(1000)], [128, 16, 1000]);
    }
}
