//! Signer sets that change: the set in force appoints the next one, transfers go on, and what was signed for the old set counts for
//! its grace and no longer.

use std::time::{Duration, Instant};

use isthmus_core::id::{Address, TransferId};
use isthmus_e2e::devnet::chain::{ROTATION_DELAY_S, ROTATION_GRACE_S};
use isthmus_e2e::devnet::keys::EvmKey;
use isthmus_e2e::devnet::{FINALITY_DEPTH, QUORUM};
use isthmus_proto::v1;
use isthmus_proto::v1::task::Work;

use crate::collusion::forged_log::ForgedLog;
use crate::collusion::log::taken;
use crate::collusion::thief::{HONEST, Thief};
use crate::liar::{Liar, give_back};
use crate::world::World;

/// Longer than a delay or a grace takes by the clock of blocks.
const SLACK: Duration = Duration::from_secs(30);

/// Appoints the next set, signed by these; whether the gate took it.
async fn appoint(world: &World, next: &[&EvmKey], by: &[&EvmKey]) -> bool {
    let signers: Vec<Address> = next.iter().map(|key| key.address()).collect();
    let chain = &world.devnet.chain;
    let payer = &world.devnet.parties.gate_admin;
    chain.rotate(payer, by, &signers, QUORUM).await.is_ok()
}

/// Waits until the newest block is so much later.
async fn pass(world: &World, seconds: u64) {
    let chain = &world.devnet.chain;
    let until_s = chain.time_s().await.unwrap() + seconds;
    let deadline = Instant::now() + Duration::from_secs(seconds) + SLACK;
    while chain.time_s().await.unwrap() < until_s {
        assert!(Instant::now() < deadline, "blocks do not come");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The third attester is replaced while transfers are under way: all of them complete, each minted once.
#[tokio::test]
async fn signers_change_under_load_and_transfers_go_on() {
    let world = World::start().await;
    let devnet = &world.devnet;
    let attesters = &devnet.parties.attesters;
    let (kept, removed) = ([&attesters[0].key, &attesters[1].key], &attesters[2].key);
    let stranger = EvmKey::random();
    assert!(
        !appoint(
            &world,
            &[kept[0], kept[1], &stranger],
            &[removed, &stranger]
        )
        .await,
        "one of the set is no quorum"
    );
    let mut ids: Vec<TransferId> = Vec::new();
    let submit = async |ids: &mut Vec<TransferId>, count: u64| {
        for _ in 0..count {
            let number = u64::try_from(ids.len()).unwrap();
            let terms = world.terms(number * 5, number * 5 + 4).await;
            ids.push(devnet.admit(&terms).await.unwrap());
        }
    };
    submit(&mut ids, 6).await;
    assert!(appoint(&world, &[kept[0], kept[1], &stranger], &kept).await);
    submit(&mut ids, 6).await;
    pass(&world, u64::from(ROTATION_DELAY_S)).await;
    submit(&mut ids, 6).await;
    pass(&world, u64::from(ROTATION_GRACE_S)).await;
    submit(&mut ids, 6).await;
    for id in &ids {
        devnet.wait_for(*id, "completed").await.unwrap();
        assert_eq!(devnet.chain.mints_of(*id).await.unwrap(), 1);
    }
    world.assert_reserves_hold().await;
    // A bundle of each epoch.
    for id in [ids[0], ids[23]] {
        devnet
            .download_bundle(id, &devnet.folder().join("epochs"))
            .await
            .unwrap();
    }
}

/// The thief keeps a batch that an honest attester and the bought one have signed, until the bought one has been removed.
#[tokio::test]
async fn what_the_old_set_has_signed_ends_with_its_grace() {
    let world = World::start().await;
    let thief = Thief::of(&world);
    let [early, late] = [taken(&world, 0, 9).await, taken(&world, 10, 19).await];
    let log = ForgedLog::copy(&world.devnet).await;
    let liar = Liar::with_log(&world.devnet, HONEST[0], &log).await;
    thief.start(HONEST[0]);
    let attesters = &world.devnet.parties.attesters;
    let kept = [&attesters[0].key, &attesters[1].key];
    let mut kept_back = Vec::new();
    for (task, terms) in [("early", &early), ("late", &late)] {
        let batch = thief.batch(&log, terms).await;
        let signed = liar.signed(task, Work::MintBatch(batch.clone())).await;
        let signatures = [signed, thief.sign(&batch)];
        kept_back.push((batch, signatures));
    }
    let stranger = EvmKey::random();
    assert!(appoint(&world, &[kept[0], kept[1], &stranger], &kept).await);
    pass(&world, u64::from(ROTATION_DELAY_S)).await;
    // Within the grace it counts: what is on its way arrives.
    let (batch, signatures) = &kept_back[0];
    assert!(thief.submit(batch, signatures).await);
    assert_eq!(world.supply_t(early.asset_class).await, 10);
    pass(&world, u64::from(ROTATION_GRACE_S)).await;
    world.devnet.chain.mine(FINALITY_DEPTH).await.unwrap();
    let (batch, signatures) = &kept_back[1];
    assert!(!thief.submit(batch, signatures).await, "the grace is over");

    // For the new set the removed one's signature is nobody's, and honest attesters sign for no other set.
    let new = v1::MintBatchTask {
        epoch: 2,
        ..thief.batch(&log, &late).await
    };
    let signed = liar.signed("new", Work::MintBatch(new.clone())).await;
    let removed = thief.sign(&new);
    assert!(!thief.submit(&new, &[signed.clone(), removed]).await);
    let old = thief.batch(&log, &late).await;
    let code = liar.declined("old", Work::MintBatch(old)).await;
    assert_eq!(code, "other_epoch");
    assert_eq!(world.supply_t(late.asset_class).await, 10);

    thief.process(HONEST[0]).kill9().unwrap();
    give_back(&world.devnet, HONEST[0]);
    thief.start(HONEST[0]);
    thief.start(HONEST[1]);
    for id in [early.id(), late.id()] {
        world.devnet.wait_for(id, "completed").await.unwrap();
        assert_eq!(world.devnet.chain.mints_of(id).await.unwrap(), 1);
    }
}
