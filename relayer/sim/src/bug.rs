//! Planted bugs: the relayer under test is made to misbehave at its ports as one with the bug would. Each must be found.

/// A bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// Pending work is sent again without asking what became of it.
    SkippedFind,
    /// An unknown outcome is taken for a failure.
    UnknownIsFailure,
    /// A lock counts before the registry has executed it.
    LockNotFinal,
    /// A mint counts as soon as it is in a block.
    MintNotFinal,
    /// A void that takes long counts as done.
    UnlockOnTimeout,
    /// The gate's `Voided` is not seen, and the mint sent again.
    VoidIgnored,
    /// The cursor passes burns that are not recorded.
    CursorMovedEarly,
    /// Writes are acknowledged before they are synced.
    LostSync,
    /// A burn is given units that another has.
    DoubleAllocation,
    /// A release is proposed a second time under another reference.
    ReleasedTwice,
    /// Drafts are sent before they are in the journal.
    SentBeforeJournalled,
    /// A leaf is left out of the log.
    LeafLeftOut,
    /// After a restart, what an earlier process sent is forgotten.
    DoubtForgotten,
    /// A refusal for now ends a redemption's work.
    NeverAskedAgain,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::SkippedFind,
        Self::UnknownIsFailure,
        Self::LockNotFinal,
        Self::MintNotFinal,
        Self::UnlockOnTimeout,
        Self::VoidIgnored,
        Self::CursorMovedEarly,
        Self::LostSync,
        Self::DoubleAllocation,
        Self::ReleasedTwice,
        Self::SentBeforeJournalled,
        Self::LeafLeftOut,
        Self::DoubtForgotten,
        Self::NeverAskedAgain,
    ];
}
