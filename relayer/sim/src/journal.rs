//! The journal between engine and store: it watches every write, and dies before or after one when the seed says so.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use isthmus_core::id::{PoolId, TransferId};
use isthmus_core::operation::Lane;
use isthmus_core::ports::{
    Append, AppendError, Appended, Backlog, Draft, DueOrder, Journal, Recorded, StoreError,
};
use isthmus_core::serial_block::SerialBlock;
use isthmus_core::time::Timestamp;
use isthmus_core::transfer::{Event, Transfer};
use isthmus_store::Store;

use crate::bug::Bug;
use crate::disk::Disk;
use crate::names;
use crate::world::Shared;

/// Over the real store.
#[derive(Debug)]
pub struct Tap {
    store: Arc<Store>,
    disk: Arc<Mutex<Disk>>,
    shared: Shared,
    /// How many synced writes the disk was told of.
    told: AtomicU64,
    /// For a bug: what the first burn got.
    first_allocation: Mutex<Option<Vec<SerialBlock>>>,
}

impl Tap {
    fn bug(&self) -> Option<Bug> {
        self.shared.world().bug
    }

    /// What a relayer with a planted bug writes.
    fn flawed(&self, mut batch: Vec<Append>) -> Vec<Append> {
        if self.bug() == Some(Bug::LeafLeftOut) {
            let given = |append: &&mut Append| {
                append
                    .events
                    .iter()
                    .any(|event| matches!(event, Event::Given(_)))
            };
            for append in batch.iter_mut().filter(given) {
                append.leaves.clear();
                append.book.clear();
            }
        }
        batch
    }

    /// Over a store on a disk.
    pub fn new(store: Arc<Store>, disk: Arc<Mutex<Disk>>, shared: Shared) -> Self {
        let tap = Self {
            store,
            disk,
            shared,
            told: AtomicU64::new(0),
            first_allocation: Mutex::default(),
        };
        tap.synced();
        tap
    }

    /// What the engine writes past this tap (pauses, what moved, what will be signed) the store syncs by itself. What was written
    /// after that and is not synced counts as synced here, until the next look: the disk is told of no places.
    pub fn catch_up(&self) {
        if self.store.syncs() != self.told.load(Ordering::Relaxed) {
            self.synced();
        }
    }

    fn synced(&self) {
        self.told.store(self.store.syncs(), Ordering::Relaxed);
        let lost = {
            let mut world = self.shared.world();
            world.bug == Some(Bug::LostSync) && world.dice.chance(700)
        };
        if lost {
            return;
        }
        self.disk
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .synced();
    }

    /// What was written is held against everything else.
    fn watch(&self, batch: &[Append], answers: &[Result<Appended, AppendError>]) {
        self.read_log();
        for (append, answer) in batch.iter().zip(answers) {
            let names: Vec<_> = append.events.iter().map(Event::name).collect();
            let id = append
                .transfer
                .map_or_else(|| "-".to_owned(), |(id, _)| names::short(&id));
            let events = names.join(",");
            let text = match answer {
                Ok(appended) => {
                    let state = appended.transfer.as_ref().map_or("", |t| t.state().name());
                    self.watch_one(append, appended);
                    format!("journal {id} {events} -> {state}")
                }
                Err(error) => format!("journal {id} {events} fails: {error}"),
            };
            self.shared.fact(&text);
        }
    }

    fn watch_one(&self, append: &Append, appended: &Appended) {
        let mut world = self.shared.world();
        let (books, chain) = (Arc::clone(&world.books), Arc::clone(&world.chain));
        let oracle = &mut world.oracle;
        if let Some(transfer) = &appended.transfer {
            oracle.recorded(transfer, &append.events, &append.drafts, &books, &chain);
            oracle.agrees(transfer);
        }
        if let Some((ledger, cursor)) = &append.cursor
            && *ledger == names::chain()
        {
            oracle.cursor(cursor, &chain, self.store.as_ref());
        }
    }

    /// The log's new leaves are replayed.
    fn read_log(&self) {
        let mut world = self.shared.world();
        loop {
            let start = world.oracle.log.size();
            let leaves = self.store.log().leaves(start, 100).unwrap();
            if leaves.is_empty() || world.oracle.is_broken() {
                return;
            }
            for leaf in &leaves {
                world.oracle.logged(leaf);
            }
        }
    }
}

fn died() -> StoreError {
    StoreError("the simulated relayer has died".into())
}

impl Backlog for Tap {
    fn due_in(
        &self,
        lane: &Lane,
        now: Timestamp,
        limit: usize,
        order: DueOrder,
    ) -> Result<Vec<(Transfer, Vec<Draft>)>, StoreError> {
        self.store.due_in(lane, now, limit, order)
    }

    fn due_of(
        &self,
        lane: &Lane,
        now: Timestamp,
        transfers: &[TransferId],
    ) -> Result<Vec<(Transfer, Vec<Draft>)>, StoreError> {
        self.store.due_of(lane, now, transfers)
    }
}

impl Journal for Tap {
    fn append(&self, batch: Vec<Append>) -> Vec<Result<Appended, AppendError>> {
        let entries = batch.len();
        let dead = || (0..entries).map(|_| Err(died().into())).collect();
        if self.shared.strike("journal append") {
            return dead();
        }
        let batch = self.flawed(batch);
        let answers = self.store.append(batch.clone());
        self.synced();
        self.watch(&batch, &answers);
        if self.shared.strike("journal appended") {
            return dead();
        }
        answers
    }

    fn transfer(&self, id: TransferId) -> Result<Option<Transfer>, StoreError> {
        self.store.transfer(id)
    }

    fn history(&self, id: TransferId) -> Result<Vec<Recorded>, StoreError> {
        self.store.history(id)
    }

    fn due(
        &self,
        lane: &Lane,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Transfer, Vec<Draft>)>, StoreError> {
        self.store.due(lane, now, limit)
    }

    fn defer(&self, entries: &[(TransferId, Timestamp)]) -> Result<(), StoreError> {
        self.catch_up();
        if self.bug() == Some(Bug::NeverAskedAgain) {
            let never = |(id, _): &(TransferId, Timestamp)| (*id, Timestamp::from_ms(u64::MAX / 2));
            let entries: Vec<_> = entries.iter().map(never).collect();
            return self.store.defer(&entries);
        }
        self.store.defer(entries)
    }

    fn allocate(&self, pool: PoolId, tonnes: u64) -> Result<Option<Vec<SerialBlock>>, StoreError> {
        let mut first = self.first_allocation.lock().unwrap();
        if let (Some(Bug::DoubleAllocation), Some(given)) = (self.bug(), first.as_ref()) {
            return Ok(Some(given.clone()));
        }
        let given = self.store.allocate(pool, tonnes)?;
        first.clone_from(&given);
        Ok(given)
    }
}
