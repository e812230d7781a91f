//! Proposals that approvers reject, and callers that may lock into their own custody only.

use serde_json::{Value, json};

use crate::world::{ATTESTERS, RELAYER_AS_APPROVER, World, code, id, lock, release, serial};

async fn reject(world: &World, key: &str, number: u64, digest: &Value) -> Value {
    let body = json!({"rejections": [{"reference": id(number), "digest": digest}]});
    world.ok(key, "/v1/rejections", body).await["results"][0].clone()
}

#[tokio::test]
async fn a_proposal_that_can_never_be_approved_is_closed_and_frees_its_reference() {
    let world = World::start().await;
    world.lock(lock(1, &[serial(0, 99)])).await;
    let garbage = release(7, &[serial(0, 9)]);
    let digest = world.propose(garbage.clone()).await["digest"].clone();
    // Neither the proposer nor a stranger's digest counts, and nobody counts twice.
    reject(&world, RELAYER_AS_APPROVER, 7, &digest).await;
    let other = reject(&world, ATTESTERS[0], 7, &json!(id(9))).await;
    assert_eq!(code(&other), "digest_mismatch");
    for _ in 0..2 {
        let one = reject(&world, ATTESTERS[0], 7, &digest).await;
        assert_eq!(one["status"], "proposed", "{one}");
        assert_eq!(one["rejections"], json!(["attester-1"]));
    }
    let approved = world.approve(ATTESTERS[0], 7, &digest).await;
    assert_eq!(code(&approved), "rejected", "the first word counts");
    // One of three may still be missing: two can approve.
    let approved = world.approve(ATTESTERS[2], 7, &digest).await;
    assert_eq!(approved["approvals"], json!(["attester-3"]));
    let closed = reject(&world, ATTESTERS[1], 7, &digest).await;
    assert_eq!(code(&closed), "rejected", "{closed}");
    assert_eq!(closed["digest"], digest);

    // Also after a crash; then another proposal takes the reference.
    let world = world.restart().await;
    let late = world.approve(ATTESTERS[1], 7, &digest).await;
    assert_eq!(code(&late), "rejected", "{late}");
    let rightful = release(7, &[serial(10, 19)]);
    let proposed = world.propose(rightful).await;
    assert_eq!(proposed["rejections"], json!([]));
    for attester in &ATTESTERS[..2] {
        world.approve(attester, 7, &proposed["digest"]).await;
    }
    let closed = reject(&world, ATTESTERS[2], 7, &proposed["digest"]).await;
    assert_eq!(closed["status"], "executed", "what is done is done");
    let stored = world.stored(&serial(0, 9)).await;
    assert_eq!(stored[0].1, "locked", "{stored:?}");
}

#[tokio::test]
async fn a_caller_bound_to_its_custody_locks_into_no_other() {
    let world = World::start().await;
    let mut elsewhere = lock(1, &[serial(0, 9)]);
    elsewhere["custody_account"] = json!("9002");
    let refused = world.lock(elsewhere).await;
    assert_eq!(code(&refused), "not_authorised", "{refused}");
    assert_eq!(refused["refusal"]["field"], "custody_account");
    let done = world.lock(lock(1, &[serial(0, 9)])).await;
    assert_eq!(done["status"], "executed", "{done}");
}
