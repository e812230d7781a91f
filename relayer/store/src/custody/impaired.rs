//! What the registry takes away, what makes it good, and what two people write off. The pool's record changes in the same write
//! as the custody book, so that no burn is allocated as if nothing had happened.

use isthmus_core::id::{Hash32, PoolId, TransferId};
use isthmus_core::ports::{AppendError, StoreError};
use isthmus_core::quantity::Quantity;
use isthmus_core::serial_block::{self, SerialBlock};
use isthmus_prooflog::book::impairment_after;
use isthmus_prooflog::leaf::Leaf;
use isthmus_proto::store::v1 as pb;
use prost::Message;

use super::interval::{ALLOCATED, Interval, LOST, OFFERED, RESERVED};
use super::{given, held_as, take_in};
use crate::columns::{self, Column};
use crate::commit::bug;
use crate::overlay::{Overlay, corrupt};
use crate::record::{fixed, quantity};

const IMPAIRED: &[u8] = b"impaired\0";
const GRAMS_PER_TONNE: u64 = 1_000_000;

/// A pool that has less in custody than it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Impairment {
    /// How much is missing.
    pub shortfall: Quantity,
    /// Backing and supply that two people decided by; nothing yet if `None`.
    pub decided: Option<(Quantity, Quantity)>,
    /// What stands for it in the log; `None` if it began before this was kept.
    pub impaired: Option<Hash32>,
}

/// Units that somebody holds in the custody book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Which.
    pub block: SerialBlock,
    /// Lock, burn or deposit.
    pub holder: TransferId,
    /// Its pool.
    pub pool: PoolId,
    /// As what.
    pub held: HeldAs,
}

/// As what units are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldAs {
    /// Being locked, locked or being unlocked.
    Reserved,
    /// Backing equivalents.
    Offered,
    /// A burn's.
    Allocated,
    /// Used up.
    Retired,
    /// Taken away by the registry.
    Lost,
}

impl Impairment {
    /// What is written off of a burn of `burned` (`docs/protocol.md` §11); `None` while nothing is decided.
    pub fn write_off(&self, burned: Quantity) -> Option<Quantity> {
        let (backing, supply) = self.decided?;
        let given = u128::from(burned.grams()) * u128::from(backing.grams())
            / u128::from(supply.grams().max(1));
        let given = u64::try_from(given).ok()? / GRAMS_PER_TONNE * GRAMS_PER_TONNE;
        let lost = burned.grams().saturating_sub(given);
        Quantity::from_grams(lost.min(self.shortfall.grams())).ok()
    }
}

pub(crate) fn key(pool: PoolId) -> Vec<u8> {
    [IMPAIRED, pool.as_bytes()].concat()
}

pub(crate) fn prefix() -> &'static [u8] {
    IMPAIRED
}

pub(crate) fn decode(bytes: &[u8]) -> Result<Impairment, StoreError> {
    let record = pb::Impairment::decode(bytes).map_err(|_| corrupt("an impairment"))?;
    let decided = (quantity(record.backing_g)?, quantity(record.supply_g)?);
    let impaired = match record.impaired.as_slice() {
        [] => None,
        bytes => Some(Hash32::new(fixed(bytes, "what an impairment is about")?)),
    };
    Ok(Impairment {
        shortfall: quantity(record.shortfall_g)?,
        decided: (record.supply_g > 0).then_some(decided),
        impaired,
    })
}

fn encode(impairment: &Impairment) -> Vec<u8> {
    let (backing, supply) = impairment.decided.unzip();
    pb::Impairment {
        shortfall_g: impairment.shortfall.grams(),
        since_ms: 0,
        backing_g: backing.map_or(0, Quantity::grams),
        supply_g: supply.map_or(0, Quantity::grams),
        impaired: (impairment.impaired)
            .map(|impaired| impaired.as_bytes().to_vec())
            .unwrap_or_default(),
    }
    .encode_to_vec()
}

fn of(overlay: &Overlay<'_>, pool: PoolId) -> Result<Option<Impairment>, StoreError> {
    let record = overlay.get(Column::Inbox, &key(pool))?;
    record.map(|bytes| decode(&bytes)).transpose()
}

/// A pool that misses nothing any more is impaired no more, and what was decided about it is over.
fn set(overlay: &mut Overlay<'_>, pool: PoolId, impairment: &Impairment) {
    if impairment.shortfall == Quantity::ZERO {
        overlay.delete(Column::Inbox, key(pool));
    } else {
        overlay.put(Column::Inbox, key(pool), encode(impairment));
    }
}

/// The intervals that share a unit with `block`, descending.
fn within(overlay: &Overlay<'_>, block: &SerialBlock) -> Result<Vec<Interval>, StoreError> {
    let space = &block.space().0;
    let (mut end, mut found) = (block.last(), Vec::new());
    while let Some((key, value)) = overlay.at_or_below(
        Column::Custody,
        &columns::interval(space, 0),
        &columns::interval(space, end),
    )? {
        let interval = Interval::decode(&key, &value)?;
        if interval.space != *space || interval.held.last < block.first() {
            break;
        }
        let first = interval.first;
        found.push(interval);
        if first <= block.first() {
            break;
        }
        end = first - 1;
    }
    Ok(found)
}

/// Who holds which units of `block`, ascending; those that nobody holds are left out.
pub(crate) fn holdings(
    overlay: &Overlay<'_>,
    block: &SerialBlock,
) -> Result<Vec<Holding>, StoreError> {
    let mut found = Vec::new();
    for interval in within(overlay, block)?.into_iter().rev() {
        let inside = part(&interval, interval.first.max(block.first()), block.last())?;
        found.push(Holding {
            block: inside.block()?,
            holder: interval.holder()?,
            pool: interval.pool()?,
            held: match interval.held.status {
                RESERVED => HeldAs::Reserved,
                OFFERED => HeldAs::Offered,
                ALLOCATED => HeldAs::Allocated,
                LOST => HeldAs::Lost,
                _ => HeldAs::Retired,
            },
        });
    }
    Ok(found)
}

/// The part of an interval from `first` to `last`, or to its own end.
fn part(interval: &Interval, first: u64, last: u64) -> Result<Interval, StoreError> {
    let last = last.min(interval.held.last);
    if first > last {
        return Err(corrupt("a part of an interval"));
    }
    Ok(Interval {
        space: interval.space.clone(),
        first,
        held: pb::Held {
            last,
            ..interval.held.clone()
        },
    })
}

/// Takes `block` out of an interval that holds all of it; the rest stays as it was.
fn cut(
    overlay: &mut Overlay<'_>,
    interval: &Interval,
    first: u64,
    last: u64,
) -> Result<Interval, StoreError> {
    interval.delete(overlay)?;
    if interval.first < first {
        part(interval, interval.first, first - 1)?.put(overlay)?;
    }
    if last < interval.held.last {
        part(interval, last + 1, interval.held.last)?.put(overlay)?;
    }
    part(interval, first, last)
}

/// All of the units must be in the pool's custody at the moment of writing.
pub(super) fn withhold(
    overlay: &mut Overlay<'_>,
    pool: PoolId,
    blocks: &[SerialBlock],
    logged: (Option<u64>, &[Vec<u8>]),
) -> Result<(), AppendError> {
    for block in blocks {
        let displaced = || AppendError::Displaced {
            block: block.to_string(),
        };
        let mut found = 0u64;
        for interval in within(overlay, block)? {
            if interval.pool()? != pool {
                return Err(displaced());
            }
            let (first, last) = (
                interval.first.max(block.first()),
                interval.held.last.min(block.last()),
            );
            let mut taken = cut(overlay, &interval, first, last)?;
            found += last - first + 1;
            match taken.held.status {
                OFFERED => given(overlay, &taken)?,
                RESERVED | ALLOCATED => {
                    taken.held.status = LOST;
                    taken.put(overlay)?;
                }
                _ => return Err(displaced()),
            }
        }
        if found != block.quantity_t() {
            return Err(displaced());
        }
    }
    let known = of(overlay, pool)?;
    let impairment = Impairment {
        shortfall: (known.map_or(Quantity::ZERO, |known| known.shortfall))
            .checked_add(serial_block::total(blocks))
            .ok_or_else(|| bug("a shortfall that cannot be counted"))?,
        // Whatever was decided was decided about less.
        decided: None,
        impaired: impaired_by(pool, known, logged)?,
    };
    set(overlay, pool, &impairment);
    Ok(())
}

/// What stands for the impairment when these leaves are in the log as well.
fn impaired_by(
    pool: PoolId,
    known: Option<Impairment>,
    (first, leaves): (Option<u64>, &[Vec<u8>]),
) -> Result<Option<Hash32>, AppendError> {
    let missing = || bug("what is taken away comes with its IMPAIRED leaf");
    let (began, mut impaired) = match known {
        // It began before format 3: what stands for it is not known here.
        Some(Impairment { impaired: None, .. }) => return Ok(None),
        Some(known) => (known.impaired, known.impaired),
        None => (None, None),
    };
    for (index, bytes) in (first.ok_or_else(missing)?..).zip(leaves) {
        if let Ok(Leaf::Impaired { pool: of, .. }) = Leaf::parse(bytes)
            && of.0 == *pool.as_bytes()
        {
            let earlier = impaired.map(|impaired| (*impaired.as_bytes()).into());
            let hash = impairment_after(earlier, index, bytes);
            impaired = Some(Hash32::new(hash.0));
        }
    }
    if impaired == began {
        return Err(missing());
    }
    Ok(impaired)
}

/// A deposit backs the pool from now on, after everything else. It counts against no route's cap.
pub(super) fn join(
    overlay: &mut Overlay<'_>,
    deposit: TransferId,
    pool: PoolId,
    blocks: &[SerialBlock],
    order: u64,
) -> Result<(), AppendError> {
    let held = pb::Held {
        holder: deposit.as_bytes().to_vec(),
        pool: pool.as_bytes().to_vec(),
        status: OFFERED,
        order,
        ..pb::Held::default()
    };
    let blocks = take_in(overlay, blocks, &held)?;
    let good = serial_block::total(&blocks);
    let key = columns::outstanding("");
    let outstanding = overlay.get_u64(Column::Meta, &key)?;
    overlay.put_u64(Column::Meta, key, outstanding.saturating_add(good.grams()));
    let known = of(overlay, pool)?.filter(|known| known.shortfall >= good);
    let known = known.ok_or_else(|| bug("a deposit makes good more than is missing"))?;
    less(overlay, pool, known, good)
}

fn less(
    overlay: &mut Overlay<'_>,
    pool: PoolId,
    known: Impairment,
    by: Quantity,
) -> Result<(), AppendError> {
    let shortfall = known
        .shortfall
        .checked_sub(by)
        .ok_or_else(|| bug("a shortfall below nothing"))?;
    set(overlay, pool, &Impairment { shortfall, ..known });
    Ok(())
}

/// Sets what two people decided, if the pool still misses what they knew: also another loss, of as much, is not theirs. The log
/// would contradict itself.
pub(super) fn decide(
    overlay: &mut Overlay<'_>,
    pool: PoolId,
    (shortfall, impaired): (Quantity, Hash32),
    decided: (Quantity, Quantity),
) -> Result<(), AppendError> {
    let same = |known: &Impairment| {
        known.shortfall == shortfall && known.impaired.is_none_or(|about| about == impaired)
    };
    let known = of(overlay, pool)?.filter(same);
    let known = known.ok_or(AppendError::Outdated { pool })?;
    let decided = Some(decided);
    set(overlay, pool, &Impairment { decided, ..known });
    Ok(())
}

/// What is written off of a burn must be what was decided, as of the moment of writing.
pub(super) fn write_off(
    overlay: &mut Overlay<'_>,
    burn: TransferId,
    pool: PoolId,
    blocks: &[SerialBlock],
    written_off: Quantity,
) -> Result<(), AppendError> {
    let burned = serial_block::total(blocks).checked_add(written_off);
    let known = of(overlay, pool)?;
    let expected = match (&known, burned) {
        (None, Some(_)) => Some(Quantity::ZERO),
        (Some(known), Some(burned)) => known.write_off(burned),
        (None | Some(_), None) => None,
    };
    if expected != Some(written_off) {
        return Err(AppendError::Allocation { burn });
    }
    match known {
        Some(known) => less(overlay, pool, known, written_off),
        None => Ok(()),
    }
}

/// A burn keeps `kept`; what else it had is given up.
pub(super) fn keep(
    overlay: &mut Overlay<'_>,
    burn: TransferId,
    kept: &[SerialBlock],
) -> Result<(), AppendError> {
    for interval in held_as(overlay, &burn, &[ALLOCATED, LOST])? {
        interval.delete(overlay)?;
        let block = interval.block()?;
        let mut gone = block.quantity_t();
        for keep in kept.iter().filter(|keep| keep.intersects(&block)) {
            if interval.held.status == LOST || !block.contains(keep) {
                let block = keep.to_string();
                return Err(AppendError::Displaced { block });
            }
            part(&interval, keep.first(), keep.last())?.put(overlay)?;
            gone -= keep.quantity_t();
        }
        let key = columns::outstanding(&interval.held.route);
        let outstanding = overlay.get_u64(Column::Meta, &key)?;
        let gone = gone.saturating_mul(GRAMS_PER_TONNE);
        overlay.put_u64(Column::Meta, key, outstanding.saturating_sub(gone));
    }
    Ok(())
}
