//! Which requests may still land, as one process of a registry's client knows it: see `adapters/vcs`.

use std::collections::{BTreeMap, BTreeSet};

use isthmus_core::id::DraftId;
use isthmus_core::time::Timestamp;

use crate::world::SETTLE_MS;

/// Of one process.
#[derive(Debug)]
pub struct Doubts {
    /// A draft that an earlier process sent may be under way until then.
    earlier_until: Timestamp,
    unanswered: BTreeMap<DraftId, Timestamp>,
    answered: BTreeSet<DraftId>,
}

impl Doubts {
    /// Of a process that starts now.
    pub fn new(now: Timestamp) -> Self {
        Self {
            earlier_until: now.plus_ms(SETTLE_MS),
            unanswered: BTreeMap::new(),
            answered: BTreeSet::new(),
        }
    }

    /// No earlier process's request is under way for this draft.
    pub fn ours(&mut self, draft: DraftId) {
        self.answered.insert(draft);
    }

    /// Nobody knows whether it arrived.
    pub fn unanswered(&mut self, draft: DraftId, now: Timestamp) {
        self.unanswered.insert(draft, now.plus_ms(SETTLE_MS));
    }

    /// Until when one of these may still land, if any may.
    pub fn until(
        &self,
        drafts: impl Iterator<Item = DraftId>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let of = |draft: DraftId| {
            let earlier = (!self.answered.contains(&draft)).then_some(self.earlier_until);
            self.unanswered.get(&draft).copied().max(earlier)
        };
        drafts.filter_map(of).max().filter(|until| *until > now)
    }
}
