//! The durable history. Atomic and durable when it returns; any error but a conflict leaves the outcome unknown and the
//! process stops.

use crate::id::{DraftId, Hash32, LedgerId, PoolId, RouteId, TransferId};
use crate::operation::{Lane, SignedBatch};
use crate::ports::cost::Spent;
use crate::ports::ledger::{Attempt, Cursor, Draft};
use crate::quantity::Quantity;
use crate::serial_block::SerialBlock;
use crate::time::Timestamp;
use crate::transfer::{Event, Transfer};

/// Everything that must become durable together about one transfer (or about none: routes, cursors).
#[derive(Clone, Debug, Default)]
pub struct Append {
    /// The transfer that changes and the length that it must still have; `None` for a write that concerns no transfer.
    pub transfer: Option<(TransferId, u64)>,
    /// What happened, in order.
    pub events: Vec<Event>,
    /// Drafts of the intended operation, journalled before they are sent (R5).
    pub drafts: Vec<Draft>,
    /// Signed batches that events refer to.
    pub batches: Vec<std::sync::Arc<SignedBatch>>,
    /// Proof-log leaves, exact bytes.
    pub leaves: Vec<Vec<u8>>,
    /// Changes to the custody book.
    pub book: Vec<BookChange>,
    /// How far a ledger was observed.
    pub cursor: Option<(LedgerId, Cursor)>,
    /// An idempotency key and the transfer that it stands for.
    pub request: Option<(String, TransferId)>,
    /// When the transfer's next work is due; at once if `None`.
    pub due: Option<Timestamp>,
    /// What final transactions have cost.
    pub spent: Vec<Spent>,
}

/// A change to the custody book: who holds which interval for what (R7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BookChange {
    /// Admitted: no other lock may touch these units.
    Reserve {
        /// For whom.
        transfer: TransferId,
        /// Which pool they will join.
        pool: PoolId,
        /// Through which route: they count against its cap until they are given for a burn.
        route: RouteId,
        /// Which units.
        blocks: Vec<SerialBlock>,
    },
    /// Minted: from now on they back the pool, in the order of completion.
    Offer {
        /// Whose lock.
        transfer: TransferId,
    },
    /// Burned: these units of the pool's offer are now this burn's. Must be what [`Journal::allocate`] answers at that moment.
    Allocate {
        /// The burn.
        burn: TransferId,
        /// From which pool.
        pool: PoolId,
        /// Which units.
        blocks: Vec<SerialBlock>,
        /// What of the burn two people have written off; nothing unless the pool is impaired.
        written_off: Quantity,
    },
    /// The registry took these units away: what of them the pool offers is offered no more. What a lock or burn holds stays
    /// with it until that has ended.
    Withhold {
        /// From which pool.
        pool: PoolId,
        /// Which units.
        blocks: Vec<SerialBlock>,
    },
    /// A deposit makes good what was taken away: it backs the pool from now on, after everything else.
    Join {
        /// The deposit.
        deposit: TransferId,
        /// Which pool.
        pool: PoolId,
        /// Which units.
        blocks: Vec<SerialBlock>,
    },
    /// Two people decided what burns of an impaired pool get while `shortfall` is missing: for each tonne `backing` ÷ `supply`.
    Decide {
        /// Which pool.
        pool: PoolId,
        /// What they knew to be missing.
        shortfall: Quantity,
        /// What stands for it in the log: another loss, of as much, is not theirs.
        impaired: Hash32,
        /// What backs the equivalents.
        backing: Quantity,
        /// The equivalents.
        supply: Quantity,
    },
    /// Some of a burn's units were taken away: it keeps `kept` and gets `added`, what [`Journal::allocate`] answers.
    Reallocate {
        /// The burn.
        burn: TransferId,
        /// From which pool.
        pool: PoolId,
        /// What it keeps of its units.
        kept: Vec<SerialBlock>,
        /// What it gets instead of the others.
        added: Vec<SerialBlock>,
    },
    /// Rejected, unlocked or released: the units may be locked again. Released ones are no longer outstanding through their
    /// route.
    Free {
        /// The lock or burn that held them.
        transfer: TransferId,
    },
    /// Retired: they may never be locked again (R8), and are no longer outstanding through their route.
    Spend {
        /// The burn that held them.
        transfer: TransferId,
    },
}

/// What an append did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The transfer after it; `None` for a write that concerns no transfer.
    pub transfer: Option<Transfer>,
    /// Index of the first of its leaves in the proof log, if it had any.
    pub first_leaf: Option<u64>,
}

/// Why an append did not happen. On `Conflict` and `Overlap` nothing was written; after anything else the process stops.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Somebody else wrote first: reload and decide anew.
    #[error("transfer {id} has {found} events, not {expected}")]
    Conflict {
        /// Which transfer.
        id: TransferId,
        /// What the caller saw.
        expected: u64,
        /// What there is.
        found: u64,
    },
    /// The units are in another live lock, or were retired (R7, R8).
    #[error("units {block} are already held by transfer {holder}")]
    Overlap {
        /// The units asked for.
        block: String,
        /// Who holds them.
        holder: TransferId,
    },
    /// The pool's offer changed since it was read, does not suffice, or is impaired and nothing is decided.
    #[error("the allocation for burn {burn} is not what the custody book offers now")]
    Allocation {
        /// Which burn.
        burn: TransferId,
    },
    /// The idempotency key stands for another transfer.
    #[error("request key {key:?} was used for transfer {transfer}")]
    RequestReused {
        /// The key.
        key: String,
        /// What it was used for.
        transfer: TransferId,
    },
    /// What units are and where they lie changed since it was read: read again.
    #[error("units {block} do not lie where the write says")]
    Displaced {
        /// Which units.
        block: String,
    },
    /// The pool misses nothing, or something else than was decided about.
    #[error("pool {pool} is not impaired as it was when this was decided: decide anew")]
    Outdated {
        /// Which pool.
        pool: PoolId,
    },
    /// An event is not possible: a bug or a contradiction. The transfer is to be quarantined.
    #[error(transparent)]
    Illegal(#[from] crate::transfer::IllegalEvent),
    /// The disk. Whether it was written is unknown: stop the process.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The store failed. Fatal for writes.
#[derive(Debug, thiserror::Error)]
#[error("the store failed: {0}")]
pub struct StoreError(pub String);

/// An event with its place and time in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Place in the transfer's history, from 0.
    pub index: u64,
    /// When it was written.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

/// Which of the work that is due comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DueOrder {
    /// What became due first.
    OldestFirst,
    /// What became due last: live work before backlog.
    NewestFirst,
}

/// The backlog of a journal, seen from its other end.
pub trait Backlog: Send + Sync {
    /// Like [`Journal::due`], in an order. Whoever serves live work first asks newest first, and takes some of the oldest each
    /// time, so that what waits longest is never starved.
    fn due_in(
        &self,
        lane: &Lane,
        now: Timestamp,
        limit: usize,
        order: DueOrder,
    ) -> Result<Vec<(Transfer, Vec<Draft>)>, StoreError>;

    /// Like [`Journal::due`], of these transfers only, in this order: what it costs does not depend on what else is due.
    fn due_of(
        &self,
        lane: &Lane,
        now: Timestamp,
        transfers: &[TransferId],
    ) -> Result<Vec<(Transfer, Vec<Draft>)>, StoreError>;
}

/// The durable history of transfers, as the engine sees it.
pub trait Journal: Backlog {
    /// One synced write for the whole batch; each entry succeeds or fails by itself except for the disk. Compare-and-append
    /// per transfer.
    fn append(&self, batch: Vec<Append>) -> Vec<Result<Appended, AppendError>>;

    /// The transfer as it is now.
    fn transfer(&self, id: TransferId) -> Result<Option<Transfer>, StoreError>;

    /// Its events, oldest first.
    fn history(&self, id: TransferId) -> Result<Vec<Recorded>, StoreError>;

    /// Unfinished work of a lane that is due, oldest due time first, with its attempts' drafts.
    fn due(
        &self,
        lane: &Lane,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Transfer, Vec<Draft>)>, StoreError>;

    /// Puts a transfer's work off. Not synced: after a crash it is merely looked at earlier.
    fn defer(&self, entries: &[(TransferId, Timestamp)]) -> Result<(), StoreError>;

    /// Which blocks of the pool's offer the next burn of `tonnes` gets (`docs/protocol.md` §8); `None` if it does not suffice.
    fn allocate(&self, pool: PoolId, tonnes: u64) -> Result<Option<Vec<SerialBlock>>, StoreError>;
}

impl Attempt {
    /// The newest draft that still has an effect when sent at `now`.
    pub fn sendable(&self, now: Timestamp) -> Option<&Draft> {
        self.drafts
            .last()
            .filter(|draft| draft.expires.is_none_or(|expires| now < expires))
    }

    /// Ids of all drafts.
    pub fn draft_ids(&self) -> impl Iterator<Item = DraftId> + '_ {
        self.drafts.iter().map(|draft| draft.id)
    }
}
