//! Where in the journal the large parts of a transfer lie, so that a snapshot need not repeat them.

use isthmus_core::transfer::{Event, Transfer};

/// A transfer as of some write.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) transfer: Transfer,
    pub(crate) places: Places,
}

/// Indexes of events, and the drafts of the last intent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Places {
    /// The lock or burn.
    pub(crate) take: Option<u64>,
    /// The gate's final word.
    pub(crate) voided: Option<u64>,
    /// Ids of drafts, oldest first.
    pub(crate) drafts: Vec<[u8; 32]>,
}

impl Places {
    /// After the event of this index.
    pub(crate) fn follow(&mut self, index: u64, event: &Event) {
        match event {
            Event::Locked(_) | Event::Burned { .. } => self.take = Some(index),
            Event::Voided(_) => self.voided = Some(index),
            // Drafts belong to the intent that they were made for; a later intent starts with none.
            Event::Intended(_) => self.drafts.clear(),
            Event::Requested { .. }
            | Event::Authorised(_)
            | Event::Lapsed(_)
            | Event::Refused(_)
            | Event::Given(_)
            | Event::Unlocked(_)
            | Event::WithdrawalRequested
            | Event::Instructed(_)
            | Event::Redirected(_)
            | Event::Reallocated(_)
            | Event::Quarantined(_)
            | Event::Resolved { .. } => {}
        }
    }
}
