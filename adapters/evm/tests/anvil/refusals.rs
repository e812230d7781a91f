//! Why a mint or a void did not happen: what may pass later is dead, what never can is refused.

use isthmus_core::id::Address;
use isthmus_core::operation::{MintItem, OperationKind};
use isthmus_core::ports::{Attempt, Found, Ledger};
use isthmus_core::quantity::Quantity;

use crate::setup::{ADMIN, ATTESTERS, DAY_MS, DEPTH, GUARDIAN, item};
use crate::world::World;

alloy::sol! {
    function pause() external;
    function unpause() external;
}

#[tokio::test]
async fn a_mint_of_an_unknown_class_is_dead_once_that_is_final() {
    let world = World::bare().await;
    let unknown = world.sent(&world.mint(1)).await;
    world.node.mine(DEPTH).await;
    let found = world.find(&unknown).await;
    assert!(
        matches!(found, Ok(Found::Unsettled { .. })),
        "skipped in a block that may vanish: {found:?}"
    );
    world.node.mine(1).await;
    assert_eq!(
        world.refusal(&unknown).await,
        ("dead", "unknown_class".into())
    );
}

#[tokio::test]
async fn skips_that_may_pass_later_are_dead_and_others_refused() {
    let world = World::ready().await;
    let huge = MintItem {
        quantity: Quantity::from_tonnes(1001).unwrap(),
        ..item(2)
    };
    let zero = MintItem {
        quantity: Quantity::ZERO,
        ..item(3)
    };
    let nobody = MintItem {
        recipient: Address::new([0; 20]),
        ..item(4)
    };
    // A contract that takes no units.
    let gate = MintItem {
        recipient: world.config.gate,
        ..item(8)
    };
    let batch = world.batch(vec![huge, zero, nobody, item(5), gate], DAY_MS);
    let mut attempts = Vec::new();
    let drafts = world.ledger.prepare(&world.mints(&batch)).await;
    for (operation, draft) in world.mints(&batch).into_iter().zip(drafts) {
        attempts.push(Attempt {
            operation,
            drafts: vec![draft.unwrap()],
        });
    }
    world.send(&attempts[0].drafts[0]).await;
    world.settle().await;
    assert_eq!(
        world.refusal(&attempts[0]).await,
        ("dead", "cap_exceeded".into())
    );
    assert_eq!(
        world.refusal(&attempts[1]).await,
        ("refused", "zero_quantity".into())
    );
    assert_eq!(
        world.refusal(&attempts[2]).await,
        ("refused", "recipient_refused".into())
    );
    world.final_receipt(&attempts[3]).await;
    assert_eq!(
        world.refusal(&attempts[4]).await,
        ("refused", "recipient_refused".into())
    );
}

#[tokio::test]
async fn a_pause_stops_mints_and_the_same_batch_passes_after_it() {
    let world = World::ready().await;
    world.call_gate(GUARDIAN, &pauseCall {}).await;
    world.node.mine(1).await;
    let paused = world.sent(&world.mint(6)).await;
    let void = world.sent(&world.void(7, 1)).await;
    world.settle().await;
    assert_eq!(world.refusal(&paused).await, ("dead", "paused".into()));
    assert_eq!(
        world.final_receipt(&void).await.operation,
        OperationKind::Void,
        "works while paused"
    );

    // Dead is not for ever: what was signed still counts.
    world.call_gate(ADMIN, &unpauseCall {}).await;
    world.node.mine(1).await;
    let mut again = world.sent(&world.mint(6)).await;
    again.drafts.insert(0, paused.drafts[0].clone());
    world.settle().await;
    world.final_receipt(&again).await;
}

#[tokio::test]
async fn a_transaction_that_failed_as_a_whole_is_dead_with_its_reason() {
    let world = World::ready().await;
    let attempt = world.sent(&world.void(1, 2)).await;
    world.settle().await;
    let Ok(Found::Dead(refusal)) = world.find(&attempt).await else {
        panic!("an authorisation of another epoch cannot land");
    };
    assert_eq!(refusal.code, "reverted");
    assert!(refusal.message.contains("Epoch"), "{}", refusal.message);
}

#[tokio::test]
async fn an_authorisation_is_dead_only_when_a_final_block_is_past_its_deadline() {
    let world = World::ready().await;
    let batch = world.batch(vec![item(1)], 60_000);
    let operation = world.mints(&batch).remove(0);
    let attempt = world.prepare(&operation).await;
    assert_eq!(world.find(&attempt).await.unwrap(), Found::Absent);
    world.clock.advance(61_000);
    assert!(
        matches!(world.find(&attempt).await, Ok(Found::Unsettled { .. })),
        "our clock is not the chain's"
    );
    world.node.pass_time(120).await;
    world.node.mine(DEPTH).await;
    assert!(
        matches!(world.find(&attempt).await, Ok(Found::Unsettled { .. })),
        "not final"
    );
    world.node.mine(1).await;
    assert_eq!(
        world.refusal(&attempt).await,
        ("dead", "deadline_passed".into())
    );
}

#[tokio::test]
async fn too_few_signatures_mint_nothing() {
    let world = World::ready().await;
    let batch = world.signed(vec![item(1)], DAY_MS, 1, &ATTESTERS[..1]);
    let attempt = world.sent(&world.mints(&batch)[0]).await;
    world.settle().await;
    assert_eq!(world.refusal(&attempt).await, ("dead", "reverted".into()));
    assert_eq!(world.minted().await, 0);
}
