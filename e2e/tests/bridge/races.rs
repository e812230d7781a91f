//! A mint that lands when nobody waits for it any more: the gate decides what came first, and is asked.

use isthmus_e2e::devnet::parties::ALPHA;
use isthmus_proto::v1::Transfer;

use crate::world::{World, unlock_reference};

#[tokio::test]
async fn a_mint_that_landed_before_the_void_completes_the_transfer() {
    let world = World::start().await;
    world.devnet.chain.stop_blocks().await.unwrap();
    let terms = world.terms(0, 9).await;
    let id = world.devnet.admit(&terms).await.unwrap();
    let sent = |t: &Transfer| t.state == "authorised" && t.pending == "mint";
    let waited = world.devnet.wait_until(id, "the mint is sent", sent).await;
    waited.unwrap();
    let mut blocks = 0;
    while world.devnet.chain.mints_of(id).await.unwrap() == 0 {
        assert!(blocks < 100, "the mint lands nowhere");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        world.devnet.chain.mine(1).await.unwrap();
        blocks += 1;
    }

    // It is in the newest block and not final. Nobody is there to sign the void.
    for attester in &world.devnet.attesters {
        attester.kill9().unwrap();
    }
    let withdrawn = world.devnet.withdraw(id, ALPHA).await.unwrap();
    assert_eq!(withdrawn.state, "withdrawing");
    // Now it is final, and attesters rightly sign no void of it.
    world.devnet.chain.mine(5).await.unwrap();
    world.devnet.chain.resume_blocks().await.unwrap();
    for attester in &world.devnet.attesters {
        attester.start().unwrap();
    }

    world.devnet.wait_for(id, "completed").await.unwrap();
    assert_eq!(world.devnet.chain.outcome(id).await.unwrap(), 1, "minted");
    assert_eq!(world.movements_of(unlock_reference(id)).await, 0);
    assert_eq!(world.custody_t().await, 10);
    world.devnet.audit(id).await.unwrap();
    world.assert_reserves_hold().await;
}

#[tokio::test]
async fn a_mint_that_somebody_else_sent_completes_the_transfer() {
    let mut world = World::start().await;
    let guardian = &world.devnet.parties.gate_guardian;
    world.devnet.chain.pause_gate(guardian).await.unwrap();
    let terms = world.terms(0, 9).await;
    let id = world.devnet.admit(&terms).await.unwrap();
    world.devnet.wait_for(id, "authorised").await.unwrap();
    for attester in &mut world.devnet.attesters {
        attester.kill9().unwrap();
    }
    // The gate has skipped it, so it is to be signed again; nobody is there to do so.
    let given_up = |t: &Transfer| t.state == "taken" && t.pending == "attest";
    let waited = world
        .devnet
        .wait_until(id, "the batch is given up", given_up)
        .await;
    waited.unwrap();

    let admin = &world.devnet.parties.gate_admin;
    world.devnet.chain.unpause_gate(admin).await.unwrap();
    let stranger = world.wallet(1);
    let chain = &world.devnet.chain;
    chain.repeat_skipped_batch(stranger).await.unwrap();

    world.devnet.wait_for(id, "completed").await.unwrap();
    assert_eq!(chain.mints_of(id).await.unwrap(), 1);
    assert_eq!(world.balance_t(0, terms.asset_class).await, 10);
    world.devnet.audit(id).await.unwrap();
}
