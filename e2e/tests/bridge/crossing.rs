//! There and back: lock and mint, burn and release, burn and retire, withdraw; each with a proof that verifies offline.

use isthmus_e2e::devnet::Redemption;
use isthmus_e2e::devnet::parties::{ALPHA, BETA};
use serde_json::Value;

use crate::world::{TONNE_G, World, serial, unlock_reference};

#[tokio::test]
async fn units_cross_come_back_and_are_retired_and_every_step_is_proved() {
    let world = World::start().await;
    let devnet = &world.devnet;
    let (outbound, class) = world.minted(0, 99).await;
    assert_eq!(world.custody_t().await, 100);
    assert_eq!(world.balance_t(0, class).await, 100);
    devnet.audit(outbound).await.unwrap();

    second_locks_are_refused(&world).await;

    // Any fraction moves between holders.
    let bob = world.wallet(1).address();
    for grams in [TONNE_G / 2, 10 * TONNE_G - TONNE_G / 2] {
        devnet
            .chain
            .pay(world.wallet(0), bob, class, grams)
            .await
            .unwrap();
    }
    assert_eq!(world.balance_t(1, class).await, 10);

    let retired = retired_for_bob(&world, class).await;
    let released = released_to_beta(&world, class).await;
    let withdrawn = withdrawn_after_authorisation(&world).await;

    assert_eq!(world.custody_t().await, 70);
    assert_eq!(world.supply_t(class).await, 70);
    world.assert_reserves_hold().await;
    for id in [retired, released, withdrawn] {
        devnet.audit(id).await.unwrap();
    }
    devnet.list_blocks_in_policy().await.unwrap();
    for id in [outbound, retired, released, withdrawn] {
        let bundle = devnet.audit(id).await.unwrap();
        let said = devnet.verify(&bundle).await.unwrap().text;
        assert!(said.contains("grade A"), "{said}");
    }
    a_changed_bundle_fails(&world, outbound).await;
}

/// Custody book: oldest lock first, lowest serial first.
async fn retired_for_bob(
    world: &World,
    class: isthmus_core::id::AssetClassId,
) -> isthmus_core::id::TransferId {
    let devnet = &world.devnet;
    let instruction = Redemption::retire_for("Acme Ltd", "2025 emissions");
    let burn = devnet.burn(world.wallet(1), class, 10 * TONNE_G, instruction);
    let burn = burn.await.unwrap();
    let known = devnet.wait_for(burn.id, "taken").await.unwrap();
    assert_eq!(known.units, [serial(0, 9)]);
    assert_eq!(
        (known.burn_number, known.quantity_g),
        (burn.number, 10 * TONNE_G)
    );
    devnet.instruct(burn.id, &burn.instruction).await.unwrap();
    let done = devnet.wait_for(burn.id, "completed").await.unwrap();
    let receipt = receipt(world, &burn.id.to_string()).await;
    assert_eq!(receipt["movement"], "retire");
    assert_eq!(receipt["beneficiary"], "Acme Ltd");
    assert_eq!(
        receipt["units"][0],
        serial(0, 9),
        "the certificate names the serials"
    );
    assert_eq!(receipt["certificate"], done.certificate, "{done:?}");
    assert_eq!(world.lies(&serial(0, 9)).await.1, "retired");
    burn.id
}

async fn released_to_beta(
    world: &World,
    class: isthmus_core::id::AssetClassId,
) -> isthmus_core::id::TransferId {
    let devnet = &world.devnet;
    let instruction = Redemption::release_to(BETA).unwrap();
    let burn = devnet.burn(world.wallet(0), class, 20 * TONNE_G, instruction);
    let burn = burn.await.unwrap();
    devnet.wait_for(burn.id, "taken").await.unwrap();
    devnet.instruct(burn.id, &burn.instruction).await.unwrap();
    devnet.wait_for(burn.id, "completed").await.unwrap();
    let place = world.lies(&serial(10, 29)).await;
    assert_eq!(place, (BETA.to_owned(), "held".to_owned()));
    burn.id
}

/// The gate's guardian pauses minting, so the signed mint is skipped; a void works all the same.
async fn withdrawn_after_authorisation(world: &World) -> isthmus_core::id::TransferId {
    let devnet = &world.devnet;
    let (guardian, admin) = (&devnet.parties.gate_guardian, &devnet.parties.gate_admin);
    devnet.chain.pause_gate(guardian).await.unwrap();
    let id = devnet.admit(&world.terms(200, 204).await).await.unwrap();
    devnet.wait_for(id, "authorised").await.unwrap();
    devnet.withdraw(id, ALPHA).await.unwrap();
    devnet.wait_for(id, "returned").await.unwrap();
    devnet.chain.unpause_gate(admin).await.unwrap();
    assert_eq!(devnet.chain.outcome(id).await.unwrap(), 2, "voided");
    assert_eq!(world.movements_of(unlock_reference(id)).await, 1);
    let place = world.lies(&serial(200, 204)).await;
    assert_eq!(place, (ALPHA.to_owned(), "held".to_owned()));
    id
}

/// R7: a block is in at most one live lock, across all routes.
async fn second_locks_are_refused(world: &World) {
    let devnet = &world.devnet;
    let mut other = devnet.route_document("verra-evm-2").unwrap();
    other.max_per_transfer_g = isthmus_core::quantity::Quantity::from_tonnes(500).unwrap();
    devnet.activate_route(&other).await.unwrap();
    for (route, from, to) in [
        (&world.route, 0, 99),
        (&world.route, 99, 100),
        (&other, 0, 0),
        (&other, 50, 149),
        (&other, 0, 424),
    ] {
        let block = serial(from, to);
        let terms = devnet
            .terms(route, ALPHA, &block, world.alice())
            .await
            .unwrap();
        let refused = match devnet.submit(devnet.order(&terms).unwrap()).await.unwrap() {
            Err(refusal) => refusal,
            // Admitted, and refused by the registry.
            Ok(transfer) => {
                let id = transfer.id.parse().unwrap();
                let ended = devnet.wait_for(id, "rejected").await.unwrap();
                ended.refusal.unwrap()
            }
        };
        assert_eq!(refused.field, "units", "{refused:?}");
        assert!(refused.value.contains("19385-"), "{refused:?}");
        assert_eq!(world.movements_of(terms.id()).await, 0);
    }
    assert_eq!(world.custody_t().await, 100, "nothing moved");
}

async fn receipt(world: &World, reference: &str) -> Value {
    let movements = world.devnet.registry.movements().await.unwrap();
    let mut own = movements
        .into_iter()
        .filter(|m| m["reference"] == reference);
    own.next().unwrap()
}

/// The verifier can fail: one byte of one file is another.
async fn a_changed_bundle_fails(world: &World, id: isthmus_core::id::TransferId) {
    let path = world.devnet.audit(id).await.unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let needle = b"\"quantity_g\":\"100000000\"";
    let at = bytes
        .windows(needle.len())
        .position(|w| w == needle)
        .unwrap();
    bytes[at + 14] = b'2';
    let changed = path.with_extension("changed");
    std::fs::write(&changed, bytes).unwrap();
    let verdict = world.devnet.verify(&changed).await.unwrap();
    assert_eq!(verdict.code, 1, "{}", verdict.text);
    assert!(verdict.text.contains("FAIL"), "{}", verdict.text);
}
