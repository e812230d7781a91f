//! A consistent copy of the relayer's store while it is in use: RocksDB's own checkpoint, hard links where the disk allows.

use std::path::Path;

use isthmus_core::ports::StoreError;
use rocksdb::checkpoint::Checkpoint;

use crate::open::Store;
use crate::overlay::failed;

impl Store {
    /// Copies everything that is durable now into `folder`, which must not exist, and says how many leaves the copy's log has at
    /// least. If we crash in the middle, the folder is incomplete and this store untouched.
    pub fn backup(&self, folder: &Path) -> Result<u64, StoreError> {
        let size = self.log().size()?;
        let checkpoint = Checkpoint::new(&self.db).map_err(failed)?;
        checkpoint.create_checkpoint(folder).map_err(failed)?;
        Ok(size)
    }
}
