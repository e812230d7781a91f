//! Validates one append after another and stages what it writes. Entries fail one by one; nothing of a failed entry is kept.

use std::collections::HashMap;
use std::sync::Arc;

use isthmus_core::id::TransferId;
use isthmus_core::ports::{Append, AppendError, Appended, StoreError};
use isthmus_core::time::Timestamp;
use isthmus_core::transfer::{Event, Transfer};
use isthmus_proto::store::v1 as pb;
use prost::Message;

use crate::columns::{self, CHECKPOINT_INTENT, Column, LOG_SIZE};
use crate::disk::Disk;
use crate::overlay::{Overlay, corrupt};
use crate::places::{Kept, Places};
use crate::{cost, custody, evidence, head, journal, log, record, standing};

/// Most transfers kept rebuilt in memory from one write to the next.
const CACHE: usize = 4096;

/// Work that is only known to be right at the moment of writing.
pub(crate) type Change = Box<dyn FnOnce(&mut Overlay<'_>) -> Result<(), AppendError> + Send>;

/// Stages appends; keeps recently changed transfers rebuilt.
pub(crate) struct Committer {
    /// Transfers as of the write being formed. Every transfer that it changes is in here, because the database does not
    /// have those changes yet; so nothing is evicted before it is sealed.
    cache: HashMap<TransferId, Kept>,
    disk: Arc<Disk>,
    leaves_added: bool,
}

/// A staged entry: its answer, and the transfer that it changed.
type Staged = (Appended, Option<Kept>);

impl Committer {
    pub(crate) fn new(disk: Arc<Disk>) -> Self {
        Self {
            cache: HashMap::new(),
            disk,
            leaves_added: false,
        }
    }

    /// Stages one entry, or leaves nothing of it.
    pub(crate) fn stage(
        &mut self,
        overlay: &mut Overlay<'_>,
        entry: &Append,
        now: Timestamp,
        change: Option<Change>,
    ) -> Result<Appended, AppendError> {
        let staged = self.try_stage(overlay, entry, now).and_then(|staged| {
            if let Some(change) = change {
                change(overlay)?;
            }
            Ok(staged)
        });
        match staged {
            Ok((appended, changed)) => {
                overlay.accept();
                if let Some(kept) = changed {
                    self.cache.insert(kept.transfer.id(), kept);
                }
                Ok(appended)
            }
            Err(error) => {
                overlay.reject();
                Err(error)
            }
        }
    }

    /// Makes room between writes: what is evicted is read back from the database, which has it by now.
    pub(crate) fn evict(&mut self) {
        if self.cache.len() > CACHE {
            self.cache.clear();
        }
    }

    /// Stages that a transfer is looked at again at `at`, in the lane that its next work is in then: a signed batch that
    /// nears its deadline changes lanes without an event. Unfinished work only; anything else is left alone.
    pub(crate) fn defer(
        &mut self,
        overlay: &mut Overlay<'_>,
        entries: &[(TransferId, Timestamp)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        for (id, at) in entries {
            let key = columns::head(id);
            let Some(bytes) = overlay.get(Column::Transfers, &key)? else {
                continue;
            };
            let mut head = head::decode(&bytes)?;
            let Some(kept) = self.load(*id)? else {
                continue;
            };
            head::due(overlay, &kept.transfer, &mut head, *at, now)?;
            overlay.put(Column::Transfers, key, head.encode_to_vec());
        }
        overlay.accept();
        Ok(())
    }

    fn load(&self, id: TransferId) -> Result<Option<Kept>, StoreError> {
        match self.cache.get(&id) {
            Some(kept) => Ok(Some(kept.clone())),
            None => journal::load(&self.disk, id),
        }
    }

    /// What belongs to the write as a whole: the log state that is about to be signed. It is durable before any signature on
    /// it exists, so that after a crash nothing that does not extend it is signed.
    pub(crate) fn seal(&mut self, overlay: &mut Overlay<'_>) -> Result<(), StoreError> {
        if !std::mem::take(&mut self.leaves_added) {
            return Ok(());
        }
        let size = overlay.get_u64(Column::Meta, LOG_SIZE)?;
        let root = log::root(overlay, size)?;
        let intent = pb::CheckpointIntent {
            size,
            root: root.to_vec(),
        };
        overlay.put(
            Column::Meta,
            CHECKPOINT_INTENT.to_vec(),
            intent.encode_to_vec(),
        );
        overlay.accept();
        Ok(())
    }

    fn try_stage(
        &mut self,
        overlay: &mut Overlay<'_>,
        entry: &Append,
        now: Timestamp,
    ) -> Result<Staged, AppendError> {
        for batch in &entry.batches {
            // The transfers of a batch come together, each with the batch: once is enough.
            let id = batch.id.as_bytes();
            if !overlay.puts(Column::Batches, id) {
                let record = record::batch(batch).encode_to_vec();
                overlay.put(Column::Batches, id.to_vec(), record);
            }
        }
        let first_leaf = self.leaves(overlay, entry)?;
        let changed = match entry.transfer {
            Some((id, expected)) => Some(self.transfer(overlay, id, expected, entry, now)?),
            None => None,
        };
        for change in &entry.book {
            custody::apply(overlay, change, (first_leaf, &entry.leaves))?;
        }
        for spent in &entry.spent {
            cost::spend(overlay, spent)?;
        }
        if let Some((ledger, cursor)) = &entry.cursor {
            standing::passed(overlay, ledger, cursor)?;
            let cursor = pb::Cursor {
                height: cursor.height,
                block: cursor
                    .block
                    .map(|b| b.as_bytes().to_vec())
                    .unwrap_or_default(),
                last_number: cursor.last_number,
            };
            overlay.put(
                Column::Cursors,
                ledger.as_str().as_bytes().to_vec(),
                cursor.encode_to_vec(),
            );
        }
        if let Some((key, id)) = &entry.request {
            if let Some(known) = overlay.get(Column::Requests, key.as_bytes())? {
                let known: [u8; 32] = known.try_into().map_err(|_| corrupt("a request"))?;
                let transfer = TransferId::new(known);
                if transfer != *id {
                    let key = key.clone();
                    return Err(AppendError::RequestReused { key, transfer });
                }
            }
            overlay.put(
                Column::Requests,
                key.as_bytes().to_vec(),
                id.as_bytes().to_vec(),
            );
        }
        let appended = Appended {
            transfer: changed.as_ref().map(|kept| kept.transfer.clone()),
            first_leaf,
        };
        Ok((appended, changed))
    }

    fn leaves(
        &mut self,
        overlay: &mut Overlay<'_>,
        entry: &Append,
    ) -> Result<Option<u64>, StoreError> {
        if entry.leaves.is_empty() {
            return Ok(None);
        }
        self.leaves_added = true;
        let first = overlay.get_u64(Column::Meta, LOG_SIZE)?;
        for leaf in &entry.leaves {
            let index = log::append(overlay, leaf)?;
            if let Some((id, _)) = entry.transfer {
                overlay.put(Column::LeavesOf, columns::numbered(&id, index), Vec::new());
            }
        }
        Ok(Some(first))
    }

    fn transfer(
        &mut self,
        overlay: &mut Overlay<'_>,
        id: TransferId,
        expected: u64,
        entry: &Append,
        now: Timestamp,
    ) -> Result<Kept, AppendError> {
        let before = self.load(id)?;
        let found = before.as_ref().map_or(0, |kept| kept.transfer.length());
        if found != expected {
            return Err(AppendError::Conflict {
                id,
                expected,
                found,
            });
        }
        let old = match overlay.get(Column::Transfers, &columns::head(&id))? {
            Some(bytes) => head::decode(&bytes)?,
            None => head::new(overlay, id, now)?,
        };
        let mut head = old.clone();
        let (mut transfer, mut places) = match before {
            Some(Kept { transfer, places }) => (Some(transfer), places),
            None => (None, Places::default()),
        };
        for event in &entry.events {
            let index = transfer.as_ref().map_or(0, Transfer::length);
            let after = match &transfer {
                None => Transfer::open(event)?,
                Some(transfer) => transfer.apply(event)?,
            };
            if let Event::Intended(_) = event {
                head.intent = index;
            }
            overlay.put(
                Column::Journal,
                columns::numbered(&id, index),
                record::event(event, now).encode_to_vec(),
            );
            evidence::keep(overlay, event)?;
            standing::note(overlay, &after, event);
            places.follow(index, event);
            transfer = Some(after);
        }
        let Some(transfer) = transfer.filter(|t| t.id() == id) else {
            return Err(bug(&format!("an append for {id} does not open it")));
        };
        head::drafts(overlay, &transfer, head.intent, &mut places, entry)?;
        head::due(overlay, &transfer, &mut head, entry.due.unwrap_or(now), now)?;
        head::head(overlay, &transfer, &old, head, now)?;
        let kept = Kept { transfer, places };
        head::snapshot(overlay, &kept);
        Ok(kept)
    }
}

/// A request that cannot be carried out and whose caller is at fault, not the disk.
pub(crate) fn bug(reason: &str) -> AppendError {
    AppendError::Illegal(isthmus_core::transfer::IllegalEvent {
        state: "stored",
        pending: "nothing",
        event: "append",
        reason: reason.into(),
    })
}
