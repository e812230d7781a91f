//! Copies of the relayer's store, made while it is in use, and what a relayer must do that wakes up on one.
//!
//! A copy that is two days old lacks what was admitted, locked, minted, burned, released, signed and paused since. So it must
//! not be acted on before it was brought up to date, and it says so: [`Store::restored`] answers until
//! [`Store::settle_restored`] was called. Whoever starts a relayer must meanwhile
//!
//! * sign no checkpoint: the log was longer once, and another leaf in a place that was signed before is a fork. The leaves that
//!   are missing come from whoever has followed the log; each is written again with the events that it stands for, so that
//!   journal and custody book are as they were when it was signed;
//! * ask every ledger what became of every transfer before acting on it. The copy's work is due at once for that. A step that
//!   was taken since looks here like one that was never begun; what makes it harmless is that ledgers answer by reference or
//!   TransferId (R10), not that we remember it;
//! * observe ledgers from the copy's cursors, behind what was seen before: burns of the time between come again;
//! * take nonces from the chain where it is ahead of the copy;
//! * admit again what exchanges hand in again. What was locked meanwhile is found at the registry by its reference.
//!
//! What the copy knows is true. It only lacks what came later.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use isthmus_core::id::TransferId;
use isthmus_core::ports::StoreError;
use isthmus_core::time::Timestamp;
use isthmus_proto::store::v1 as pb;
use prost::Message;
use rocksdb::checkpoint::Checkpoint;
use rocksdb::{DB, WriteBatch, WriteOptions};

use crate::columns::{self, Column};
use crate::journal::read_head;
use crate::log::StoredLog;
use crate::open::{OpenError, Owner, Store, recovered};
use crate::overlay::{corrupt, failed, handle, read, scan};

const RESTORED: &[u8] = b"restored";

/// What a store is a copy of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restored {
    /// When the copy was made, or was found to be one.
    pub taken: Timestamp,
    /// How many leaves its log had then.
    pub log_size: u64,
}

impl Store {
    /// Copies everything that is durable now into `folder`, which must not exist, and says how many leaves the copy's log has.
    /// Files are linked where the disk allows. The folder gets its name when it is whole, durable and marked as a copy: if we
    /// crash before, there is only a folder beside it that the next attempt removes.
    pub fn backup(&self, folder: &Path) -> Result<u64, StoreError> {
        let at = |path: &Path, e: &io::Error| StoreError(format!("{}: {e}", path.display()));
        if folder.try_exists().map_err(|e| at(folder, &e))? {
            let shown = folder.display();
            return Err(StoreError(format!(
                "{shown} exists: name a folder that does not"
            )));
        }
        let part = beside(folder);
        if part.exists() {
            fs::remove_dir_all(&part).map_err(|e| at(&part, &e))?;
        }
        let checkpoint = Checkpoint::new(&self.db).map_err(failed)?;
        checkpoint.create_checkpoint(&part).map_err(failed)?;
        let size = {
            let copy = recovered(&part, Owner::Relayer, &Column::ALL).map_err(failed)?;
            mark(&copy, self.now())?
        };
        sync_folder(&part).map_err(|e| at(&part, &e))?;
        fs::rename(&part, folder).map_err(|e| at(folder, &e))?;
        let parent = folder.parent().filter(|p| !p.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        let synced = File::open(parent).and_then(|parent| parent.sync_all());
        synced.map_err(|e| at(parent, &e))?;
        Ok(size)
    }

    /// What this store is a copy of, until somebody has brought it up to date.
    pub fn restored(&self) -> Result<Option<Restored>, StoreError> {
        let Some(bytes) = read(&self.db, Column::Meta, RESTORED)? else {
            return Ok(None);
        };
        let record =
            pb::Restored::decode(bytes.as_slice()).map_err(|_| corrupt("a copy's mark"))?;
        Ok(Some(Restored {
            taken: Timestamp::from_ms(record.taken_ms),
            log_size: record.log_size,
        }))
    }

    /// It was brought up to date: the log is as long as anybody has seen it, and ledgers were asked.
    pub fn settle_restored(&self) -> Result<(), StoreError> {
        self.change(Vec::new(), |overlay| {
            overlay.delete(Column::Meta, RESTORED.to_vec());
            Ok(())
        })
    }

    /// Marks a store in a folder that nobody has open as a copy, for copies that were made without [`Store::backup`], of a disk
    /// or of a machine. Says how many leaves its log has.
    pub fn mark_restored(path: &Path, now: Timestamp) -> Result<u64, OpenError> {
        let unavailable = |detail: String| OpenError::Unavailable {
            path: path.display().to_string(),
            detail,
        };
        let db = recovered(path, Owner::Relayer, &Column::ALL)
            .map_err(|e| unavailable(e.into_string()))?;
        mark(&db, now).map_err(|e| unavailable(e.0))
    }
}

/// Marks a copy, and makes its work due at once.
fn mark(db: &DB, now: Timestamp) -> Result<u64, StoreError> {
    let size = StoredLog(db).size()?;
    let (index, heads) = (handle(db, Column::Due)?, handle(db, Column::Transfers)?);
    for entry in scan(db, Column::Due, b"", b"")? {
        let (old, _) = entry?;
        let id: [u8; 32] = *old.last_chunk().ok_or_else(|| corrupt("a due entry"))?;
        let Some(mut head) = read_head(db, &TransferId::new(id))? else {
            return Err(corrupt("a due entry without its transfer"));
        };
        head.due = columns::due_by(&old, now).ok_or_else(|| corrupt("a due entry"))?;
        if head.due == *old {
            continue;
        }
        // Each entry with its head: whatever of this a crash leaves undone is done by the next attempt.
        let mut batch = WriteBatch::default();
        batch.delete_cf(index, &old);
        batch.put_cf(index, &head.due, b"");
        batch.put_cf(
            heads,
            columns::head(&TransferId::new(id)),
            head.encode_to_vec(),
        );
        db.write(batch).map_err(failed)?;
    }
    let record = pb::Restored {
        taken_ms: now.ms(),
        log_size: size,
    };
    let mut synced = WriteOptions::default();
    synced.set_sync(true);
    let meta = handle(db, Column::Meta)?;
    db.put_cf_opt(meta, RESTORED, record.encode_to_vec(), &synced)
        .map_err(failed)?;
    db.flush_wal(true).map_err(failed)?;
    Ok(size)
}

fn beside(folder: &Path) -> PathBuf {
    let mut name = folder.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

/// Makes a folder's files and names durable.
fn sync_folder(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        File::open(entry?.path())?.sync_all()?;
    }
    File::open(folder)?.sync_all()
}
