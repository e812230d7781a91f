//! From an older format to this one. Format 2 keeps beside the same records what is computed from them here. Format 3 has a
//! new form for the evidence of mints and reads the old one, so nothing is rewritten. If we crash in the middle, the format is
//! still the old one and the next start does it again.

use std::collections::HashMap;

use isthmus_core::id::TransferId;
use isthmus_core::ports::StoreError;
use isthmus_core::terms::Terms;
use isthmus_proto::store::v1 as pb;
use prost::Message;
use rocksdb::{WriteBatch, WriteOptions};

use crate::columns::{self, Column, META};
use crate::custody;
use crate::disk::Disk;
use crate::journal::load;
use crate::open::FORMAT;
use crate::overlay::{corrupt, failed, handle, read, scan};
use crate::{head, tally};

/// Spans written at a time.
const PAGE: usize = 10_000;

type Sums = HashMap<(Column, Vec<u8>), u64>;

/// Brings a database up to this binary's format.
pub(crate) fn upgrade(disk: &Disk) -> Result<(), StoreError> {
    let bytes = read(disk, Column::Meta, META)?.ok_or_else(|| corrupt("whose data these are"))?;
    let meta = pb::Meta::decode(bytes.as_slice()).map_err(|_| corrupt("whose data these are"))?;
    if meta.format >= FORMAT {
        return Ok(());
    }
    let mut sums = Sums::new();
    if meta.format < 2 {
        spans(disk)?;
        lanes(disk, &mut sums)?;
        transfers(disk, &mut sums)?;
    }
    let mut batch = WriteBatch::default();
    for ((column, key), sum) in sums {
        batch.put_cf(handle(disk, column)?, key, sum.to_be_bytes());
    }
    let meta = pb::Meta {
        format: FORMAT,
        ..meta
    };
    batch.put_cf(handle(disk, Column::Meta)?, META, meta.encode_to_vec());
    let mut synced = WriteOptions::default();
    synced.set_sync(true);
    disk.write_opt(batch, &synced).map_err(failed)
}

fn spans(disk: &Disk) -> Result<(), StoreError> {
    let family = handle(disk, Column::Spans)?;
    let mut batch = WriteBatch::default();
    for entry in scan(disk, Column::Custody, b"", b"")? {
        let (key, held) = entry?;
        let held = pb::Held::decode(&*held).map_err(|_| corrupt("an interval"))?;
        let (space, first) = key
            .split_last_chunk::<8>()
            .ok_or_else(|| corrupt("an interval"))?;
        let end = [space, &held.last.to_be_bytes()].concat();
        let span = custody::span(u64::from_be_bytes(*first), &held);
        batch.put_cf(family, end, span);
        if batch.len() >= PAGE {
            disk.write(std::mem::take(&mut batch)).map_err(failed)?;
        }
    }
    disk.write(batch).map_err(failed)
}

fn lanes(disk: &Disk, sums: &mut Sums) -> Result<(), StoreError> {
    for entry in scan(disk, Column::Due, b"", b"")? {
        let (key, _) = entry?;
        let count = columns::lane_count(columns::lane_of(&key));
        *sums.entry((Column::Meta, count)).or_default() += 1;
    }
    Ok(())
}

fn transfers(disk: &Disk, sums: &mut Sums) -> Result<(), StoreError> {
    for entry in scan(disk, Column::Transfers, b"h", b"h")? {
        let (key, bytes) = entry?;
        let head = head::decode(&bytes)?;
        if !tally::ended(&head.state) {
            let unfinished = columns::unfinished(&head.route);
            *sums.entry((Column::Meta, unfinished)).or_default() += 1;
        }
        let id: [u8; 32] = *key.last_chunk().ok_or_else(|| corrupt("a head"))?;
        let kept =
            load(disk, TransferId::new(id))?.ok_or_else(|| corrupt("a transfer without events"))?;
        let Terms::Outbound(outbound) = kept.transfer.terms() else {
            continue;
        };
        if tally::moves(&head.state) {
            for key in tally::buckets(&head, &outbound.terms.asset_class) {
                let sum = sums.entry((Column::Admitted, key)).or_default();
                *sum = sum.saturating_add(head.quantity_g);
            }
        }
    }
    Ok(())
}
