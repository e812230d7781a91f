//! An attester's store: what it has promised to sign, and the log as it followed it.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use isthmus_core::id::Hash32;
use isthmus_core::ports::StoreError;
use rocksdb::{DB, WriteBatch, WriteOptions};

use isthmus_prooflog::tree;

use crate::columns::{Column, LOG_SIZE};
use crate::log::StoredLog;
use crate::open::{OpenError, Owner, open_database};
use crate::overlay::{corrupt, failed, handle, read};
use crate::promises::Promises;

const STOPPED: &[u8] = b"stopped";
const FOLLOWED: &[u8] = b"followed";
/// The attester uses the relayer's column names with its own meaning for one: `requests` holds `subject → digest`.
const COLUMNS: [Column; 4] = [
    Column::Meta,
    Column::Hashes,
    Column::Leaves,
    Column::Requests,
];

/// Memory and log of one attester.
#[derive(Debug)]
pub struct AttesterStore {
    db: DB,
    /// Held from reading what is promised (or logged) until it is written: of two that promise at a time, one is second.
    writing: Mutex<()>,
    syncs: AtomicU64,
}

/// What became of a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remembered {
    /// It is durable: it may be signed.
    Now,
    /// Exactly this was promised before: it may be signed again.
    Before,
    /// Something else was promised for this subject: it must not be signed.
    Otherwise(Hash32),
}

impl AttesterStore {
    /// Opens the store in `path`, creating it if it is not there.
    pub fn open(path: &Path, network: &str) -> Result<Self, OpenError> {
        Ok(Self {
            db: open_database(path, network, Owner::Attester, &COLUMNS)?,
            writing: Mutex::new(()),
            syncs: AtomicU64::new(0),
        })
    }

    fn writing(&self) -> Result<MutexGuard<'_, ()>, StoreError> {
        self.writing
            .lock()
            .map_err(|_| StoreError("a writer panicked".into()))
    }

    pub(crate) fn database(&self) -> &DB {
        &self.db
    }

    pub(crate) fn write(&self, batch: WriteBatch) -> Result<(), StoreError> {
        let mut synced = WriteOptions::default();
        synced.set_sync(true);
        self.db.write_opt(batch, &synced).map_err(failed)?;
        self.syncs.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Synced writes since the store was opened.
    pub fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }

    /// Remembers what will be signed for each subject, all in one synced write, before any signature leaves. A subject that was
    /// promised something else stays as it was. If we crash after this write, the same may be signed again and nothing else.
    pub fn remember(&self, promises: &[(String, Hash32)]) -> Result<Vec<Remembered>, StoreError> {
        let _writing = self.writing()?;
        let mut answers = Vec::with_capacity(promises.len());
        let mut batch = WriteBatch::default();
        let mut promised_now: HashMap<&str, Hash32> = HashMap::new();
        let family = handle(&self.db, Column::Requests)?;
        for (subject, digest) in promises {
            let known = match promised_now.get(subject.as_str()) {
                Some(known) => Some(*known),
                None => self.promised(subject)?,
            };
            answers.push(match known {
                Some(known) if known == *digest => Remembered::Before,
                Some(known) => Remembered::Otherwise(known),
                None => {
                    promised_now.insert(subject, *digest);
                    batch.put_cf(family, subject, digest.as_bytes());
                    Remembered::Now
                }
            });
        }
        if !batch.is_empty() {
            self.write(batch)?;
        }
        Ok(answers)
    }

    /// Begins to promise many things that become durable together.
    pub fn promises(&self) -> Result<Promises<'_>, StoreError> {
        Ok(Promises::new(self, self.writing()?))
    }

    /// What was promised for a subject.
    pub fn promised(&self, subject: &str) -> Result<Option<Hash32>, StoreError> {
        let bytes = read(&self.db, Column::Requests, subject.as_bytes())?;
        bytes
            .map(|bytes| {
                bytes
                    .try_into()
                    .map(Hash32::new)
                    .map_err(|_| corrupt("a promise"))
            })
            .transpose()
    }

    /// The log as followed so far.
    pub fn log(&self) -> StoredLog<'_> {
        StoredLog(&self.db)
    }

    /// Appends leaves that were checked against a signed checkpoint.
    pub fn extend_log(&self, leaves: &[Vec<u8>]) -> Result<(), StoreError> {
        let _writing = self.writing()?;
        let mut overlay = crate::overlay::Overlay::new(&self.db);
        for leaf in leaves {
            crate::log::append(&mut overlay, leaf)?;
        }
        overlay.accept();
        self.write(overlay.into_write()?)
    }

    /// The root that the log would have with `leaves` appended; writes nothing.
    pub fn root_with(&self, leaves: &[Vec<u8>]) -> Result<(u64, tree::Hash), StoreError> {
        let mut overlay = crate::overlay::Overlay::new(&self.db);
        for leaf in leaves {
            crate::log::append(&mut overlay, leaf)?;
        }
        let size = overlay.get_u64(Column::Meta, LOG_SIZE)?;
        Ok((size, crate::log::root(&overlay, size)?))
    }

    /// Keeps the signed checkpoint up to which the log was followed. Not synced: an older one is as true.
    pub fn keep_checkpoint(&self, size: u64, note: &str) -> Result<(), StoreError> {
        let kept = [size.to_be_bytes().as_slice(), note.as_bytes()].concat();
        let family = handle(&self.db, Column::Meta)?;
        self.db.put_cf(family, FOLLOWED, kept).map_err(failed)
    }

    /// The newest checkpoint that was kept, with its size.
    pub fn checkpoint(&self) -> Result<Option<(u64, String)>, StoreError> {
        let Some(kept) = read(&self.db, Column::Meta, FOLLOWED)? else {
            return Ok(None);
        };
        let (size, note) = kept
            .split_first_chunk::<8>()
            .ok_or_else(|| corrupt("a followed checkpoint"))?;
        let note = String::from_utf8_lossy(note).into_owned();
        Ok(Some((u64::from_be_bytes(*size), note)))
    }

    /// Up to which block a gate's batches were compared with this log; 0 if none was.
    pub fn compared(&self, gate: &str) -> Result<u64, StoreError> {
        let stored = read(&self.db, Column::Meta, &compared_key(gate))?;
        let block = stored.map(|bytes| bytes.try_into().map(u64::from_be_bytes));
        block
            .transpose()
            .map(Option::unwrap_or_default)
            .map_err(|_| corrupt("how far a gate was compared"))
    }

    /// Keeps up to which block a gate's batches were compared with this log, which is durable. Not synced: what a crash takes back
    /// is compared again.
    pub fn keep_compared(&self, gate: &str, block: u64) -> Result<(), StoreError> {
        let family = handle(&self.db, Column::Meta)?;
        let put = self
            .db
            .put_cf(family, compared_key(gate), block.to_be_bytes());
        put.map_err(failed)
    }

    /// Stops for good: the log equivocated. Stays stopped across restarts.
    pub fn stop(&self, why: &str) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        batch.put_cf(handle(&self.db, Column::Meta)?, STOPPED, why);
        self.write(batch)
    }

    /// Why it stopped for good, if it did.
    pub fn stopped(&self) -> Result<Option<String>, StoreError> {
        Ok(read(&self.db, Column::Meta, STOPPED)?
            .map(|why| String::from_utf8_lossy(&why).into_owned()))
    }
}

/// Counters lie beside promises, under names that no promise has.
pub(crate) fn counted(subject: &str) -> Vec<u8> {
    format!("counter\0{subject}").into_bytes()
}

fn compared_key(gate: &str) -> Vec<u8> {
    format!("compared\0{gate}").into_bytes()
}
