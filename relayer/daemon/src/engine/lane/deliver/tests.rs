//! A draft that expires while the ledger is being asked about it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use isthmus_core::operation::{Lane, OperationKind, Step};
use isthmus_core::testing::fake::{Call, FakeLedger, Fault};
use isthmus_core::testing::sample;
use isthmus_core::time::Clock;
use isthmus_core::transfer::{Next, Transfer};
use isthmus_store::Store;

use super::*;
use crate::engine::Recorder;
use crate::engine::board::Board;
use crate::engine::lane::Gatekeeper;
use crate::telemetry::Metrics;

const NOON_MS: u64 = 1_780_000_000_000;

/// Stands until somebody moves it.
#[derive(Debug, Default)]
struct Hand(AtomicU64);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(NOON_MS + self.0.load(Ordering::Relaxed))
    }
}

#[derive(Debug)]
struct Open;

impl Gatekeeper for Open {
    fn holds(&self, _: &Transfer) -> bool {
        false
    }
}

/// A lock that is intended, with a draft that counts for 500 ms more.
async fn intended(worker: &LaneWorker, now: Timestamp) -> Draft {
    let outbound = sample::outbound(1, &[sample::block(1, 5)]);
    let requested = Append {
        transfer: Some((outbound.terms.id(), 0)),
        events: vec![sample::requested(&outbound)],
        ..Append::default()
    };
    let recorded = worker.recorder.record(vec![requested]).await.unwrap();
    let appended = recorded.into_iter().next().unwrap().unwrap();
    let transfer = appended.transfer.unwrap();
    let Next::Do(Work::Ledger(lock)) = transfer.next(now) else {
        panic!("it is to be locked");
    };
    let prepared = worker.ledger.prepare(std::slice::from_ref(&lock)).await;
    let draft = Draft {
        expires: Some(now.plus_ms(500)),
        ..prepared.into_iter().next().unwrap().unwrap()
    };
    let intent = Append {
        transfer: Some((transfer.id(), transfer.length())),
        events: vec![Event::Intended(Work::Ledger(lock))],
        drafts: vec![draft.clone()],
        due: Some(now),
        ..Append::default()
    };
    let recorded = worker.recorder.record(vec![intent]).await.unwrap();
    assert!(recorded.iter().all(Result::is_ok));
    draft
}

/// Ledgers give what is to replace an expired draft its nonce, if they have seen it expired when they were asked.
#[tokio::test]
async fn what_expires_while_the_ledger_answers_is_sent_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let hand = Arc::new(Hand::default());
    let clock: Arc<dyn Clock> = Arc::<Hand>::clone(&hand);
    let store = Store::open(folder.path(), "test", Arc::clone(&clock)).unwrap();
    let ledger = FakeLedger::registry(sample::registry(), 2, Arc::clone(&clock));
    let worker = LaneWorker {
        lane: Lane {
            ledger: sample::registry(),
            step: Step::Operation(OperationKind::Lock),
        },
        ledger: Arc::new(ledger.clone()),
        recorder: Recorder::new(Arc::new(store), Arc::clone(&clock)),
        board: Arc::new(Board::new(Arc::clone(&clock))),
        metrics: Metrics::new(),
        gatekeeper: Arc::new(Open),
        watch: Arc::default(),
    };
    intended(&worker, clock.now()).await;
    let prepared = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&prepared);
    ledger.set_faults(Box::new(move |call| {
        match call {
            Call::Find => drop(hand.0.fetch_add(1_000, Ordering::Relaxed)),
            Call::Prepare => drop(counted.fetch_add(1, Ordering::Relaxed)),
            Call::Send | Call::Observe => {}
        }
        Fault::None
    }));
    worker.round(0).await.unwrap();
    assert_eq!(prepared.load(Ordering::Relaxed), 0, "no other draft");
    assert_eq!(ledger.effects(), 1, "it was sent");
}
