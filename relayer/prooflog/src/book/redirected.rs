//! Replay of what changes a burn after it was logged: `REDIRECTED` and `REALLOCATED`.

use std::sync::Arc;

use super::{Book, BurnEnd, RedirectStory};
use crate::leaf::{Leaf, Movement};
use crate::redirect::Redirection;
use crate::route::RouteView;
use crate::serial::{self, Block};

const GRAMS_PER_TONNE: u64 = 1_000_000;

impl Book {
    /// Only the burner redirects, and each time anew: the signature is checked here, so that nobody who replays the log needs
    /// to believe whoever keeps it.
    pub(super) fn redirected(&mut self, leaf: &Leaf) -> Result<(), String> {
        let burn = leaf.transfer().and_then(|id| self.burns.get_mut(&id));
        let burn = burn.ok_or("it was never burned (R1)")?;
        if burn.end != BurnEnd::Open {
            return Err(format!("it was already {:?} (R10)", burn.end));
        }
        let last = burn
            .redirected
            .as_ref()
            .map_or(0, |r| r.redirection.counter);
        let pool = self.pools.get(&burn.pool).ok_or("its pool is not known")?;
        let Leaf::Burned { holder, .. } = &burn.leaf else {
            return Err("its story is not of a burn".into());
        };
        let route = RouteView::of(&pool.route)?;
        let (redirection, signature) = Redirection::of(leaf, &route, *holder, last)?;
        burn.redirected = Some(RedirectStory {
            redirection,
            signature: signature.clone(),
        });
        Ok(())
    }

    /// The burn keeps what it has left, and gets what the pool offers next for what was taken away.
    pub(super) fn reallocated(
        &mut self,
        moved: Movement,
        allocation: &[String],
    ) -> Result<(), String> {
        let burn = self.open_burn(&moved)?;
        if burn.lost.is_empty() {
            return Err("none of its units was taken away".into());
        }
        let (lost, old) = (burn.lost.clone(), burn.allocation.clone());
        let missing = serial::total_g(&lost) / GRAMS_PER_TONNE;
        let pool = self.pools.get(&moved.pool).ok_or("its pool is not known")?;
        let added = pool
            .allocate(missing)
            .ok_or("the pool does not hold that much (R1)")?;
        let mut expected: Vec<Block> = old.iter().flat_map(|block| block.without(&lost)).collect();
        expected.extend(added.iter().cloned());
        let named = serial::normalise(allocation).map_err(|e| e.to_string())?;
        let texts: Vec<String> = expected.iter().map(ToString::to_string).collect();
        if !named.is_empty() && named != serial::normalise(&texts).map_err(|e| e.to_string())? {
            return Err("the allocation is not what the custody book gives".into());
        }
        let mut gone = super::ByRoute::default();
        for block in &lost {
            for (part, holder) in self.held.within(block) {
                gone.add(&self.brought_through(&holder), part.quantity_g());
            }
            self.held.free(block);
        }
        self.outstanding.take_all(&gone);
        let taken = match self.pools.get_mut(&moved.pool) {
            Some(pool) => pool.take(&added),
            None => super::ByRoute::default(),
        };
        // What was taken out of the offer counts for its routes until it is given, as before.
        let burn = self.open_burn(&moved)?;
        burn.routes.take_all(&gone);
        burn.routes.add_all(&taken);
        burn.allocation = expected;
        burn.lost.clear();
        Ok(())
    }

    /// The route of the lock that brought units into custody; none for a deposit.
    pub(super) fn brought_through(&self, holder: &alloy_primitives::B256) -> Arc<str> {
        let lock = self.locks.get(holder);
        lock.map_or_else(|| Arc::from(""), |lock| Arc::clone(&lock.route))
    }
}
