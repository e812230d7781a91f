//! Replay of the log: the story of every transfer, the live locks and the pools, from leaf bytes alone. Attesters follow the
//! log with it, auditors recompute reserves with it.

use std::collections::{BTreeMap, HashMap};

use alloy_primitives::B256;
use serde_json::Value;

use crate::leaf::{AdminSignature, Leaf, jcs_digest};
use crate::serial::{self, Block};

/// A leaf that contradicts the leaves before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("leaf {index} ({kind}) contradicts the log: {reason}")]
pub struct StoryError {
    /// Which leaf.
    pub index: u64,
    /// Its kind.
    pub kind: &'static str,
    /// Which rule it breaks.
    pub reason: String,
}

/// What the log says about an outbound transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockStory {
    /// Index of `LOCKED`.
    pub index: u64,
    /// Its pool.
    pub pool: B256,
    /// Its terms.
    pub terms: Value,
    /// Units locked.
    pub units: Vec<Block>,
    /// Grams.
    pub quantity_g: u64,
    /// What became of it.
    pub end: LockEnd,
}

/// What became of a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockEnd {
    /// Nothing yet: it is pending.
    Open,
    /// Minted.
    Minted,
    /// It can never be minted; still locked.
    Voided,
    /// Undone.
    Unlocked,
}

/// What the log says about a return.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BurnStory {
    /// Index of `BURNED`.
    pub index: u64,
    /// Its pool.
    pub pool: B256,
    /// The leaf.
    pub leaf: Leaf,
    /// Its originals.
    pub allocation: Vec<Block>,
    /// Grams.
    pub quantity_g: u64,
    /// Whether they were given.
    pub end: BurnEnd,
}

/// What became of a burn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BurnEnd {
    /// Owed.
    Open,
    /// Given back.
    Released,
    /// Used up.
    Retired,
}

/// Sums of one pool, in grams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// In custody.
    pub locked_g: u64,
    /// Minted and not burned.
    pub circulating_g: u64,
    /// Locked, neither minted nor unlocked.
    pub pending_g: u64,
    /// Burned, neither released nor retired.
    pub owed_g: u64,
}

impl Totals {
    /// The pool identity.
    pub fn holds(&self) -> bool {
        let right = [self.pending_g, self.owed_g]
            .iter()
            .try_fold(self.circulating_g, |sum, g| sum.checked_add(*g));
        right == Some(self.locked_g)
    }
}

/// A pool as the log has it.
#[derive(Clone, Debug, Default)]
pub struct PoolBook {
    /// Class of its units.
    pub asset_class: B256,
    /// Units of completed locks that no burn has taken, oldest completed first.
    offer: std::collections::VecDeque<Block>,
    /// Sums.
    pub totals: Totals,
}

/// A route version as the log has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteStory {
    /// The document.
    pub document: Value,
    /// Who signed it. Checked by whoever trusts certain admins.
    pub signatures: Vec<AdminSignature>,
    /// Index of the leaf.
    pub index: u64,
}

/// The state of the log after some leaves.
#[derive(Clone, Debug, Default)]
pub struct Book {
    size: u64,
    locks: HashMap<B256, LockStory>,
    burns: HashMap<B256, BurnStory>,
    pools: BTreeMap<B256, PoolBook>,
    routes: BTreeMap<String, RouteStory>,
    /// Units in custody or used up: `(space, first) → (last, holder)`; none overlap.
    held: BTreeMap<(&'static str, u64), (u64, B256)>,
}

impl Book {
    /// Leaves applied so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// A lock's story.
    pub fn lock(&self, transfer: &B256) -> Option<&LockStory> {
        self.locks.get(transfer)
    }

    /// A burn's story.
    pub fn burn(&self, id: &B256) -> Option<&BurnStory> {
        self.burns.get(id)
    }

    /// All pools.
    pub fn pools(&self) -> impl Iterator<Item = (&B256, &PoolBook)> {
        self.pools.iter()
    }

    /// One pool.
    pub fn pool(&self, id: &B256) -> Option<&PoolBook> {
        self.pools.get(id)
    }

    /// The highest version of a route.
    pub fn route(&self, id: &str) -> Option<&RouteStory> {
        self.routes.get(id)
    }

    /// Grams locked through a route and not given back.
    pub fn outstanding_g(&self, route: &str) -> u64 {
        let through =
            |lock: &&LockStory| lock.terms.get("route").and_then(Value::as_str) == Some(route);
        let open = |lock: &&LockStory| lock.end != LockEnd::Unlocked;
        self.locks
            .values()
            .filter(through)
            .filter(open)
            .map(|lock| lock.quantity_g)
            .fold(0, u64::saturating_add)
    }

    /// Which blocks the next burn of `tonnes` from `pool` gets (`docs/protocol.md` §8); `None` if the pool does not suffice.
    pub fn allocate(&self, pool: &B256, tonnes: u64) -> Option<Vec<Block>> {
        let mut left = tonnes;
        let mut taken = Vec::new();
        for block in &self.pools.get(pool)?.offer {
            if left == 0 {
                break;
            }
            let (head, _) = block.split(left);
            left -= head.quantity_t();
            taken.push(head);
        }
        (left == 0).then_some(taken)
    }

    /// Applies the next leaf. On an error nothing has changed and the log is not to be trusted any further.
    pub fn apply(&mut self, leaf: &Leaf) -> Result<(), StoryError> {
        let index = self.size;
        self.step(index, leaf).map_err(|reason| StoryError {
            index,
            kind: leaf.kind(),
            reason,
        })?;
        self.size += 1;
        Ok(())
    }

    fn step(&mut self, index: u64, leaf: &Leaf) -> Result<(), String> {
        match leaf {
            Leaf::Route {
                route, signatures, ..
            } => self.route_logged(index, route, signatures),
            Leaf::Locked {
                transfer,
                pool,
                asset_class,
                terms,
                units,
                quantity_g,
                ..
            } => self.locked(
                index,
                *transfer,
                (*pool, *asset_class),
                terms,
                units,
                quantity_g.0,
            ),
            Leaf::Minted {
                transfer,
                recipient,
                quantity_g,
                asset_class,
                ..
            } => {
                let lock = self.open_lock(transfer, quantity_g.0)?;
                let said = |field: &str| {
                    lock.terms
                        .get(field)
                        .and_then(Value::as_str)
                        .map(str::to_owned)
                };
                if said("recipient") != Some(format!("{recipient:#x}"))
                    || said("asset_class") != Some(asset_class.to_string())
                {
                    return Err("recipient or class is not the terms'".into());
                }
                lock.end = LockEnd::Minted;
                let (pool, units) = (lock.pool, lock.units.clone());
                let pool = self.pools.entry(pool).or_default();
                pool.offer.extend(units);
                pool.totals.pending_g -= quantity_g.0;
                pool.totals.circulating_g += quantity_g.0;
                Ok(())
            }
            Leaf::Voided {
                transfer,
                quantity_g,
                ..
            } => {
                self.open_lock(transfer, quantity_g.0)?.end = LockEnd::Voided;
                Ok(())
            }
            Leaf::Unlocked {
                transfer,
                units,
                quantity_g,
                ..
            } => self.unlocked(transfer, units, quantity_g.0),
            Leaf::Burned {
                transfer,
                pool,
                allocation,
                quantity_g,
                ..
            } => self.burned(index, *transfer, *pool, allocation, quantity_g.0, leaf),
            Leaf::Released {
                transfer,
                units,
                quantity_g,
                ..
            } => self.given(transfer, units, quantity_g.0, BurnEnd::Released),
            Leaf::Retired {
                transfer,
                units,
                quantity_g,
                ..
            } => self.given(transfer, units, quantity_g.0, BurnEnd::Retired),
            Leaf::Owed { transfer, .. } => match self.burns.get(transfer) {
                Some(burn) if burn.end == BurnEnd::Open => Ok(()),
                Some(_) | None => Err("nothing is owed for it".into()),
            },
            Leaf::Quarantined { .. }
            | Leaf::Resolved { .. }
            | Leaf::Paused { .. }
            | Leaf::Resumed { .. } => Ok(()),
        }
    }

    fn route_logged(
        &mut self,
        index: u64,
        route: &Value,
        signatures: &[AdminSignature],
    ) -> Result<(), String> {
        let id = route
            .get("id")
            .and_then(Value::as_str)
            .ok_or("the route has no id")?;
        let version = |document: &Value| document.get("version").and_then(Value::as_u64);
        let expected = self
            .routes
            .get(id)
            .and_then(|story| version(&story.document))
            .unwrap_or(0)
            + 1;
        if version(route) != Some(expected) {
            return Err(format!("version {expected} of route {id} comes next"));
        }
        self.routes.insert(
            id.to_owned(),
            RouteStory {
                document: route.clone(),
                signatures: signatures.to_vec(),
                index,
            },
        );
        Ok(())
    }

    fn locked(
        &mut self,
        index: u64,
        transfer: B256,
        (pool, class): (B256, B256),
        terms: &Value,
        units: &[String],
        grams: u64,
    ) -> Result<(), String> {
        if self.locks.contains_key(&transfer) {
            return Err("it was locked before (R10)".into());
        }
        if jcs_digest(terms) != transfer {
            return Err("its id is not the hash of its terms".into());
        }
        let said = |field: &str| terms.get(field).and_then(Value::as_str);
        if said("asset_class") != Some(class.to_string().as_str())
            || said("quantity_g") != Some(grams.to_string().as_str())
        {
            return Err("class or quantity is not the terms'".into());
        }
        let agreed: Vec<String> = terms
            .get("units")
            .and_then(|units| serde_json::from_value(units.clone()).ok())
            .ok_or("the terms name no units")?;
        let blocks = serial::normalise(units).map_err(|e| e.to_string())?;
        if blocks != serial::normalise(&agreed).map_err(|e| e.to_string())?
            || serial::total_g(&blocks) != grams
        {
            return Err("the units are not the terms' or do not add up (R6)".into());
        }
        let route = said("route")
            .and_then(|id| self.routes.get(id))
            .ok_or("its route is not in the log")?;
        if pool_of(&route.document, class) != Some(pool) {
            return Err("its pool is not the route's".into());
        }
        if let Some((taken, holder)) = blocks
            .iter()
            .find_map(|block| self.holder(block).map(|holder| (block, holder)))
        {
            return Err(format!("{taken} is held by {holder} (R7, R8)"));
        }
        for block in &blocks {
            self.held
                .insert((block.space, block.first), (block.last, transfer));
        }
        let book = self.pools.entry(pool).or_default();
        book.asset_class = class;
        book.totals.locked_g += grams;
        book.totals.pending_g += grams;
        let story = LockStory {
            index,
            pool,
            terms: terms.clone(),
            units: blocks,
            quantity_g: grams,
            end: LockEnd::Open,
        };
        self.locks.insert(transfer, story);
        Ok(())
    }

    fn open_lock(&mut self, transfer: &B256, grams: u64) -> Result<&mut LockStory, String> {
        let lock = self
            .locks
            .get_mut(transfer)
            .ok_or("it was never locked (R1)")?;
        if lock.end != LockEnd::Open {
            return Err(format!("its lock is already {:?} (R10)", lock.end));
        }
        if lock.quantity_g != grams {
            Err("another quantity than locked".into())
        } else {
            Ok(lock)
        }
    }

    fn unlocked(&mut self, transfer: &B256, units: &[String], grams: u64) -> Result<(), String> {
        let lock = self.locks.get_mut(transfer).ok_or("it was never locked")?;
        if lock.end != LockEnd::Voided {
            return Err("the gate has not said Voided (R3)".into());
        }
        let blocks = serial::normalise(units).map_err(|e| e.to_string())?;
        if blocks != lock.units || grams != lock.quantity_g {
            return Err("other units than locked".into());
        }
        lock.end = LockEnd::Unlocked;
        let pool = self.pools.entry(lock.pool).or_default();
        pool.totals.locked_g -= grams;
        pool.totals.pending_g -= grams;
        for block in &blocks {
            self.held.remove(&(block.space, block.first));
        }
        Ok(())
    }

    fn burned(
        &mut self,
        index: u64,
        id: B256,
        pool: B256,
        allocation: &[String],
        grams: u64,
        leaf: &Leaf,
    ) -> Result<(), String> {
        if self.burns.contains_key(&id) {
            return Err("it was burned before (R10)".into());
        }
        let named = allocation
            .iter()
            .map(|s| Block::parse(s))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| e.to_string())?;
        let expected = self
            .allocate(&pool, grams / 1_000_000)
            .ok_or("the pool does not hold that much (R1)")?;
        if named != expected || serial::total_g(&named) != grams {
            return Err("the allocation is not what the custody book gives".into());
        }
        let book = self.pools.entry(pool).or_default();
        for block in &named {
            let Some(front) = book.offer.pop_front() else {
                break;
            };
            if let (_, Some(rest)) = front.split(block.quantity_t()) {
                book.offer.push_front(rest);
            }
        }
        book.totals.circulating_g = book
            .totals
            .circulating_g
            .checked_sub(grams)
            .ok_or("more is burned than circulates (R1)")?;
        book.totals.owed_g += grams;
        let story = BurnStory {
            index,
            pool,
            leaf: leaf.clone(),
            allocation: named,
            quantity_g: grams,
            end: BurnEnd::Open,
        };
        self.burns.insert(id, story);
        Ok(())
    }

    fn given(
        &mut self,
        id: &B256,
        units: &[String],
        grams: u64,
        end: BurnEnd,
    ) -> Result<(), String> {
        let burn = self.burns.get_mut(id).ok_or("it was never burned (R1)")?;
        if burn.end != BurnEnd::Open {
            return Err(format!("it was already {:?} (R10)", burn.end));
        }
        let Leaf::Burned { purpose, .. } = &burn.leaf else {
            return Err("its story is not of a burn".into());
        };
        if (end == BurnEnd::Retired) != (*purpose == crate::leaf::Purpose::Retire) {
            return Err("it was burned for another purpose".into());
        }
        let named: Vec<_> = burn.allocation.iter().map(ToString::to_string).collect();
        let blocks = serial::normalise(units).map_err(|e| e.to_string())?;
        if blocks != serial::normalise(&named).map_err(|e| e.to_string())?
            || grams != burn.quantity_g
        {
            return Err("other units than allocated".into());
        }
        burn.end = end;
        let (pool, allocation) = (burn.pool, burn.allocation.clone());
        let book = self.pools.entry(pool).or_default();
        book.totals.locked_g -= grams;
        book.totals.owed_g -= grams;
        if end == BurnEnd::Released {
            for block in &allocation {
                self.free(block);
            }
        }
        Ok(())
    }

    /// Who holds any unit of `block`.
    fn holder(&self, block: &Block) -> Option<B256> {
        let below = self.held.range(..=(block.space, block.last)).next_back()?;
        let ((space, _), (last, holder)) = below;
        (*space == block.space && *last >= block.first).then_some(*holder)
    }

    /// Cuts `block` out of the held intervals.
    fn free(&mut self, block: &Block) {
        let key = self
            .held
            .range(..=(block.space, block.first))
            .next_back()
            .map(|(key, value)| (*key, *value));
        let Some((key, (last, holder))) = key else {
            return;
        };
        self.held.remove(&key);
        if key.1 < block.first {
            self.held.insert(key, (block.first - 1, holder));
        }
        if last > block.last {
            self.held
                .insert((block.space, block.last + 1), (last, holder));
        }
    }
}

/// Id of the pool of `class` on a route (`docs/protocol.md` §2).
pub fn pool_of(route: &Value, class: B256) -> Option<B256> {
    let field = |name: &str| route.get(name).cloned();
    let pool = serde_json::json!({
        "asset_class": class.to_string(),
        "custody_account": field("custody_account")?,
        "destination": field("destination")?,
        "gate": field("gate")?,
        "origin": field("origin")?,
        "v": 1,
    });
    Some(jcs_digest(&pool))
}
