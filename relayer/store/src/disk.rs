//! The relayer's database, with what is remembered about it in memory: the signed batches that were read last, which all of
//! their transfers share, and where its lanes begin.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use isthmus_core::operation::SignedBatch;
use isthmus_core::ports::StoreError;
use isthmus_proto::store::v1 as pb;
use prost::Message;
use rocksdb::DB;

use crate::columns::Column;
use crate::fronts::Fronts;
use crate::overlay::{corrupt, read};
use crate::record;

/// Most batches kept; one of a hundred items takes some 20 KB.
const BATCHES: usize = 256;

/// The database; dereferences to it.
#[derive(Debug)]
pub(crate) struct Disk {
    db: DB,
    batches: Mutex<HashMap<Vec<u8>, Arc<SignedBatch>>>,
    pub(crate) fronts: Fronts,
}

impl Deref for Disk {
    type Target = DB;

    fn deref(&self) -> &DB {
        &self.db
    }
}

impl Disk {
    pub(crate) fn new(db: DB) -> Self {
        Self {
            db,
            batches: Mutex::default(),
            fronts: Fronts::default(),
        }
    }

    /// A batch that events refer to. What is stored under a batch's id never changes, so a copy in memory is as good.
    pub(crate) fn batch(&self, id: &[u8]) -> Result<Arc<SignedBatch>, StoreError> {
        let known = |batches: &Mutex<HashMap<Vec<u8>, Arc<SignedBatch>>>| {
            let batches = batches.lock().unwrap_or_else(PoisonError::into_inner);
            batches.get(id).map(Arc::clone)
        };
        if let Some(batch) = known(&self.batches) {
            return Ok(batch);
        }
        let bytes = read(&self.db, Column::Batches, id)?
            .ok_or_else(|| corrupt("a signed batch is missing"))?;
        let stored =
            pb::SignedBatch::decode(bytes.as_slice()).map_err(|_| corrupt("a signed batch"))?;
        let batch = Arc::new(record::batch_back(id, stored)?);
        let mut batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
        if batches.len() >= BATCHES {
            batches.clear();
        }
        batches.insert(id.to_vec(), Arc::clone(&batch));
        Ok(batch)
    }
}
