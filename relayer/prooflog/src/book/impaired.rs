//! Replay of impairments: what `IMPAIRED`, `CURED` and `PRO_RATA` may say.

use std::sync::Arc;

use alloy_primitives::B256;
use serde_json::{Value, json};

use super::deposits::in_custody;
use super::{Book, BurnEnd, DecidedStory, DepositEnd, ImpairedStory, LockEnd};
use crate::leaf::{AdminSignature, Leaf, jcs_digest};
use crate::pro_rata::Decision;
use crate::serial::{self, Block};
use crate::tree;

/// Where the units that were taken away lay.
#[derive(Default)]
struct Losses {
    offered: Vec<(Block, Arc<str>)>,
    burns: Vec<(B256, Block)>,
    locks: Vec<(B256, Block)>,
}

impl Book {
    pub(super) fn impaired(&mut self, index: u64, leaf: &Leaf) -> Result<(), String> {
        let Leaf::Impaired {
            pool,
            asset_class,
            reference,
            units,
            quantity_g,
            ..
        } = leaf
        else {
            return Err("it impairs nothing".into());
        };
        let blocks = serial::normalise(units).map_err(|e| e.to_string())?;
        if blocks.is_empty() || serial::total_g(&blocks) != quantity_g.0 {
            return Err("the quantity is not the sum of the units (R6)".into());
        }
        let state = self.pools.get(pool).ok_or("its pool is not known")?;
        if state.asset_class != *asset_class {
            return Err("another class than its pool's (R9)".into());
        }
        if quantity_g.0 > state.totals.locked_g {
            return Err("more is taken away than is in custody".into());
        }
        let losses = self.losses(pool, &blocks)?;
        let state = self.pools.entry(*pool).or_default();
        state.totals.locked_g -= quantity_g.0;
        state.totals.shortfall_g += quantity_g.0;
        // Whatever was decided was decided about less.
        state.decided = None;
        state.impaired.push(Arc::new(ImpairedStory {
            reference: reference.clone(),
            hash: impairment_after(state.impairment(), index, &leaf.to_bytes()),
            units: blocks.clone(),
        }));
        state.withhold(&blocks);
        for (block, route) in &losses.offered {
            self.held.free(block);
            self.outstanding.take(route, block.quantity_g());
        }
        for (id, block) in losses.burns {
            if let Some(burn) = self.burns.get_mut(&id) {
                burn.lost.push(block);
            }
        }
        for (id, block) in losses.locks {
            if let Some(lock) = self.locks.get_mut(&id) {
                lock.lost.push(block);
            }
        }
        Ok(())
    }

    /// Every unit must be in the pool's custody: offered, a burn's, or a lock's.
    fn losses(&self, pool: &B256, blocks: &[Block]) -> Result<Losses, String> {
        let state = self.pools.get(pool).ok_or("its pool is not known")?;
        let mut losses = Losses {
            offered: state.offered(blocks),
            ..Losses::default()
        };
        let offered: Vec<Block> = losses.offered.iter().map(|(b, _)| b.clone()).collect();
        let mut rest: Vec<Block> = blocks.iter().flat_map(|b| b.without(&offered)).collect();
        let open_burns = self.burns.iter().filter(|(_, burn)| {
            !rest.is_empty() && burn.pool == *pool && burn.end == BurnEnd::Open
        });
        for (id, burn) in open_burns {
            let left = burn.allocation.iter().flat_map(|b| b.without(&burn.lost));
            losses
                .burns
                .extend(common(left, &rest).map(|block| (*id, block)));
        }
        let of_burns: Vec<Block> = losses.burns.iter().map(|(_, b)| b.clone()).collect();
        rest = rest.iter().flat_map(|b| b.without(&of_burns)).collect();
        for block in &rest {
            let mut found = 0;
            for (part, holder) in self.held.within(block) {
                let lock = self.locks.get(&holder).filter(|lock| lock.pool == *pool);
                let lock = lock.filter(|l| matches!(l.end, LockEnd::Open | LockEnd::Voided));
                if lock.is_some_and(|l| part.without(&l.lost) == [part.clone()]) {
                    found += part.quantity_t();
                    losses.locks.push((holder, part));
                }
            }
            if found != block.quantity_t() {
                return Err(format!("not all of {block} is in the pool's custody"));
            }
        }
        Ok(losses)
    }

    /// A deposit backs the pool instead of what was taken away.
    pub(super) fn cured(&mut self, leaf: &Leaf) -> Result<(), String> {
        let Leaf::Cured {
            pool,
            asset_class,
            deposit,
            quantity_g,
            ..
        } = leaf
        else {
            return Err("it cures nothing".into());
        };
        let (deposits, pools) = (&mut self.deposits, &mut self.pools);
        let (story, state) = in_custody(deposits, pools, deposit, (pool, asset_class))?;
        let grams = serial::total_g(&story.units);
        if grams != quantity_g.0 || grams > state.totals.shortfall_g {
            return Err("its deposit is not what it says, or more than is missing".into());
        }
        let held = |block: &&Block| self.held.holder(block).is_some();
        if let Some(block) = story.units.iter().find(held) {
            return Err(format!("{block} is held already (R7, R8)"));
        }
        story.end = DepositEnd::Cured;
        for block in &story.units {
            self.held.take(block, *deposit);
        }
        let no_route = Arc::from("");
        self.outstanding.add(&no_route, grams);
        state.offer(story.units.clone(), &no_route);
        state.totals.unattributed_g -= grams;
        state.lessen(grams);
        Ok(())
    }

    /// Who signed is for those to check who trust certain admins.
    pub(super) fn decided(
        &mut self,
        document: &Value,
        signatures: &[AdminSignature],
    ) -> Result<(), String> {
        let decision = Decision::of(document)?;
        let state = self.pools.get_mut(&decision.pool);
        let state = state.ok_or("its pool is not known")?;
        if state.totals.shortfall_g == 0 {
            return Err("nothing of its pool is missing".into());
        }
        // Two people decided about what they saw then: another loss, of as much, is not theirs.
        if state.impairment() != Some(decision.impaired) {
            return Err("it is about another impairment than the pool's".into());
        }
        state.decided = Some(DecidedStory {
            decision,
            document: document.clone(),
            signatures: signatures.to_vec(),
            totals: state.totals,
            impaired: state.impaired.clone(),
        });
        Ok(())
    }
}

/// What stands for a pool's impairment once this leaf is in the log: its leaves, each at its place. `earlier` is what stood for it
/// before, if anything was missing.
pub fn impairment_after(earlier: Option<B256>, index: u64, leaf: &[u8]) -> B256 {
    jcs_digest(&json!({
        "earlier": earlier.unwrap_or_default(),
        "index": index.to_string(),
        "leaf": B256::from(tree::leaf_hash(leaf)),
    }))
}

/// The units that `blocks` share with `others`.
fn common(blocks: impl Iterator<Item = Block>, others: &[Block]) -> impl Iterator<Item = Block> {
    blocks.flat_map(|block| {
        let shared = others.iter().filter_map(|other| block.common(other));
        shared.collect::<Vec<_>>()
    })
}
