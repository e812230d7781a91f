//! Many transfers there and back while every process is killed with -9 again and again and the registry swallows answers, from a
//! seed. Afterwards everything has happened exactly once and the books add up.
//!
//! `ISTHMUS_SEED=7 cargo nextest run -p isthmus-e2e storm` tries another storm. Who is killed when follows from the seed; what
//! that process was doing at that moment does not.

use std::time::{Duration, Instant};

use futures::future::join_all;
use isthmus_core::id::{AssetClassId, TransferId};
use isthmus_core::terms::OutboundTerms;
use isthmus_e2e::devnet::Redemption;
use isthmus_e2e::devnet::parties::{ALPHA, BETA, WALLETS};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::json;

use crate::world::{TONNE_G, World, serial};

const TRANSFERS: u64 = 24;
/// Tonnes of each.
const SIZE: u64 = 5;
/// Burns of each wallet, of one tonne.
const BURNS: usize = 3;
/// Kills in each half.
const KILLS: usize = 8;

#[tokio::test]
async fn everything_happens_exactly_once_in_a_storm() {
    let seed = std::env::var("ISTHMUS_SEED").map_or(1, |seed| seed.parse().unwrap());
    let mut random = StdRng::seed_from_u64(seed);
    let world = World::start().await;
    let all: Vec<_> = (0..TRANSFERS).map(|number| terms(&world, number)).collect();
    let all = join_all(all).await;
    let class = all[0].asset_class;

    let (outbound, ()) = tokio::join!(cross(&world, &all), storm(&world, &mut random));
    let (returns, ()) = tokio::join!(come_back(&world, class), storm(&world, &mut random));
    world.devnet.registry.set_faults(&json!([])).await.unwrap();

    for id in &outbound {
        assert_eq!(
            world.movements_of(id).await,
            1,
            "seed {seed}: one lock of {id}"
        );
        let mints = world.devnet.chain.mints_of(*id).await.unwrap();
        assert_eq!(mints, 1, "seed {seed}: one mint of {id}");
    }
    for id in &returns {
        assert_eq!(
            world.movements_of(id).await,
            1,
            "seed {seed}: one movement of {id}"
        );
    }
    let burned = u64::try_from(returns.len()).unwrap();
    assert_eq!(world.devnet.chain.burns().await.unwrap(), returns.len());
    assert_eq!(world.custody_t().await, TRANSFERS * SIZE - burned);
    assert_eq!(world.supply_t(class).await, TRANSFERS * SIZE - burned);
    world.assert_reserves_hold().await;
    for id in outbound.iter().chain(&returns) {
        world.devnet.audit(*id).await.unwrap();
    }
}

async fn terms(world: &World, number: u64) -> OutboundTerms {
    let serial = serial(number * SIZE, (number + 1) * SIZE - 1);
    let wallets = u64::try_from(WALLETS).unwrap();
    let wallet = usize::try_from(number % wallets).unwrap();
    let recipient = world.wallet(wallet).address();
    let terms = world.devnet.terms(&world.route, ALPHA, &serial, recipient);
    terms.await.unwrap()
}

/// Submits all, again until there is an answer, and waits for all.
async fn cross(world: &World, all: &[OutboundTerms]) -> Vec<TransferId> {
    let submitted = all.iter().map(|terms| insist(|| world.devnet.admit(terms)));
    let ids = join_all(submitted).await;
    for id in &ids {
        world.devnet.wait_for(*id, "completed").await.unwrap();
    }
    ids
}

/// Every wallet burns a few times, for a release or a retirement in turn.
async fn come_back(world: &World, class: AssetClassId) -> Vec<TransferId> {
    let wallets = (0..WALLETS).map(|wallet| async move {
        let mut ids = Vec::new();
        for number in 0..BURNS {
            let instruction = if (wallet + number) % 2 == 0 {
                Redemption::release_to(BETA).unwrap()
            } else {
                Redemption::retire_for("Acme Ltd", "2025 emissions")
            };
            let wallet = world.wallet(wallet);
            let burn = world
                .devnet
                .burn(wallet, class, TONNE_G, instruction)
                .await
                .unwrap();
            insist(|| world.devnet.instruct(burn.id, &burn.instruction)).await;
            ids.push(burn.id);
        }
        ids
    });
    let ids: Vec<_> = join_all(wallets).await.into_iter().flatten().collect();
    for id in &ids {
        world.devnet.wait_for(*id, "completed").await.unwrap();
    }
    ids
}

/// Asks again until it succeeds: a dead relayer does not answer, and one that has not seen a burn yet does not know it.
async fn insist<T, F: Future<Output = anyhow::Result<T>>>(ask: impl Fn() -> F) -> T {
    let deadline = Instant::now() + Duration::from_secs(90);
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(error) => assert!(Instant::now() < deadline, "{error:#}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Kills somebody, waits a little, starts it again; and orders faults of the registry.
async fn storm(world: &World, random: &mut StdRng) {
    let devnet = &world.devnet;
    for _ in 0..KILLS {
        pause(random, 100..1200).await;
        match random.random_range(0..10) {
            0..5 => {
                devnet.relayer.kill9().unwrap();
                pause(random, 0..300).await;
                devnet.start_relayer().await.unwrap();
            }
            5..8 => {
                let attester = &devnet.attesters[random.random_range(0..devnet.attesters.len())];
                attester.kill9().unwrap();
                pause(random, 0..300).await;
                attester.start().unwrap();
            }
            _ => devnet.restart_sandbox().await.unwrap(),
        }
        let faults = json!([
            {"operation": "lock", "fault": "timeout_after_applying", "times": random.random_range(0..2)},
            {"operation": "propose", "fault": "timeout_after_applying", "times": random.random_range(0..3)},
            {"operation": "approve", "fault": "timeout_after_applying", "times": random.random_range(0..3)},
            {"operation": "query", "fault": "error_5xx", "times": random.random_range(0..3)},
        ]);
        devnet.registry.set_faults(&faults).await.unwrap();
    }
}

async fn pause(random: &mut StdRng, milliseconds: std::ops::Range<u64>) {
    let milliseconds = random.random_range(milliseconds);
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}
