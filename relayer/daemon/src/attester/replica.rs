//! The attester's own replay of the log: the book of stories, and what verification asks of it besides: which pools there
//! are, which locks may still be minted, which lock brought a unit into custody, what is paused.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use alloy::primitives::B256;
use isthmus_core::id::{AssetClassId, LedgerId, PoolId, RouteId, TransferId};
use isthmus_core::pool::Pool;
use isthmus_core::quantity::Quantity;
use isthmus_core::route::{RouteDocument, RouteSignature};
use isthmus_prooflog::book::{
    Book, BurnStory, DepositStory, LockStory, PoolBook, RouteStory, StoryError,
};
use isthmus_prooflog::leaf::{Leaf, jcs_digest};
use isthmus_prooflog::serial::Block;

use crate::attester::decline::{Decline, Ground};

/// Everything the log says, after some leaves.
#[derive(Debug, Default)]
pub struct Replica {
    book: Book,
    pools: HashMap<PoolId, Pool>,
    /// Logged locks that have neither `MINTED` nor `VOIDED`, by pool.
    live: HashMap<PoolId, BTreeMap<TransferId, u64>>,
    origins: Origins,
    paused: BTreeSet<String>,
}

/// A route as the log has it.
#[derive(Clone, Debug)]
pub struct LoggedRoute {
    /// The highest version.
    pub document: RouteDocument,
    /// Who signed it; not verified yet.
    pub signatures: Vec<RouteSignature>,
}

/// Which lock last brought a unit into custody: `(space, first) → (last, lock)`; intervals do not overlap.
#[derive(Debug, Default)]
struct Origins(BTreeMap<(&'static str, u64), (u64, TransferId)>);

/// One interval of [`Origins`].
type Brought = ((&'static str, u64), (u64, TransferId));

impl Replica {
    /// Applies the next leaf. On an error nothing has changed.
    pub fn apply(&mut self, leaf: &Leaf) -> Result<(), StoryError> {
        self.book.apply(leaf)?;
        match leaf {
            Leaf::Locked { transfer, .. } => self.locked(transfer),
            Leaf::Minted { transfer, pool, .. } | Leaf::Voided { transfer, pool, .. } => {
                // The leaf's own pool is not checked by the book, the lock's is.
                let pool = self.book.lock(transfer).map_or(*pool, |lock| lock.pool);
                if let Some(live) = self.live.get_mut(&PoolId::new(pool.0)) {
                    live.remove(&TransferId::new(transfer.0));
                }
            }
            Leaf::Deposited {
                pool, asset_class, ..
            } => self.deposited(PoolId::new(pool.0), AssetClassId::new(asset_class.0)),
            Leaf::Cured { deposit, .. } => {
                let id = TransferId::new(deposit.0);
                let units = self.deposit(id).map(|story| story.units.clone());
                for block in units.unwrap_or_default() {
                    self.origins.brought(&block, id);
                }
            }
            Leaf::Paused { scope, .. } => {
                self.paused.insert(scope.clone());
            }
            Leaf::Resumed { scope, .. } => {
                self.paused.remove(scope);
            }
            Leaf::Route { .. }
            | Leaf::Unlocked { .. }
            | Leaf::Burned { .. }
            | Leaf::Released { .. }
            | Leaf::Retired { .. }
            | Leaf::Owed { .. }
            | Leaf::Quarantined { .. }
            | Leaf::Resolved { .. }
            | Leaf::Redirected { .. }
            | Leaf::Reallocated { .. }
            | Leaf::Impaired { .. }
            | Leaf::ProRata { .. }
            | Leaf::DepositReturned { .. } => {}
        }
        Ok(())
    }

    fn locked(&mut self, transfer: &B256) {
        let Some(lock) = self.book.lock(transfer) else {
            return;
        };
        let (id, pool) = (TransferId::new(transfer.0), PoolId::new(lock.pool.0));
        self.live
            .entry(pool)
            .or_default()
            .insert(id, lock.quantity_g);
        for block in &lock.units {
            self.origins.brought(block, id);
        }
        let class = lock
            .terms
            .get("asset_class")
            .and_then(serde_json::Value::as_str)
            .and_then(|class| class.parse().ok());
        let route = lock
            .terms
            .get("route")
            .and_then(serde_json::Value::as_str)
            .and_then(|id| id.parse().ok())
            .and_then(|id| self.route(&id).ok());
        // A route or class that cannot be read makes every item that needs this pool be declined.
        if let Some((class, route)) = class.zip(route) {
            self.pools
                .entry(pool)
                .or_insert_with(|| route.document.pool(class));
        }
    }

    /// A deposit may be the first that its pool sees of a class.
    fn deposited(&mut self, id: PoolId, class: AssetClassId) {
        let routes: Vec<_> = self.routes().collect();
        let pools = routes.iter().map(|route| route.document.pool(class));
        if let Some(pool) = pools.into_iter().find(|pool| pool.id() == id) {
            self.pools.entry(id).or_insert(pool);
        }
    }

    /// A deposit's story.
    pub fn deposit(&self, id: TransferId) -> Option<&DepositStory> {
        self.book.deposit(&B256::from(*id.as_bytes()))
    }

    /// A pool's sums and offer.
    pub fn pool_book(&self, id: PoolId) -> Option<&PoolBook> {
        self.book.pool(&B256::from(*id.as_bytes()))
    }

    /// The highest version of every route that can be read.
    pub fn routes(&self) -> impl Iterator<Item = LoggedRoute> + '_ {
        self.book
            .routes()
            .filter_map(|story| read_route(story).ok())
    }

    /// Leaves applied so far.
    pub fn size(&self) -> u64 {
        self.book.size()
    }

    /// A lock's story.
    pub fn lock(&self, transfer: TransferId) -> Option<&LockStory> {
        self.book.lock(&B256::from(*transfer.as_bytes()))
    }

    /// A burn's story.
    pub fn burn(&self, transfer: TransferId) -> Option<&BurnStory> {
        self.book.burn(&B256::from(*transfer.as_bytes()))
    }

    /// A pool that some lock has joined.
    pub fn pool(&self, id: PoolId) -> Option<&Pool> {
        self.pools.get(&id)
    }

    /// The pools of a class, whatever their gate.
    pub fn pools_of(&self, class: AssetClassId) -> impl Iterator<Item = (PoolId, &Pool)> {
        self.pools
            .iter()
            .filter(move |(_, pool)| pool.asset_class == class)
            .map(|(id, pool)| (*id, pool))
    }

    /// Logged locks of a pool that have neither `MINTED` nor `VOIDED`.
    pub fn live(&self, pool: PoolId) -> impl Iterator<Item = (TransferId, u64)> {
        self.live
            .get(&pool)
            .into_iter()
            .flatten()
            .map(|(id, grams)| (*id, *grams))
    }

    /// Grams that the log has in a pool's custody.
    pub fn locked_g(&self, pool: PoolId) -> u64 {
        self.book
            .pool(&B256::from(*pool.as_bytes()))
            .map_or(0, |book| book.totals.locked_g)
    }

    /// Grams that lie in a pool's custody without a lock.
    pub fn unattributed_g(&self, pool: PoolId) -> u64 {
        self.book
            .pool(&B256::from(*pool.as_bytes()))
            .map_or(0, |book| book.totals.unattributed_g)
    }

    /// Grams that the log has in circulation for a pool.
    pub fn circulating_g(&self, pool: PoolId) -> u64 {
        self.book
            .pool(&B256::from(*pool.as_bytes()))
            .map_or(0, |book| book.totals.circulating_g)
    }

    /// A route's highest version.
    pub fn route(&self, id: &RouteId) -> Result<LoggedRoute, Decline> {
        let story = self.book.route(id.as_str()).ok_or_else(|| {
            Decline::new(Ground::NoRoute, format!("route {id} is not in the log"))
        })?;
        read_route(story)
    }

    /// What is locked through a route, as policy counts it.
    pub fn outstanding(&self, route: &RouteId) -> Quantity {
        Quantity::from_grams(self.book.outstanding_g(route.as_str())).unwrap_or(Quantity::MAX)
    }

    /// Whether the log says that a route takes no new work: it, one of its ledgers or everything is paused.
    pub fn is_paused(&self, route: &RouteDocument) -> bool {
        self.paused.iter().any(|scope| {
            scope == "all"
                || *scope == format!("route:{}", route.id)
                || *scope == format!("ledger:{}", route.origin)
                || *scope == format!("ledger:{}", route.destination)
        })
    }

    /// Whether the log says that nothing is given back at a ledger: it, or everything, is paused.
    pub fn is_stopped(&self, ledger: &LedgerId) -> bool {
        let mut paused = self.paused.iter();
        paused.any(|scope| scope == "all" || *scope == format!("ledger:{ledger}"))
    }

    /// The locks that brought these units into custody; `None` if some unit came by no logged lock.
    pub fn origins(&self, units: &[Block]) -> Option<BTreeSet<TransferId>> {
        let mut locks = BTreeSet::new();
        for block in units {
            locks.extend(self.origins.of(block)?);
        }
        Some(locks)
    }
}

fn read_route(story: &RouteStory) -> Result<LoggedRoute, Decline> {
    let document: RouteDocument =
        serde_json::from_value(story.document.clone()).map_err(|error| {
            Decline::new(Ground::NoRoute, format!("a route cannot be read: {error}"))
        })?;
    // What the admins signed is the document in the log, so what is decided by must be the same to the byte.
    if document.digest().as_bytes() != &jcs_digest(&story.document).0 {
        let reason = "a route does not read back to the same bytes";
        return Err(Decline::new(Ground::NoRoute, reason));
    }
    let signatures = story
        .signatures
        .iter()
        .map(|signature| RouteSignature {
            key: isthmus_core::id::Hash32::new(signature.key.0),
            signature: signature.signature.clone(),
        })
        .collect();
    Ok(LoggedRoute {
        document,
        signatures,
    })
}

impl Origins {
    /// `block` has been brought by `lock`: whatever brought a part of it before is forgotten for that part.
    fn brought(&mut self, block: &Block, lock: TransferId) {
        for (key, (last, earlier)) in self.within(block) {
            self.0.remove(&key);
            if key.1 < block.first {
                self.0.insert(key, (block.first - 1, earlier));
            }
            if last > block.last {
                self.0
                    .insert((block.space, block.last + 1), (last, earlier));
            }
        }
        self.0
            .insert((block.space, block.first), (block.last, lock));
    }

    /// The intervals that share a unit with `block`, ascending.
    fn within(&self, block: &Block) -> Vec<Brought> {
        let mut found: Vec<_> = self
            .0
            .range((block.space, 0)..=(block.space, block.last))
            .rev()
            .take_while(|(_, (last, _))| *last >= block.first)
            .map(|(key, value)| (*key, *value))
            .collect();
        found.reverse();
        found
    }

    /// The locks that brought every unit of `block`, or `None` if some unit came by none.
    fn of(&self, block: &Block) -> Option<Vec<TransferId>> {
        let mut next = block.first;
        let mut locks = Vec::new();
        for ((_, first), (last, lock)) in self.within(block) {
            if first > next {
                return None;
            }
            next = last.saturating_add(1);
            locks.push(lock);
        }
        (next > block.last).then_some(locks)
    }
}
