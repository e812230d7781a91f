//! The pool identity as the log has it: leaves replayed once, then only what is new. Read from leaf bytes, never from tables.

use std::sync::{Mutex, PoisonError};

use isthmus_core::ports::StoreError;
use isthmus_prooflog::book::{Book, StoryError};
use isthmus_prooflog::leaf::{Leaf, LeafError};
use isthmus_prooflog::reserves::Row;
use isthmus_store::Store;

/// Leaves read at a time.
const PAGE: usize = 512;

/// A log that cannot be replayed. It is the relayer's own, so this is a bug or a damaged disk.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A leaf cannot be read.
    #[error("leaf {index} of the log cannot be read")]
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
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The state of the log's pools, brought up to date when asked.
#[derive(Debug, Default)]
pub struct Replay(Mutex<Book>);

impl Replay {
    /// One row per pool and the log size that they are as of.
    pub fn rows(&self, store: &Store) -> Result<(u64, Vec<Row>), ReplayError> {
        // A leaf is applied whole or not at all, so a panic leaves a book that may be continued.
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let leaves = store.log().leaves(book.size(), PAGE)?;
            if leaves.is_empty() {
                break;
            }
            for bytes in leaves {
                let index = book.size();
                let leaf =
                    Leaf::parse(&bytes).map_err(|source| ReplayError::Leaf { index, source })?;
                book.apply(&leaf)?;
            }
        }
        let rows = book.pools().map(|(pool, state)| Row {
            pool: *pool,
            asset_class: state.asset_class,
            totals: state.totals,
            impaired: state.impairment(),
        });
        Ok((book.size(), rows.collect()))
    }
}
