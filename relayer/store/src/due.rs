//! Pages of the due index: what they cost depends on their length, not on what waits, was put off or has ended.

use std::collections::HashMap;

use isthmus_core::id::TransferId;
use isthmus_core::operation::Lane;
use isthmus_core::ports::{Draft, DueOrder, Journal, StoreError};
use isthmus_core::time::Timestamp;
use isthmus_core::transfer::Transfer;
use isthmus_proto::store::v1 as pb;
use prost::Message;
use rocksdb::{Direction, IteratorMode, ReadOptions};

use crate::columns::{self, Column};
use crate::disk::Disk;
use crate::journal::{load, read_head};
use crate::open::Store;
use crate::overlay::{corrupt, failed, handle, read};
use crate::places::{Kept, Places};
use crate::record;

/// What is due in a lane, with the drafts of what is pending.
pub(crate) fn page(
    store: &Store,
    lane: &Lane,
    now: Timestamp,
    limit: usize,
    order: DueOrder,
) -> Result<Vec<(Transfer, Vec<Draft>)>, StoreError> {
    let (mut due, mut moved) = (Vec::new(), Vec::new());
    let mut drafts = Drafts::default();
    entries(&store.db, lane, now, order, |key| {
        if due.len() >= limit {
            return Ok(false);
        }
        let id = transfer_of(key)?;
        let Some(Kept { transfer, places }) = load(&store.db, id)? else {
            return Ok(true);
        };
        if transfer.lane(now).as_ref() == Some(lane) {
            let drafts = drafts.of(&store.db, &transfer, &places)?;
            due.push((transfer, drafts));
        } else if read_head(&store.db, &id)?.is_some_and(|head| head.due == key) {
            moved.push((id, now));
        }
        Ok(true)
    })?;
    // A signed batch came too near its deadline: no event says so, its transfer is due in the attest lane from now on. (An entry
    // that its head does not name was moved by a write that came after this look at the index.)
    if !moved.is_empty() {
        store.defer(&moved)?;
    }
    Ok(due)
}

/// Which of these transfers are due in a lane, in their order.
pub(crate) fn of(
    store: &Store,
    lane: &Lane,
    now: Timestamp,
    transfers: &[TransferId],
) -> Result<Vec<(Transfer, Vec<Draft>)>, StoreError> {
    let (first, end) = (columns::lane(lane), end(lane, now));
    let mut drafts = Drafts::default();
    let mut due = Vec::new();
    for id in transfers {
        let filed = read_head(&store.db, id)?.map(|head| head.due);
        if !filed.is_some_and(|key| key.starts_with(&first) && key < end) {
            continue;
        }
        if let Some(Kept { transfer, places }) = load(&store.db, *id)?
            && transfer.lane(now).as_ref() == Some(lane)
        {
            let drafts = drafts.of(&store.db, &transfer, &places)?;
            due.push((transfer, drafts));
        }
    }
    Ok(due)
}

/// The first key of a lane that is not due by `now`.
fn end(lane: &Lane, now: Timestamp) -> Vec<u8> {
    match now.ms().checked_add(1) {
        Some(end) => [columns::lane(lane).as_slice(), &end.to_be_bytes()].concat(),
        None => [lane.to_string().as_bytes(), &[1]].concat(),
    }
}

/// Visits a lane's keys that are due, until `visit` has enough.
fn entries(
    disk: &Disk,
    lane: &Lane,
    now: Timestamp,
    order: DueOrder,
    mut visit: impl FnMut(&[u8]) -> Result<bool, StoreError>,
) -> Result<(), StoreError> {
    let name = lane.to_string().into_bytes();
    let first = columns::lane(lane);
    let end = end(lane, now);
    let before = disk.fronts.before(&name);
    let from = before.front.clone().unwrap_or(first).min(end.clone());
    let mut options = ReadOptions::default();
    // RocksDB is told the bounds, so that it does not pass over what was deleted beyond them.
    options.set_iterate_lower_bound(from.as_slice());
    options.set_iterate_upper_bound(end.as_slice());
    let mode = match order {
        DueOrder::OldestFirst => IteratorMode::From(&from, Direction::Forward),
        DueOrder::NewestFirst => IteratorMode::End,
    };
    let mut iterator = disk.iterator_cf_opt(handle(disk, Column::Due)?, options, mode);
    let mut oldest = None;
    let mut complete = true;
    for entry in iterator.by_ref() {
        let (key, _) = entry.map_err(failed)?;
        let goes_on = visit(&key)?;
        match order {
            DueOrder::OldestFirst => {
                oldest.get_or_insert(key);
            }
            DueOrder::NewestFirst => oldest = Some(key),
        }
        if !goes_on {
            complete = order == DueOrder::OldestFirst;
            break;
        }
    }
    if complete {
        let front = oldest.map_or(end, |key| key.to_vec());
        disk.fronts.found(&name, &before, front);
    }
    Ok(())
}

fn transfer_of(key: &[u8]) -> Result<TransferId, StoreError> {
    let id: &[u8; 32] = key.last_chunk().ok_or_else(|| corrupt("a due entry"))?;
    Ok(TransferId::new(*id))
}

/// The drafts of a page: transfers that are given together share one.
#[derive(Default)]
struct Drafts(HashMap<[u8; 32], Draft>);

impl Drafts {
    /// Those of what is pending.
    fn of(
        &mut self,
        disk: &Disk,
        transfer: &Transfer,
        places: &Places,
    ) -> Result<Vec<Draft>, StoreError> {
        match transfer.pending() {
            Some(_) => self.read(disk, &places.drafts),
            None => Ok(Vec::new()),
        }
    }

    fn read(&mut self, disk: &Disk, ids: &[[u8; 32]]) -> Result<Vec<Draft>, StoreError> {
        let mut drafts = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(known) = self.0.get(id) {
                drafts.push(known.clone());
                continue;
            }
            let bytes = read(disk, Column::Drafts, &columns::draft(id))?
                .ok_or_else(|| corrupt("a draft is missing"))?;
            let stored = pb::Draft::decode(bytes.as_slice()).map_err(|_| corrupt("a draft"))?;
            let draft = record::draft_back(stored)?;
            self.0.insert(*id, draft.clone());
            drafts.push(draft);
        }
        Ok(drafts)
    }
}
