//! The relayer is killed with -9 in every state and while every step's outcome is unknown; each transfer ends right, once.

use isthmus_core::id::TransferId;
use isthmus_e2e::devnet::Redemption;
use isthmus_e2e::devnet::parties::ALPHA;
use isthmus_proto::v1::Transfer;
use serde_json::json;

use crate::world::{TONNE_G, World, serial, unlock_reference};

impl World {
    /// Waits until a step is pending in a state, and kills the relayer there.
    async fn kill_in(&self, id: TransferId, state: &str, pending: &str) {
        let reached = |t: &Transfer| t.state == state && t.pending == pending;
        let what = format!("{state} with {pending:?} pending");
        self.devnet.wait_until(id, &what, reached).await.unwrap();
        self.devnet.relayer.kill9().unwrap();
    }

    fn stop_attesters(&self) {
        for attester in &self.devnet.attesters {
            attester.kill9().unwrap();
        }
    }

    fn start_attesters(&self) {
        for attester in &self.devnet.attesters {
            attester.start().unwrap();
        }
    }

    async fn start_relayer(&self) {
        self.devnet.start_relayer().await.unwrap();
    }
}

#[tokio::test]
async fn an_outbound_transfer_survives_kill_9_in_every_state() {
    let world = World::start().await;
    let terms = world.terms(0, 9).await;
    let id = terms.id();

    // Requested: the registry is slow, and carries the lock out while nobody listens any more.
    let slow = json!([{"operation": "lock", "fault": "latency_ms", "ms": 1500, "times": 1}]);
    world.devnet.registry.set_faults(&slow).await.unwrap();
    world.devnet.admit(&terms).await.unwrap();
    world.kill_in(id, "requested", "lock").await;
    world.stop_attesters();
    world.start_relayer().await;

    // Taken: nobody signs.
    world.kill_in(id, "taken", "attest").await;
    world.devnet.chain.stop_blocks().await.unwrap();
    world.start_attesters();
    world.start_relayer().await;

    // Authorised: the mint is sent and in no block.
    world.kill_in(id, "authorised", "mint").await;
    world.start_relayer().await;
    world.devnet.chain.resume_blocks().await.unwrap();
    world.devnet.wait_for(id, "completed").await.unwrap();

    // Completed.
    world.devnet.restart_relayer().await.unwrap();
    world.devnet.wait_for(id, "completed").await.unwrap();
    assert_eq!(world.movements_of(id).await, 1, "one lock");
    assert_eq!(
        world.devnet.chain.mints_of(id).await.unwrap(),
        1,
        "one mint"
    );
    assert_eq!(world.balance_t(0, terms.asset_class).await, 10);
    assert_eq!(world.custody_t().await, 10);
    world.devnet.audit(id).await.unwrap();
    world.assert_reserves_hold().await;
}

#[tokio::test]
async fn a_withdrawal_survives_kill_9_in_every_state() {
    let world = World::start().await;
    let guardian = &world.devnet.parties.gate_guardian;
    world.devnet.chain.pause_gate(guardian).await.unwrap();
    let id = world.devnet.admit(&world.terms(0, 9).await).await.unwrap();
    world.devnet.wait_for(id, "authorised").await.unwrap();

    // Withdrawing: nobody signs the void.
    world.stop_attesters();
    world.devnet.withdraw(id, ALPHA).await.unwrap();
    world.kill_in(id, "withdrawing", "attest").await;
    world.devnet.chain.stop_blocks().await.unwrap();
    world.start_attesters();
    world.start_relayer().await;

    // Withdrawing: the void is sent and in no block.
    world.kill_in(id, "withdrawing", "void").await;
    world.stop_attesters();
    world.start_relayer().await;
    world.devnet.chain.resume_blocks().await.unwrap();

    // Voided: nobody approves the unlock.
    world.kill_in(id, "voided", "unlock").await;
    world.start_attesters();
    world.start_relayer().await;
    world.devnet.wait_for(id, "returned").await.unwrap();

    // Returned.
    world.devnet.restart_relayer().await.unwrap();
    world.devnet.wait_for(id, "returned").await.unwrap();
    assert_eq!(world.movements_of(id).await, 1, "one lock");
    assert_eq!(
        world.movements_of(unlock_reference(id)).await,
        1,
        "one unlock"
    );
    assert_eq!(world.devnet.chain.mints_of(id).await.unwrap(), 0);
    assert_eq!(world.devnet.chain.outcome(id).await.unwrap(), 2, "voided");
    assert_eq!(
        world.lies(&serial(0, 9)).await,
        (ALPHA.to_owned(), "held".to_owned())
    );
    world.devnet.audit(id).await.unwrap();
}

#[tokio::test]
async fn a_return_survives_kill_9_in_every_state() {
    let world = World::start().await;
    let (_, class) = world.minted(0, 9).await;

    // The burn happens while no relayer runs.
    world.devnet.relayer.kill9().unwrap();
    let instruction = Redemption::retire_for("Acme Ltd", "2025 emissions");
    let burn = world
        .devnet
        .burn(world.wallet(0), class, 4 * TONNE_G, instruction);
    let burn = burn.await.unwrap();
    world.start_relayer().await;

    // Taken: the instruction is not known.
    world.kill_in(burn.id, "taken", "").await;
    world.stop_attesters();
    world.start_relayer().await;
    world
        .devnet
        .instruct(burn.id, &burn.instruction)
        .await
        .unwrap();

    // Taken: proposed at the registry, and nobody approves.
    world.kill_in(burn.id, "taken", "retire").await;
    world.start_attesters();
    world.start_relayer().await;
    world.devnet.wait_for(burn.id, "completed").await.unwrap();

    // Completed.
    world.devnet.restart_relayer().await.unwrap();
    let done = world.devnet.wait_for(burn.id, "completed").await.unwrap();
    assert_eq!(done.units, [serial(0, 3)]);
    assert_eq!(world.movements_of(burn.id).await, 1, "one retirement");
    assert_eq!(world.devnet.chain.burns().await.unwrap(), 1);
    assert_eq!(world.custody_t().await, 6);
    assert_eq!(world.supply_t(class).await, 6);
    world.devnet.audit(burn.id).await.unwrap();
    world.assert_reserves_hold().await;
}
