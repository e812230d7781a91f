//! Blocks that are replaced inside the finality depth: what was in them never happened, and each transfer still ends right, once.

use std::time::Duration;

use isthmus_core::id::{AssetClassId, TransferId};
use isthmus_e2e::devnet::parties::{ALPHA, BETA};
use isthmus_e2e::devnet::{FINALITY_DEPTH, Redemption};

use crate::world::{TONNE_G, World, serial, unlock_reference};

/// The gate's outcomes.
const NONE: u8 = 0;
const VOIDED: u8 = 2;

impl World {
    /// Makes blocks by hand until something is done; none is made after that.
    async fn with_blocks_by_hand<T>(&self, work: impl Future<Output = T>) -> T {
        let chain = &self.devnet.chain;
        chain.stop_blocks().await.unwrap();
        let mining = async {
            loop {
                tokio::time::sleep(Duration::from_millis(500)).await;
                chain.mine(1).await.unwrap();
            }
        };
        tokio::select! {
            done = work => done,
            () = mining => unreachable!("it mines for ever"),
        }
    }

    /// Replaces a block when it is about to be final, and all above it, by empty ones.
    async fn remove_block(&self, block: u64) {
        let chain = &self.devnet.chain;
        let height = chain.height().await.unwrap();
        let newest = block + FINALITY_DEPTH - 1;
        assert!(height <= newest, "block {block} is final");
        chain.mine(newest - height).await.unwrap();
        // Whoever does not wait until it is final believes it now.
        tokio::time::sleep(Duration::from_secs(2)).await;
        chain.reorg(FINALITY_DEPTH).await.unwrap();
    }

    /// Waits for a mint or void and removes its block; no more blocks are made then.
    async fn remove_outcome_of(&self, id: TransferId) {
        let chain = &self.devnet.chain;
        let settled = async {
            loop {
                if let Some(block) = chain.settled_in(id).await.unwrap() {
                    return block;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let limited = tokio::time::timeout(Duration::from_mins(1), settled);
        let block = self.with_blocks_by_hand(limited).await.unwrap();
        self.remove_block(block).await;
        assert_eq!(chain.outcome(id).await.unwrap(), NONE, "it never happened");
    }
}

#[tokio::test]
async fn a_mint_a_burn_and_a_void_that_a_reorg_removes_end_right_once() {
    let world = World::start().await;
    let class = a_removed_mint(&world).await;
    a_removed_burn(&world, class).await;
    a_removed_void(&world).await;
    world.assert_reserves_hold().await;
}

async fn a_removed_mint(world: &World) -> AssetClassId {
    let chain = &world.devnet.chain;
    let terms = world.terms(0, 9).await;
    let id = world.devnet.admit(&terms).await.unwrap();
    world.remove_outcome_of(id).await;
    assert_eq!(chain.mints_of(id).await.unwrap(), 0);
    assert_eq!(world.balance_t(0, terms.asset_class).await, 0);
    chain.resume_blocks().await.unwrap();
    world.devnet.wait_for(id, "completed").await.unwrap();
    assert_eq!(chain.mints_of(id).await.unwrap(), 1);
    assert_eq!(world.balance_t(0, terms.asset_class).await, 10);
    world.devnet.audit(id).await.unwrap();
    terms.asset_class
}

/// The gate counts burns, so the burn that comes in its place has the same number and the same id, and other terms.
async fn a_removed_burn(world: &World, class: AssetClassId) {
    let (devnet, chain) = (&world.devnet, &world.devnet.chain);
    let to_acme = Redemption::retire_for("Acme Ltd", "2025 emissions");
    let burn = devnet.burn(world.wallet(0), class, 4 * TONNE_G, to_acme);
    let removed = world.with_blocks_by_hand(burn).await.unwrap();
    world.remove_block(removed.block).await;
    assert_eq!(chain.burns().await.unwrap(), 0, "the burn is gone");
    chain.mine(2 * FINALITY_DEPTH).await.unwrap();
    chain.resume_blocks().await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let known = devnet.transfer(removed.id).await.unwrap();
    assert!(
        known.is_none(),
        "the relayer believed a burn that was not final: {known:?}"
    );
    assert_eq!(world.supply_t(class).await, 10);

    let to_beta = Redemption::release_to(BETA).unwrap();
    let burn = devnet.burn(world.wallet(0), class, 3 * TONNE_G, to_beta);
    let burn = burn.await.unwrap();
    assert_eq!(burn.id, removed.id);
    devnet.wait_for(burn.id, "taken").await.unwrap();
    devnet
        .instruct(burn.id, &removed.instruction)
        .await
        .unwrap_err();
    devnet.instruct(burn.id, &burn.instruction).await.unwrap();
    devnet.wait_for(burn.id, "completed").await.unwrap();
    assert_eq!(world.movements_of(burn.id).await, 1);
    let place = world.lies(&serial(0, 2)).await;
    assert_eq!(place, (BETA.to_owned(), "held".to_owned()));
    assert_eq!(world.custody_t().await, 7);
    devnet.audit(burn.id).await.unwrap();
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
    world.remove_outcome_of(id).await;
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
