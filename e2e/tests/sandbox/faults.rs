//! Faults on demand do what they say, and only to the calls they were ordered for.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::world::{ADMIN, RELAYER, World, id, lock, serial};

async fn send_lock(world: &World, number: u64) -> Result<reqwest::Response, reqwest::Error> {
    let body = json!({"locks": [lock(number, &[serial(number, number)])]});
    world.request(RELAYER, "/v1/locks", &body).send().await
}

async fn status(world: &World, number: u64) -> Value {
    world.query(&id(number).to_string()).await["status"].clone()
}

#[tokio::test]
async fn a_timeout_after_applying_has_applied_and_one_before_has_not() {
    let world = World::start().await;
    for (number, fault, found) in [
        (1, "timeout_after_applying", "executed"),
        (2, "timeout_before", "absent"),
    ] {
        world
            .faults(json!([{"operation": "lock", "fault": fault, "times": 1}]))
            .await;
        let started = Instant::now();
        let error = send_lock(&world, number)
            .await
            .expect_err("the connection is dropped");
        assert!(error.is_request() && !error.is_connect(), "{error:?}");
        assert!(
            started.elapsed() >= Duration::from_millis(300),
            "it hung first"
        );
        assert_eq!(status(&world, number).await, found);
        assert!(
            send_lock(&world, number)
                .await
                .unwrap()
                .status()
                .is_success(),
            "one call was hit, the next is served"
        );
    }
    let world = world.restart().await;
    assert_eq!(
        status(&world, 1).await,
        "executed",
        "what a dropped call applied is durable"
    );
}

#[tokio::test]
async fn errors_delays_and_the_chosen_reference() {
    let world = World::start().await;
    world
        .faults(json!([
            {"operation": "lock", "fault": "error_5xx", "times": 1, "reference": id(2)},
            {"operation": "query", "fault": "latency_ms", "ms": 200, "times": 1},
        ]))
        .await;
    assert_eq!(send_lock(&world, 1).await.unwrap().status(), StatusCode::OK);
    assert_eq!(
        send_lock(&world, 2).await.unwrap().status(),
        StatusCode::SERVICE_UNAVAILABLE
    );
    let started = Instant::now();
    assert_eq!(status(&world, 2).await, "absent");
    assert!(started.elapsed() >= Duration::from_millis(200));
    assert_eq!(send_lock(&world, 2).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_stale_read_hides_what_just_happened() {
    let world = World::start().await;
    send_lock(&world, 1).await.unwrap();
    let stale = |operation: &str| json!([{"operation": operation, "fault": "stale_read", "ms": 60_000, "times": 1}]);
    world.faults(stale("query")).await;
    assert_eq!(status(&world, 1).await, "absent");
    assert_eq!(status(&world, 1).await, "executed");
    world.faults(stale("movements")).await;
    let (_, page) = world.get(RELAYER, "/v1/movements").await;
    assert_eq!(page, json!({"movements": [], "sequence": 0}));
    let (refused, _) = world.post(ADMIN, "/v1/admin/faults", stale("lock")).await;
    assert_eq!(refused, StatusCode::BAD_REQUEST);
}
