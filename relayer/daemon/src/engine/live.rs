//! Which transfers are live: somebody waits for each by itself, so it goes ahead of lists and of what has waited for long. In
//! memory only and for pacing only: after a restart everything waits its turn by age.

use std::sync::{Mutex, MutexGuard, PoisonError};

use isthmus_core::id::TransferId;
use isthmus_core::operation::Lane;
use isthmus_core::time::Timestamp;
use isthmus_core::transfer::Transfer;

/// Most orders of one call whose transfers are live. A longer list is bulk: it is served as a whole, at less cost for each.
const FEW: usize = 8;
/// Most live transfers at a time. What comes in above it waits its turn, so that live work is never much beside a backlog.
const MOST: usize = 64;
/// How long a transfer is live. What takes longer is held up by something that precedence does not help against.
const LIVE_MS: u64 = 60_000;

/// The live transfers, oldest first.
#[derive(Debug, Default)]
pub struct Live(Mutex<Vec<Entry>>);

#[derive(Debug)]
struct Entry {
    id: TransferId,
    until: Timestamp,
    /// Where its next work is; nowhere before it is admitted.
    lane: Option<Lane>,
}

impl Live {
    /// A call is about to have these admitted: if they are few, they are live.
    pub(super) fn come_in(&self, ids: &[TransferId], now: Timestamp) {
        if ids.len() > FEW {
            return;
        }
        let mut live = self.lock();
        live.retain(|entry| now < entry.until);
        for id in ids {
            if live.len() < MOST && live.iter().all(|entry| entry.id != *id) {
                live.push(Entry {
                    id: *id,
                    until: now.plus_ms(LIVE_MS),
                    lane: None,
                });
            }
        }
    }

    /// It was not admitted.
    pub(super) fn forget(&self, id: TransferId) {
        self.lock().retain(|entry| entry.id != id);
    }

    /// A transfer changed: it has work elsewhere now, or none that anybody here does.
    pub(super) fn moved(&self, transfer: &Transfer, now: Timestamp) {
        let mut live = self.lock();
        let Some(place) = live.iter().position(|entry| entry.id == transfer.id()) else {
            return;
        };
        let lane = transfer.lane(now);
        match live.get_mut(place) {
            Some(entry) if lane.is_some() => entry.lane = lane,
            Some(_) | None => {
                live.remove(place);
            }
        }
    }

    /// Live transfers whose next work is in a lane, what came in first first.
    pub(super) fn of(&self, lane: &Lane, now: Timestamp) -> Vec<TransferId> {
        let live = self.lock();
        let here = |entry: &&Entry| now < entry.until && entry.lane.as_ref() == Some(lane);
        live.iter().filter(here).map(|entry| entry.id).collect()
    }

    /// Whether anybody waits for anything.
    pub(super) fn is_any(&self, now: Timestamp) -> bool {
        self.lock().iter().any(|entry| now < entry.until)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        // Every change is complete before the guard is dropped, and nothing here decides anything.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use isthmus_core::operation::{OperationKind, Step};
    use isthmus_core::testing::sample;
    use isthmus_core::transfer::Event;

    use super::*;

    const NOON: Timestamp = Timestamp::from_s(1_780_000_000);

    fn id(number: usize) -> TransferId {
        let mut bytes = [0; 32];
        bytes[0] = u8::try_from(number).unwrap();
        TransferId::new(bytes)
    }

    fn lane(step: Step) -> Lane {
        Lane {
            ledger: sample::registry(),
            step,
        }
    }

    #[test]
    fn few_orders_of_one_call_are_live_where_their_work_is_and_a_list_is_not() {
        let live = Live::default();
        let outbound = sample::outbound(1, &[sample::block(1, 5)]);
        let transfer = Transfer::open(&sample::requested(&outbound)).unwrap();
        live.come_in(&[transfer.id()], NOON);
        let lock = lane(Step::Operation(OperationKind::Lock));
        assert!(live.of(&lock, NOON).is_empty(), "it is not admitted yet");
        live.moved(&transfer, NOON);
        assert_eq!(live.of(&lock, NOON), [transfer.id()]);
        assert!(live.of(&lane(Step::Attest), NOON).is_empty());
        let ended = transfer.apply(&Event::WithdrawalRequested).unwrap();
        live.moved(&ended, NOON);
        assert!(!live.is_any(NOON), "nothing is left to do for it");

        let list: Vec<_> = (0..=FEW).map(id).collect();
        live.come_in(&list, NOON);
        assert!(!live.is_any(NOON));
        live.moved(&transfer, NOON);
        assert!(!live.is_any(NOON), "who is not live does not become so");
    }

    #[test]
    fn live_work_is_bounded_in_number_and_time() {
        let live = Live::default();
        for number in 0..MOST {
            live.come_in(&[id(number)], NOON.plus_ms(1));
        }
        live.come_in(&[id(MOST)], NOON.plus_ms(1));
        assert_eq!(live.lock().len(), MOST);
        live.forget(id(0));
        live.come_in(&[id(MOST)], NOON.plus_ms(1));
        assert_eq!(live.lock().last().map(|entry| entry.id), Some(id(MOST)));
        assert!(live.is_any(NOON.plus_ms(LIVE_MS)));
        assert!(!live.is_any(NOON.plus_ms(LIVE_MS + 1)));
        live.come_in(&[id(1)], NOON.plus_ms(LIVE_MS + 1));
        assert_eq!(live.lock().len(), 1, "what was live makes room");
    }
}
