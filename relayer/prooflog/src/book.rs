//! Replay of the log: the story of every transfer, the live locks and the pools, from leaf bytes alone. Attesters follow the
//! log with it, auditors recompute reserves with it.

mod deposits;
mod held;
mod impaired;
mod outbound;
mod outstanding;
mod pool;
mod redirected;
mod returns;
mod story;

use std::collections::{BTreeMap, HashMap};

use alloy_primitives::B256;
use serde_json::Value;

pub use impaired::impairment_after;
pub use outstanding::ByRoute;
pub use pool::{PoolBook, Totals, pool_of};
pub use story::{
    BurnEnd, BurnStory, DecidedStory, DepositEnd, DepositStory, ImpairedStory, LockEnd, LockStory,
    RedirectStory, RouteStory,
};

use crate::leaf::{AdminSignature, Leaf, Movement};
use crate::route::RouteView;
use crate::serial::Block;
use held::Held;

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

/// The state of the log after some leaves.
#[derive(Clone, Debug, Default)]
pub struct Book {
    size: u64,
    locks: HashMap<B256, LockStory>,
    burns: HashMap<B256, BurnStory>,
    pools: BTreeMap<B256, PoolBook>,
    routes: BTreeMap<String, RouteStory>,
    outstanding: ByRoute,
    held: Held,
    deposits: BTreeMap<B256, DepositStory>,
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

    /// A deposit.
    pub fn deposit(&self, id: &B256) -> Option<&DepositStory> {
        self.deposits.get(id)
    }

    /// The highest version of every route.
    pub fn routes(&self) -> impl Iterator<Item = &RouteStory> {
        self.routes.values()
    }

    /// The highest version of a route.
    pub fn route(&self, id: &str) -> Option<&RouteStory> {
        self.routes.get(id)
    }

    /// Grams in custody that were locked through a route: neither unlocked, nor released or retired. Equivalents of one pool
    /// are interchangeable, whatever route they took: a burn counts for the routes of the originals that it is given.
    pub fn outstanding_g(&self, route: &str) -> u64 {
        self.outstanding.of(route)
    }

    /// Which blocks the next burn of `tonnes` from `pool` gets (`docs/protocol.md` §8); `None` if the pool does not suffice.
    pub fn allocate(&self, pool: &B256, tonnes: u64) -> Option<Vec<Block>> {
        self.pools.get(pool)?.allocate(tonnes)
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
        if let Leaf::Route {
            route, signatures, ..
        } = leaf
        {
            return self.next_route(index, route, signatures);
        }
        match leaf.movement() {
            Some(moved) => self.moved(index, moved, leaf),
            None => self.noted(index, leaf),
        }
    }

    /// What is about no transfer, or moves nothing.
    fn noted(&mut self, index: u64, leaf: &Leaf) -> Result<(), String> {
        match leaf {
            Leaf::Redirected { .. } => self.redirected(leaf),
            Leaf::Impaired { .. } => self.impaired(index, leaf),
            Leaf::Cured { .. } => self.cured(leaf),
            Leaf::ProRata {
                decision,
                signatures,
                ..
            } => self.decided(decision, signatures),
            Leaf::Deposited { .. } => self.deposited(leaf),
            Leaf::DepositReturned { .. } => self.deposit_returned(leaf),
            // Findings, decisions and pauses move nothing.
            Leaf::Route { .. }
            | Leaf::Locked { .. }
            | Leaf::Minted { .. }
            | Leaf::Voided { .. }
            | Leaf::Unlocked { .. }
            | Leaf::Burned { .. }
            | Leaf::Released { .. }
            | Leaf::Retired { .. }
            | Leaf::Owed { .. }
            | Leaf::Reallocated { .. }
            | Leaf::Quarantined { .. }
            | Leaf::Resolved { .. }
            | Leaf::Paused { .. }
            | Leaf::Resumed { .. } => Ok(()),
        }
    }

    fn moved(&mut self, index: u64, moved: Movement, leaf: &Leaf) -> Result<(), String> {
        match leaf {
            Leaf::Locked { terms, units, .. } => self.locked(index, moved, terms, units),
            Leaf::Minted { recipient, .. } => self.minted(moved, *recipient),
            Leaf::Voided { .. } => self.voided(moved),
            Leaf::Unlocked { units, .. } => self.unlocked(moved, units),
            Leaf::Burned { .. } => self.burned(index, moved, leaf),
            Leaf::Released { units, .. } => self.given(moved, units, BurnEnd::Released),
            Leaf::Retired { units, .. } => self.given(moved, units, BurnEnd::Retired),
            Leaf::Owed { .. } => self.owed(moved),
            Leaf::Reallocated { allocation, .. } => self.reallocated(moved, allocation),
            Leaf::Route { .. }
            | Leaf::Redirected { .. }
            | Leaf::Impaired { .. }
            | Leaf::Cured { .. }
            | Leaf::ProRata { .. }
            | Leaf::Deposited { .. }
            | Leaf::DepositReturned { .. }
            | Leaf::Quarantined { .. }
            | Leaf::Resolved { .. }
            | Leaf::Paused { .. }
            | Leaf::Resumed { .. } => Ok(()),
        }
    }

    fn next_route(
        &mut self,
        index: u64,
        document: &Value,
        signatures: &[AdminSignature],
    ) -> Result<(), String> {
        let RouteView { id, version, .. } = RouteView::of(document)?;
        let expected = match self.routes.get(id) {
            Some(story) => RouteView::of(&story.document)?.version.saturating_add(1),
            None => 1,
        };
        if version != expected {
            return Err(format!("version {expected} of route {id} comes next"));
        }
        self.set_route(id, index, document, signatures);
        Ok(())
    }

    /// Sets a route whatever its version: a bundle has only the version that its transfer used.
    pub(crate) fn set_route(
        &mut self,
        id: &str,
        index: u64,
        document: &Value,
        signatures: &[AdminSignature],
    ) {
        self.routes.insert(
            id.to_owned(),
            RouteStory {
                document: document.clone(),
                signatures: signatures.to_vec(),
                index,
            },
        );
    }
}
