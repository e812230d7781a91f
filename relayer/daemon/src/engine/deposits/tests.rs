//! Deposits that lie next to open ones, to locks and to returns that are not recorded yet.

use std::sync::Arc;

use isthmus_core::operation::OperationKind;
use isthmus_core::ports::Append;
use isthmus_core::route::RouteDocument;
use isthmus_core::serial_block;
use isthmus_core::testing::fake::FakeLedger;
use isthmus_core::testing::sample::{self, block};
use isthmus_core::time::{Clock, Timestamp};
use isthmus_prooflog::leaf::Leaf;
use isthmus_store::{Store, StoredRouteStatus};

use super::*;
use crate::engine::Recorder;
use crate::engine::observe::Page;
use crate::engine::pause::Pauses;
use crate::engine::watch::LedgerWatch;

#[derive(Debug)]
struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_s(1_780_000_000)
    }
}

struct World {
    observer: Observer,
    store: Arc<Store>,
    _folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(Noon);
        let store = Arc::new(Store::open(folder.path(), "test", Arc::clone(&clock)).unwrap());
        let document: RouteDocument = sample::route();
        let record = RouteRecord {
            document,
            signatures: Vec::new(),
            status: StoredRouteStatus::Active,
            proposed_by: "one".into(),
            leaf: None,
        };
        store.put_route(&record, None).unwrap();
        let observer = Observer {
            ledger: Arc::new(FakeLedger::registry(
                sample::registry(),
                2,
                Arc::clone(&clock),
            )),
            recorder: Recorder::new(Arc::<Store>::clone(&store), Arc::clone(&clock)),
            store: Arc::clone(&store),
            pauses: Pauses::new(Arc::clone(&store), clock),
            watch: Arc::new(LedgerWatch::default()),
        };
        Self {
            observer,
            store,
            _folder: folder,
        }
    }

    /// Whether what the registry did is recorded; otherwise it waits.
    fn sees(&self, reference: &str, units: &[SerialBlock], into: bool) -> bool {
        let (holder, custody) = (sample::account(), sample::custody());
        let (from, to) = if into {
            (holder, custody)
        } else {
            (custody, holder)
        };
        let moved = Moved {
            reference: reference.into(),
            from,
            to: Some(to),
            note: None,
            asset_class: Some(sample::class().id()),
            units: units.to_vec(),
        };
        let total = serial_block::total(units);
        let receipt = sample::receipt(OperationKind::Lock, total, units);
        matches!(self.observer.moved(&moved, &receipt).unwrap(), Page::Done)
    }

    fn returned(&self, record: &DepositRecord) {
        let now = DepositRecord {
            standing: DepositStanding::Returned,
            ..record.clone()
        };
        let leaf = leaves::deposit_returned(&record.deposit, &record.receipt, record.at);
        assert!(self.store.change_deposit(record, &now, vec![leaf]).unwrap());
    }

    fn kinds(&self) -> Vec<String> {
        let leaves = self.store.log().leaves(0, 100).unwrap();
        let kind = |leaf: &Vec<u8>| Leaf::parse(leaf).unwrap().kind().to_owned();
        leaves.iter().map(kind).collect()
    }
}

#[test]
fn units_that_come_back_wait_until_their_return_is_recorded() {
    let world = World::new();
    let units = [block(1, 10)];
    assert!(world.sees("deposit:1", &units, true));
    assert!(!world.sees("deposit:2", &[block(10, 10)], true));
    assert_eq!(world.kinds(), ["DEPOSITED"]);
    world.returned(&world.store.deposits().unwrap()[0]);
    assert!(world.sees("deposit:2", &[block(10, 10)], true));
    assert_eq!(
        world.kinds(),
        ["DEPOSITED", "DEPOSIT_RETURNED", "DEPOSITED"]
    );
}

#[test]
fn of_a_deposit_that_lost_a_part_the_rest_is_a_deposit() {
    let world = World::new();
    assert!(world.sees("deposit:1", &[block(1, 10)], true));
    assert!(world.sees("registry:2", &[block(4, 5)], false));
    let records = world.store.deposits().unwrap();
    assert_eq!(records[0].deposit.units, [block(1, 3), block(6, 10)]);
    assert_eq!(world.kinds(), ["DEPOSITED", "DEPOSIT_RETURNED"]);
    assert!(world.sees("deposit:3", &[block(4, 5)], true));
    assert!(world.sees("registry:4", &[block(1, 10)], false));
    assert_eq!(world.kinds().len(), 5, "both have ended");
}

#[test]
fn units_of_a_lock_that_cannot_come_about_wait_for_its_end() {
    let world = World::new();
    let units = [block(1, 10)];
    let outbound = sample::outbound(1, &units);
    let id = outbound.terms.id();
    let requested = Append {
        transfer: Some((id, 0)),
        events: vec![sample::requested(&outbound)],
        book: vec![BookChange::Reserve {
            transfer: id,
            pool: sample::pool().id(),
            route: sample::route().id,
            blocks: units.to_vec(),
        }],
        ..Append::default()
    };
    let journal = world.observer.recorder.journal();
    journal.append(vec![requested]).remove(0).unwrap();
    assert!(!world.sees("deposit:1", &units, true));
    assert!(world.kinds().is_empty());
}

#[test]
fn what_is_left_is_counted_to_the_unit() {
    let cases = [
        (
            vec![block(1, 10)],
            vec![block(4, 5)],
            vec![block(4, 5)],
            vec![block(1, 3), block(6, 10)],
        ),
        (
            vec![block(1, 10)],
            vec![block(10, 20)],
            vec![block(10, 10)],
            vec![block(1, 9)],
        ),
        (
            vec![block(5, 6)],
            vec![block(1, 9)],
            vec![block(5, 6)],
            vec![],
        ),
        (
            vec![block(5, 6)],
            vec![block(7, 9)],
            vec![],
            vec![block(5, 6)],
        ),
    ];
    for (units, others, gone, left) in cases {
        assert_eq!(split(&units, &others), (gone, left));
    }
}
