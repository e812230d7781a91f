//! Why a recovery does not go on.

use isthmus_core::id::{Hash32, TransferId};
use isthmus_core::ports::StoreError;
use isthmus_prooflog::tree::TreeError;

/// Why a recovery ended early. What was taken over before stays, and is right.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The copy cannot be read or is not of this log.
    #[error("the copy of the log cannot be used: {0}")]
    Copy(String),
    /// The store's own leaves are not those of the copy: one of the two is of another history.
    #[error(
        "the store's {size} leaves are not the first {size} of the copy: take a backup and a copy of one and the same log"
    )]
    OtherHistory {
        /// How many leaves the store has.
        size: u64,
    },
    /// The store has more leaves than the copy: there is nothing to recover from it.
    #[error(
        "the store has {store} leaves, the copy {copy}: take the copy of an attester that has followed further"
    )]
    Shorter {
        /// Leaves of the store.
        store: u64,
        /// Leaves of the copy.
        copy: u64,
    },
    /// A ledger has to be asked again.
    #[error("leaf {index}: {detail}: run the same command again")]
    Unavailable {
        /// Which leaf.
        index: u64,
        /// What is missing.
        detail: String,
    },
    /// A leaf that the ledgers do not confirm, or that does not fit those before it.
    #[error("leaf {index} is not confirmed: {detail}")]
    Unconfirmed {
        /// Which leaf.
        index: u64,
        /// What is wrong.
        detail: String,
    },
    /// What a burner wants instead is in no leaf.
    #[error(
        "leaf {index} redirects burn {burn}, and what its burner wants instead is in no leaf: get the instruction with commitment {commitment} from whoever redirected it, and run the same command again with --instruction FILE"
    )]
    Redirected {
        /// Which leaf.
        index: u64,
        /// Which burn.
        burn: TransferId,
        /// What the instruction commits to.
        commitment: Hash32,
    },
    /// The tree could not be read.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is wrong with one leaf.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The same again may pass.
    Unavailable(String),
    /// No ledger says so.
    Unconfirmed(String),
    /// It cannot be read.
    Unreadable(String),
    /// What it commits to has to be handed in.
    Redirected {
        burn: TransferId,
        commitment: Hash32,
    },
    /// The disk.
    Store(StoreError),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl RecoveryError {
    pub(super) fn at(index: u64, trouble: Trouble) -> Self {
        match trouble {
            Trouble::Unavailable(detail) => Self::Unavailable { index, detail },
            Trouble::Unconfirmed(detail) => Self::Unconfirmed { index, detail },
            Trouble::Unreadable(detail) => Self::Copy(format!("leaf {index}: {detail}")),
            Trouble::Redirected { burn, commitment } => Self::Redirected {
                index,
                burn,
                commitment,
            },
            Trouble::Store(error) => Self::Store(error),
        }
    }

    /// Whether the same command may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}
