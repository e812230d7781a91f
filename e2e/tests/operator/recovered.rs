//! A relayer that lost its disk after the registry had done things by itself: what was taken away, deposited, made good, decided
//! and redirected since the backup comes back, and the pool goes on.

use std::path::{Path, PathBuf};
use std::time::Duration;

use isthmus_core::id::AssetClassId;
use isthmus_e2e::devnet::parties::{ALPHA, BETA};
use isthmus_e2e::devnet::{CUSTODY, Devnet, Redemption};
use isthmus_proto::v1;

use crate::backup::{attesters_copy, log_size, relayer_file, restore};
use crate::command::{Said, as_person, path, run};
use crate::world::{TONNE_G, World, serial};

#[tokio::test]
async fn what_the_registry_did_by_itself_since_the_backup_comes_back() {
    let world = World::start().await;
    let devnet = &world.devnet;
    let (_, class) = world.minted(0, 19).await;
    let backup = devnet.folder().join("backup");
    let made = as_person(devnet, "operator-1", &["backup", path(&backup), "--json"]).await;
    made.json();

    let instruction = redirected(&world, class).await;
    made_good(&world, class).await;
    deposits(&world).await;
    let last = decided(&world, class).await;
    let before = (rows(devnet).await, standings(devnet).await);
    let logged = log_size(devnet).await;

    devnet.relayer.kill9().unwrap();
    let (copy, size) = attesters_copy(devnet).await;
    assert!(
        logged <= size + 1,
        "attesters follow the log: {size} of {logged}"
    );
    std::fs::rename(devnet.relayer_data(), devnet.folder().join("lost")).unwrap();
    assert_eq!(restore(devnet, &backup).await.code, 0);

    // What the burner wants instead is in no leaf.
    let stopped = recover(devnet, &copy, &[]).await;
    assert_eq!(stopped.code, 4, "{stopped:?}");
    assert!(stopped.stderr.contains("--instruction FILE"), "{stopped:?}");
    let recovered = recover(devnet, &copy, &["--instruction", path(&instruction)]).await;
    assert_eq!(recovered.json()["log_size"], size);

    devnet.start_relayer().await.unwrap();
    if size < logged {
        // Nobody had followed the leaf of the last one yet: what it is to be is handed in again, and found done.
        devnet.instruct(last.id, &last.instruction).await.unwrap();
    }
    wait_until("all is as it was", async || {
        (rows(devnet).await, standings(devnet).await) == before
    })
    .await;
    world.assert_reserves_hold().await;

    // And on: the rest is made good, and the pool mints again.
    let note = devnet.impairments().await.unwrap()[0]
        .make_good_note
        .clone();
    let rest = [serial(70, 72)];
    devnet
        .registry
        .deposit(ALPHA, &rest, Some(&note))
        .await
        .unwrap();
    missing(devnet, 0).await;
    world.minted(40, 44).await;
    world.assert_reserves_hold().await;
}

async fn recover(devnet: &Devnet, copy: &Path, more: &[&str]) -> Said {
    let file = relayer_file(devnet);
    let command = [
        "recover",
        "--config",
        path(&file),
        "--log",
        path(copy),
        "--json",
    ];
    run(devnet, &[&command[..], more].concat()).await
}

/// Burned to release two tonnes, retired in the end. Answers with the file of what was wanted instead.
async fn redirected(world: &World, class: AssetClassId) -> PathBuf {
    let devnet = &world.devnet;
    let to_beta = Redemption::release_to(BETA).unwrap();
    let burn = devnet.burn(world.wallet(0), class, 2 * TONNE_G, to_beta);
    let burn = burn.await.unwrap();
    devnet.wait_for(burn.id, "taken").await.unwrap();
    let retire = Redemption::retire_for("Acme Ltd", "2025 emissions");
    let redirected = devnet.redirect(world.wallet(0), burn.id, 1, &retire).await;
    redirected.unwrap();
    devnet.wait_for(burn.id, "completed").await.unwrap();
    let file = devnet.folder().join("retire.json");
    std::fs::write(&file, serde_json::to_string(&retire).unwrap()).unwrap();
    file
}

/// A burn's units are taken away: it gets others, and a deposit makes good what is missing.
async fn made_good(world: &World, class: AssetClassId) {
    let devnet = &world.devnet;
    let to_beta = Redemption::release_to(BETA).unwrap();
    let burn = devnet.burn(world.wallet(0), class, 3 * TONNE_G, to_beta);
    let burn = burn.await.unwrap();
    devnet.wait_for(burn.id, "taken").await.unwrap();
    let taken = [serial(2, 3)];
    devnet.registry.cancel(&taken, CUSTODY).await.unwrap();
    missing(devnet, 2).await;
    let note = devnet.impairments().await.unwrap()[0]
        .make_good_note
        .clone();
    let good = [serial(30, 31)];
    devnet
        .registry
        .deposit(ALPHA, &good, Some(&note))
        .await
        .unwrap();
    missing(devnet, 0).await;
    devnet.instruct(burn.id, &burn.instruction).await.unwrap();
    devnet.wait_for(burn.id, "completed").await.unwrap();
}

/// One goes back, of one the registry takes a part, one lies there.
async fn deposits(world: &World) {
    let devnet = &world.devnet;
    for units in [serial(50, 54), serial(56, 58), serial(60, 62)] {
        devnet
            .registry
            .deposit(ALPHA, &[units], None)
            .await
            .unwrap();
    }
    wait_until("three deposits", async || {
        let standings = standings(devnet).await;
        let open = standings.iter().filter(|(_, what, _)| what == "open");
        open.count() == 3
    })
    .await;
    let all = devnet.deposits().await.unwrap();
    let first = all.iter().find(|d| d.units == [serial(50, 54)]).unwrap();
    devnet
        .return_deposit(&first.id, "operator-1")
        .await
        .unwrap();
    wait_until("the return", async || {
        let standings = standings(devnet).await;
        standings
            .iter()
            .any(|(_, standing, _)| standing == "returned")
    })
    .await;
    devnet
        .registry
        .cancel(&[serial(57, 57)], CUSTODY)
        .await
        .unwrap();
    wait_until("the loss", async || {
        let standings = standings(devnet).await;
        standings.iter().any(|(_, _, grams)| *grams == 2 * TONNE_G)
    })
    .await;
}

/// Five tonnes of fifteen are taken away; two people divide the rest, and a burn of three gets two.
async fn decided(world: &World, class: AssetClassId) -> Redemption {
    let devnet = &world.devnet;
    devnet
        .registry
        .cancel(&[serial(10, 13)], CUSTODY)
        .await
        .unwrap();
    missing(devnet, 4).await;
    let decision = devnet.impairments().await.unwrap()[0].decision.clone();
    for (caller, key) in &devnet.parties.route_admins {
        devnet
            .decide_pro_rata(&decision, key, caller)
            .await
            .unwrap();
    }
    let to_beta = Redemption::release_to(BETA).unwrap();
    let burn = devnet.burn(world.wallet(0), class, 3 * TONNE_G, to_beta);
    let burn = burn.await.unwrap();
    devnet.wait_for(burn.id, "taken").await.unwrap();
    devnet.instruct(burn.id, &burn.instruction).await.unwrap();
    devnet.wait_for(burn.id, "completed").await.unwrap();
    missing(devnet, 3).await;
    burn
}

async fn rows(devnet: &Devnet) -> Vec<v1::PoolReserves> {
    devnet.reserves().await.unwrap()
}

/// Deposits: which, what became of it, how much is left of it.
async fn standings(devnet: &Devnet) -> Vec<(String, String, u64)> {
    let all = devnet.deposits().await.unwrap().into_iter();
    all.map(|d| (d.id, d.standing, d.quantity_g)).collect()
}

async fn missing(devnet: &Devnet, tonnes: u64) {
    wait_until("the shortfall", async || {
        rows(devnet).await[0].shortfall_g == tonnes * TONNE_G
    })
    .await;
}

async fn wait_until(what: &str, is: impl AsyncFn() -> bool) {
    for _ in 0..300 {
        if is().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("waited for {what} in vain");
}
