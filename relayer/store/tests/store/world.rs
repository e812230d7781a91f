//! A store in a folder of its own, and transfers told step by step.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use isthmus_core::id::TransferId;
use isthmus_core::operation::{Authorisation, Lane, OperationKind, SignedBatch, Step};
use isthmus_core::ports::{Append, AppendError, Appended, BookChange, Journal};
use isthmus_core::serial_block::SerialBlock;
use isthmus_core::terms::Outbound;
use isthmus_core::testing::sample;
use isthmus_core::time::{Clock, Timestamp};
use isthmus_core::transfer::{Event, Next, Transfer};
use isthmus_store::Store;
use tempfile::TempDir;

/// When the tests begin.
pub(crate) const START: Timestamp = Timestamp::from_s(1_700_000_000);
/// Deadline of the sample batches: a day later.
pub(crate) const DEADLINE: Timestamp = Timestamp::from_s(1_700_086_400);

/// Time that moves when told to.
#[derive(Debug)]
pub(crate) struct TestClock(AtomicU64);

impl TestClock {
    pub(crate) fn set(&self, at: Timestamp) {
        self.0.store(at.ms(), Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.0.load(Ordering::Relaxed))
    }
}

/// Opens the devnet's store in a folder.
pub(crate) fn open(path: &Path) -> (Store, Arc<TestClock>) {
    let clock = Arc::new(TestClock(AtomicU64::new(START.ms())));
    let store = Store::open(path, "devnet", Arc::<TestClock>::clone(&clock)).unwrap();
    (store, clock)
}

/// A store that goes away with its folder.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) clock: Arc<TestClock>,
    // After the store: it is closed before its folder is removed.
    folder: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (store, clock) = open(folder.path());
        Self {
            store,
            clock,
            folder,
        }
    }

    /// The same after a restart.
    pub(crate) fn reopened(self) -> Self {
        let Self { store, folder, .. } = self;
        drop(store);
        let (store, clock) = open(folder.path());
        Self {
            store,
            clock,
            folder,
        }
    }

    /// The folder that a closed store leaves.
    pub(crate) fn closed(self) -> TempDir {
        let Self { store, folder, .. } = self;
        drop(store);
        folder
    }

    pub(crate) fn append(&self, entry: Append) -> Result<Appended, AppendError> {
        self.store.append(vec![entry]).pop().unwrap()
    }

    /// Admits an outbound transfer of `units`.
    pub(crate) fn admit(&self, number: u64, units: &[SerialBlock]) -> Transfer {
        self.append(admission(&sample::outbound(number, units)))
            .unwrap()
            .transfer
            .unwrap()
    }

    /// Appends what a story tells.
    pub(crate) fn tell(&self, story: Story) -> Transfer {
        self.append(story.append()).unwrap().transfer.unwrap()
    }

    pub(crate) fn transfer(&self, id: TransferId) -> Transfer {
        self.store.transfer(id).unwrap().unwrap()
    }

    /// Ids due in a lane now.
    pub(crate) fn due(&self, lane: &Lane, now: Timestamp, limit: usize) -> Vec<TransferId> {
        let due = self.store.due(lane, now, limit).unwrap();
        due.into_iter().map(|(transfer, _)| transfer.id()).collect()
    }
}

/// What admission writes.
pub(crate) fn admission(outbound: &Outbound) -> Append {
    let transfer = outbound.terms.id();
    Append {
        transfer: Some((transfer, 0)),
        events: vec![sample::requested(outbound)],
        book: vec![BookChange::Reserve {
            transfer,
            pool: outbound.pool,
            route: outbound.terms.route.clone(),
            blocks: outbound.units.clone(),
        }],
        ..Append::default()
    }
}

pub(crate) fn lane(step: OperationKind) -> Lane {
    let ledger = match step {
        OperationKind::Mint | OperationKind::Void | OperationKind::Burn => sample::chain(),
        OperationKind::Lock
        | OperationKind::Unlock
        | OperationKind::Release
        | OperationKind::Retire
        | OperationKind::ReturnDeposit
        | OperationKind::Approve => sample::registry(),
    };
    Lane {
        ledger,
        step: Step::Operation(step),
    }
}

pub(crate) fn attest() -> Lane {
    Lane {
        ledger: sample::chain(),
        step: Step::Attest,
    }
}

/// Events that follow one another, told at a time.
pub(crate) struct Story {
    transfer: Transfer,
    from: u64,
    events: Vec<Event>,
    batches: Vec<Arc<SignedBatch>>,
}

impl Story {
    pub(crate) fn of(transfer: &Transfer) -> Self {
        Self {
            from: transfer.length(),
            transfer: transfer.clone(),
            events: Vec::new(),
            batches: Vec::new(),
        }
    }

    /// And then this happened.
    pub(crate) fn then(mut self, event: Event) -> Self {
        self.transfer = self.transfer.apply(&event).unwrap();
        self.events.push(event);
        self
    }

    /// And then what comes next was intended.
    pub(crate) fn intends(self) -> Self {
        let Next::Do(work) = self.transfer.next(START) else {
            panic!("nothing comes next");
        };
        self.then(Event::Intended(work))
    }

    /// And then the pending operation was done.
    pub(crate) fn done(self, operation: OperationKind, units: &[SerialBlock]) -> Self {
        let receipt = sample::receipt(operation, self.transfer.quantity(), units);
        self.then(match operation {
            OperationKind::Lock => Event::Locked(receipt),
            OperationKind::Unlock => Event::Unlocked(receipt),
            OperationKind::Void => Event::Voided(receipt),
            OperationKind::Mint | OperationKind::Release | OperationKind::Retire => {
                Event::Given(receipt)
            }
            OperationKind::Burn | OperationKind::ReturnDeposit | OperationKind::Approve => {
                panic!("opens no step")
            }
        })
    }

    /// And then it was locked.
    pub(crate) fn locked(self, outbound: &Outbound) -> Self {
        self.intends().done(OperationKind::Lock, &outbound.units)
    }

    /// And then the quorum said yes to the mint.
    pub(crate) fn signed(mut self, outbound: &Outbound) -> Self {
        let batch = sample::batch(vec![sample::mint_item(outbound)], DEADLINE);
        self.batches.push(Arc::clone(&batch));
        self.intends()
            .then(Event::Authorised(Authorisation::Mint(batch)))
    }

    /// And then it was withdrawn and voided.
    pub(crate) fn voided(self) -> Self {
        let void = Authorisation::Void(sample::signed_void());
        self.then(Event::WithdrawalRequested)
            .intends()
            .then(Event::Authorised(void))
            .intends()
            .done(OperationKind::Void, &[])
    }

    pub(crate) fn append(self) -> Append {
        Append {
            transfer: Some((self.transfer.id(), self.from)),
            events: self.events,
            batches: self.batches,
            ..Append::default()
        }
    }
}
