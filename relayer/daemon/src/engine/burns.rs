//! Opening the returns of many burns in one write. The custody book gives each burn the next units of its pool's offer, so the
//! units of several burns in a row are one allocation cut into pieces. The write checks each piece against the book; whatever
//! does not fit is left to be opened alone.

use std::collections::{BTreeMap, BTreeSet};

use isthmus_core::id::{AssetClassId, PoolId};
use isthmus_core::pool::Pool;
use isthmus_core::ports::{Append, BookChange, Fact, Observed};
use isthmus_core::quantity::Quantity;
use isthmus_core::receipt::Receipt;
use isthmus_core::serial_block::SerialBlock;
use isthmus_core::terms::{Burn, Return, Terms};
use isthmus_core::time::Timestamp;
use isthmus_core::transfer::Event;
use isthmus_store::StoredRouteStatus;

use crate::engine::observe::Observer;
use crate::engine::{Fatal, leaves};

/// Burns of one pool in a row, with the tonnes of each.
type Row<'a> = Vec<(&'a Burn, &'a Receipt, u64)>;

/// Everything that becomes durable when a return is opened.
pub(super) fn opening(back: Return, receipt: Receipt, now: Timestamp) -> Append {
    let burn = back.burn.id();
    Append {
        transfer: Some((burn, 0)),
        leaves: vec![leaves::burned(&back, &receipt, now)],
        book: vec![BookChange::Allocate {
            burn,
            pool: back.pool,
            blocks: back.allocation.clone(),
            written_off: back.written_off,
        }],
        events: vec![Event::Burned {
            terms: Terms::Return(back),
            receipt,
        }],
        ..Append::default()
    }
}

impl Observer {
    /// Opens what can be opened together. What is not, for whatever reason, has not been touched.
    pub(super) async fn open_together(&self, facts: &[Observed]) -> Result<(), Fatal> {
        let mut rows: BTreeMap<PoolId, (Pool, Row<'_>)> = BTreeMap::new();
        let mut pools: BTreeMap<AssetClassId, Option<Pool>> = BTreeMap::new();
        for observed in facts {
            let Fact::Burned(burn) = &observed.fact else {
                continue;
            };
            let known = self.recorder.journal().transfer(burn.id());
            let (None, Some(tonnes)) = (known.map_err(Fatal)?, burn.quantity.tonnes()) else {
                continue;
            };
            // What is observed here are the burns of one gate.
            let pool = match pools.get(&burn.asset_class) {
                Some(pool) => pool.clone(),
                None => self.only_pool(burn)?,
            };
            pools.insert(burn.asset_class, pool.clone());
            if let Some(pool) = pool {
                let (_, row) = rows.entry(pool.id()).or_insert_with(|| (pool, Vec::new()));
                row.push((burn, &observed.receipt, tonnes));
            }
        }
        let now = self.recorder.clock().now();
        let mut appends = Vec::new();
        for (id, (pool, row)) in rows {
            let all = row.iter().map(|(_, _, tonnes)| *tonnes).sum();
            let allocated = self.recorder.journal().allocate(id, all).map_err(Fatal)?;
            let Some(mut rest) = allocated.filter(|_| row.len() > 1) else {
                continue;
            };
            for (burn, receipt, tonnes) in row {
                let (allocation, left) = cut(rest, tonnes);
                rest = left;
                let back = Return {
                    burn: burn.clone(),
                    origin: pool.origin.clone(),
                    pool: id,
                    custody_account: pool.custody_account.clone(),
                    allocation,
                    written_off: Quantity::ZERO,
                };
                appends.push(opening(back, receipt.clone(), now));
            }
        }
        // Those that the book refuses are opened one by one by whoever called this.
        self.recorder.record(appends).await.map(drop)
    }

    /// The pool of a burn if there is no choice: one pool of the class at this gate, of which nothing is missing.
    fn only_pool(&self, burn: &Burn) -> Result<Option<Pool>, Fatal> {
        let mut pools = BTreeSet::new();
        let mut found = None;
        for route in self.store.routes().map_err(Fatal)? {
            let document = &route.document;
            let here = document.destination == burn.ledger && document.gate == burn.gate;
            if route.status == StoredRouteStatus::Active && here {
                let pool = document.pool(burn.asset_class);
                pools.insert(pool.id());
                found = Some(pool);
            }
        }
        let Some(pool) = found.filter(|_| pools.len() == 1) else {
            return Ok(None);
        };
        let impaired = self.store.impairment(pool.id()).map_err(Fatal)?.is_some();
        Ok((!impaired).then_some(pool))
    }
}

/// The first `tonnes` of an allocation, and the rest.
fn cut(blocks: Vec<SerialBlock>, tonnes: u64) -> (Vec<SerialBlock>, Vec<SerialBlock>) {
    let (mut wanted, mut first, mut rest) = (tonnes, Vec::new(), Vec::new());
    for block in blocks {
        let size = block.quantity_t();
        if wanted == 0 {
            rest.push(block);
        } else if size <= wanted {
            wanted -= size;
            first.push(block);
        } else if let Ok((head, tail)) = block.split(wanted) {
            wanted = 0;
            first.push(head);
            rest.extend(tail);
        }
    }
    (first, rest)
}

#[cfg(test)]
mod tests {
    use isthmus_core::testing::sample::block;

    use super::*;

    #[test]
    fn an_allocation_is_cut_in_its_order_and_nothing_is_lost() {
        let all = vec![block(11, 15), block(1, 3), block(21, 30)];
        let (first, rest) = cut(all, 7);
        assert_eq!(first, [block(11, 15), block(1, 2)]);
        let (second, rest) = cut(rest, 1);
        assert_eq!(second, [block(3, 3)]);
        let (third, rest) = cut(rest, 10);
        assert_eq!(third, [block(21, 30)]);
        assert!(rest.is_empty());
    }
}
