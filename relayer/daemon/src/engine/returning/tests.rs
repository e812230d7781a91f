//! Returning a deposit: who gets it, and what a refusal does.

use isthmus_core::deposit::Deposit;
use isthmus_core::serial_block;
use isthmus_core::testing::fake::FakeLedger;
use isthmus_core::testing::sample::{self, block};

use super::*;

#[derive(Debug)]
struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_s(1_780_000_000)
    }
}

/// This registry does not return deposits at all.
#[tokio::test]
async fn what_is_refused_is_tried_ever_more_seldom() {
    let folder = tempfile::tempdir().unwrap();
    let clock: Arc<dyn Clock> = Arc::new(Noon);
    let store = Arc::new(Store::open(folder.path(), "test", Arc::clone(&clock)).unwrap());
    let units = vec![block(1, 10)];
    let record = DepositRecord {
        receipt: sample::receipt(OperationKind::Lock, serial_block::total(&units), &units),
        deposit: Deposit {
            ledger: sample::registry(),
            reference: "deposit:1".into(),
            pool: sample::pool().id(),
            asset_class: sample::class().id(),
            sender: sample::account(),
            custody_account: sample::custody(),
            units,
            note: None,
        },
        standing: DepositStanding::Returning,
        by: "operator".into(),
        at: clock.now(),
    };
    let ledger = sample::registry();
    let entry = isthmus_core::ports::Append::default();
    let records = std::slice::from_ref(&record);
    store
        .record_moved(entry, (&ledger, "deposit:1"), records, &[])
        .unwrap();
    let returner = Returner {
        ledger: Arc::new(FakeLedger::registry(ledger, 2, Arc::clone(&clock))),
        store: Arc::clone(&store),
        board: Arc::new(Board::new(Arc::clone(&clock))),
        clock: Arc::clone(&clock),
        watch: Arc::default(),
        pauses: Pauses::new(store, Arc::clone(&clock)),
    };
    let id = record.deposit.id();
    let mut tried = Tried::default();
    returner.round(&mut tried).await.unwrap();
    let later = tried.not_before[&id];
    assert!(later > clock.now());
    returner.round(&mut tried).await.unwrap();
    assert_eq!(tried.not_before[&id], later, "it is not tried before");
}
