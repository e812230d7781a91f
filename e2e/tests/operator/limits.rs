//! Limits by time: a route's rolling limit counts everything, and large transfers are minted late.

use std::time::{Duration, Instant};

use isthmus_core::quantity::Quantity;
use isthmus_core::route::{BigTransfer, RollingLimit, RouteDocument};
use isthmus_e2e::devnet::{Devnet, Options};

use crate::world::World;

const DELAY: Duration = Duration::from_secs(8);

fn tonnes(t: u64) -> Quantity {
    Quantity::from_tonnes(t).unwrap()
}

/// 20 t an hour; 10 t and more are minted eight seconds after their lock.
async fn limited() -> World {
    let devnet = Devnet::start(Options::default()).await.unwrap();
    let route = RouteDocument {
        max_per_transfer_g: tonnes(20),
        big_transfer: Some(BigTransfer {
            delay_ms: 8_000,
            from_g: tonnes(10),
        }),
        rolling_limit: Some(RollingLimit {
            per_class_g: tonnes(20),
            window_ms: 3_600_000,
        }),
        ..devnet.route_document("verra-evm").unwrap()
    };
    devnet.activate_route(&route).await.unwrap();
    World { devnet, route }
}

#[tokio::test]
async fn many_small_transfers_pass_no_more_than_a_large_one_and_a_large_one_waits() {
    let world = limited().await;
    let devnet = &world.devnet;
    let big = world.terms(0, 9).await;
    let asked = Instant::now();
    let id = devnet.admit(&big).await.unwrap();
    let waiting = devnet
        .wait_until(id, "delayed", |t| t.waiting_for == "delay")
        .await
        .unwrap();
    assert_eq!(waiting.state, "taken", "locked at once");
    assert!(waiting.not_before_ms > waiting.created_at_ms, "{waiting:?}");
    assert_eq!(world.custody_t().await, 10);

    // Ten times one tonne: each below the threshold, all of them counted.
    let mut small = Vec::new();
    for tonne in 20..30 {
        small.push(
            devnet
                .admit(&world.terms(tonne, tonne).await)
                .await
                .unwrap(),
        );
    }
    let one_more = world.terms(30, 30).await;
    let refusal = devnet
        .submit(devnet.order(&one_more).unwrap())
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(
        (refusal.code.as_str(), refusal.later),
        ("over_rolling_limit", true),
        "{refusal:?}"
    );
    assert!(refusal.message.contains("not before"), "{refusal:?}");
    for id in small {
        devnet.wait_for(id, "completed").await.unwrap();
    }
    let done = devnet.wait_for(id, "completed").await.unwrap();
    assert!(
        asked.elapsed() >= DELAY,
        "minted after {:?}",
        asked.elapsed()
    );
    assert!(done.updated_at_ms >= waiting.not_before_ms, "{done:?}");
    assert_eq!(world.balance_t(0, big.asset_class).await, 20);
    world.assert_reserves_hold().await;
}
