//! The custody book: which units are held by whom, an interval map per numbering space (R7, R8). Finds an overlap in
//! O(log n), splits on partial allocation.

mod impaired;
mod interval;

use isthmus_core::id::{PoolId, RouteId, TransferId};
use isthmus_core::ports::{AppendError, BookChange, StoreError};
use isthmus_core::serial_block::{self, SerialBlock};
use isthmus_proto::store::v1 as pb;

use crate::columns::{self, Column};
use crate::commit::bug;
use crate::overlay::{Overlay, corrupt};

pub use impaired::{HeldAs, Holding, Impairment};
pub(crate) use impaired::{
    decode as decode_impairment, holdings, key as impairment_key, prefix as impairment_prefix,
};
pub(crate) use interval::span;
use interval::{ALLOCATED, Interval, LOST, OFFERED, RESERVED, RETIRED, interval_at};

/// Stages one change. `leaf` is the index of the entry's first leaf, which orders offers; it comes with all of them.
pub(crate) fn apply(
    overlay: &mut Overlay<'_>,
    change: &BookChange,
    (leaf, leaves): (Option<u64>, &[Vec<u8>]),
) -> Result<(), AppendError> {
    match change {
        BookChange::Reserve {
            transfer,
            pool,
            route,
            blocks,
        } => reserve(overlay, *transfer, *pool, route, blocks),
        BookChange::Offer { transfer } => offer(overlay, transfer, leaf),
        BookChange::Allocate {
            burn,
            pool,
            blocks,
            written_off,
        } => {
            impaired::write_off(overlay, *burn, *pool, blocks, *written_off)?;
            give(overlay, *burn, *pool, blocks)
        }
        BookChange::Withhold { pool, blocks } => {
            impaired::withhold(overlay, *pool, blocks, (leaf, leaves))
        }
        BookChange::Join {
            deposit,
            pool,
            blocks,
        } => {
            let order = leaf.ok_or_else(|| bug("what joins a pool comes with its leaf"))?;
            impaired::join(overlay, *deposit, *pool, blocks, order)
        }
        BookChange::Decide {
            pool,
            shortfall,
            impaired,
            backing,
            supply,
        } => impaired::decide(overlay, *pool, (*shortfall, *impaired), (*backing, *supply)),
        BookChange::Reallocate {
            burn,
            pool,
            kept,
            added,
        } => {
            impaired::keep(overlay, *burn, kept)?;
            give(overlay, *burn, *pool, added)
        }
        BookChange::Free { transfer } => {
            for interval in held_as(overlay, transfer, &[RESERVED, ALLOCATED, LOST])? {
                interval.delete(overlay)?;
                // A lock that comes to nothing is subtracted with its head.
                if interval.held.status == ALLOCATED {
                    given(overlay, &interval)?;
                }
            }
            Ok(())
        }
        BookChange::Spend { transfer } => {
            for mut interval in held_as(overlay, transfer, &[ALLOCATED])? {
                given(overlay, &interval)?;
                interval.held.status = RETIRED;
                interval.put(overlay)?;
            }
            Ok(())
        }
    }
}

/// What was minted backs the pool, in the order of its leaf; what the registry took away meanwhile does not.
fn offer(
    overlay: &mut Overlay<'_>,
    transfer: &TransferId,
    leaf: Option<u64>,
) -> Result<(), AppendError> {
    let order = leaf.ok_or_else(|| bug("an offer comes with its MINTED leaf"))?;
    for mut interval in held_as(overlay, transfer, &[RESERVED, LOST])? {
        if interval.held.status == LOST {
            interval.delete(overlay)?;
            given(overlay, &interval)?;
            continue;
        }
        interval.held.status = OFFERED;
        interval.held.order = order;
        interval.put(overlay)?;
    }
    Ok(())
}

/// Units given for a burn no longer count against the cap of the route that brought them, whoever burned.
fn given(overlay: &mut Overlay<'_>, interval: &Interval) -> Result<(), StoreError> {
    let key = columns::outstanding(&interval.held.route);
    let outstanding = overlay.get_u64(Column::Meta, &key)?;
    let grams = interval.block()?.quantity().grams();
    overlay.put_u64(Column::Meta, key, outstanding.saturating_sub(grams));
    Ok(())
}

/// The intervals of a holder, all of which must be in one of `statuses`: what backs equivalents is not freed, what is retired
/// stays retired (R8).
fn held_as(
    overlay: &Overlay<'_>,
    holder: &TransferId,
    statuses: &[u32],
) -> Result<Vec<Interval>, AppendError> {
    let held = held_by(overlay, holder)?;
    match held.iter().find(|i| !statuses.contains(&i.held.status)) {
        None if held.is_empty() => Err(bug(&format!("the custody book has nothing for {holder}"))),
        None => Ok(held),
        Some(wrong) => Err(bug(&format!(
            "units {} of {holder} have status {} in the custody book, not one of {statuses:?}",
            wrong.block()?,
            wrong.held.status
        ))),
    }
}

fn reserve(
    overlay: &mut Overlay<'_>,
    transfer: TransferId,
    pool: PoolId,
    route: &RouteId,
    blocks: &[SerialBlock],
) -> Result<(), AppendError> {
    let held = pb::Held {
        holder: transfer.as_bytes().to_vec(),
        pool: pool.as_bytes().to_vec(),
        status: RESERVED,
        route: route.to_string(),
        ..pb::Held::default()
    };
    take_in(overlay, blocks, &held).map(drop)
}

/// Takes units that nobody holds into the book, as `held` says but for their numbers. As one interval what is one run of
/// numbers, so that the log's book, which reads the blocks back, splits alike.
fn take_in(
    overlay: &mut Overlay<'_>,
    blocks: &[SerialBlock],
    held: &pb::Held,
) -> Result<Vec<SerialBlock>, AppendError> {
    let blocks = serial_block::normalise(blocks).map_err(|e| bug(&e.to_string()))?;
    for block in &blocks {
        if let Some(holder) = overlap(overlay, block)? {
            let block = block.to_string();
            return Err(AppendError::Overlap { block, holder });
        }
        Interval {
            space: block.space().0.clone(),
            first: block.first(),
            held: pb::Held {
                last: block.last(),
                before: block.series().before.clone(),
                after: block.series().after.clone(),
                ..held.clone()
            },
        }
        .put(overlay)?;
    }
    Ok(blocks)
}

/// Who holds any unit of `block`. The intervals are disjoint, so only the first one that ends at or above the block's beginning
/// can reach into it: one seek.
pub(crate) fn overlap(
    overlay: &Overlay<'_>,
    block: &SerialBlock,
) -> Result<Option<TransferId>, StoreError> {
    let key = columns::interval(&block.space().0, block.first());
    let space = key.len() - 8;
    let Some((found, span)) = overlay.at_or_above(Column::Spans, &key, space)? else {
        return Ok(None);
    };
    let (first, holder) = span
        .split_first_chunk::<8>()
        .ok_or_else(|| corrupt("a span"))?;
    if found.len() != key.len() || u64::from_be_bytes(*first) > block.last() {
        return Ok(None);
    }
    let holder = holder.try_into().map_err(|_| corrupt("a holder"))?;
    Ok(Some(TransferId::new(holder)))
}

/// The intervals that a lock or burn holds.
fn held_by(overlay: &Overlay<'_>, holder: &TransferId) -> Result<Vec<Interval>, StoreError> {
    let mut keys = Vec::new();
    overlay.with_prefix(Column::Holdings, holder.as_bytes(), |key, _| {
        keys.extend(key.get(32..).map(<[u8]>::to_vec));
        false
    })?;
    keys.into_iter()
        .map(|key| interval_at(overlay, &key))
        .collect()
}

/// What the next burn of `tonnes` gets: oldest completed lock first, lowest serial first.
pub(crate) fn allocate(
    overlay: &Overlay<'_>,
    pool: PoolId,
    tonnes: u64,
) -> Result<Option<Vec<SerialBlock>>, StoreError> {
    if tonnes == 0 {
        return Ok(Some(Vec::new()));
    }
    let mut left = tonnes;
    let mut keys = Vec::new();
    let mut broken = None;
    overlay.with_prefix(Column::Offers, pool.as_bytes(), |key, _| {
        match key.get(40..).map(|key| interval_at(overlay, key)) {
            Some(Ok(interval)) => {
                left = left.saturating_sub(interval.held.last - interval.first + 1);
                keys.push(interval);
            }
            Some(Err(error)) => broken = Some(error),
            None => broken = Some(corrupt("an offer")),
        }
        left == 0 || broken.is_some()
    })?;
    if let Some(error) = broken {
        return Err(error);
    }
    if left > 0 {
        return Ok(None);
    }
    let mut wanted = tonnes;
    let mut blocks = Vec::with_capacity(keys.len());
    for interval in keys {
        let block = interval.block()?;
        let (head, _) = block
            .split(wanted.min(block.quantity_t()))
            .map_err(|_| corrupt("an offer"))?;
        wanted -= head.quantity_t();
        blocks.push(head);
    }
    Ok(Some(blocks))
}

fn give(
    overlay: &mut Overlay<'_>,
    burn: TransferId,
    pool: PoolId,
    blocks: &[SerialBlock],
) -> Result<(), AppendError> {
    let tonnes = blocks
        .iter()
        .map(SerialBlock::quantity_t)
        .fold(0, u64::saturating_add);
    if allocate(overlay, pool, tonnes)?.as_deref() != Some(blocks) {
        return Err(AppendError::Allocation { burn });
    }
    for block in blocks {
        let interval = interval_at(overlay, &columns::interval(&block.space().0, block.first()))?;
        interval.delete(overlay)?;
        if block.last() < interval.held.last {
            Interval {
                space: interval.space.clone(),
                first: block.last() + 1,
                held: interval.held.clone(),
            }
            .put(overlay)?;
        }
        let held = pb::Held {
            last: block.last(),
            holder: burn.as_bytes().to_vec(),
            status: ALLOCATED,
            ..interval.held
        };
        Interval {
            space: interval.space,
            first: block.first(),
            held,
        }
        .put(overlay)?;
    }
    Ok(())
}
