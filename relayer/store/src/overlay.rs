//! Staged changes over the database: what an entry of a batch writes is seen by the entries after it, and an entry that fails
//! leaves nothing behind.

use std::collections::BTreeMap;

use isthmus_core::ports::StoreError;
use rocksdb::{DB, Direction, IteratorMode, ReadOptions, WriteBatch};

use crate::columns::Column;

/// A key with its value.
type Entry<'a> = (&'a [u8], Option<&'a [u8]>);
type Stored = Result<(Box<[u8]>, Box<[u8]>), StoreError>;
/// A key with its value, taken along.
type Found = (Vec<u8>, Vec<u8>);
type Staged = BTreeMap<(Column, Vec<u8>), Option<Vec<u8>>>;

/// Reads through staged changes to the database.
pub(crate) struct Overlay<'a> {
    db: &'a DB,
    accepted: Staged,
    current: Staged,
}

/// Any RocksDB error.
pub(crate) fn failed(error: rocksdb::Error) -> StoreError {
    StoreError(error.into_string())
}

/// A record that cannot be read back.
pub(crate) fn corrupt(what: &str) -> StoreError {
    StoreError(format!("a record is corrupt: {what}"))
}

pub(crate) fn read(db: &DB, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
    db.get_cf(handle(db, column)?, key).map_err(failed)
}

pub(crate) fn handle(db: &DB, column: Column) -> Result<&rocksdb::ColumnFamily, StoreError> {
    db.cf_handle(column.name())
        .ok_or_else(|| StoreError(format!("column family {} is missing", column.name())))
}

/// Keys with `prefix`, in order, from `from` on.
pub(crate) fn scan<'a>(
    db: &'a DB,
    column: Column,
    prefix: &[u8],
    from: &[u8],
) -> Result<impl Iterator<Item = Stored> + use<'a>, StoreError> {
    let prefix = prefix.to_vec();
    let mut iterator = db.iterator_cf(
        handle(db, column)?,
        IteratorMode::From(from, Direction::Forward),
    );
    Ok(std::iter::from_fn(move || match iterator.next()? {
        Ok((key, value)) => key.starts_with(&prefix).then_some(Ok((key, value))),
        Err(error) => Some(Err(failed(error))),
    }))
}

/// Keys from `from` on that are below `below`, in order. RocksDB is told the bound, so that what was deleted beyond it is not
/// read.
pub(crate) fn scan_below<'a>(
    db: &'a DB,
    column: Column,
    from: &[u8],
    below: Vec<u8>,
) -> Result<impl Iterator<Item = Stored> + use<'a>, StoreError> {
    let mut options = ReadOptions::default();
    options.set_iterate_upper_bound(below);
    let from = IteratorMode::From(from, Direction::Forward);
    let iterator = db.iterator_cf_opt(handle(db, column)?, options, from);
    Ok(iterator.map(|entry| entry.map_err(failed)))
}

impl<'a> Overlay<'a> {
    pub(crate) fn new(db: &'a DB) -> Self {
        Self {
            db,
            accepted: Staged::new(),
            current: Staged::new(),
        }
    }

    pub(crate) fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.staged(column, key) {
            Some(staged) => Ok(staged.clone()),
            None => read(self.db, column, key),
        }
    }

    pub(crate) fn get_u64(&self, column: Column, key: &[u8]) -> Result<u64, StoreError> {
        match self.get(column, key)? {
            None => Ok(0),
            Some(bytes) => bytes
                .try_into()
                .map(u64::from_be_bytes)
                .map_err(|_| corrupt("a counter")),
        }
    }

    pub(crate) fn put(&mut self, column: Column, key: Vec<u8>, value: Vec<u8>) {
        self.current.insert((column, key), Some(value));
    }

    pub(crate) fn put_u64(&mut self, column: Column, key: Vec<u8>, value: u64) {
        self.put(column, key, value.to_be_bytes().to_vec());
    }

    pub(crate) fn delete(&mut self, column: Column, key: Vec<u8>) {
        self.current.insert((column, key), None);
    }

    /// Whether this write puts something under a key anyway.
    pub(crate) fn puts(&self, column: Column, key: &[u8]) -> bool {
        matches!(self.staged(column, key), Some(Some(_)))
    }

    /// What is staged last for a key: its value, or that it is deleted (`None` inside).
    fn staged(&self, column: Column, key: &[u8]) -> Option<&Option<Vec<u8>>> {
        if self.accepted.is_empty() && self.current.is_empty() {
            return None;
        }
        let id = (column, key.to_vec());
        self.current.get(&id).or_else(|| self.accepted.get(&id))
    }

    /// The least key that is not below `key` and begins like it, in as many bytes as `prefix` says; with its value.
    pub(crate) fn at_or_above(
        &self,
        column: Column,
        key: &[u8],
        prefix: usize,
    ) -> Result<Option<Found>, StoreError> {
        let within = |found: &[u8]| found.get(..prefix) == key.get(..prefix);
        let mut stored = None;
        let mut iterator = self.db.raw_iterator_cf(handle(self.db, column)?);
        iterator.seek(key);
        while let Some((found, value)) = iterator.item() {
            if !within(found) {
                break;
            }
            if self.staged(column, found).is_none() {
                stored = Some((found.to_vec(), value.to_vec()));
                break;
            }
            iterator.next();
        }
        iterator.status().map_err(failed)?;
        let newest = |map: &Staged| {
            let mut from = map.range((column, key.to_vec())..);
            let next = from.find(|((c, k), v)| {
                *c != column || !within(k) || (v.is_some() && self.staged(column, k) == Some(v))
            });
            next.filter(|((c, k), _)| *c == column && within(k))
                .and_then(|((_, k), v)| v.clone().map(|v| (k.clone(), v)))
        };
        if self.accepted.is_empty() && self.current.is_empty() {
            return Ok(stored);
        }
        Ok([stored, newest(&self.accepted), newest(&self.current)]
            .into_iter()
            .flatten()
            .min_by(|a, b| a.0.cmp(&b.0)))
    }

    /// The greatest key from `first` to `key`, with its value.
    pub(crate) fn at_or_below(
        &self,
        column: Column,
        first: &[u8],
        key: &[u8],
    ) -> Result<Option<Found>, StoreError> {
        let mut options = ReadOptions::default();
        options.set_iterate_lower_bound(first);
        let mut stored = None;
        let mut iterator = self
            .db
            .raw_iterator_cf_opt(handle(self.db, column)?, options);
        iterator.seek_for_prev(key);
        while let Some((found, value)) = iterator.item() {
            if self.staged(column, found).is_none() {
                stored = Some((found.to_vec(), value.to_vec()));
                break;
            }
            iterator.prev();
        }
        iterator.status().map_err(failed)?;
        let range = (column, first.to_vec())..=(column, key.to_vec());
        let alive = |map: &Staged| {
            let newest = map
                .range(range.clone())
                .rev()
                .find(|((_, k), v)| v.is_some() && self.staged(column, k) == Some(v));
            newest.and_then(|((_, k), v)| v.clone().map(|v| (k.clone(), v)))
        };
        Ok([stored, alive(&self.accepted), alive(&self.current)]
            .into_iter()
            .flatten()
            .max_by(|a, b| a.0.cmp(&b.0)))
    }

    /// All keys with `prefix`, in order, with their values; stops when `enough` says so.
    pub(crate) fn with_prefix(
        &self,
        column: Column,
        prefix: &[u8],
        mut enough: impl FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError> {
        let mut staged = self.staged_from(column, prefix).peekable();
        for entry in scan(self.db, column, prefix, prefix)? {
            let (key, value) = entry?;
            while let Some((k, v)) = staged.next_if(|(k, _)| *k < &*key) {
                if v.is_some_and(|v| enough(k, v)) {
                    return Ok(());
                }
            }
            let value = match staged.next_if(|(k, _)| **k == *key) {
                Some((_, None)) => continue,
                Some((_, Some(v))) => v,
                None => &value,
            };
            if enough(&key, value) {
                return Ok(());
            }
        }
        for (k, v) in staged {
            if v.is_some_and(|v| enough(k, v)) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Staged keys with `prefix`, in order, each with its newest value (`None` if it is deleted). Lazy: whoever has enough
    /// after the first few does not pay for a large batch.
    fn staged_from<'s>(
        &'s self,
        column: Column,
        prefix: &'s [u8],
    ) -> impl Iterator<Item = Entry<'s>> {
        let in_order = move |map: &'s Staged| {
            map.range((column, prefix.to_vec())..)
                .take_while(move |((c, key), _)| *c == column && key.starts_with(prefix))
                .map(|((_, key), value)| (key.as_slice(), value.as_deref()))
                .peekable()
        };
        let (mut older, mut newer) = (in_order(&self.accepted), in_order(&self.current));
        std::iter::from_fn(move || match (older.peek(), newer.peek()) {
            (Some((old, _)), Some((new, _))) if old < new => older.next(),
            (Some((old, _)), Some((new, _))) => {
                if old == new {
                    older.next();
                }
                newer.next()
            }
            (Some(_), None) => older.next(),
            (None, _) => newer.next(),
        })
    }

    /// Keeps what the current entry staged.
    pub(crate) fn accept(&mut self) {
        let current = std::mem::take(&mut self.current);
        self.accepted.extend(current);
    }

    /// Forgets what the current entry staged.
    pub(crate) fn reject(&mut self) {
        self.current.clear();
    }

    /// Keys that are written to a column family.
    pub(crate) fn put_keys(&self, column: Column) -> Vec<Vec<u8>> {
        let all = self.accepted.range((column, Vec::new())..);
        all.take_while(|((c, _), _)| *c == column)
            .filter(|(_, value)| value.is_some())
            .map(|((_, key), _)| key.clone())
            .collect()
    }

    /// Everything accepted, as one atomic write.
    pub(crate) fn into_write(self) -> Result<WriteBatch, StoreError> {
        let mut batch = WriteBatch::default();
        for ((column, key), value) in self.accepted {
            let family = handle(self.db, column)?;
            match value {
                Some(value) => batch.put_cf(family, key, value),
                None => batch.delete_cf(family, key),
            }
        }
        Ok(batch)
    }
}
