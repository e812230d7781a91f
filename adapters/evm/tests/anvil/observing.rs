//! Burns arrive in the gate's order, complete, in pages that end with a block.

use std::collections::BTreeSet;

use isthmus_core::id::Hash32;
use isthmus_core::operation::OperationKind;
use isthmus_core::ports::{Cursor, Fact, FindError, Ledger};
use isthmus_core::quantity::Quantity;
use isthmus_evm::evidence::EvmEvidence;

use crate::setup::{DEPTH, HOLDER, START, class, key};
use crate::world::World;

/// Burns of 1, 2 and 3 t in one block, of 4 t in the next; final.
async fn four_burns() -> World {
    let world = World::ready().await;
    world.sent(&world.mint(20)).await;
    world.node.mine(1).await;
    for tonnes in [1, 2, 3] {
        world.burn(tonnes).await;
    }
    world.node.mine(1).await;
    world.burn(4).await;
    world.settle().await;
    world
}

#[tokio::test]
async fn burns_are_observed_once_in_order_over_bounded_ranges() {
    let world = four_burns().await;
    let mut cursor = START;
    let mut burns = Vec::new();
    loop {
        let page = world.ledger.observe(&cursor, 100).await.unwrap();
        for observed in page.facts {
            let Fact::Burned(burn) = observed.fact else {
                panic!()
            };
            assert_eq!(
                (observed.receipt.operation, observed.receipt.quantity),
                (OperationKind::Burn, burn.quantity)
            );
            EvmEvidence::parse(observed.receipt.evidence.bytes())
                .unwrap()
                .verify()
                .unwrap();
            burns.push(burn);
        }
        assert!(page.next.height > cursor.height);
        cursor = page.next;
        if cursor.height == page.head {
            break;
        }
    }
    let tonnes: Vec<_> = burns
        .iter()
        .map(|burn| (burn.number, burn.quantity.tonnes().unwrap()))
        .collect();
    assert_eq!(tonnes, [(1, 1), (2, 2), (3, 3), (4, 4)]);
    assert!(
        burns
            .iter()
            .all(|burn| burn.asset_class == class().id() && burn.holder == key(HOLDER).address())
    );
    let again = world.ledger.observe(&cursor, 100).await.unwrap();
    assert!(again.facts.is_empty() && again.next == cursor);
    let (burn, receipt) = world.ledger.burn_at_final(3).await.unwrap().unwrap();
    assert_eq!(
        (&burn, receipt.quantity),
        (&burns[2], Quantity::from_tonnes(3).unwrap())
    );
    assert!(world.ledger.burn_at_final(5).await.unwrap().is_none());
    assert!(world.ledger.burn_at_final(0).await.unwrap().is_none());
    let burns = world.ledger.burns_at_final(&[2]).await.unwrap();
    let beside = burns.beside.iter().map(|burn| burn.number);
    assert_eq!(beside.collect::<Vec<_>>(), [1, 2, 3], "all of its block");
}

#[tokio::test]
async fn a_page_never_ends_inside_a_block() {
    let world = four_burns().await;
    let page = world.ledger.observe(&START, 1).await.unwrap();
    assert_eq!(
        page.facts.len(),
        3,
        "all of the block that reaches the limit"
    );
    assert_eq!(page.next.last_number, 3);
    let rest = world.ledger.observe(&page.next, 1).await.unwrap();
    assert_eq!(rest.facts.len(), 1);
    assert_eq!(rest.next.last_number, 4);
}

#[tokio::test]
async fn no_block_between_two_ranges_is_left_out() {
    let world = World::ready().await;
    world.sent(&world.mint(20)).await;
    world.node.mine(1).await;
    for _ in 0..7 {
        world.burn(1).await;
        world.node.mine(1).await;
    }
    world.settle().await;
    let page = world.ledger.observe(&START, 100).await.unwrap();
    assert_eq!((page.facts.len(), page.next.last_number), (7, 7));
    for number in 1..=7 {
        let burn = world.ledger.burn_at_final(number).await.unwrap();
        assert_eq!(burn.unwrap().0.number, number);
    }
    let asked = [7, 0, 1, 8, 4, 1];
    let burns = world.ledger.burns_at_final(&asked).await.unwrap();
    let numbers = burns
        .asked
        .into_iter()
        .map(|b| b.unwrap().map(|b| b.number));
    let expected = [Some(7), None, Some(1), None, Some(4), Some(1)];
    assert_eq!(numbers.collect::<Vec<_>>(), expected);
    let beside: BTreeSet<_> = burns.beside.iter().map(|burn| burn.number).collect();
    assert_eq!(
        beside,
        BTreeSet::from([1, 4, 7]),
        "each in a block of its own"
    );
}

#[tokio::test]
async fn a_gap_in_the_numbers_is_a_contradiction() {
    let world = four_burns().await;
    for last_number in [1, 4] {
        let cursor = Cursor {
            last_number,
            ..START
        };
        let error = world.ledger.observe(&cursor, 10).await.unwrap_err();
        assert!(matches!(error, FindError::Contradiction(_)), "{error:?}");
    }
}

#[tokio::test]
async fn burns_that_the_node_keeps_back_are_noticed_by_the_count() {
    let world = four_burns().await;
    world.node.mine(1).await;
    let head = world.ledger.final_head().await.unwrap();
    // As if the logs of all blocks up to the one before the head had been empty.
    let cursor = Cursor {
        height: head.number - 1,
        block: None,
        last_number: 0,
    };
    let error = world.ledger.observe(&cursor, 10).await.unwrap_err();
    assert!(matches!(error, FindError::Unavailable(_)), "{error:?}");
}

#[tokio::test]
async fn a_cursor_of_another_history_is_a_contradiction() {
    let world = four_burns().await;
    let cursor = Cursor {
        height: 1,
        block: Some(Hash32::new([1; 32])),
        last_number: 0,
    };
    let error = world.ledger.observe(&cursor, 10).await.unwrap_err();
    assert!(matches!(error, FindError::Contradiction(_)), "{error:?}");
    // What a node has that is not final there says nothing about what was: it lags.
    for above in [1, DEPTH, 2 * DEPTH] {
        let ahead = Cursor {
            height: world.ledger.final_head().await.unwrap().number + above,
            ..cursor
        };
        let error = world.ledger.observe(&ahead, 10).await.unwrap_err();
        assert!(matches!(error, FindError::Unavailable(_)), "{error:?}");
    }
}
