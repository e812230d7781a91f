//! A registry that carries a step out and then does not answer: nothing is done twice and nothing is given up (R4).

use isthmus_e2e::devnet::Redemption;
use isthmus_e2e::devnet::parties::{ALPHA, BETA};
use serde_json::json;

use crate::world::{TONNE_G, World, serial, unlock_reference};

impl World {
    /// The next `times` calls of an operation are carried out and never answered.
    async fn swallow(&self, operations: &[(&str, u64)]) {
        let fault = |(operation, times): &(&str, u64)| json!({"operation": operation, "fault": "timeout_after_applying", "times": times});
        let faults: Vec<_> = operations.iter().map(fault).collect();
        self.devnet
            .registry
            .set_faults(&json!(faults))
            .await
            .unwrap();
    }

    async fn assert_swallowed(&self) {
        let waiting = self.devnet.registry.faults_waiting().await.unwrap();
        assert_eq!(waiting, 0, "the faults were to hit");
    }
}

#[tokio::test]
async fn answers_that_never_come_change_nothing() {
    let world = World::start().await;
    let devnet = &world.devnet;

    world.swallow(&[("lock", 1)]).await;
    let (outbound, class) = world.minted(0, 19).await;
    world.assert_swallowed().await;
    assert_eq!(world.movements_of(outbound).await, 1);

    // The proposal of a retirement, then every attester's first approval.
    world.swallow(&[("propose", 1), ("approve", 3)]).await;
    let instruction = Redemption::retire_for("Acme Ltd", "2025 emissions");
    let burn = devnet.burn(world.wallet(0), class, 4 * TONNE_G, instruction);
    let burn = burn.await.unwrap();
    devnet.wait_for(burn.id, "taken").await.unwrap();
    devnet.instruct(burn.id, &burn.instruction).await.unwrap();
    devnet.wait_for(burn.id, "completed").await.unwrap();
    assert_eq!(world.movements_of(burn.id).await, 1);
    assert_eq!(world.lies(&serial(0, 3)).await.1, "retired");

    world.swallow(&[("propose", 1)]).await;
    let burn = devnet.burn(
        world.wallet(0),
        class,
        5 * TONNE_G,
        Redemption::release_to(BETA).unwrap(),
    );
    let burn = burn.await.unwrap();
    devnet.wait_for(burn.id, "taken").await.unwrap();
    devnet.instruct(burn.id, &burn.instruction).await.unwrap();
    devnet.wait_for(burn.id, "completed").await.unwrap();
    world.assert_swallowed().await;
    assert_eq!(world.movements_of(burn.id).await, 1);

    let guardian = &devnet.parties.gate_guardian;
    devnet.chain.pause_gate(guardian).await.unwrap();
    let withdrawn = devnet.admit(&world.terms(100, 109).await).await.unwrap();
    devnet.wait_for(withdrawn, "authorised").await.unwrap();
    world.swallow(&[("propose", 1)]).await;
    devnet.withdraw(withdrawn, ALPHA).await.unwrap();
    devnet.wait_for(withdrawn, "returned").await.unwrap();
    world.assert_swallowed().await;
    assert_eq!(world.movements_of(unlock_reference(withdrawn)).await, 1);

    assert_eq!(world.custody_t().await, 11);
    assert_eq!(world.supply_t(class).await, 11);
    world.assert_reserves_hold().await;
}

#[tokio::test]
async fn a_registry_that_is_killed_loses_nothing_and_is_waited_for() {
    let world = World::start().await;
    let terms = world.terms(0, 9).await;
    let slow = json!([{"operation": "lock", "fault": "latency_ms", "ms": 1000, "times": 1}]);
    world.devnet.registry.set_faults(&slow).await.unwrap();
    let id = world.devnet.admit(&terms).await.unwrap();
    world.devnet.restart_sandbox().await.unwrap();
    world.devnet.wait_for(id, "completed").await.unwrap();
    assert_eq!(world.movements_of(id).await, 1);
    assert_eq!(world.custody_t().await, 10);
}
