//! Reserves from leaf bytes: the pool identity, recomputed by whoever has the leaves and a signed checkpoint.

use alloy_primitives::B256;

use crate::book::{Book, StoryError, Totals};
use crate::leaf::{Leaf, LeafError};
use crate::note::{self, Checkpoint, NoteError};
use crate::policy::Policy;
use crate::tree::{self, MemoryTree, TreeError};

/// One pool's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The pool.
    pub pool: B256,
    /// Its class.
    pub asset_class: B256,
    /// Sums.
    pub totals: Totals,
}

/// Reserves that do not add up, or leaves that are not the log's.
#[derive(Debug, thiserror::Error)]
pub enum ReservesError {
    /// The checkpoint.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The leaves are fewer or others than the log's.
    #[error("the {found} leaves given are not the {size} that the checkpoint commits to")]
    NotTheLog {
        /// Leaves given.
        found: u64,
        /// Leaves committed to.
        size: u64,
    },
    /// A leaf cannot be read.
    #[error("leaf {index}")]
    Leaf {
        /// Which.
        index: u64,
        /// Why.
        #[source]
        source: LeafError,
    },
    /// The leaves contradict each other.
    #[error(transparent)]
    Story(#[from] StoryError),
    /// The tree could not be built.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

/// Replays `leaves`, which must be exactly those under `checkpoint`, signed by the policy's log key.
pub fn recompute(
    leaves: &[Vec<u8>],
    checkpoint: &[u8],
    policy: &Policy,
) -> Result<(Checkpoint, Vec<Row>), ReservesError> {
    let checkpoint = note::open(checkpoint, &policy.log)?;
    let mut tree = MemoryTree::default();
    let mut book = Book::default();
    for (index, bytes) in (0..).zip(leaves) {
        tree.push(bytes)?;
        let leaf = Leaf::parse(bytes).map_err(|source| ReservesError::Leaf { index, source })?;
        book.apply(&leaf)?;
    }
    if tree.size() != checkpoint.size || tree::root(&tree, tree.size())? != checkpoint.root {
        return Err(ReservesError::NotTheLog {
            found: tree.size(),
            size: checkpoint.size,
        });
    }
    let rows = book
        .pools()
        .map(|(pool, state)| Row {
            pool: *pool,
            asset_class: state.asset_class,
            totals: state.totals,
        })
        .collect();
    Ok((checkpoint, rows))
}
