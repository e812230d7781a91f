//! Rotations and limits at the gate, as the adapter sees them.

use alloy::primitives::Bytes;
use alloy::sol;
use isthmus_core::operation::OperationKind;
use isthmus_core::ports::{Attempt, Found};
use isthmus_core::time::Clock;
use isthmus_evm::SigningKey;
use isthmus_evm::contract::{Gate, class_word, evm_address};
use isthmus_evm::deploy::{ROTATION_DELAY_S, ROTATION_GRACE_S};
use isthmus_evm::eip712;

use crate::setup::{
    ADMIN, ATTESTERS, CHAIN_ID, DAY_MS, GUARDIAN, attesters, class, item, key, sign,
};
use crate::world::World;

sol! {
    /// What the gate's admin calls.
    interface Admin {
        function setLimit(uint256 assetClass, uint88 most, uint32 window) external;
        function setBigTransfer(uint256 assetClass, uint88 from, uint32 delay) external;
    }
}

/// The old set appoints one signer who was a stranger.
async fn rotate(world: &World) {
    let signers = vec![key(GUARDIAN).address()];
    let digest = eip712::rotation_digest(CHAIN_ID, world.config.gate, &signers, 1, 2);
    let call = Gate::rotateSignersCall {
        signers: signers.into_iter().map(evm_address).collect(),
        threshold: 1,
        signatures: sign(digest, &ATTESTERS[..2])
            .into_iter()
            .map(Bytes::from)
            .collect(),
    };
    world.call_gate(ADMIN, &call).await;
    world.settle().await;
}

#[tokio::test]
async fn the_set_to_sign_for_is_the_one_in_force_and_the_next_is_announced() {
    let world = World::ready().await;
    assert_eq!(world.ledger.scheduled_set().await.unwrap(), None);
    rotate(&world).await;
    let set = world.ledger.signer_set().await.unwrap();
    assert_eq!((set.epoch, set.threshold), (1, 2), "not before its time");
    let expected: Vec<_> = attesters(&ATTESTERS)
        .iter()
        .map(SigningKey::address)
        .collect();
    assert_eq!(set.signers, expected);
    let (next, starts) = world.ledger.scheduled_set().await.unwrap().unwrap();
    assert_eq!((next.epoch, next.threshold), (2, 1));
    assert_eq!(next.signers, [key(GUARDIAN).address()]);
    let head = world.ledger.final_head().await.unwrap();
    assert!(starts.ms() > head.timestamp.ms() + 1_000 * u64::from(ROTATION_DELAY_S) - 60_000);
    world.pass(ROTATION_DELAY_S).await;
    let set = world.ledger.signer_set().await.unwrap();
    assert_eq!((set.epoch, set.threshold), (2, 1));
    assert_eq!(set.signers, [key(GUARDIAN).address()]);
    assert_eq!(world.ledger.scheduled_set().await.unwrap(), None);
}

#[tokio::test]
async fn a_cancelled_rotation_is_none() {
    let world = World::ready().await;
    rotate(&world).await;
    world
        .call_gate(GUARDIAN, &Gate::cancelRotationCall {})
        .await;
    world.settle().await;
    assert_eq!(world.ledger.scheduled_set().await.unwrap(), None);
    world.pass(ROTATION_DELAY_S).await;
    assert_eq!(world.ledger.signer_set().await.unwrap().epoch, 1);
    world.sent(&world.mint(1)).await;
    world.settle().await;
    assert_eq!(world.minted().await, 1, "the old set goes on");
}

#[tokio::test]
async fn what_the_old_set_signed_lands_in_the_grace_and_lapses_after_it() {
    let world = World::ready().await;
    rotate(&world).await;
    world.pass(ROTATION_DELAY_S).await;
    let mint = world.sent(&world.mint(1)).await;
    let void = world.sent(&world.void(9, 1)).await;
    world.settle().await;
    world.final_receipt(&mint).await;
    world.final_receipt(&void).await;
    world.pass(ROTATION_GRACE_S).await;
    let late = world.sent(&world.mint(2)).await;
    let late_void = world.sent(&world.void(8, 1)).await;
    world.settle().await;
    for attempt in [&late, &late_void] {
        let Ok(Found::Dead(refusal)) = world.find(attempt).await else {
            panic!("it cannot land any more");
        };
        let expected = "WrongEpoch { signed: 1, current: 2 }";
        assert!(refusal.message.contains(expected), "{refusal}");
    }
    // The same item again, signed by the new set.
    let batch = world.signed(vec![item(2)], DAY_MS, 2, &[GUARDIAN]);
    let operation = world.mints(&batch).remove(0);
    let again = world.sent(&operation).await;
    world.settle().await;
    let attempt = Attempt {
        operation,
        drafts: [late.drafts, again.drafts].concat(),
    };
    world.final_receipt(&attempt).await;
    assert_eq!(world.minted().await, 2);
}

#[tokio::test]
async fn a_big_transfer_is_looked_at_again_when_it_may_pass() {
    let world = World::ready().await;
    let call = Admin::setBigTransferCall {
        assetClass: class_word(class().id()),
        from: alloy::primitives::Uint::from(3_000_000),
        delay: 3_600,
    };
    world.call_gate(ADMIN, &call).await;
    world.settle().await;
    let batch = world.batch(vec![item(2), item(3)], DAY_MS);
    let operations = world.mints(&batch);
    let small = world.sent(&operations[0]).await;
    world.settle().await;
    let big = Attempt {
        operation: operations[1].clone(),
        drafts: small.drafts.clone(),
    };
    world.final_receipt(&small).await;
    let Ok(Found::Unsettled { recheck_at }) = world.find(&big).await else {
        panic!("it waits");
    };
    let waits_ms = recheck_at.ms() - world.clock.now().ms();
    assert!((3_500_000..3_700_000).contains(&waits_ms), "{waits_ms}");
    world.pass(3_700).await;
    assert_eq!(
        world.refusal(&big).await,
        ("dead", "big_transfer_waits".into())
    );
    let again = world.batch(vec![item(3)], DAY_MS);
    let again = world.sent(&world.mints(&again)[0]).await;
    world.settle().await;
    world.final_receipt(&again).await;
}

/// Otherwise nobody could say for a day that it is not to be minted at all.
#[tokio::test]
async fn a_wait_that_outlasts_its_batch_ends_with_it() {
    let world = World::ready().await;
    let call = Admin::setBigTransferCall {
        assetClass: class_word(class().id()),
        from: alloy::primitives::Uint::from(3_000_000),
        delay: 3_600,
    };
    world.call_gate(ADMIN, &call).await;
    world.settle().await;
    let batch = world.batch(vec![item(3)], 600_000);
    let big = world.sent(&world.mints(&batch)[0]).await;
    world.settle().await;
    let Ok(Found::Unsettled { recheck_at }) = world.find(&big).await else {
        panic!("it waits");
    };
    assert_eq!(recheck_at, batch.deadline, "not longer than it counts");
    world.clock.advance(601_000);
    let Ok(Found::Unsettled { recheck_at }) = world.find(&big).await else {
        panic!("no final block is past it");
    };
    assert_eq!(recheck_at, world.clock.now().plus_ms(1_000));
    world.node.pass_time(602).await;
    world.settle().await;
    let dead = ("dead", "big_transfer_waits".to_owned());
    assert_eq!(world.refusal(&big).await, dead);
    // Signed again, it waits from when it was shown first.
    world.pass(3_000).await;
    let again = world.batch(vec![item(3)], DAY_MS);
    let again = world.sent(&world.mints(&again)[0]).await;
    world.settle().await;
    world.final_receipt(&again).await;
}

#[tokio::test]
async fn a_big_transfer_that_waits_can_be_voided() {
    let world = World::ready().await;
    let call = Admin::setBigTransferCall {
        assetClass: class_word(class().id()),
        from: alloy::primitives::Uint::from(3_000_000),
        delay: 3_600,
    };
    world.call_gate(ADMIN, &call).await;
    world.settle().await;
    let big = world.sent(&world.mint(3)).await;
    world.settle().await;
    let found = world.find(&big).await;
    assert!(matches!(found, Ok(Found::Unsettled { .. })), "{found:?}");
    let asked = Attempt {
        operation: world.void(3, 1),
        drafts: vec![],
    };
    assert_eq!(world.find(&asked).await.unwrap(), Found::Absent);
    let void = world.sent(&asked.operation).await;
    world.settle().await;
    for attempt in [&void, &big] {
        let receipt = world.final_receipt(attempt).await;
        assert_eq!(receipt.operation, OperationKind::Void);
    }
}

#[tokio::test]
async fn a_mint_beyond_the_limit_is_looked_at_again_when_the_bucket_has_refilled() {
    let world = World::ready().await;
    let call = Admin::setLimitCall {
        assetClass: class_word(class().id()),
        most: alloy::primitives::Uint::from(4_000_000),
        window: 4_000,
    };
    world.call_gate(ADMIN, &call).await;
    world.settle().await;
    let first = world.sent(&world.mint(3)).await;
    world.settle().await;
    world.final_receipt(&first).await;
    let second = world.sent(&world.mint(2)).await;
    let never_here = world.sent(&world.mint(5)).await;
    world.settle().await;
    let Ok(Found::Unsettled { recheck_at }) = world.find(&second).await else {
        panic!("it waits");
    };
    let waits_ms = recheck_at.ms() - world.clock.now().ms();
    assert!((900_000..1_060_000).contains(&waits_ms), "{waits_ms}");
    let refused = ("dead", "limit_reached".to_owned());
    assert_eq!(
        world.refusal(&never_here).await,
        refused,
        "more than the bucket holds"
    );
    world.pass(1_100).await;
    assert_eq!(world.refusal(&second).await, refused);
    let again = world.batch(vec![item(2)], DAY_MS + 1);
    let again = world.sent(&world.mints(&again)[0]).await;
    world.settle().await;
    world.final_receipt(&again).await;
}
