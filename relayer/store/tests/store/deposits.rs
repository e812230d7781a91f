//! Deposits as they change: what the log's book would refuse is not written.

use isthmus_core::deposit::Deposit;
use isthmus_core::operation::OperationKind;
use isthmus_core::ports::{Append, AppendError};
use isthmus_core::serial_block::{self, SerialBlock};
use isthmus_core::testing::sample;
use isthmus_store::{DepositRecord, DepositStanding};

use crate::custody::mint;
use crate::world::{START, World};

fn open(reference: &str, units: &[SerialBlock]) -> DepositRecord {
    DepositRecord {
        deposit: Deposit {
            ledger: sample::registry(),
            reference: reference.into(),
            pool: sample::pool().id(),
            asset_class: sample::class().id(),
            sender: sample::account(),
            custody_account: sample::custody(),
            units: units.to_vec(),
            note: None,
        },
        receipt: sample::receipt(OperationKind::Lock, serial_block::total(units), units),
        standing: DepositStanding::Open,
        by: String::new(),
        at: START,
    }
}

fn recorded(world: &World, record: &DepositRecord, by: &str) -> bool {
    let ledger = sample::registry();
    let entry = Append {
        leaves: vec![b"a leaf".to_vec()],
        ..Append::default()
    };
    let record = std::slice::from_ref(record);
    match world.store.record_moved(entry, (&ledger, by), record, &[]) {
        Ok(_) => true,
        Err(AppendError::Displaced { .. }) => {
            assert!(!world.store.has_moved(&ledger, by).unwrap());
            false
        }
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn units_are_deposited_once_and_not_while_they_are_held() {
    let world = World::new();
    mint(&world, 1, &[sample::block(1, 20)]);
    assert!(!recorded(
        &world,
        &open("d-1", &[sample::block(20, 21)]),
        "d-1"
    ));
    let first = open("d-2", &[sample::block(21, 30)]);
    assert!(recorded(&world, &first, "d-2"));
    let again = open("d-3", &[sample::block(30, 31)]);
    assert!(!recorded(&world, &again, "d-3"));
    let ended = |standing| DepositRecord {
        standing,
        ..first.clone()
    };
    assert!(recorded(&world, &ended(DepositStanding::Taken), "c-1"));
    assert!(
        !recorded(&world, &ended(DepositStanding::Taken), "c-2"),
        "once"
    );
    assert!(recorded(&world, &again, "d-3"));
}

#[test]
fn who_knows_an_old_deposit_changes_nothing() {
    let world = World::new();
    let first = open("d-1", &[sample::block(1, 10)]);
    assert!(recorded(&world, &first, "d-1"));
    let is = |standing| DepositRecord {
        standing,
        ..first.clone()
    };
    let leaf = || vec![b"a leaf".to_vec()];
    let taken = is(DepositStanding::Taken);
    assert!(world.store.change_deposit(&first, &taken, leaf()).unwrap());
    let returned = is(DepositStanding::Returned);
    for old in [&first, &is(DepositStanding::Returning)] {
        assert!(!world.store.change_deposit(old, &returned, leaf()).unwrap());
    }
    let stored = world.store.deposit(first.deposit.id()).unwrap();
    assert_eq!(stored, Some(taken));
}
