//! What is not final may vanish; what is final may not.

use isthmus_core::ports::{Blocks, FindError, Found, Ledger};
use isthmus_core::quantity::Quantity;
use isthmus_core::receipt::Position;
use isthmus_evm::EvmLedger;

use crate::setup::{DEPTH, START};
use crate::world::World;

#[tokio::test]
async fn a_mint_that_is_reorganised_away_is_absent_and_lands_once() {
    let world = World::ready().await;
    let attempt = world.sent(&world.mint(1)).await;
    world.node.mine(DEPTH).await;
    let found = world.find(&attempt).await;
    assert!(matches!(found, Ok(Found::Unsettled { .. })), "{found:?}");
    assert_eq!(world.minted().await, 1);
    world.node.reorg(DEPTH).await;
    world.node.empty_mempool().await;
    assert_eq!(world.minted().await, 0);
    assert_eq!(world.find(&attempt).await.unwrap(), Found::Absent);
    for _ in 0..2 {
        world.send(&attempt.drafts[0]).await;
    }
    world.settle().await;
    world.final_receipt(&attempt).await;
    assert_eq!(world.minted().await, 1);
}

#[tokio::test]
async fn a_mint_that_moves_to_another_block_is_proven_there() {
    let world = World::ready().await;
    let attempt = world.sent(&world.mint(1)).await;
    world.node.mine(1).await;
    let first = world.node.height().await;
    world.node.reorg(1).await;
    world.node.mine(1).await;
    world.send(&attempt.drafts[0]).await;
    world.settle().await;
    let Position::Chain { height, .. } = world.final_receipt(&attempt).await.position else {
        panic!("a chain's position has a block");
    };
    assert!(height > first, "{height}");
}

#[tokio::test]
async fn a_burn_that_is_reorganised_away_was_never_observed() {
    let world = World::ready().await;
    world.sent(&world.mint(5)).await;
    world.settle().await;
    world.burn(1).await;
    world.node.mine(DEPTH).await;
    let seen = world.ledger.observe(&START, 10).await.unwrap();
    assert!(seen.facts.is_empty(), "it is not final: {:?}", seen.facts);
    assert_eq!(world.ledger.burn_at_final(1).await.unwrap(), None);
    world.node.reorg(DEPTH).await;
    world.node.empty_mempool().await;
    world.node.mine(DEPTH + 1).await;
    let after = world.ledger.observe(&seen.next, 10).await.unwrap();
    assert!(after.facts.is_empty());
    // The number is given again, to another burn.
    world.burn(2).await;
    world.settle().await;
    let after = world.ledger.observe(&after.next, 10).await.unwrap();
    let quantities: Vec<_> = after.facts.iter().map(|f| f.receipt.quantity).collect();
    assert_eq!(quantities, [Quantity::from_tonnes(2).unwrap()]);
    assert_eq!(after.next.last_number, 1);
}

#[tokio::test]
async fn a_final_block_that_changes_is_a_contradiction() {
    let world = World::ready().await;
    let cursor = world.ledger.observe(&START, 10).await.unwrap().next;
    world.node.reorg(DEPTH + 2).await;
    world.node.mine(3).await;
    let error = world.ledger.final_head().await.unwrap_err();
    assert!(matches!(error, FindError::Contradiction(_)), "{error:?}");
    let error = world.ledger.observe(&START, 10).await.unwrap_err();
    assert!(
        matches!(error, FindError::Contradiction(_)),
        "to read from the first block accepts nothing: {error:?}"
    );
    // A process that starts afresh sees it by its cursor.
    let fresh = EvmLedger::read_only(&world.config, world.clock()).await;
    let error = fresh.unwrap().observe(&cursor, 10).await.unwrap_err();
    assert!(matches!(error, FindError::Contradiction(_)), "{error:?}");
    // People look.
    world.ledger.look_anew();
    world.ledger.observe(&START, 10).await.unwrap();
    let error = world.ledger.observe(&cursor, 10).await.unwrap_err();
    assert!(
        matches!(error, FindError::Contradiction(_)),
        "what is stored still counts: {error:?}"
    );
}
