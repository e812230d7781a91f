//! Replay of deposits that no lock explains: what `DEPOSITED` and `DEPOSIT_RETURNED` may say.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use serde_json::json;

use super::{Book, DepositEnd, DepositStory, PoolBook};
use crate::leaf::{Leaf, jcs_digest};
use crate::route::RouteView;
use crate::serial::{self, Block};

impl Book {
    pub(super) fn deposited(&mut self, leaf: &Leaf) -> Result<(), String> {
        let Leaf::Deposited {
            pool,
            asset_class,
            deposit,
            ledger,
            reference,
            account,
            units,
            quantity_g,
            ..
        } = leaf
        else {
            return Err("it deposits nothing".into());
        };
        let named = json!({"ledger": ledger, "reference": reference, "v": 1});
        if jcs_digest(&named) != *deposit {
            return Err("its id is not the hash of ledger and reference".into());
        }
        if self.deposits.contains_key(deposit) {
            return Err("it was deposited before (R10)".into());
        }
        let blocks = serial::normalise(units).map_err(|e| e.to_string())?;
        if blocks.is_empty() || serial::total_g(&blocks) != quantity_g.0 {
            return Err("the quantity is not the sum of the units (R6)".into());
        }
        let taken = |block: &&Block| self.explained(block);
        if let Some(block) = blocks.iter().find(taken) {
            return Err(format!("{block} is in custody already (R7, R8)"));
        }
        let route = self.routes.values().find(|story| {
            RouteView::of(&story.document)
                .is_ok_and(|route| route.pool(*asset_class) == *pool && route.origin == ledger)
        });
        let document = route.ok_or("its pool is of no route")?.document.clone();
        let state = self.pools.entry(*pool).or_default();
        let locked = state.totals.locked_g.checked_add(quantity_g.0);
        state.totals.locked_g = locked.ok_or("the pool's grams cannot be counted")?;
        state.totals.unattributed_g += quantity_g.0;
        state.asset_class = *asset_class;
        state.route = document;
        let story = DepositStory {
            pool: *pool,
            ledger: ledger.clone(),
            reference: reference.clone(),
            account: account.clone(),
            brought: blocks.clone(),
            units: blocks,
            end: DepositEnd::Open,
        };
        self.deposits.insert(*deposit, story);
        Ok(())
    }

    /// Whether a lock, or another deposit, has a unit of `block` in custody, or has used it up.
    fn explained(&self, block: &Block) -> bool {
        let open = |story: &&DepositStory| story.end == DepositEnd::Open;
        self.held.holder(block).is_some()
            || self
                .deposits
                .values()
                .filter(open)
                .any(|story| story.units.iter().any(|unit| unit.intersects(block)))
    }

    pub(super) fn deposit_returned(&mut self, leaf: &Leaf) -> Result<(), String> {
        let Leaf::DepositReturned {
            pool,
            asset_class,
            deposit,
            quantity_g,
            units,
            ..
        } = leaf
        else {
            return Err("it returns nothing".into());
        };
        let (deposits, pools) = (&mut self.deposits, &mut self.pools);
        let (story, state) = in_custody(deposits, pools, deposit, (pool, asset_class))?;
        let gone = serial::normalise(units).map_err(|e| e.to_string())?;
        let left: Vec<Block> = story.units.iter().flat_map(|b| b.without(&gone)).collect();
        let left_g = if gone.is_empty() {
            0
        } else {
            serial::total_g(&left)
        };
        if serial::total_g(&story.units).checked_sub(left_g) != Some(quantity_g.0) {
            return Err("another quantity than deposited".into());
        }
        if gone.is_empty() {
            story.end = DepositEnd::Returned;
        } else if left.is_empty() || serial::total_g(&gone) != quantity_g.0 {
            return Err("its units are not a part of the deposit".into());
        } else {
            story.units = left;
        }
        state.totals.locked_g -= quantity_g.0;
        state.totals.unattributed_g -= quantity_g.0;
        Ok(())
    }
}

/// A deposit that lies in custody, and its pool, which must be the one that is named.
pub(super) fn in_custody<'b>(
    deposits: &'b mut BTreeMap<B256, DepositStory>,
    pools: &'b mut BTreeMap<B256, PoolBook>,
    deposit: &B256,
    (pool, asset_class): (&B256, &B256),
) -> Result<(&'b mut DepositStory, &'b mut PoolBook), String> {
    let story = deposits.get_mut(deposit);
    let story = story.filter(|story| story.end == DepositEnd::Open);
    let story = story.ok_or("its deposit is not in custody")?;
    let state = pools.get_mut(pool).ok_or("its pool is not known")?;
    if story.pool != *pool || state.asset_class != *asset_class {
        return Err("its deposit is of another pool or class (R9)".into());
    }
    Ok((story, state))
}
