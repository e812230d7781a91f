//! Reads for lists, reports and metrics.

use isthmus_core::id::{LedgerId, RouteId, TransferId};
use isthmus_core::operation::Lane;
use isthmus_core::ports::{Cursor, StoreError};
use isthmus_core::quantity::Quantity;
use isthmus_core::serial_block::SerialBlock;
use isthmus_core::time::Timestamp;
use isthmus_proto::store::v1 as pb;
use prost::Message;

use crate::columns::{self, Column};
use crate::custody;
use crate::journal::read_head;
use crate::open::Store;
use crate::overlay::{Overlay, corrupt, read, scan};

/// Which transfers to list; an absent field means any.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// State's name.
    pub state: Option<String>,
    /// Route.
    pub route: Option<String>,
}

/// A transfer in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The transfer.
    pub id: TransferId,
    /// Its place among all, for paging.
    pub serial: u64,
    /// When it was admitted.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
}

/// How much of a lane is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneBacklog {
    /// Entries in the lane.
    pub due: u64,
    /// Due time of the oldest.
    pub oldest: Option<Timestamp>,
}

impl Store {
    /// Up to `limit` transfers, newest first, older than `before` if given.
    pub fn list(
        &self,
        filter: &Filter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Listed>, StoreError> {
        let from = before.map_or_else(
            || b"s".to_vec(),
            |serial| [columns::newest_first(serial), vec![0]].concat(),
        );
        let mut listed = Vec::new();
        for entry in scan(&self.db, Column::Transfers, b"s", &from)? {
            let (_, id) = entry?;
            let id = TransferId::new((*id).try_into().map_err(|_| corrupt("a list entry"))?);
            let head = read_head(&self.db, &id)?.ok_or_else(|| corrupt("a listed transfer"))?;
            let wanted =
                |asked: &Option<String>, is: &str| asked.as_deref().is_none_or(|asked| asked == is);
            if wanted(&filter.state, &head.state) && wanted(&filter.route, &head.route) {
                let (created, updated) = (
                    Timestamp::from_ms(head.created_ms),
                    Timestamp::from_ms(head.updated_ms),
                );
                listed.push(Listed {
                    id,
                    serial: head.serial,
                    created,
                    updated,
                });
            }
            if listed.len() >= limit {
                break;
            }
        }
        Ok(listed)
    }

    /// When a transfer was admitted and last changed.
    pub fn times(&self, id: TransferId) -> Result<Option<(Timestamp, Timestamp)>, StoreError> {
        let head = read_head(&self.db, &id)?;
        Ok(head.map(|head| {
            (
                Timestamp::from_ms(head.created_ms),
                Timestamp::from_ms(head.updated_ms),
            )
        }))
    }

    /// Locked or being locked through a route: everything admitted that was neither rejected nor returned, less the units of
    /// it that were released or retired.
    pub fn outstanding(&self, route: &RouteId) -> Result<Quantity, StoreError> {
        let grams = match read(
            &self.db,
            Column::Meta,
            &columns::outstanding(route.as_str()),
        )? {
            None => 0,
            Some(bytes) => bytes
                .try_into()
                .map(u64::from_be_bytes)
                .map_err(|_| corrupt("a counter"))?,
        };
        Quantity::from_grams(grams).map_err(|_| corrupt("a quantity"))
    }

    /// How much of a lane waits, and since when. Costs the same however much it is.
    pub fn lane_backlog(&self, lane: &Lane) -> Result<LaneBacklog, StoreError> {
        let prefix = columns::lane(lane);
        let due = match read(
            &self.db,
            Column::Meta,
            &columns::lane_count(lane.to_string().as_bytes()),
        )? {
            None => 0,
            Some(bytes) => crate::tally::number(&bytes)?,
        };
        let first = scan(&self.db, Column::Due, &prefix, &prefix)?
            .next()
            .transpose()?;
        let oldest = first.and_then(|(key, _)| {
            let at = key.get(prefix.len()..prefix.len() + 8)?;
            columns::trailing_u64(at).map(Timestamp::from_ms)
        });
        Ok(LaneBacklog { due, oldest })
    }

    /// How far a ledger was observed.
    pub fn cursor(&self, ledger: &LedgerId) -> Result<Option<Cursor>, StoreError> {
        let Some(bytes) = read(&self.db, Column::Cursors, ledger.as_str().as_bytes())? else {
            return Ok(None);
        };
        let cursor = pb::Cursor::decode(bytes.as_slice()).map_err(|_| corrupt("a cursor"))?;
        let block = if cursor.block.is_empty() {
            None
        } else {
            Some(isthmus_core::id::Hash32::new(crate::record::fixed(
                &cursor.block,
                "a cursor's block",
            )?))
        };
        Ok(Some(Cursor {
            height: cursor.height,
            block,
            last_number: cursor.last_number,
        }))
    }

    /// The transfer that an idempotency key stands for.
    pub fn request(&self, key: &str) -> Result<Option<TransferId>, StoreError> {
        let bytes = read(&self.db, Column::Requests, key.as_bytes())?;
        bytes
            .map(|bytes| {
                bytes
                    .try_into()
                    .map(TransferId::new)
                    .map_err(|_| corrupt("a request"))
            })
            .transpose()
    }

    /// The nonce that a lane's next draft gets, as far as the journal knows; 0 if it has none.
    pub fn next_nonce(&self, lane: &Lane) -> Result<u64, StoreError> {
        match read(&self.db, Column::Nonces, lane.to_string().as_bytes())? {
            None => Ok(0),
            Some(bytes) => bytes
                .try_into()
                .map(u64::from_be_bytes)
                .map_err(|_| corrupt("a nonce")),
        }
    }

    /// Who holds any of `blocks` in the custody book: the first such block with its holder. One seek a block.
    pub fn custody_overlap(
        &self,
        blocks: &[SerialBlock],
    ) -> Result<Option<(SerialBlock, TransferId)>, StoreError> {
        let overlay = Overlay::new(&self.db);
        for block in blocks {
            if let Some(holder) = custody::overlap(&overlay, block)? {
                return Ok(Some((block.clone(), holder)));
            }
        }
        Ok(None)
    }

    /// Synced writes since the store was opened.
    pub fn syncs(&self) -> u64 {
        self.writer.syncs()
    }

    /// Why nothing can be written any more, once a write has failed. Reading goes on. Only opening the store again helps.
    pub fn failure(&self) -> Option<&str> {
        self.writer.failure()
    }
}
