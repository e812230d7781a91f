//! Blocks that are replaced inside the finality depth: what was in them never happened, and each transfer still ends right, once.

use std::time::{Duration, Instant};

use isthmus_core::id::{AssetClassId, TransferId};
use isthmus_e2e::devnet::Redemption;
use isthmus_e2e::devnet::parties::{ALPHA, BETA};

use crate::world::{TONNE_G, World, serial, unlock_reference};

const LIMIT: Duration = Duration::from_mins(1);
/// The gate's outcomes.
const NONE: u8 = 0;
const MINTED: u8 = 1;
const VOIDED: u8 = 2;

/// Waits for the gate's outcome, stops the chain and replaces the block in which it happened.
async fn remove_as_soon_as_it_is(world: &World, id: TransferId, outcome: u8) {
    let chain = &world.devnet.chain;
    let deadline = Instant::now() + LIMIT;
    while chain.outcome(id).await.unwrap() != outcome {
        assert!(
            Instant::now() < deadline,
            "{id} never had outcome {outcome}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    chain.stop_blocks().await.unwrap();
    chain.reorg(1).await.unwrap();
    assert_eq!(chain.outcome(id).await.unwrap(), NONE, "it never happened");
}

#[tokio::test]
async fn a_mint_a_burn_and_a_void_that_a_reorg_removes_end_right_once() {
    let world = World::start().await;
    let chain = &world.devnet.chain;

    let terms = world.terms(0, 9).await;
    let id = world.devnet.admit(&terms).await.unwrap();
    remove_as_soon_as_it_is(&world, id, MINTED).await;
    assert_eq!(chain.mints_of(id).await.unwrap(), 0, "the mint is gone");
    assert_eq!(world.balance_t(0, terms.asset_class).await, 0);
    chain.resume_blocks().await.unwrap();
    world.devnet.wait_for(id, "completed").await.unwrap();
    assert_eq!(chain.mints_of(id).await.unwrap(), 1);
    assert_eq!(world.balance_t(0, terms.asset_class).await, 10);
    world.devnet.audit(id).await.unwrap();

    a_removed_burn(&world, terms.asset_class).await;
    a_removed_void(&world).await;
    world.assert_reserves_hold().await;
}

/// The gate counts burns, so the burn that comes in its place has the same number and the same id, and other terms.
async fn a_removed_burn(world: &World, class: AssetClassId) {
    let chain = &world.devnet.chain;
    let to_acme = Redemption::retire_for("Acme Ltd", "2025 emissions");
    let removed = world
        .devnet
        .burn(world.wallet(0), class, 4 * TONNE_G, to_acme);
    let removed = removed.await.unwrap();
    chain.stop_blocks().await.unwrap();
    chain.reorg(1).await.unwrap();
    assert_eq!(chain.burns().await.unwrap(), 0, "the burn is gone");
    chain.resume_blocks().await.unwrap();
    let height = chain.height().await.unwrap();
    while chain.height().await.unwrap() < height + 4 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let known = world.devnet.transfer(removed.id).await.unwrap();
    assert!(
        known.is_none(),
        "the relayer believed a burn that was not final: {known:?}"
    );
    assert_eq!(world.supply_t(class).await, 10);

    let to_beta = Redemption::release_to(BETA).unwrap();
    let burn = world
        .devnet
        .burn(world.wallet(0), class, 3 * TONNE_G, to_beta);
    let burn = burn.await.unwrap();
    assert_eq!(burn.id, removed.id);
    world.devnet.wait_for(burn.id, "taken").await.unwrap();
    world
        .devnet
        .instruct(burn.id, &removed.instruction)
        .await
        .unwrap_err();
    world
        .devnet
        .instruct(burn.id, &burn.instruction)
        .await
        .unwrap();
    world.devnet.wait_for(burn.id, "completed").await.unwrap();
    assert_eq!(world.movements_of(burn.id).await, 1);
    let place = world.lies(&serial(0, 2)).await;
    assert_eq!(place, (BETA.to_owned(), "held".to_owned()));
    assert_eq!(world.custody_t().await, 7);
    world.devnet.audit(burn.id).await.unwrap();
}

/// R3: nothing is unlocked on the word of a block that is not final.
async fn a_removed_void(world: &World) {
    let (devnet, chain) = (&world.devnet, &world.devnet.chain);
    chain
        .pause_gate(&devnet.parties.gate_guardian)
        .await
        .unwrap();
    let id = devnet.admit(&world.terms(100, 109).await).await.unwrap();
    devnet.wait_for(id, "authorised").await.unwrap();
    devnet.withdraw(id, ALPHA).await.unwrap();
    remove_as_soon_as_it_is(world, id, VOIDED).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let custody = ("9001".to_owned(), "locked".to_owned());
    assert_eq!(world.lies(&serial(100, 109)).await, custody);
    chain.resume_blocks().await.unwrap();
    devnet.wait_for(id, "returned").await.unwrap();
    assert_eq!(chain.outcome(id).await.unwrap(), VOIDED);
    assert_eq!(world.movements_of(unlock_reference(id)).await, 1);
    let held = (ALPHA.to_owned(), "held".to_owned());
    assert_eq!(world.lies(&serial(100, 109)).await, held);
    devnet.audit(id).await.unwrap();
}
