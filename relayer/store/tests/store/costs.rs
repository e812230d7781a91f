//! What transactions cost is counted once, with what they did.

use isthmus_core::id::Hash32;
use isthmus_core::operation::OperationKind;
use isthmus_core::ports::{Append, AppendError, Fee, Journal, Spent};
use isthmus_core::testing::sample;
use isthmus_core::transfer::Event;
use isthmus_store::Cost;

use crate::world::{Story, World};

fn spent(transaction: u8, gas: u64, wei: u128) -> Spent {
    Spent {
        ledger: sample::chain(),
        operation: OperationKind::Mint,
        transaction: Hash32::new([transaction; 32]),
        fee: Fee { gas, wei },
        settled: true,
    }
}

fn withdrawal(world: &World, number: u64, spent: Vec<Spent>) -> Append {
    let units = [sample::block(number * 10, number * 10 + 4)];
    let transfer = world.admit(number, &units);
    let story = Story::of(&transfer).then(Event::WithdrawalRequested);
    Append {
        spent,
        ..story.append()
    }
}

#[test]
fn a_transaction_counts_once_however_many_transfers_it_served() {
    let world = World::new();
    // More than 64 bits hold.
    let much = 20_000_000_000_000_000_000;
    let together: Vec<_> = (1..=3)
        .map(|number| withdrawal(&world, number, vec![spent(1, 300, much)]))
        .collect();
    let answers = world.store.append(together.clone());
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    // In a write of its own, with one that failed before it.
    let failed = Spent {
        settled: false,
        ..spent(2, 21, 7)
    };
    let alone = withdrawal(&world, 4, vec![spent(1, 300, much), failed.clone()]);
    world.append(alone).unwrap();
    let mut expected = Cost {
        ledger: sample::chain().to_string(),
        operation: "mint".into(),
        transactions: 2,
        transfers: 4,
        gas: 321,
        wei: much + 7,
    };
    assert_eq!(world.store.costs().unwrap(), [expected.clone()]);

    // After a restart the same again, and what loses against another write, add nothing.
    let world = world.reopened();
    for entry in together {
        let error = world.append(entry).unwrap_err();
        assert!(matches!(error, AppendError::Conflict { .. }), "{error}");
    }
    let failed_alone = withdrawal(&world, 5, vec![failed]);
    world.append(failed_alone).unwrap();
    assert_eq!(world.store.costs().unwrap(), [expected.clone()]);

    let void = Spent {
        operation: OperationKind::Void,
        ..spent(3, 9, 1)
    };
    let entry = withdrawal(&world, 6, vec![void, spent(4, 79, 0)]);
    world.append(entry).unwrap();
    (expected.transactions, expected.transfers, expected.gas) = (3, 5, 400);
    let voids = Cost {
        operation: "void".into(),
        transactions: 1,
        transfers: 1,
        gas: 9,
        wei: 1,
        ..expected.clone()
    };
    assert_eq!(world.store.costs().unwrap(), [expected, voids]);
}
