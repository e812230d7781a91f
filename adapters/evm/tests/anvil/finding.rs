//! What became of mints and voids: absent before, final after, and what circulates in the end.

use alloy::consensus::{Transaction as _, TxEnvelope};
use alloy::eips::eip2718::Decodable2718;
use alloy::sol_types::SolEvent;
use isthmus_core::operation::{MintItem, OperationKind};
use isthmus_core::pool::Pool;
use isthmus_core::ports::{Attempt, FindError, Found, Ledger, Page};
use isthmus_core::quantity::Quantity;
use isthmus_core::receipt::EvidenceKind;
use isthmus_evm::contract::Gate;
use isthmus_evm::evidence::EvmEvidence;
use isthmus_evm::{Outcome, sent};

use crate::setup::{ADMIN, DAY_MS, DEPTH, HOLDER, class, item, key};
use crate::world::World;

#[tokio::test]
async fn a_batch_of_mints_is_absent_before_and_final_after() {
    let world = World::ready().await;
    let batch = world.batch((1..=3).map(item).collect(), DAY_MS);
    let operations = world.mints(&batch);
    let drafts: Vec<_> = world.ledger.prepare(&operations).await;
    let drafts: Vec<_> = drafts.into_iter().map(Result::unwrap).collect();
    assert!(
        drafts.iter().all(|draft| draft == &drafts[0]),
        "one draft per batch"
    );
    let later = world.ledger.prepare(&operations[2..]).await.remove(0);
    assert_eq!(
        later.unwrap(),
        drafts[0],
        "also for an item that comes due later"
    );
    let attempts: Vec<_> = operations
        .iter()
        .map(|operation| Attempt {
            operation: operation.clone(),
            drafts: vec![drafts[0].clone()],
        })
        .collect();
    for found in world.ledger.find(&attempts).await {
        assert_eq!(found.unwrap(), Found::Absent);
    }
    world.send(&drafts[0]).await;
    world.send(&drafts[0]).await;
    assert!(
        matches!(world.find(&attempts[0]).await, Ok(Found::Unsettled { .. })),
        "in the mempool"
    );
    world.node.mine(DEPTH).await;
    assert!(
        matches!(world.find(&attempts[0]).await, Ok(Found::Unsettled { .. })),
        "not final"
    );
    world.node.mine(1).await;
    for (found, item) in world
        .ledger
        .find(&attempts)
        .await
        .into_iter()
        .zip(&batch.items)
    {
        let Ok(Found::Final(receipt)) = found else {
            panic!("{found:?}");
        };
        assert_eq!(
            (receipt.operation, receipt.quantity),
            (OperationKind::Mint, item.quantity)
        );
        assert_eq!(receipt.evidence.kind(), EvidenceKind::EvmReceipt);
        let event = EvmEvidence::parse(receipt.evidence.bytes())
            .unwrap()
            .verify()
            .unwrap();
        let event = Gate::BatchMinted::decode_log(&event).unwrap();
        assert!(sent::minted(&event).any(|minted| minted == item.into()));
    }
    let ids: Vec<_> = batch.items.iter().map(|item| item.transfer).collect();
    let (block, outcomes) = world.ledger.outcomes_at_final(&ids).await.unwrap();
    assert_eq!(outcomes, [Outcome::Minted; 3]);
    let supply = world.ledger.supply_at(class().id(), block).await.unwrap();
    assert_eq!(supply, Quantity::from_tonnes(6).unwrap());
}

#[tokio::test]
async fn a_mint_that_finds_the_void_says_so_and_the_other_way_round() {
    let world = World::ready().await;
    let voided = world.sent(&world.void(1, 1)).await;
    let minted = world.sent(&world.mint(2)).await;
    world.settle().await;
    let late_mint = Attempt {
        operation: world.mint(1),
        drafts: vec![],
    };
    let late_void = Attempt {
        operation: world.void(2, 1),
        drafts: vec![],
    };
    for attempt in [&voided, &late_mint] {
        let receipt = world.final_receipt(attempt).await;
        assert_eq!(
            (receipt.operation, receipt.quantity),
            (OperationKind::Void, Quantity::ZERO)
        );
    }
    for attempt in [&minted, &late_void] {
        assert_eq!(
            world.final_receipt(attempt).await.operation,
            OperationKind::Mint
        );
    }
    // A second void is a transaction that fails; the outcome still decides.
    let again = world.sent(&world.void(1, 1)).await;
    world.settle().await;
    assert_eq!(
        world.final_receipt(&again).await.operation,
        OperationKind::Void
    );
}

#[tokio::test]
async fn a_mint_that_somebody_else_sent_is_found_in_the_logs() {
    let world = World::ready().await;
    let unsent = world.prepare(&world.mint(1)).await;
    let bytes = &unsent.drafts[0].bytes;
    let signed = TxEnvelope::decode_2718(&mut bytes.as_slice()).unwrap();
    world
        .transact(HOLDER, signed.kind(), signed.input().clone())
        .await;
    world.node.mine(1).await;
    let found = world.find(&unsent).await;
    assert!(
        matches!(found, Ok(Found::Unsettled { .. })),
        "nothing to send: {found:?}"
    );
    // More blocks than one range of logs may have.
    world.node.mine(10).await;
    let forgotten = Attempt {
        drafts: vec![],
        ..unsent.clone()
    };
    for attempt in [&unsent, &forgotten] {
        let receipt = world.final_receipt(attempt).await;
        assert_eq!(receipt.operation, OperationKind::Mint);
    }
}

#[tokio::test]
async fn a_mint_of_another_item_under_the_same_id_is_a_contradiction() {
    let world = World::ready().await;
    world.sent(&world.mint(1)).await;
    world.settle().await;
    let batch = world.batch(
        vec![MintItem {
            recipient: key(ADMIN).address(),
            ..item(1)
        }],
        DAY_MS,
    );
    let attempt = Attempt {
        operation: world.mints(&batch).remove(0),
        drafts: vec![],
    };
    let found = world.find(&attempt).await;
    assert!(
        matches!(found, Err(FindError::Contradiction(_))),
        "{found:?}"
    );
}

#[tokio::test]
async fn reserves_are_what_circulates_at_the_final_block() {
    let world = World::ready().await;
    world.sent(&world.mint(5)).await;
    let pool = Pool {
        asset_class: class().id(),
        custody_account: "9001".parse().unwrap(),
        destination: world.config.ledger.clone(),
        gate: world.config.gate,
        origin: "vcs:sandbox".parse().unwrap(),
    };
    let page = Page {
        offset: 0,
        limit: 10,
    };
    world.node.mine(DEPTH).await;
    let before = world.ledger.reserves(&pool, page).await.unwrap();
    assert_eq!(before.total, Quantity::ZERO, "not final");
    world.node.mine(1).await;
    let after = world.ledger.reserves(&pool, page).await.unwrap();
    assert_eq!(after.total, Quantity::from_tonnes(5).unwrap());
    assert_eq!(after.as_of, world.node.height().await - DEPTH);
    let other = Pool {
        gate: key(ADMIN).address(),
        ..pool
    };
    assert!(world.ledger.reserves(&other, page).await.is_err());
}
