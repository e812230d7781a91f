//! A transaction whose price no block takes any more is replaced at the same nonce, and an empty wallet stops its lane only.

use alloy::providers::Provider;
use alloy::providers::ext::AnvilApi;
use isthmus_core::ports::{Attempt, Found, Ledger, SendError};
use isthmus_core::time::Clock;
use serde_json::{Value, json};

use crate::setup::{MINTER, key, senders_from};
use crate::world::World;

/// Longer than an offer stands.
const STOOD_MS: u64 = 10_001;

impl World {
    /// The next block and those after it take only transactions that pay this for a unit of gas.
    async fn base_fee(&self, gwei: u128) {
        let wei = gwei * 1_000_000_000;
        let set = self.node.rpc.anvil_set_next_block_base_fee_per_gas(wei);
        set.await.unwrap();
        self.node.mine(1).await;
        let set = self.node.rpc.anvil_set_next_block_base_fee_per_gas(wei);
        set.await.unwrap();
    }

    /// The attempt with one more draft, as the engine makes it of what is absent and may not be sent again.
    async fn redrafted(&self, attempt: &Attempt) -> Attempt {
        assert_eq!(self.find(attempt).await.unwrap(), Found::Absent);
        assert_eq!(attempt.sendable(self.clock.now()), None);
        let next = self.prepare(&attempt.operation).await;
        self.send(&next.drafts[0]).await;
        let mut drafts = attempt.drafts.clone();
        drafts.extend(next.drafts);
        Attempt {
            drafts,
            ..attempt.clone()
        }
    }
}

fn nonces(attempt: &Attempt) -> Vec<Option<u64>> {
    attempt.drafts.iter().map(|draft| draft.nonce).collect()
}

#[tokio::test]
async fn mints_and_voids_below_the_base_fee_are_replaced_and_land_once() {
    let world = World::ready().await;
    for operation in [world.mint(1), world.void(2, 1)] {
        let attempt = world.sent(&operation).await;
        world.base_fee(40).await;
        // anvil drops what no block takes; until its time is up the same bytes are sent again.
        assert_eq!(world.find(&attempt).await.unwrap(), Found::Absent);
        assert_eq!(attempt.sendable(world.clock.now()), attempt.drafts.last());
        world.clock.advance(STOOD_MS);
        let attempt = world.redrafted(&attempt).await;
        let [first, second] = nonces(&attempt)[..] else {
            panic!("{attempt:?}");
        };
        assert_eq!(first, second, "it takes the first one's place");
        world.settle().await;
        world.final_receipt(&attempt).await;
        world.base_fee(1).await;
    }
    assert_eq!(world.minted().await, 1);
}

/// Other nodes than anvil keep what no block takes at its price, and count its nonce.
#[tokio::test]
async fn a_fair_price_is_not_raised_and_the_limit_is_kept() {
    let (world, proxy) = World::ready().await.behind_proxy().await;
    let attempt = world.sent(&world.mint(1)).await;
    let hash = format!("0x{}", hex::encode(attempt.drafts[0].id.as_bytes()));
    let kept: Value = (world.node.rpc)
        .raw_request("eth_getTransactionByHash".into(), (hash.clone(),))
        .await
        .unwrap();
    let counted = attempt.drafts[0].nonce.unwrap() + 1;
    proxy.lie(move |request, answer| {
        let params = &request["params"];
        if request["method"] == "eth_getTransactionByHash" && params[0] == hash.as_str() {
            answer["result"] = kept.clone();
        }
        if request["method"] == "eth_getTransactionCount" && params[1] == "pending" {
            answer["result"] = json!(format!("{counted:#x}"));
        }
    });
    world.clock.advance(STOOD_MS);
    let found = world.find(&attempt).await.unwrap();
    assert!(
        matches!(found, Found::Unsettled { .. }),
        "no block came: {found:?}"
    );
    // Above the limit of 100 gwei there is nothing to offer: it waits for a better day.
    world.base_fee(100).await;
    let found = world.find(&attempt).await.unwrap();
    assert!(matches!(found, Found::Unsettled { .. }), "{found:?}");
    world.base_fee(40).await;
    let attempt = world.redrafted(&attempt).await;
    let [first, second] = nonces(&attempt)[..] else {
        panic!("{attempt:?}");
    };
    assert_eq!(first, second, "it takes the first one's place");
    proxy.stop_lying();
    world.settle().await;
    world.final_receipt(&attempt).await;
    assert_eq!(world.minted().await, 1);
}

#[tokio::test]
async fn a_restart_replaces_what_the_journal_holds() {
    let world = World::ready().await;
    let attempt = world.sent(&world.mint(1)).await;
    world.base_fee(40).await;
    world.clock.advance(STOOD_MS);
    let next = attempt.drafts[0].nonce.unwrap() + 1;
    let world = world.restarted(senders_from(next, 0)).await;
    let attempt = world.redrafted(&attempt).await;
    assert_eq!(nonces(&attempt), [Some(next - 1), Some(next - 1)]);
    let later = world.sent(&world.mint(2)).await;
    assert_eq!(
        later.drafts[0].nonce,
        Some(next),
        "the next one comes after it"
    );
    world.settle().await;
    world.final_receipt(&attempt).await;
    world.final_receipt(&later).await;
}

#[tokio::test]
async fn the_first_of_several_that_lands_counts_whichever_it_is() {
    let world = World::ready().await;
    let attempt = world.sent(&world.mint(1)).await;
    world.base_fee(40).await;
    world.clock.advance(STOOD_MS);
    assert_eq!(world.find(&attempt).await.unwrap(), Found::Absent);
    // Drafted and journalled, but before it is sent the price falls and the first one lands.
    let next = world.prepare(&attempt.operation).await;
    world.base_fee(1).await;
    world.settle().await;
    let both = Attempt {
        drafts: attempt.drafts.iter().chain(&next.drafts).cloned().collect(),
        ..attempt
    };
    world.send(&next.drafts[0]).await;
    world.settle().await;
    world.final_receipt(&both).await;
    assert_eq!(world.minted().await, 1);
}

#[tokio::test]
async fn an_empty_wallet_is_named_and_the_other_lane_goes_on() {
    let world = World::ready().await;
    let account = isthmus_evm::contract::evm_address(key(MINTER).address());
    let set = world
        .node
        .rpc
        .anvil_set_balance(account, alloy::primitives::U256::ZERO);
    set.await.unwrap();
    let attempt = world.prepare(&world.mint(1)).await;
    let answer = world.ledger.send(&attempt.drafts).await.remove(0);
    let Err(SendError::Unreached(error)) = answer else {
        panic!("{answer:?}");
    };
    let text = error.to_string();
    assert!(
        text.contains(&account.to_string()) && text.contains("cannot pay"),
        "{text}"
    );
    let void = world.sent(&world.void(2, 1)).await;
    world.settle().await;
    world.final_receipt(&void).await;
    assert_eq!(world.find(&attempt).await.unwrap(), Found::Absent);
    let funds = alloy::primitives::U256::from(10_u128.pow(19));
    world
        .node
        .rpc
        .anvil_set_balance(account, funds)
        .await
        .unwrap();
    world.send(&attempt.drafts[0]).await;
    world.settle().await;
    world.final_receipt(&attempt).await;
}
