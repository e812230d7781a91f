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
        leaf: &Leaf,
    ) -> Result<(), String> {
        let Leaf::Burned {
            number,
            allocation,
            written_off_g,
            ..
        } = leaf
        else {
            return Err("its story is not of a burn".into());
        };
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
        if pool.burn_id(*number) != Some(moved.transfer) {
            return Err("its id is not the BurnId of its number at the pool's gate".into());
        }
        if grams == 0 || !grams.is_multiple_of(GRAMS_PER_TONNE) {
            return Err("it is not a positive number of whole tonnes".into());
        }
        let named = parse(allocation)?;
        let written_off = pool
            .written_off_g(grams)
            .ok_or("units of its pool are missing and nothing is decided about it")?;
        if written_off_g.map_or(0, |grams| grams.0) != written_off
            || written_off_g.is_some() != (written_off > 0)
        {
            return Err("what is written off is not what was decided".into());
        }
        let given_g = grams - written_off;
        let expected = pool
            .allocate(given_g / GRAMS_PER_TONNE)
            .ok_or("the pool does not hold that much (R1)")?;
        // Too long for a leaf, it is left out: everybody who replays computes the same.
        if !named.is_empty() && named != expected {
            return Err("the allocation is not what the custody book gives".into());
        }
        let decided = pool.decided.clone().filter(|_| written_off > 0);
        pool.totals.circulating_g = pool
            .totals
            .circulating_g
            .checked_sub(grams)
            .ok_or("more is burned than circulates (R1)")?;
        pool.totals.owed_g += given_g;
        pool.lessen(written_off);
        let routes = pool.take(&expected);
        let story = BurnStory {
            index,
            pool: moved.pool,
            leaf: leaf.clone(),
            allocation: expected,
            lost: Vec::new(),
            routes,
            quantity_g: grams,
            given_g,
            decided: decided.map(Box::new),
            redirected: None,
            end: if given_g == 0 {
                BurnEnd::WrittenOff
            } else {
                BurnEnd::Open
            },
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
        if !burn.lost.is_empty() {
            return Err("the registry has taken some of its units away".into());
        }
        let Leaf::Burned { purpose, .. } = &burn.leaf else {
            return Err("its story is not of a burn".into());
        };
        // What the burner wanted first may have been carried out before the redirection was.
        let redirected = burn.redirected.as_ref().map(|r| r.redirection.purpose);
        let wanted = |purpose| (end == BurnEnd::Retired) == (purpose == Purpose::Retire);
        if !wanted(*purpose) && !redirected.is_some_and(wanted) {
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
    pub(super) fn open_burn(&mut self, moved: &Movement) -> Result<&mut BurnStory, String> {
        let burn = self
            .burns
            .get_mut(&moved.transfer)
            .ok_or("it was never burned (R1)")?;
        let class = self.pools.get(&burn.pool).map(|pool| pool.asset_class);
        if burn.pool != moved.pool || class != Some(moved.asset_class) {
            return Err("another pool or class than burned (R9)".into());
        }
        if burn.given_g != moved.quantity_g.0 {
            return Err("another quantity than is to be given".into());
        }
        match burn.end {
            BurnEnd::Open => Ok(burn),
            BurnEnd::Released | BurnEnd::Retired | BurnEnd::WrittenOff => {
                Err(format!("it was already {:?} (R10)", burn.end))
            }
        }
    }
}

fn parse(serials: &[String]) -> Result<Vec<Block>, String> {
    let blocks = serials.iter().map(|serial| Block::parse(serial));
    blocks.collect::<Result<_, _>>().map_err(|e| e.to_string())
}
