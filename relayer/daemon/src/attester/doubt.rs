//! Doubts about the log: more circulates than it accounts for. For a moment that is nothing: the log was followed before the gate
//! was asked, and this node may be behind the one that saw a burn. What is still so after some rounds is a fork, or an old log.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use isthmus_core::id::{Address, AssetClassId};
use isthmus_core::time::Timestamp;

/// How long a doubt may last before it is an answer. In each round the log is followed again first.
const GRACE_MS: u64 = 5_000;

/// Since when each class at each gate is in doubt. Nothing here is worth keeping: a new process doubts anew.
#[derive(Debug, Default)]
pub struct Doubts(Mutex<HashMap<(Address, AssetClassId), Timestamp>>);

impl Doubts {
    /// Takes note of whether all of a class is accounted for. False while it is not and that may pass: look again.
    pub fn settled(
        &self,
        gate: Address,
        class: AssetClassId,
        accounted: bool,
        now: Timestamp,
    ) -> bool {
        let mut doubts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if accounted {
            doubts.remove(&(gate, class));
            return true;
        }
        let since = *doubts.entry((gate, class)).or_insert(now);
        since.plus_ms(GRACE_MS) <= now
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
        let other = AssetClassId::new([3; 32]);
        assert!(!doubts.settled(gate, other, false, Timestamp::from_ms(20_000)));
    }
}
