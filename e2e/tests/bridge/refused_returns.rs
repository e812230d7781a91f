//! What may not come back: refused by the gate before it burns, by the relayer before it proposes, or by the registry; nothing is
//! lost.

use isthmus_core::id::AssetClassId;
use isthmus_e2e::devnet::Redemption;
use isthmus_e2e::devnet::parties::{BETA, CLOSED};
use isthmus_proto::v1;
use tonic::Code;

use crate::world::{TONNE_G, World};

#[tokio::test]
async fn what_may_not_come_back_is_refused_and_stays_safe() {
    let world = World::start().await;
    let (_, class) = world.minted(0, 19).await;
    let devnet = &world.devnet;

    // The gate refuses before it burns.
    let to_beta = || Redemption::release_to(BETA).unwrap();
    for (wallet, grams) in [(0, TONNE_G / 2), (0, 21 * TONNE_G), (1, TONNE_G), (0, 0)] {
        let burn = devnet.burn(world.wallet(wallet), class, grams, to_beta());
        assert!(burn.await.is_err(), "{grams} g of wallet {wallet}");
    }
    assert_eq!(world.supply_t(class).await, 20);

    // The relayer refuses an instruction that is not the committed one, or cannot be carried out.
    let burn = devnet.burn(
        world.wallet(0),
        class,
        5 * TONNE_G,
        Redemption::release_to(CLOSED).unwrap(),
    );
    let burn = burn.await.unwrap();
    devnet.wait_for(burn.id, "taken").await.unwrap();
    let other = devnet.instruct(burn.id, &to_beta()).await.unwrap_err();
    let other: tonic::Status = other.downcast().unwrap();
    assert_eq!(other.code(), Code::FailedPrecondition);
    assert!(other.message().contains("committed to"), "{other}");
    let closed = devnet
        .instruct(burn.id, &burn.instruction)
        .await
        .unwrap_err();
    let closed: tonic::Status = closed.downcast().unwrap();
    assert_eq!(closed.code(), Code::FailedPrecondition);
    let said = closed.message();
    assert!(said.contains(CLOSED) && said.contains("closed"), "{said}");
    assert_eq!(
        devnet.wait_for(burn.id, "taken").await.unwrap().waiting_for,
        "instruction"
    );
    assert_eq!(world.custody_t().await, 20, "nothing moved");

    owed_while_closed(&world, class).await;
    world.assert_reserves_hold().await;
}

/// The account closes after everything was checked: the registry refuses, the units stay in custody and are owed.
async fn owed_while_closed(world: &World, class: AssetClassId) {
    for attester in &world.devnet.attesters {
        attester.kill9().unwrap();
    }
    let devnet = &world.devnet;
    let instruction = Redemption::release_to(BETA).unwrap();
    let burn = devnet.burn(world.wallet(0), class, 3 * TONNE_G, instruction);
    let burn = burn.await.unwrap();
    devnet.wait_for(burn.id, "taken").await.unwrap();
    devnet.instruct(burn.id, &burn.instruction).await.unwrap();
    let proposed = |t: &v1::Transfer| t.pending == "release";
    devnet
        .wait_until(burn.id, "being released", proposed)
        .await
        .unwrap();
    devnet.registry.set_account(BETA, false).await.unwrap();
    for attester in &world.devnet.attesters {
        attester.start().unwrap();
    }
    let owed = world.devnet.wait_for(burn.id, "owed").await.unwrap();
    let refusal = owed.refusal.unwrap();
    assert_eq!(refusal.code, "account_closed", "{refusal:?}");
    assert_eq!(refusal.value, BETA, "{refusal:?}");
    assert_eq!(world.custody_t().await, 20);
    let reserves = world.devnet.reserves().await.unwrap();
    // The first burn has no instruction that can be carried out, the second was refused.
    assert_eq!(reserves[0].owed_g, 8 * TONNE_G, "{reserves:?}");
}
