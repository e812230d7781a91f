//! The proof log's leaves and stored hashes.

use isthmus_core::id::TransferId;
use isthmus_core::ports::StoreError;
use isthmus_prooflog::tree::{self, Hash, StoredHashes, TreeError};
use isthmus_proto::store::v1 as pb;
use prost::Message;

use crate::columns::{self, CHECKPOINT_INTENT, Column, LOG_SIZE};
use crate::open::Store;
use crate::overlay::{Overlay, corrupt, handle, read, scan};

fn hash_at(bytes: Option<Vec<u8>>) -> Result<Option<Hash>, StoreError> {
    bytes
        .map(|bytes| Hash::try_from(bytes).map_err(|_| corrupt("a stored hash")))
        .transpose()
}

fn storage(index: u64, error: &StoreError) -> TreeError {
    TreeError::Storage {
        index,
        detail: error.0.clone(),
    }
}

fn store_error(error: &TreeError) -> StoreError {
    StoreError(error.to_string())
}

struct Staged<'a, 'b>(&'a Overlay<'b>);

impl StoredHashes for Staged<'_, '_> {
    fn get(&self, index: u64) -> Result<Option<Hash>, TreeError> {
        self.0
            .get(Column::Hashes, &index.to_be_bytes())
            .and_then(hash_at)
            .map_err(|e| storage(index, &e))
    }
}

/// Stages one leaf and the hashes it adds; returns its index.
pub(crate) fn append(overlay: &mut Overlay<'_>, leaf: &[u8]) -> Result<u64, StoreError> {
    let size = overlay.get_u64(Column::Meta, LOG_SIZE)?;
    let added =
        tree::append(&Staged(overlay), size, tree::leaf_hash(leaf)).map_err(|e| store_error(&e))?;
    for (index, hash) in (tree::stored_count(size)..).zip(added) {
        overlay.put(Column::Hashes, index.to_be_bytes().to_vec(), hash.to_vec());
    }
    overlay.put(Column::Leaves, size.to_be_bytes().to_vec(), leaf.to_vec());
    overlay.put_u64(Column::Meta, LOG_SIZE.to_vec(), size + 1);
    Ok(size)
}

/// Root over the first `size` leaves as staged.
pub(crate) fn root(overlay: &Overlay<'_>, size: u64) -> Result<Hash, StoreError> {
    tree::root(&Staged(overlay), size).map_err(|e| store_error(&e))
}

/// The log as stored: hashes for proofs, leaves for whoever asks.
#[derive(Clone, Copy, Debug)]
pub struct StoredLog<'a>(pub(crate) &'a rocksdb::DB);

impl StoredHashes for StoredLog<'_> {
    fn get(&self, index: u64) -> Result<Option<Hash>, TreeError> {
        read(self.0, Column::Hashes, &index.to_be_bytes())
            .and_then(hash_at)
            .map_err(|e| storage(index, &e))
    }
}

impl StoredLog<'_> {
    /// Number of leaves.
    pub fn size(&self) -> Result<u64, StoreError> {
        match read(self.0, Column::Meta, LOG_SIZE)? {
            None => Ok(0),
            Some(bytes) => bytes
                .try_into()
                .map(u64::from_be_bytes)
                .map_err(|_| corrupt("the log's size")),
        }
    }

    /// One leaf's bytes.
    pub fn leaf(&self, index: u64) -> Result<Option<Vec<u8>>, StoreError> {
        read(self.0, Column::Leaves, &index.to_be_bytes())
    }

    /// Up to `limit` leaves from `start` on, in order.
    pub fn leaves(&self, start: u64, limit: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        scan(self.0, Column::Leaves, b"", &start.to_be_bytes())?
            .take(limit)
            .map(|entry| entry.map(|(_, leaf)| leaf.to_vec()))
            .collect()
    }

    /// Indexes of a transfer's leaves.
    pub fn leaves_of(&self, id: TransferId) -> Result<Vec<u64>, StoreError> {
        let indexes = scan(self.0, Column::LeavesOf, id.as_bytes(), id.as_bytes())?;
        indexes
            .map(|entry| {
                entry.and_then(|(key, _)| {
                    columns::trailing_u64(&key).ok_or_else(|| corrupt("a leaf index"))
                })
            })
            .collect()
    }
}

impl Store {
    /// The proof log.
    pub fn log(&self) -> StoredLog<'_> {
        StoredLog(&self.db)
    }

    /// The log state that was last made durable for signing.
    pub fn checkpoint_intent(&self) -> Result<Option<(u64, Hash)>, StoreError> {
        let Some(bytes) = read(&self.db, Column::Meta, CHECKPOINT_INTENT)? else {
            return Ok(None);
        };
        let intent = pb::CheckpointIntent::decode(bytes.as_slice())
            .map_err(|_| corrupt("a checkpoint intent"))?;
        let root = Hash::try_from(intent.root).map_err(|_| corrupt("a checkpoint intent"))?;
        Ok(Some((intent.size, root)))
    }

    /// Keeps a signed checkpoint. Not synced: it can be signed again from the intent.
    pub fn save_checkpoint(&self, size: u64, note: &str) -> Result<(), StoreError> {
        let family = handle(&self.db, Column::Checkpoints)?;
        self.db
            .put_cf(family, size.to_be_bytes(), note)
            .map_err(crate::overlay::failed)
    }
}
