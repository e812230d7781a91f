//! What the registry refuses for ever is owed, and released to whom the burner says then; to nobody else.

use isthmus_core::id::{AssetClassId, TransferId};
use isthmus_core::instruction::Instruction;
use isthmus_e2e::devnet::Redemption;
use isthmus_e2e::devnet::parties::{ALPHA, BETA};
use isthmus_proto::v1;
use tonic::{Code, Status};

use crate::world::{TONNE_G, World, serial};

#[tokio::test]
async fn what_is_owed_goes_where_the_burner_redirects_it() {
    let world = World::start().await;
    let (_, class) = world.minted(0, 19).await;
    let burn = owed(&world, class).await;
    let devnet = &world.devnet;
    let to_alpha = Redemption::release_to(ALPHA).unwrap();

    // Only who burned may say so.
    let forged = devnet.redirect(world.wallet(1), burn, 1, &to_alpha).await;
    assert_eq!(code(forged), Code::FailedPrecondition);
    assert_eq!(status(&world, burn).await, ("owed".into(), 0));

    // The account is still closed: a redirection to it is refused like an instruction.
    let to_beta = Redemption::release_to(BETA).unwrap();
    let closed = devnet.redirect(world.wallet(0), burn, 1, &to_beta).await;
    assert_eq!(code(closed), Code::FailedPrecondition);

    // Nobody approves yet, so that the order of two redirections shows.
    for attester in &devnet.attesters {
        attester.kill9().unwrap();
    }
    let redirected = devnet.redirect(world.wallet(0), burn, 3, &to_alpha).await;
    assert_eq!(redirected.unwrap().redirections, 3);
    for counter in [1, 3] {
        let retire = Redemption::retire_for("Acme Ltd", "2025 emissions");
        let old = devnet
            .redirect(world.wallet(0), burn, counter, &retire)
            .await;
        assert_eq!(code(old), Code::FailedPrecondition, "counter {counter}");
    }
    let again = devnet.redirect(world.wallet(0), burn, 3, &to_alpha).await;
    again.expect("asked again it answers with the transfer as it is");
    for attester in &devnet.attesters {
        attester.start().unwrap();
    }
    devnet.wait_for(burn, "completed").await.unwrap();
    assert_eq!(
        world.lies(&serial(0, 2)).await,
        (ALPHA.into(), "held".into())
    );
    assert_eq!(world.movements_of(burn).await, 1);
    world.assert_reserves_hold().await;
    let reserves = devnet.reserves().await.unwrap();
    assert_eq!(
        (reserves[0].owed_g, reserves[0].locked_g),
        (0, 17 * TONNE_G)
    );
    devnet.audit(burn).await.unwrap();
}

#[tokio::test]
async fn a_route_that_does_not_retire_releases_what_was_burned_to_retire() {
    let mut world = World::start().await;
    let (_, class) = world.minted(0, 9).await;
    let mut route = world.route.clone();
    route.version = 2;
    route.redemption = vec![isthmus_core::instruction::Purpose::Release];
    world.devnet.activate_route(&route).await.unwrap();
    world.route = route;
    let devnet = &world.devnet;
    let retire = Redemption::retire_for("Acme Ltd", "2025 emissions");
    let burn = devnet.burn(world.wallet(0), class, 4 * TONNE_G, retire);
    let burn = burn.await.unwrap();
    devnet.wait_for(burn.id, "taken").await.unwrap();
    let refused = devnet.instruct(burn.id, &burn.instruction).await;
    let refused: Status = refused.unwrap_err().downcast().unwrap();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.message().contains("redirect it"), "{refused}");
    let release = Redemption::release_to(BETA).unwrap();
    let redirected = devnet.redirect(world.wallet(0), burn.id, 1, &release).await;
    redirected.unwrap();
    devnet.wait_for(burn.id, "completed").await.unwrap();
    assert_eq!(
        world.lies(&serial(0, 3)).await,
        (BETA.into(), "held".into())
    );
    world.assert_reserves_hold().await;
    devnet.audit(burn.id).await.unwrap();
}

/// A burn of 3 t that is owed: its account was closed after everything was checked.
async fn owed(world: &World, class: AssetClassId) -> TransferId {
    let devnet = &world.devnet;
    for attester in &devnet.attesters {
        attester.kill9().unwrap();
    }
    let instruction: Instruction = Redemption::release_to(BETA).unwrap();
    let burn = devnet.burn(world.wallet(0), class, 3 * TONNE_G, instruction);
    let burn = burn.await.unwrap();
    devnet.wait_for(burn.id, "taken").await.unwrap();
    devnet.instruct(burn.id, &burn.instruction).await.unwrap();
    let proposed = |t: &v1::Transfer| t.pending == "release";
    let waited = devnet.wait_until(burn.id, "being released", proposed).await;
    waited.unwrap();
    devnet.registry.set_account(BETA, false).await.unwrap();
    for attester in &devnet.attesters {
        attester.start().unwrap();
    }
    devnet.wait_for(burn.id, "owed").await.unwrap();
    burn.id
}

async fn status(world: &World, burn: TransferId) -> (String, u64) {
    let found = world.devnet.transfer(burn).await.unwrap().unwrap();
    let transfer = found.transfer.unwrap();
    (transfer.state, transfer.redirections)
}

fn code(answer: anyhow::Result<v1::Transfer>) -> Code {
    let status: Status = answer.unwrap_err().downcast().unwrap();
    status.code()
}
