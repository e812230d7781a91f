//! The `Journal` port.

use isthmus_core::id::{PoolId, TransferId};
use isthmus_core::operation::Lane;
use isthmus_core::ports::{Append, AppendError, Appended, Draft, Journal, Recorded, StoreError};
use isthmus_core::serial_block::SerialBlock;
use isthmus_core::time::Timestamp;
use isthmus_core::transfer::Transfer;
use isthmus_proto::store::v1 as pb;
use prost::Message;
use rocksdb::DB;

use crate::columns::{self, Column};
use crate::open::Store;
use crate::overlay::{Overlay, corrupt, read, scan};
use crate::{custody, record};

/// Events of a transfer with the transfer after them.
fn replay(db: &DB, id: TransferId) -> Result<(Option<Transfer>, Vec<Recorded>), StoreError> {
    let mut transfer: Option<Transfer> = None;
    let mut history = Vec::new();
    for (index, entry) in (0..).zip(scan(db, Column::Journal, id.as_bytes(), id.as_bytes())?) {
        let (_, value) = entry?;
        let stored = pb::Event::decode(&*value).map_err(|_| corrupt("an event"))?;
        let at = Timestamp::from_ms(stored.at_ms);
        let event = record::event_back(db, stored, transfer.as_ref())?;
        let after = match &transfer {
            None => Transfer::open(&event),
            Some(transfer) => transfer.apply(&event),
        };
        transfer = Some(after.map_err(|e| corrupt(&format!("the history of {id}: {e}")))?);
        history.push(Recorded { index, at, event });
    }
    Ok((transfer, history))
}

pub(crate) fn load(db: &DB, id: TransferId) -> Result<Option<Transfer>, StoreError> {
    replay(db, id).map(|(transfer, _)| transfer)
}

pub(crate) fn read_head(db: &DB, id: &TransferId) -> Result<Option<pb::Head>, StoreError> {
    let Some(bytes) = read(db, Column::Transfers, &columns::head(id))? else {
        return Ok(None);
    };
    pb::Head::decode(bytes.as_slice())
        .map(Some)
        .map_err(|_| corrupt("a transfer's head"))
}

impl Store {
    fn drafts(&self, id: &TransferId) -> Result<Vec<Draft>, StoreError> {
        let Some(head) = read_head(&self.db, id)? else {
            return Ok(Vec::new());
        };
        let prefix = columns::attempt(id, head.intent);
        let mut drafts = Vec::new();
        for entry in scan(&self.db, Column::Drafts, &prefix, &prefix)? {
            let (_, draft_id) = entry?;
            let key: [u8; 32] = (*draft_id)
                .try_into()
                .map_err(|_| corrupt("a draft's id"))?;
            let bytes = read(&self.db, Column::Drafts, &columns::draft(&key))?
                .ok_or_else(|| corrupt("a draft is missing"))?;
            drafts.push(record::draft_back(
                pb::Draft::decode(bytes.as_slice()).map_err(|_| corrupt("a draft"))?,
            )?);
        }
        Ok(drafts)
    }
}

impl Journal for Store {
    fn append(&self, batch: Vec<Append>) -> Vec<Result<Appended, AppendError>> {
        self.writer.append(batch)
    }

    fn transfer(&self, id: TransferId) -> Result<Option<Transfer>, StoreError> {
        load(&self.db, id)
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
        let prefix = columns::lane(lane);
        let (mut due, mut moved) = (Vec::new(), Vec::new());
        for entry in scan(&self.db, Column::Due, &prefix, &prefix)? {
            let (key, _) = entry?;
            let tail: &[u8; 40] = key.last_chunk().ok_or_else(|| corrupt("a due entry"))?;
            let (at, id) = tail.split_at(8);
            let at = at
                .try_into()
                .map(u64::from_be_bytes)
                .map_err(|_| corrupt("a due entry"))?;
            if at > now.ms() || due.len() >= limit {
                break;
            }
            let id = TransferId::new(id.try_into().map_err(|_| corrupt("a due entry"))?);
            if let Some(transfer) = load(&self.db, id)? {
                if transfer.lane(now).is_some_and(|next| next != *lane) {
                    moved.push((id, now));
                    continue;
                }
                let drafts = if transfer.pending().is_some() {
                    self.drafts(&id)?
                } else {
                    Vec::new()
                };
                due.push((transfer, drafts));
            }
        }
        // A signed batch came too near its deadline: no event says so, its transfer is due in the attest lane from now on.
        if !moved.is_empty() {
            self.defer(&moved)?;
        }
        Ok(due)
    }

    /// Races with an append of the same transfer are settled by the key: an entry that the append replaced is not put back.
    fn defer(&self, entries: &[(TransferId, Timestamp)]) -> Result<(), StoreError> {
        self.writer.defer(entries.to_vec())
    }

    fn allocate(&self, pool: PoolId, tonnes: u64) -> Result<Option<Vec<SerialBlock>>, StoreError> {
        custody::allocate(&Overlay::new(&self.db), pool, tonnes)
    }
}
