//! The `Journal` port.

use isthmus_core::id::{PoolId, TransferId};
use isthmus_core::operation::Lane;
use isthmus_core::ports::{
    Append, AppendError, Appended, Backlog, Draft, DueOrder, Journal, Recorded, StoreError,
};
use isthmus_core::serial_block::SerialBlock;
use isthmus_core::time::Timestamp;
use isthmus_core::transfer::Transfer;
use isthmus_proto::store::v1 as pb;
use prost::Message;
use rocksdb::DB;

use crate::columns::{self, Column};
use crate::disk::Disk;
use crate::open::Store;
use crate::overlay::{Overlay, corrupt, read, scan};
use crate::places::{Kept, Places};
use crate::record::fixed;
use crate::{custody, due, record};

/// Events of a transfer with the transfer after them.
fn replay(disk: &Disk, id: TransferId) -> Result<(Option<Kept>, Vec<Recorded>), StoreError> {
    let mut kept: Option<Kept> = None;
    let mut history = Vec::new();
    for (index, entry) in (0..).zip(scan(disk, Column::Journal, id.as_bytes(), id.as_bytes())?) {
        let (_, value) = entry?;
        let stored = pb::Event::decode(&*value).map_err(|_| corrupt("an event"))?;
        let at = Timestamp::from_ms(stored.at_ms);
        let before = kept.as_ref().map(|kept| &kept.transfer);
        let event = record::event_back(disk, stored, before)?;
        let after = match before {
            None => Transfer::open(&event),
            Some(transfer) => transfer.apply(&event),
        };
        let transfer = after.map_err(|e| corrupt(&format!("the history of {id}: {e}")))?;
        let mut places = kept.map(|kept| kept.places).unwrap_or_default();
        places.follow(index, &event);
        kept = Some(Kept { transfer, places });
        history.push(Recorded { index, at, event });
    }
    Ok((kept, history))
}

/// One event of a transfer.
pub(crate) fn event(disk: &Disk, id: TransferId, index: u64) -> Result<pb::Event, StoreError> {
    let bytes = read(disk, Column::Journal, &columns::numbered(&id, index))?
        .ok_or_else(|| corrupt("an event is missing"))?;
    pb::Event::decode(bytes.as_slice()).map_err(|_| corrupt("an event"))
}

/// The transfer as it is now: from its snapshot, or from its history if it has ended or was written before there were snapshots.
pub(crate) fn load(disk: &Disk, id: TransferId) -> Result<Option<Kept>, StoreError> {
    if let Some(bytes) = read(disk, Column::Snapshots, id.as_bytes())? {
        let record = pb::Snapshot::decode(bytes.as_slice()).map_err(|_| corrupt("a snapshot"))?;
        let drafts = record
            .drafts
            .iter()
            .map(|draft| fixed(draft, "a draft's id"));
        let places = Places {
            take: record.take,
            voided: record.voided,
            drafts: drafts.collect::<Result<_, _>>()?,
        };
        if let Some(transfer) = record::snapshot_back(disk, id, record)? {
            return Ok(Some(Kept { transfer, places }));
        }
    }
    let Some(head) = read_head(disk, &id)? else {
        return Ok(None);
    };
    let Some(mut kept) = replay(disk, id)?.0 else {
        return Err(corrupt("a transfer without events"));
    };
    let attempt = columns::attempt(&id, head.intent);
    for entry in scan(disk, Column::Drafts, &attempt, &attempt)? {
        let (_, draft) = entry?;
        kept.places.drafts.push(fixed(&draft, "a draft's id")?);
    }
    Ok(Some(kept))
}

pub(crate) fn read_head(db: &DB, id: &TransferId) -> Result<Option<pb::Head>, StoreError> {
    let Some(bytes) = read(db, Column::Transfers, &columns::head(id))? else {
        return Ok(None);
    };
    pb::Head::decode(bytes.as_slice())
        .map(Some)
        .map_err(|_| corrupt("a transfer's head"))
}

impl Backlog for Store {
    fn due_in(
        &self,
        lane: &Lane,
        now: Timestamp,
        limit: usize,
        order: DueOrder,
    ) -> Result<Vec<(Transfer, Vec<Draft>)>, StoreError> {
        due::page(self, lane, now, limit, order)
    }

    fn due_of(
        &self,
        lane: &Lane,
        now: Timestamp,
        transfers: &[TransferId],
    ) -> Result<Vec<(Transfer, Vec<Draft>)>, StoreError> {
        due::of(self, lane, now, transfers)
    }
}

impl Journal for Store {
    fn append(&self, batch: Vec<Append>) -> Vec<Result<Appended, AppendError>> {
        self.writer.append(batch)
    }

    fn transfer(&self, id: TransferId) -> Result<Option<Transfer>, StoreError> {
        Ok(load(&self.db, id)?.map(|kept| kept.transfer))
    }

    fn history(&self, id: TransferId) -> Result<Vec<Recorded>, StoreError> {
        replay(&self.db, id).map(|(_, history)| history)
    }

    fn due(
        &self,
        lane: &Lane,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Transfer, Vec<Draft>)>, StoreError> {
        self.due_in(lane, now, limit, DueOrder::OldestFirst)
    }

    /// Races with an append of the same transfer are settled by the key: an entry that the append replaced is not put back.
    fn defer(&self, entries: &[(TransferId, Timestamp)]) -> Result<(), StoreError> {
        self.writer.defer(entries.to_vec())
    }

    fn allocate(&self, pool: PoolId, tonnes: u64) -> Result<Option<Vec<SerialBlock>>, StoreError> {
        custody::allocate(&Overlay::new(&self.db), pool, tonnes)
    }
}
