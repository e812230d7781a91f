//! What was answered survives `kill -9`; what a crash tore was never answered; damage is refused.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::world::{ADMIN, ATTESTERS, HOLDER, RELAYER, World, id, lock, release, serial};

/// Several callers lock single units as fast as they can while the registry is killed, again and again.
#[tokio::test(flavor = "multi_thread")]
async fn kill_9_in_the_middle_of_writes_loses_no_answer() {
    let mut world = World::start().await;
    let answered: Arc<Mutex<BTreeMap<u64, Value>>> = Arc::default();
    let mut next = 0u64;
    for round in 0..4u64 {
        let mut callers = JoinSet::new();
        for caller in 0..8u64 {
            let (http, url) = (world.http.clone(), world.url.clone());
            let answered = Arc::clone(&answered);
            callers.spawn(async move {
                for number in (next + caller..next + 100).step_by(8) {
                    let body = json!({"locks": [lock(number, &[serial(number, number)])]});
                    let request = http
                        .post(format!("{url}/v1/locks"))
                        .header("X-Api-Key", RELAYER)
                        .json(&body);
                    let Ok(response) = request.send().await else {
                        return;
                    };
                    let Ok(answer) = response.json::<Value>().await else {
                        return;
                    };
                    assert_eq!(answer["results"][0]["status"], "executed", "{answer}");
                    answered
                        .lock()
                        .await
                        .insert(number, answer["results"][0]["receipt"].clone());
                }
            });
        }
        tokio::time::sleep(Duration::from_millis(15 + 20 * round)).await;
        world.kill();
        while let Some(ended) = callers.join_next().await {
            ended.unwrap();
        }
        world = world.restart().await;
        next += 100;
    }
    let answered = answered.lock().await;
    assert!(
        answered.len() > 20,
        "the registry was killed at work, after {} answers",
        answered.len()
    );
    for (number, receipt) in answered.iter() {
        assert_eq!(
            world.query(&id(*number).to_string()).await["receipt"],
            *receipt,
            "lock {number}"
        );
    }
    // Every stored lock, answered or not, moved its unit: books and movements agree.
    let (_, movements) = world.get(RELAYER, "/v1/movements?limit=500").await;
    let custody = world
        .ok(HOLDER, "/v1/blocks/search", json!({"account": "9001"}))
        .await;
    assert_eq!(custody["quantity_t"], movements["sequence"]);
    assert!(movements["sequence"].as_u64().unwrap() >= u64::try_from(answered.len()).unwrap());
}

#[tokio::test]
async fn a_torn_last_record_is_cut_off_and_damage_elsewhere_refused() {
    let mut world = World::start().await;
    world.lock(lock(1, &[serial(0, 9)])).await;
    world.lock(lock(2, &[serial(10, 19)])).await;
    world.kill();
    let path = world.changes();
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 20]).unwrap();
    let mut world = world.restart().await;
    assert_eq!(world.query(&id(1).to_string()).await["status"], "executed");
    assert_eq!(world.query(&id(2).to_string()).await["status"], "absent");
    assert_eq!(
        world.lock(lock(2, &[serial(10, 19)])).await["status"],
        "executed"
    );
    world.kill();
    let mut damaged = std::fs::read(&path).unwrap();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    std::fs::write(&path, damaged).unwrap();
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/sandbox/sandbox.toml");
    let started = std::process::Command::new(env!("CARGO_BIN_EXE_isthmus-sandbox"))
        .args(["--config", config, "--data-dir"])
        .arg(world.folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8(started.stderr).unwrap();
    assert!(
        !started.status.success() && said.contains("damaged in line 1"),
        "{said}"
    );
}

#[tokio::test]
async fn everything_that_was_recorded_is_there_after_a_crash() {
    let world = World::start().await;
    world.lock(lock(1, &[serial(0, 99)])).await;
    let open = world.propose(release(7, &[serial(0, 9)])).await;
    world.approve(ATTESTERS[0], 7, &open["digest"]).await;
    let digest = world.propose(release(8, &[serial(10, 19)])).await["digest"].clone();
    world.approve(ATTESTERS[0], 8, &digest).await;
    world.approve(ATTESTERS[1], 8, &digest).await;
    let close = json!({"account": "1002", "status": "closed"});
    world.ok(ADMIN, "/v1/admin/accounts", close).await;
    let cancel = json!({"units": [serial(90, 99)], "account": "9001", "state": "cancelled"});
    world.ok(ADMIN, "/v1/admin/units", cancel).await;
    let digest = world.propose(release(9, &[serial(20, 29)])).await;
    assert_eq!(digest["refusal"]["code"], "account_closed");
    let look = async |world: &World| {
        let mut seen = Vec::new();
        for reference in [1, 7, 8, 9] {
            seen.push(world.query(&id(reference).to_string()).await);
        }
        seen.push(world.ok(HOLDER, "/v1/blocks/search", json!({})).await);
        seen.push(world.get(HOLDER, "/v1/movements").await.1);
        seen.push(world.get(HOLDER, "/v1/accounts/1002").await.1);
        seen
    };
    let before = look(&world).await;
    let world = world.restart().await;
    assert_eq!(look(&world).await, before);
    let done = world.approve(ATTESTERS[1], 7, &open["digest"]).await;
    assert_eq!(
        done["refusal"]["code"], "account_closed",
        "the approval before the crash counts: this was the last one"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_wait_together_share_a_sync() {
    let world = World::start().await;
    let mut callers = JoinSet::new();
    for number in 0..64 {
        let request = world.request(
            RELAYER,
            "/v1/locks",
            &json!({"locks": [lock(number, &[serial(number, number)])]}),
        );
        callers.spawn(async move { request.send().await.unwrap().status() });
    }
    while let Some(status) = callers.join_next().await {
        assert!(status.unwrap().is_success());
    }
    let (_, stats) = world.get(ADMIN, "/v1/admin/stats").await;
    let syncs = stats["syncs"].as_u64().unwrap();
    assert!(syncs < 48, "64 concurrent calls took {syncs} syncs");
    assert_eq!(stats["sequence"], 64);
}
