//! Reserves from leaf bytes: the pool identity, recomputed by whoever has the leaves and a signed checkpoint.

use alloy_primitives::B256;

use crate::book::{Book, StoryError, Totals};
use crate::leaf::{Leaf, LeafError};
use crate::note::{self, Checkpoint, NoteError};
use crate::policy::Policy;
use crate::pro_rata;
use crate::route;
use crate::route::ADMINS_NEEDED;
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
    /// What of it was taken away, if anything is missing: what a pro-rata decision names.
    pub impaired: Option<B256>,
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
    /// A route that the policy's route admins have not signed, so that its pool is nobody's promise.
    #[error(
        "leaf {index} (ROUTE) is signed by {found} of the policy's route admins, needs {ADMINS_NEEDED}"
    )]
    Route {
        /// Which leaf.
        index: u64,
        /// How many of the policy's admins signed.
        found: usize,
    },
    /// A decision to write units off that the policy's route admins have not signed.
    #[error(
        "leaf {index} (PRO_RATA) is signed by {found} of the policy's route admins, needs {ADMINS_NEEDED}"
    )]
    ProRata {
        /// Which leaf.
        index: u64,
        /// How many of the policy's admins signed.
        found: usize,
    },
    /// The tree could not be built.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

/// Replays `leaves`, which must be exactly those under `checkpoint`, signed by the policy's log key. Every route must be signed
/// by the policy's route admins.
pub fn recompute(
    leaves: &[Vec<u8>],
    checkpoint: &[u8],
    policy: &Policy,
) -> Result<(Checkpoint, Vec<Row>), ReservesError> {
    let checkpoint = note::open(checkpoint, &policy.log)?;
    let mut tree = MemoryTree::default();
    for bytes in leaves {
        tree.push(bytes)?;
    }
    if tree.size() != checkpoint.size || tree::root(&tree, tree.size())? != checkpoint.root {
        return Err(ReservesError::NotTheLog {
            found: tree.size(),
            size: checkpoint.size,
        });
    }
    let mut book = Book::default();
    for (index, bytes) in (0..).zip(leaves) {
        let leaf = Leaf::parse(bytes).map_err(|source| ReservesError::Leaf { index, source })?;
        if let Leaf::Route {
            route, signatures, ..
        } = &leaf
        {
            let found = route::signed_by(route, signatures, &policy.route_admins).len();
            if found < ADMINS_NEEDED {
                return Err(ReservesError::Route { index, found });
            }
        }
        if let Leaf::ProRata {
            decision,
            signatures,
            ..
        } = &leaf
        {
            let found = pro_rata::signed_by(decision, signatures, &policy.route_admins).len();
            if found < ADMINS_NEEDED {
                return Err(ReservesError::ProRata { index, found });
            }
        }
        book.apply(&leaf)?;
    }
    let rows = book
        .pools()
        .map(|(pool, state)| Row {
            pool: *pool,
            asset_class: state.asset_class,
            totals: state.totals,
            impaired: state.impairment(),
        })
        .collect();
    Ok((checkpoint, rows))
}
