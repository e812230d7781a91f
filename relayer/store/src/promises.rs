//! Many promises that are decided one after the other and become durable together.

use std::collections::HashMap;
use std::sync::MutexGuard;

use isthmus_core::id::Hash32;
use isthmus_core::ports::StoreError;
use rocksdb::WriteBatch;

use crate::attester::{AttesterStore, counted};
use crate::columns::Column;
use crate::overlay::{corrupt, handle, read};

/// What an attester has promised, and what it is about to promise: each answer counts what was decided before it. Nothing of that
/// is promised until [`Promises::write`] has returned. While one exists nobody else promises anything.
#[derive(Debug)]
pub struct Promises<'a> {
    store: &'a AttesterStore,
    /// By key; `None` is forgotten.
    staged: HashMap<Vec<u8>, Option<Vec<u8>>>,
    _writing: MutexGuard<'a, ()>,
}

impl<'a> Promises<'a> {
    pub(crate) fn new(store: &'a AttesterStore, writing: MutexGuard<'a, ()>) -> Self {
        Self {
            store,
            staged: HashMap::new(),
            _writing: writing,
        }
    }

    /// What was promised for a subject.
    pub fn promised(&self, subject: &str) -> Result<Option<Hash32>, StoreError> {
        let digest = |bytes: Vec<u8>| bytes.try_into().map(Hash32::new);
        let known = self.known(subject.as_bytes())?.map(digest).transpose();
        known.map_err(|_| corrupt("a promise"))
    }

    /// The highest counter that was raised to for a subject; 0 if none was.
    pub fn counter(&self, subject: &str) -> Result<u64, StoreError> {
        let number = |bytes: Vec<u8>| bytes.try_into().map(u64::from_be_bytes);
        let known = self.known(&counted(subject))?.map(number).transpose();
        Ok(known.map_err(|_| corrupt("a counter"))?.unwrap_or(0))
    }

    /// Promises a thing for a subject, instead of what was promised before.
    pub fn promise(&mut self, subject: &str, digest: Hash32) {
        let bytes = digest.as_bytes().to_vec();
        self.staged.insert(subject.as_bytes().to_vec(), Some(bytes));
    }

    /// Forgets a promise.
    pub fn forget(&mut self, subject: &str) {
        self.staged.insert(subject.as_bytes().to_vec(), None);
    }

    /// Raises a subject's counter.
    pub fn raise(&mut self, subject: &str, counter: u64) {
        let bytes = counter.to_be_bytes().to_vec();
        self.staged.insert(counted(subject), Some(bytes));
    }

    /// Makes everything durable in one synced write. If we crash before it returns, all of it is promised or nothing.
    pub fn write(self) -> Result<(), StoreError> {
        if self.staged.is_empty() {
            return Ok(());
        }
        let family = handle(self.store.database(), Column::Requests)?;
        let mut batch = WriteBatch::default();
        for (key, value) in &self.staged {
            match value {
                Some(value) => batch.put_cf(family, key, value),
                None => batch.delete_cf(family, key),
            }
        }
        self.store.write(batch)
    }

    fn known(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.staged.get(key) {
            Some(staged) => Ok(staged.clone()),
            None => read(self.store.database(), Column::Requests, key),
        }
    }
}
