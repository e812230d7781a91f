//! A relayer that lost its disk: an old backup alone signs nothing and mints nothing twice; with a copy of its log it goes on as
//! if nothing had happened.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use isthmus_core::id::{AssetClassId, TransferId};
use isthmus_e2e::devnet::parties::BETA;
use isthmus_e2e::devnet::{Devnet, Redemption};
use isthmus_proto::v1;

use crate::command::{as_person, path, run};
use crate::world::{TONNE_G, World, serial};

pub(crate) fn relayer_file(devnet: &Devnet) -> PathBuf {
    devnet.party_folder("relayer").join("relayer.toml")
}

pub(crate) async fn restore(devnet: &Devnet, backup: &Path) -> crate::command::Said {
    let file = relayer_file(devnet);
    run(devnet, &["restore", "--config", path(&file), path(backup)]).await
}

pub(crate) async fn log_size(devnet: &Devnet) -> u64 {
    let mut operator = devnet.control("operator-1").unwrap().operator();
    let status = operator.status(v1::StatusRequest {}).await.unwrap();
    status.into_inner().log_size
}

/// The longest log that an attester has followed: they may be some leaves behind that nobody needed to sign for.
pub(crate) async fn attesters_copy(devnet: &Devnet) -> (PathBuf, u64) {
    let mut longest = (PathBuf::new(), 0);
    for attester in &devnet.attesters {
        let config = devnet.party_folder(attester.name()).join("attester.toml");
        attester.kill9().unwrap();
        let copy = devnet.folder().join(format!("{}.txt", attester.name()));
        let command = [
            "attester-log",
            "--config",
            path(&config),
            "--out",
            path(&copy),
        ];
        let said = run(devnet, &[&command[..], &["--json"]].concat())
            .await
            .json();
        attester.start().unwrap();
        let size = said["log_size"].as_u64().unwrap();
        if size > longest.1 {
            longest = (copy, size);
        }
    }
    longest
}

/// What happens after the backup: a mint, a release, a retirement, a withdrawal.
async fn life_goes_on(world: &World, class: AssetClassId) -> (TransferId, Vec<Redemption>) {
    let devnet = &world.devnet;
    let (minted, _) = world.minted(20, 29).await;
    let instruction = Redemption::release_to(BETA).unwrap();
    let burn = devnet
        .burn(world.wallet(0), class, 5 * TONNE_G, instruction)
        .await
        .unwrap();
    devnet.wait_for(burn.id, "taken").await.unwrap();
    devnet.instruct(burn.id, &burn.instruction).await.unwrap();
    devnet.wait_for(burn.id, "completed").await.unwrap();
    let instruction = Redemption::retire_for("Acme Ltd", "2025");
    let retired = devnet
        .burn(world.wallet(0), class, 2 * TONNE_G, instruction)
        .await
        .unwrap();
    devnet.wait_for(retired.id, "taken").await.unwrap();
    devnet
        .instruct(retired.id, &retired.instruction)
        .await
        .unwrap();
    devnet.wait_for(retired.id, "completed").await.unwrap();
    (minted, vec![burn, retired])
}

#[tokio::test]
async fn an_old_backup_signs_nothing_and_with_a_copy_of_the_log_goes_on() {
    let world = World::start().await;
    let devnet = &world.devnet;
    let (before, class) = world.minted(0, 9).await;
    let backup = devnet.folder().join("backup");
    let made = as_person(devnet, "operator-1", &["backup", path(&backup), "--json"])
        .await
        .json();
    assert_eq!(made["log_size"], log_size(devnet).await);
    let taken = as_person(devnet, "operator-1", &["backup", path(&backup)]).await;
    assert!(
        taken.stderr.contains("at which nothing is yet"),
        "{taken:?}"
    );
    let running = restore(devnet, &backup).await;
    assert_eq!(running.code, 4, "over a relayer that runs: {running:?}");

    let (minted, burned) = life_goes_on(&world, class).await;
    let (custody, supply) = (world.custody_t().await, world.supply_t(class).await);
    devnet.relayer.kill9().unwrap();
    let (copy, size) = attesters_copy(devnet).await;
    std::fs::rename(devnet.relayer_data(), devnet.folder().join("lost")).unwrap();
    let restored = restore(devnet, &backup).await;
    assert_eq!(restored.code, 0, "{restored:?}");

    the_old_copy_alone_stops(&world, minted).await;
    assert_eq!(
        (world.custody_t().await, world.supply_t(class).await),
        (custody, supply)
    );

    // The disk of the stopped one is put aside, and the backup brought up to the log.
    devnet.relayer.kill9().unwrap();
    std::fs::rename(devnet.relayer_data(), devnet.folder().join("stale")).unwrap();
    assert_eq!(restore(devnet, &backup).await.code, 0);
    let file = relayer_file(devnet);
    let recover = [
        "recover",
        "--config",
        path(&file),
        "--log",
        path(&copy),
        "--json",
    ];
    let recovered = run(devnet, &recover).await.json();
    assert_eq!(recovered["log_size"], size);
    let again = run(devnet, &recover).await.json();
    assert_eq!(again["taken"], 0, "it is all there");

    devnet.start_relayer().await.unwrap();
    // What no attester has followed is found at the ledgers; an instruction is nobody's business and handed in again.
    for burn in &burned {
        let known = |t: &v1::Transfer| t.state == "completed" || t.waiting_for == "instruction";
        let found = devnet.wait_until(burn.id, "known", known).await.unwrap();
        if found.state != "completed" {
            devnet.instruct(burn.id, &burn.instruction).await.unwrap();
        }
    }
    for id in [before, minted, burned[0].id, burned[1].id] {
        devnet.wait_for(id, "completed").await.unwrap();
        assert_eq!(world.movements_of(id).await, 1, "{id}");
    }
    for id in [before, burned[0].id, burned[1].id] {
        devnet.audit(id).await.unwrap();
    }
    // The quorum's signatures on a mint are in no leaf.
    let unproved = devnet.audit(minted).await.unwrap_err().to_string();
    assert!(unproved.contains("store that was lost"), "{unproved}");
    assert_eq!(
        (world.custody_t().await, world.supply_t(class).await),
        (custody, supply)
    );
    world.assert_reserves_hold().await;
    // And on: a new mint, signed by the attesters who followed the log before.
    world.minted(40, 49).await;
    let place = world.lies(&serial(0, 4)).await;
    assert_eq!(place, (BETA.to_owned(), "held".to_owned()));
    world.assert_reserves_hold().await;
}

/// Nobody gets a checkpoint of it, nothing is admitted, and it says why.
async fn it_is_a_copy_that_begins_nothing(devnet: &Devnet) {
    let mut operator = devnet.control("operator-1").unwrap().operator();
    let status = operator.status(v1::StatusRequest {}).await.unwrap();
    let concerns = status.into_inner().concerns;
    assert!(
        concerns.iter().any(|c| c.contains("the store is a copy")),
        "{concerns:?}"
    );
    let mut auditor = devnet.control("auditor").unwrap().proofs();
    let unsigned = auditor.checkpoint(v1::CheckpointRequest {}).await;
    let unsigned = unsigned.unwrap_err();
    assert!(
        unsigned.message().contains("isthmus recover"),
        "{unsigned:?}"
    );
}

/// A copy that is the newest is settled by its attesters: all that they have followed is in it.
#[tokio::test]
async fn a_copy_with_all_that_attesters_have_followed_goes_on_by_itself() {
    let world = World::start().await;
    let devnet = &world.devnet;
    world.minted(0, 9).await;
    let backup = devnet.folder().join("backup");
    as_person(devnet, "operator-1", &["backup", path(&backup), "--json"])
        .await
        .json();
    devnet.relayer.kill9().unwrap();
    std::fs::rename(devnet.relayer_data(), devnet.folder().join("lost")).unwrap();
    assert_eq!(restore(devnet, &backup).await.code, 0);
    let (last, others) = devnet.attesters.split_last().unwrap();
    last.kill9().unwrap();
    devnet.start_relayer().await.unwrap();
    // All but one have called: that one may have followed further.
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let mut operator = devnet.control("operator-1").unwrap().operator();
        let status = operator.status(v1::StatusRequest {}).await.unwrap();
        let seen = status.into_inner().attesters;
        if seen.iter().filter(|a| a.last_seen_ms > 0).count() == others.len() {
            break;
        }
        assert!(Instant::now() < deadline, "{seen:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    it_is_a_copy_that_begins_nothing(devnet).await;
    last.start().unwrap();
    let deadline = Instant::now() + Duration::from_mins(1);
    let mut auditor = devnet.control("auditor").unwrap().proofs();
    while let Err(refusal) = auditor.checkpoint(v1::CheckpointRequest {}).await {
        assert!(Instant::now() < deadline, "{refusal:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    world.minted(20, 29).await;
    world.assert_reserves_hold().await;
}

/// Its attesters tell it what it has signed: it says so, signs nothing, admits nothing, and they stay well.
async fn the_old_copy_alone_stops(world: &World, minted: TransferId) {
    let devnet = &world.devnet;
    // Before they have, it knows that it is a copy.
    for attester in &devnet.attesters {
        attester.kill9().unwrap();
    }
    devnet.start_relayer().await.unwrap();
    it_is_a_copy_that_begins_nothing(devnet).await;
    for attester in &devnet.attesters {
        attester.start().unwrap();
    }
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let mut operator = devnet.control("operator-1").unwrap().operator();
        let status = operator
            .status(v1::StatusRequest {})
            .await
            .unwrap()
            .into_inner();
        if status
            .concerns
            .iter()
            .any(|c| c.contains("isthmus attester-log"))
        {
            assert_eq!(status.paused, ["all"]);
            break;
        }
        assert!(Instant::now() < deadline, "{status:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let terms = world.terms(60, 69).await;
    let refusal = devnet
        .submit(devnet.order(&terms).unwrap())
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(refusal.code, "paused");
    assert!(
        devnet.transfer(minted).await.unwrap().is_none(),
        "it is too old to know"
    );
    for attester in &devnet.attesters {
        attester.check().unwrap();
    }
}
