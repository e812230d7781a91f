//! Doubt: a request whose answer never came may still be carried out for a while. Until that time is over, that nothing is
//! recorded means nothing, and neither does a refusal of the same draft.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use isthmus_core::id::DraftId;
use isthmus_core::time::Timestamp;

/// Which drafts may still land.
#[derive(Debug)]
pub(crate) struct Doubts {
    settle_ms: u64,
    /// A draft that an earlier process sent may be under way until then.
    earlier_until: Timestamp,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Unanswered drafts, and until when they may land.
    unanswered: HashMap<DraftId, Timestamp>,
    /// Drafts that this process made or had answered, remembered as long as an earlier process's may land.
    ours: HashSet<DraftId>,
}

impl Doubts {
    pub(crate) fn new(now: Timestamp, settle_ms: u64) -> Self {
        Self {
            settle_ms,
            earlier_until: now.plus_ms(settle_ms),
            state: Mutex::default(),
        }
    }

    /// The draft was made by this process, or answered to it: no earlier process's request is under way for it.
    pub(crate) fn ours(&self, draft: DraftId, now: Timestamp) {
        let mut state = self.state();
        if now < self.earlier_until {
            state.ours.insert(draft);
        } else {
            state.ours = HashSet::new();
        }
    }

    /// The registry has taken the draft. What it answers to questions may be older than that for a while: then that nothing is
    /// recorded means nothing, as if the draft were still under way.
    pub(crate) fn taken(&self, draft: DraftId, now: Timestamp) {
        self.unanswered(draft, now);
    }

    /// Nobody knows whether the draft arrived, from `now` on.
    pub(crate) fn unanswered(&self, draft: DraftId, now: Timestamp) {
        let mut state = self.state();
        state.unanswered.retain(|_, until| *until > now);
        state.unanswered.insert(draft, now.plus_ms(self.settle_ms));
    }

    /// Until when one of these drafts may still land, if any may.
    pub(crate) fn until(
        &self,
        drafts: impl Iterator<Item = DraftId>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let state = self.state();
        let of = |draft: DraftId| {
            let unanswered = state.unanswered.get(&draft).copied();
            let earlier = (!state.ours.contains(&draft)).then_some(self.earlier_until);
            unanswered.max(earlier)
        };
        drafts.filter_map(of).max().filter(|until| *until > now)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubt_lasts_as_long_as_a_draft_may_land() {
        let at = Timestamp::from_ms;
        let doubts = Doubts::new(at(1_000), 100);
        let draft = |n| DraftId::new([n; 32]);
        let until = |n, now| doubts.until([draft(n)].into_iter(), at(now));
        assert_eq!(
            until(1, 1_050),
            Some(at(1_100)),
            "an earlier process may have sent it just before it died"
        );
        doubts.ours(draft(1), at(1_050));
        assert_eq!(
            until(1, 1_050),
            None,
            "the registry has answered this process"
        );
        assert_eq!(
            until(2, 1_100),
            None,
            "no earlier process's request lives any more"
        );
        doubts.unanswered(draft(2), at(2_000));
        assert_eq!(until(2, 2_099), Some(at(2_100)));
        assert_eq!(until(2, 2_100), None);
        doubts.ours(draft(1), at(1_060));
        doubts.unanswered(draft(1), at(1_070));
        assert_eq!(
            until(1, 1_080),
            Some(at(1_170)),
            "a later answer is no answer to the lost one"
        );
        doubts.taken(draft(3), at(3_000));
        assert_eq!(
            until(3, 3_050),
            Some(at(3_100)),
            "a question answered from the past does not undo what the registry took"
        );
    }
}
