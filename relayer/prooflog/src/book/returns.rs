//! Replay of burns: what `BURNED`, `RELEASED`, `RETIRED` and `OWED` may say.

use super::{Book, BurnEnd, BurnStory};
use crate::leaf::{Leaf, Movement, Purpose};
use crate::serial::{self, Block};

const GRAMS_PER_TONNE: u64 = 1_000_000;

impl Book {
    pub(super) fn burned(
        &mut self,
        index: u64,
        moved: Movement,
        number: u64,
        allocation: &[String],
        leaf: &Leaf,
    ) -> Result<(), String> {
        if self.burns.contains_key(&moved.transfer) {
            return Err("it was burned before (R10)".into());
        }
        let grams = moved.quantity_g.0;
        let pool = self
            .pools
            .get_mut(&moved.pool)
            .ok_or("nothing was ever locked in its pool (R1)")?;
        if pool.asset_class != moved.asset_class {
            return Err("another class than its pool's (R9)".into());
        }
        if pool.burn_id(number) != Some(moved.transfer) {
            return Err("its id is not the BurnId of its number at the pool's gate".into());
        }
        if grams == 0 || !grams.is_multiple_of(GRAMS_PER_TONNE) {
            return Err("it is not a positive number of whole tonnes".into());
        }
        let named = allocation
            .iter()
            .map(|s| Block::parse(s))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| e.to_string())?;
        let expected = pool
            .allocate(grams / GRAMS_PER_TONNE)
            .ok_or("the pool does not hold that much (R1)")?;
        // Too long for a leaf, it is left out: everybody who replays computes the same.
        if !named.is_empty() && named != expected {
            return Err("the allocation is not what the custody book gives".into());
        }
        pool.totals.circulating_g = pool
            .totals
            .circulating_g
            .checked_sub(grams)
            .ok_or("more is burned than circulates (R1)")?;
        pool.totals.owed_g += grams;
        let routes = pool.take(&expected);
        let story = BurnStory {
            index,
            pool: moved.pool,
            leaf: leaf.clone(),
            allocation: expected,
            routes,
            quantity_g: grams,
            end: BurnEnd::Open,
        };
        self.burns.insert(moved.transfer, story);
        Ok(())
    }

    pub(super) fn given(
        &mut self,
        moved: Movement,
        units: &[String],
        end: BurnEnd,
    ) -> Result<(), String> {
        let burn = self.open_burn(&moved)?;
        let Leaf::Burned { purpose, .. } = &burn.leaf else {
            return Err("its story is not of a burn".into());
        };
        if (end == BurnEnd::Retired) != (*purpose == Purpose::Retire) {
            return Err("it was burned for another purpose".into());
        }
        let named: Vec<_> = burn.allocation.iter().map(ToString::to_string).collect();
        let blocks = serial::normalise(units).map_err(|e| e.to_string())?;
        if !blocks.is_empty() && blocks != serial::normalise(&named).map_err(|e| e.to_string())? {
            return Err("other units than allocated".into());
        }
        burn.end = end;
        let (allocation, routes) = (burn.allocation.clone(), burn.routes.clone());
        self.outstanding.take_all(&routes);
        let book = self.pools.entry(moved.pool).or_default();
        book.totals.locked_g -= moved.quantity_g.0;
        book.totals.owed_g -= moved.quantity_g.0;
        // What was retired stays held: it can never be locked again (R8).
        if end == BurnEnd::Released {
            for block in &allocation {
                self.held.free(block);
            }
        }
        Ok(())
    }

    pub(super) fn owed(&mut self, moved: Movement) -> Result<(), String> {
        self.open_burn(&moved).map(|_| ())
    }

    /// The burn that a leaf is about, if the leaf says the same of it and nothing was given for it yet.
    fn open_burn(&mut self, moved: &Movement) -> Result<&mut BurnStory, String> {
        let burn = self
            .burns
            .get_mut(&moved.transfer)
            .ok_or("it was never burned (R1)")?;
        let class = self.pools.get(&burn.pool).map(|pool| pool.asset_class);
        if burn.pool != moved.pool || class != Some(moved.asset_class) {
            return Err("another pool or class than burned (R9)".into());
        }
        if burn.quantity_g != moved.quantity_g.0 {
            return Err("another quantity than burned".into());
        }
        match burn.end {
            BurnEnd::Open => Ok(burn),
            BurnEnd::Released | BurnEnd::Retired => {
                Err(format!("it was already {:?} (R10)", burn.end))
            }
        }
    }
}
