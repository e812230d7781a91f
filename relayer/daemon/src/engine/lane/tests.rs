//! One lane over a ledger in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use isthmus_core::id::TransferId;
use isthmus_core::testing::fake::{Call, FakeLedger, Fault};
use isthmus_core::testing::sample;
use isthmus_core::time::Clock;
use isthmus_store::Store;

use super::*;

#[derive(Debug)]
struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_s(1_780_000_000)
    }
}

#[derive(Debug)]
struct Open;

impl Gatekeeper for Open {
    fn holds(&self, _: &Transfer) -> bool {
        false
    }
}

fn worker(ledger: &FakeLedger, store: Store) -> LaneWorker {
    let clock: Arc<dyn Clock> = Arc::new(Noon);
    LaneWorker {
        lane: Lane {
            ledger: ledger.profile().id.clone(),
            step: isthmus_core::operation::Step::Operation(OperationKind::Lock),
        },
        ledger: Arc::new(ledger.clone()),
        recorder: Recorder::new(Arc::new(store), Arc::clone(&clock)),
        board: Arc::new(Board::new(clock)),
        metrics: Metrics::new(),
        gatekeeper: Arc::new(Open),
        watch: Arc::default(),
    }
}

/// A transfer that has waited for its lock for so long.
async fn waiting(worker: &LaneWorker, number: u64, ms: u64) -> TransferId {
    let outbound = sample::outbound(number, &[sample::block(number * 10 + 1, number * 10 + 5)]);
    let id = outbound.terms.id();
    let since = Timestamp::from_ms(Noon.now().ms() - ms);
    let append = Append {
        transfer: Some((id, 0)),
        events: vec![sample::requested(&outbound)],
        due: Some(since),
        ..Append::default()
    };
    let recorded = worker.recorder.record(vec![append]).await.unwrap();
    assert!(recorded.iter().all(Result::is_ok));
    id
}

/// The registry takes one lock and then hangs up: it is that of who waits, though it came last.
#[tokio::test]
async fn what_somebody_waits_for_is_sent_before_a_backlog() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), "test", Arc::new(Noon)).unwrap();
    let ledger = FakeLedger::registry(sample::registry(), 2, Arc::new(Noon));
    let sent = AtomicUsize::new(0);
    ledger.set_faults(Box::new(move |call| match call {
        Call::Send if sent.fetch_add(1, Ordering::Relaxed) > 0 => Fault::Unreached,
        Call::Find => Fault::Unreached,
        Call::Send | Call::Prepare | Call::Observe => Fault::None,
    }));
    let worker = worker(&ledger, store);
    for number in 1..=20 {
        waiting(&worker, number, 1_000 - number).await;
    }
    let live = sample::outbound(30, &[sample::block(301, 305)]).terms.id();
    worker.recorder.live().come_in(&[live], Noon.now());
    assert_eq!(waiting(&worker, 30, 0).await, live);
    let round = worker.round(0).await.unwrap();
    assert!(round.busy && !round.full);
    assert_eq!(ledger.effects(), 1);
    ledger.set_faults(Box::new(|_| Fault::None));
    let ever = Timestamp::from_ms(u64::MAX);
    let journal = worker.recorder.journal();
    let due = journal.due_of(&worker.lane, ever, &[live]).unwrap().pop();
    let (transfer, drafts) = due.unwrap();
    let Some(Work::Ledger(operation)) = transfer.pending().cloned() else {
        panic!("its lock is not intended");
    };
    let attempt = Attempt { operation, drafts };
    let found = ledger.find(&[attempt]).await.pop().unwrap().unwrap();
    assert!(matches!(found, Found::Final(_)), "{found:?}");
}
