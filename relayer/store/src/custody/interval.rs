//! One interval of the custody book, with its entries in the indexes by holder and by offer.

use isthmus_core::id::{PoolId, TransferId};
use isthmus_core::ports::StoreError;
use isthmus_core::serial_block::{NumberingSpace, SerialBlock, Series};
use isthmus_proto::store::v1 as pb;
use prost::Message;

use crate::columns::{self, Column};
use crate::overlay::{Overlay, corrupt};

pub(super) const RESERVED: u32 = 1;
pub(super) const OFFERED: u32 = 2;
pub(super) const ALLOCATED: u32 = 3;
pub(super) const RETIRED: u32 = 4;
/// Taken away by the registry while a lock or a burn held it.
pub(super) const LOST: u32 = 5;

/// An interval with its key.
pub(super) struct Interval {
    pub(super) space: String,
    pub(super) first: u64,
    pub(super) held: pb::Held,
}

impl Interval {
    pub(super) fn decode(key: &[u8], value: &[u8]) -> Result<Self, StoreError> {
        let broken = || corrupt("an interval of the custody book");
        let first = columns::trailing_u64(key).ok_or_else(broken)?;
        let space = key
            .split_last_chunk::<9>()
            .map(|(space, _)| space.to_vec())
            .ok_or_else(broken)?;
        let space = String::from_utf8(space).map_err(|_| broken())?;
        Ok(Self {
            space,
            first,
            held: pb::Held::decode(value).map_err(|_| broken())?,
        })
    }

    pub(super) fn block(&self) -> Result<SerialBlock, StoreError> {
        let series = Series {
            before: self.held.before.clone(),
            after: self.held.after.clone(),
        };
        SerialBlock::new(
            NumberingSpace(self.space.clone()),
            self.first,
            self.held.last,
            series,
        )
        .map_err(|_| corrupt("a block of the custody book"))
    }

    pub(super) fn holder(&self) -> Result<TransferId, StoreError> {
        <[u8; 32]>::try_from(self.held.holder.as_slice())
            .map(TransferId::new)
            .map_err(|_| corrupt("a holder"))
    }

    pub(super) fn pool(&self) -> Result<PoolId, StoreError> {
        <[u8; 32]>::try_from(self.held.pool.as_slice())
            .map(PoolId::new)
            .map_err(|_| corrupt("a pool"))
    }

    pub(super) fn put(&self, overlay: &mut Overlay<'_>) -> Result<(), StoreError> {
        overlay.put(
            Column::Custody,
            columns::interval(&self.space, self.first),
            self.held.encode_to_vec(),
        );
        overlay.put(
            Column::Spans,
            columns::interval(&self.space, self.held.last),
            span(self.first, &self.held),
        );
        overlay.put(
            Column::Holdings,
            columns::holding(&self.holder()?, &self.space, self.first),
            Vec::new(),
        );
        if self.held.status == OFFERED {
            overlay.put(
                Column::Offers,
                columns::offer(&self.pool()?, self.held.order, &self.space, self.first),
                Vec::new(),
            );
        }
        Ok(())
    }

    pub(super) fn delete(&self, overlay: &mut Overlay<'_>) -> Result<(), StoreError> {
        overlay.delete(Column::Custody, columns::interval(&self.space, self.first));
        let end = columns::interval(&self.space, self.held.last);
        overlay.delete(Column::Spans, end);
        overlay.delete(
            Column::Holdings,
            columns::holding(&self.holder()?, &self.space, self.first),
        );
        if self.held.status == OFFERED {
            overlay.delete(
                Column::Offers,
                columns::offer(&self.pool()?, self.held.order, &self.space, self.first),
            );
        }
        Ok(())
    }
}

/// What is kept of an interval to find overlaps by.
pub(crate) fn span(first: u64, held: &pb::Held) -> Vec<u8> {
    [first.to_be_bytes().as_slice(), &held.holder].concat()
}

pub(super) fn interval_at(overlay: &Overlay<'_>, key: &[u8]) -> Result<Interval, StoreError> {
    let value = overlay
        .get(Column::Custody, key)?
        .ok_or_else(|| corrupt("the custody book lacks an interval"))?;
    Interval::decode(key, &value)
}
