//! What is prepared fits the gate and one transaction; what could never land is not prepared.

use std::sync::Arc;

use isthmus_core::id::TransferId;
use isthmus_core::operation::{MintItem, Operation, SignedBatch};
use isthmus_core::ports::{Attempt, Ledger, PrepareError, SendError};
use isthmus_core::quantity::Quantity;
use isthmus_evm::deploy::{DeployError, GateParameters, deploy_gate};
use isthmus_evm::{EvmConfig, EvmLedger, FeeLimits, MAX_BATCH, Outcome};

use crate::node::Node;
use crate::setup::{ADMIN, ATTESTERS, CHAIN_ID, DAY_MS, class, item, key, parameters, senders};
use crate::world::World;

#[tokio::test]
async fn operations_that_could_never_land_are_not_prepared() {
    let world = World::ready().await;
    let batch = world.batch(vec![item(1)], DAY_MS);
    let foreign_item = Operation::Mint {
        item: item(2),
        ledger: world.config.ledger.clone(),
        batch: Arc::clone(&batch),
    };
    let other_gate = Operation::Mint {
        item: item(1),
        ledger: world.config.ledger.clone(),
        batch: SignedBatch {
            epoch: 2,
            ..(*batch).clone()
        }
        .into(),
    };
    let other_ledger = Operation::Mint {
        item: item(1),
        ledger: "eip155:1".parse().unwrap(),
        batch,
    };
    let too_many = (0..=MAX_BATCH).map(|_| item(1)).collect();
    let too_large = world.mints(&world.batch(too_many, DAY_MS)).remove(0);
    for draft in world
        .ledger
        .prepare(&[foreign_item, other_gate, other_ledger, too_large])
        .await
    {
        assert!(
            matches!(draft, Err(PrepareError::Unsupported(_))),
            "{draft:?}"
        );
    }
}

#[tokio::test]
async fn a_full_batch_fits_into_one_transaction() {
    let world = World::ready().await;
    let count = u8::try_from(MAX_BATCH).unwrap();
    let small = |n| MintItem {
        quantity: Quantity::from_tonnes(1).unwrap(),
        ..item(n)
    };
    let batch = world.batch((1..=count).map(small).collect(), DAY_MS);
    let operations = world.mints(&batch);
    let draft = world.ledger.prepare(&operations).await.remove(0).unwrap();
    world.send(&draft).await;
    world.settle().await;
    let ids: Vec<_> = (1..=count).map(|n| TransferId::new([n; 32])).collect();
    let (_, outcomes) = world.ledger.outcomes_at_final(&ids).await.unwrap();
    assert!(
        outcomes.iter().all(|outcome| *outcome == Outcome::Minted),
        "{outcomes:?}"
    );
}

#[tokio::test]
async fn an_offer_does_not_stand_longer_than_what_was_signed() {
    let world = World::ready().await;
    let batch = world.batch(vec![item(1)], 4_000);
    let attempt = world.prepare(&world.mints(&batch)[0]).await;
    assert_eq!(attempt.drafts[0].expires, Some(batch.deadline));
}

#[tokio::test]
async fn a_price_above_the_limit_is_not_offered() {
    let world = World::ready().await;
    let config = EvmConfig {
        fees: FeeLimits {
            max_fee_per_gas_wei: 2,
            priority_fee_per_gas_wei: 1,
        },
        ..world.config.clone()
    };
    let thrifty = EvmLedger::connect(&config, senders(), world.clock()).await;
    let draft = thrifty.unwrap().prepare(&[world.mint(1)]).await.remove(0);
    let error = draft.unwrap_err().to_string();
    assert!(error.contains("max_fee_per_gas_wei = 2"), "{error}");
}

#[tokio::test]
async fn a_draft_of_another_ledger_is_not_sent() {
    let world = World::ready().await;
    let mut draft = world.prepare(&world.mint(1)).await.drafts.remove(0);
    draft.bytes = b"{}".to_vec();
    let answer = world.ledger.send(&[draft]).await.remove(0);
    assert!(matches!(answer, Err(SendError::Unreached(_))), "{answer:?}");
}

#[tokio::test]
async fn a_class_is_registered_once_and_its_first_mint_follows_in_the_same_block() {
    let world = World::bare().await;
    for _ in 0..2 {
        world.ledger.register_class(&class()).await.unwrap();
    }
    let attempt = world.sent(&world.mint(1)).await;
    assert_eq!(
        attempt.drafts[0].nonce,
        Some(1),
        "one registration before it"
    );
    world.settle().await;
    world.final_receipt(&attempt).await;
    // Another process asks the gate first.
    let world = world.restarted(senders()).await;
    world.ledger.register_class(&class()).await.unwrap();
    let next = world.prepare(&world.mint(2)).await;
    assert_eq!(next.drafts[0].nonce, Some(2), "nothing to register");
}

#[tokio::test]
async fn a_registration_that_got_lost_is_made_again() {
    let world = World::bare().await;
    world.ledger.register_class(&class()).await.unwrap();
    world.node.empty_mempool().await;
    let skipped = world.sent(&world.mint(1)).await;
    world.settle().await;
    let refusal = world.refusal(&skipped).await;
    assert_eq!(refusal, ("dead", "unknown_class".into()));
    world.ledger.register_class(&class()).await.unwrap();
    assert_eq!(world.node.pending().await, 0, "it may still come");
    world.clock.advance(10_000);
    world.ledger.register_class(&class()).await.unwrap();
    let attempt = Attempt {
        drafts: skipped.drafts.clone(),
        ..world.sent(&world.mint(2)).await
    };
    world.settle().await;
    world.final_receipt(&attempt).await;
}

#[tokio::test]
async fn a_gate_that_cannot_be_is_not_deployed() {
    let node = Node::start(CHAIN_ID);
    let mut descending = parameters();
    descending.signers.reverse();
    let wrong = GateParameters {
        threshold: u8::try_from(ATTESTERS.len()).unwrap() + 1,
        ..parameters()
    };
    for (parameters, reason) in [(descending, "SignersNotAscending"), (wrong, "BadSignerSet")] {
        let error = deploy_gate(&node.url, &key(ADMIN), &parameters).await;
        let error = error.unwrap_err();
        assert!(matches!(error, DeployError::Refused(_)), "{error:?}");
        assert!(error.to_string().contains(reason), "{error}");
    }
}
