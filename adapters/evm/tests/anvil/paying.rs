//! What our transactions cost: as the chain has it, of our own only, and of those that failed too.

use alloy::primitives::B256;
use alloy::providers::Provider;
use isthmus_core::id::Hash32;
use isthmus_core::ports::{Attempt, Costs as _, Fee, Ledger as _};
use isthmus_evm::EvmLedger;

use crate::setup::{DAY_MS, item};
use crate::world::World;

fn transaction(attempt: &Attempt) -> Hash32 {
    Hash32::new(*attempt.drafts[0].id.as_bytes())
}

/// As the node's own receipt says.
async fn charged(world: &World, attempt: &Attempt) -> Fee {
    let hash = B256::from(*transaction(attempt).as_bytes());
    let receipt = world.node.rpc.get_transaction_receipt(hash).await;
    let receipt = receipt.unwrap().unwrap();
    Fee {
        gas: receipt.gas_used,
        wei: u128::from(receipt.gas_used) * receipt.effective_gas_price,
    }
}

#[tokio::test]
async fn a_final_transaction_of_ours_has_the_fee_that_the_chain_took() {
    let world = World::ready().await;
    let attempt = world.sent(&world.mint(1)).await;
    let ours = transaction(&attempt);
    assert_eq!(world.ledger.fee(ours), None, "in no block yet");
    world.settle().await;
    world.final_receipt(&attempt).await;
    let fee = charged(&world, &attempt).await;
    assert!(fee.gas > 21_000 && fee.wei > 0, "{fee:?}");
    assert_eq!(world.ledger.fee(ours), Some(fee));

    // Whoever only reads pays nothing, whatever they find.
    let reader = EvmLedger::read_only(&world.config, world.clock()).await;
    let reader = reader.unwrap();
    let found = reader.find(std::slice::from_ref(&attempt)).await;
    assert!(found[0].is_ok(), "{found:?}");
    assert_eq!(reader.fee(ours), None);
}

#[tokio::test]
async fn a_transaction_that_failed_has_its_fee_too() {
    let world = World::ready().await;
    // Signed by nobody: the gate reverts.
    let unknown = world.signed(vec![item(2)], DAY_MS, 7, &[]);
    let attempt = world.sent(&world.mints(&unknown)[0]).await;
    world.settle().await;
    world.refusal(&attempt).await;
    let fee = charged(&world, &attempt).await;
    assert_eq!(world.ledger.fee(transaction(&attempt)), Some(fee));
}

#[tokio::test]
async fn calls_are_counted() {
    let world = World::ready().await;
    let before = world.ledger.calls();
    assert!(before > 0);
    let attempt = world.prepare(&world.mint(1)).await;
    world.find(&attempt).await.unwrap();
    let after = world.ledger.calls();
    assert!(after > before && after < before + 40, "{before} {after}");
}
