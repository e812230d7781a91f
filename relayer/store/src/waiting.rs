//! What waits in a lane, with what a filter asks of it: read from the index and the heads alone, so that a backlog of any size
//! costs no memory and rebuilds no transfer.

use isthmus_core::id::TransferId;
use isthmus_core::operation::Lane;
use isthmus_core::ports::StoreError;
use isthmus_core::time::Timestamp;

use crate::columns::{self, Column};
use crate::journal::read_head;
use crate::open::Store;
use crate::overlay::{corrupt, scan};

/// An entry of a lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Which transfer.
    pub id: TransferId,
    /// When it is looked at next.
    pub due: Timestamp,
    /// Its state's name.
    pub state: String,
    /// Its route; empty for a return.
    pub route: String,
    /// When it last changed.
    pub updated: Timestamp,
}

impl Store {
    /// Everything that waits in a lane, by due time; `visit` says whether to go on.
    pub fn waiting(
        &self,
        lane: &Lane,
        mut visit: impl FnMut(Waiting) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let prefix = columns::lane(lane);
        for entry in scan(&self.db, Column::Due, &prefix, &prefix)? {
            let (key, _) = entry?;
            let tail: &[u8; 40] = key.last_chunk().ok_or_else(|| corrupt("a due entry"))?;
            let (due, id) = tail.split_at(8);
            let id = TransferId::new(id.try_into().map_err(|_| corrupt("a due entry"))?);
            let due = due.try_into().map(u64::from_be_bytes);
            let Some(head) = read_head(&self.db, &id)? else {
                return Err(corrupt("a waiting transfer"));
            };
            let goes_on = visit(Waiting {
                id,
                due: Timestamp::from_ms(due.map_err(|_| corrupt("a due entry"))?),
                state: head.state,
                route: head.route,
                updated: Timestamp::from_ms(head.updated_ms),
            })?;
            if !goes_on {
                break;
            }
        }
        Ok(())
    }
}
