//! Doubts about the log: more circulates than it accounts for. For a moment that is nothing: the log was followed before the gate
//! was asked, and this node may be behind the one that saw a burn. What is still so after some rounds is a fork, or an old log.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use isthmus_core::id::{Address, AssetClassId, Hash32};
use isthmus_core::time::Timestamp;

/// How long a doubt may last before it is an answer. In each round the log is followed again first.
const GRACE_MS: u64 = 5_000;

/// Most proposals that are remembered; above it all are looked at anew, which only takes longer.
const MOST_PROPOSALS: usize = 10_000;

/// Since when each class at each gate is in doubt, and when each wrong proposal was first seen. Nothing here is worth keeping: a
/// new process doubts anew.
#[derive(Debug, Default)]
pub struct Doubts {
    classes: Mutex<HashMap<(Address, AssetClassId), Timestamp>>,
    proposals: Mutex<HashMap<(String, Hash32), Timestamp>>,
}

impl Doubts {
    /// Takes note of whether all of a class is accounted for. False while it is not and that may pass: look again.
    pub fn settled(
        &self,
        gate: Address,
        class: AssetClassId,
        accounted: bool,
        now: Timestamp,
    ) -> bool {
        let mut doubts = self.classes.lock().unwrap_or_else(PoisonError::into_inner);
        if accounted {
            doubts.remove(&(gate, class));
            return true;
        }
        let since = *doubts.entry((gate, class)).or_insert(now);
        since.plus_ms(GRACE_MS) <= now
    }

    /// Whether a proposal that is not what the log makes rightful was already that in an earlier round. The log was followed before
    /// the registry was read, so what is proposed may be newer than the log; before the next round the log is followed again. A word
    /// at a registry is never taken back.
    pub fn is_still_wrong(&self, reference: &str, digest: Hash32, now: Timestamp) -> bool {
        let mut proposals = self
            .proposals
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if proposals.len() >= MOST_PROPOSALS {
            proposals.clear();
        }
        let first = *proposals
            .entry((reference.to_owned(), digest))
            .or_insert(now);
        first < now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doubt_settles_when_it_passes_or_lasts() {
        let doubts = Doubts::default();
        let (gate, class) = (Address::new([1; 20]), AssetClassId::new([2; 32]));
        let at = |ms, accounted| doubts.settled(gate, class, accounted, Timestamp::from_ms(ms));
        assert!(at(0, true));
        assert!(!at(1_000, false));
        assert!(!at(1_000 + GRACE_MS - 1, false));
        assert!(at(1_000 + GRACE_MS, false), "it is no lag any more");
        assert!(at(7_000, true), "it has passed");
        assert!(!at(8_000, false), "a new one begins anew");
        let digest = Hash32::new([4; 32]);
        assert!(!doubts.is_still_wrong("r", digest, Timestamp::from_ms(5)));
        assert!(!doubts.is_still_wrong("r", digest, Timestamp::from_ms(5)));
        assert!(doubts.is_still_wrong("r", digest, Timestamp::from_ms(6)));
        assert!(!doubts.is_still_wrong("s", digest, Timestamp::from_ms(6)));
        let other = AssetClassId::new([3; 32]);
        assert!(!doubts.settled(gate, other, false, Timestamp::from_ms(20_000)));
    }
}
