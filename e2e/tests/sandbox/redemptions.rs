//! Movements out of custody: proposals, approvals, execution.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::world::{
    ADMIN, ATTESTERS, RELAYER, RELAYER_AS_APPROVER, World, code, id, lock, release, serial,
};

async fn locked() -> World {
    let world = World::start().await;
    world.lock(lock(1, &[serial(0, 99)])).await;
    world.lock(lock(2, &[serial(100, 199)])).await;
    world
}

#[tokio::test]
async fn a_release_needs_two_different_approvers_who_did_not_propose_it() {
    let world = locked().await;
    let units = [serial(50, 149)];
    let proposed = world.propose(release(7, &units)).await;
    assert_eq!(
        (&proposed["status"], &proposed["proposer"]),
        (&json!("proposed"), &json!("relayer"))
    );
    assert_eq!(proposed["proposal"], release(7, &units));
    let digest = proposed["digest"].clone();
    let as_sent = isthmus_core::jcs::digest(&release(7, &units));
    assert_eq!(digest, json!(format!("0x{}", hex::encode(as_sent))));
    let own = world.approve(RELAYER_AS_APPROVER, 7, &digest).await;
    assert_eq!(code(&own), "proposer_cannot_approve");
    let first = world.approve(ATTESTERS[0], 7, &digest).await;
    assert_eq!(first["approvals"], json!(["attester-1"]));
    let again = world.approve(ATTESTERS[0], 7, &digest).await;
    assert_eq!(
        again["approvals"],
        json!(["attester-1"]),
        "one approver counts once"
    );
    let done = world.approve(ATTESTERS[1], 7, &digest).await;
    assert_eq!(done["status"], "executed", "{done}");
    let receipt = world.verified(&done["receipt"]).await;
    assert_eq!(
        (&receipt["movement"], &receipt["account"], &receipt["units"]),
        (&json!("release"), &json!("1002"), &json!(units))
    );
    let late = world.approve(ATTESTERS[2], 7, &digest).await;
    assert_eq!(
        late["receipt"], done["receipt"],
        "the first answer for ever"
    );
    assert_eq!(
        world.propose(release(7, &units)).await["receipt"],
        done["receipt"]
    );
    assert_eq!(
        code(&world.propose(release(7, &[serial(0, 9)])).await),
        "reference_used"
    );
    let place = |account: &str, state: &str, tonnes| (account.to_owned(), state.to_owned(), tonnes);
    let stored = world.stored(&serial(0, 199)).await;
    assert_eq!(
        stored,
        [
            place("9001", "locked", 50),
            place("1002", "held", 100),
            place("9001", "locked", 50)
        ]
    );
}

#[tokio::test]
async fn credentials_decide_and_the_relayers_can_neither_approve_nor_an_approvers_propose() {
    let world = locked().await;
    let digest = world.propose(release(7, &[serial(0, 9)])).await["digest"].clone();
    let approval = json!({"approvals": [{"reference": id(7), "digest": digest}]});
    let (status, answer) = world.post(RELAYER, "/v1/approvals", approval).await;
    assert_eq!(
        (status, &answer["error"]["code"]),
        (StatusCode::FORBIDDEN, &json!("not_authorised"))
    );
    for (path, list) in [("/v1/proposals", "proposals"), ("/v1/locks", "locks")] {
        let (status, _) = world.post(ATTESTERS[0], path, json!({ list: [] })).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
    }
}

#[tokio::test]
async fn another_digest_another_proposal_and_an_unknown_reference_are_told_apart() {
    let world = locked().await;
    let proposed = world.propose(release(7, &[serial(0, 9)])).await;
    assert_eq!(
        code(&world.propose(release(7, &[serial(10, 19)])).await),
        "reference_used"
    );
    assert_eq!(world.propose(release(7, &[serial(0, 9)])).await, proposed);
    let other = json!(format!("0x{}", "00".repeat(32)));
    let answer = world.approve(ATTESTERS[0], 7, &other).await;
    assert_eq!(
        (code(&answer), &answer["refusal"]["value"]),
        ("digest_mismatch", &other)
    );
    assert_eq!(
        world.approve(ATTESTERS[0], 8, &other).await["status"],
        "absent"
    );
}

#[tokio::test]
async fn units_must_lie_locked_in_that_custody_account() {
    let world = locked().await;
    for units in [[serial(150, 210)], [serial(300, 310)]] {
        assert_eq!(
            code(&world.propose(release(7, &units)).await),
            "not_in_custody"
        );
    }
    assert_eq!(
        code(&world.propose(release(7, &[serial(420, 430)])).await),
        "unknown_block"
    );
    let mut wrong = release(7, &[serial(0, 9)]);
    wrong["to_account"] = json!("9100");
    assert_eq!(code(&world.propose(wrong).await), "account_closed");
    let mut aimless = release(7, &[serial(0, 9)]);
    aimless.as_object_mut().unwrap().remove("to_account");
    assert_eq!(code(&world.propose(aimless).await), "malformed");
    let mut unlock = release(7, &[serial(0, 9)]);
    unlock["movement"] = json!("unlock");
    assert_eq!(
        code(&world.propose(unlock).await),
        "malformed",
        "an unlock has a reference of its own"
    );
}

#[tokio::test]
async fn a_proposal_is_checked_again_when_it_is_carried_out_and_a_lapsed_reference_can_be_proposed_anew()
 {
    let world = locked().await;
    let digest = world.propose(release(7, &[serial(0, 9)])).await["digest"].clone();
    world.approve(ATTESTERS[0], 7, &digest).await;
    let close = json!({"account": "1002", "status": "closed"});
    world.ok(ADMIN, "/v1/admin/accounts", close).await;
    let lapsed = world.approve(ATTESTERS[1], 7, &digest).await;
    assert_eq!(code(&lapsed), "account_closed");
    assert_eq!(world.query(&id(7).to_string()).await, lapsed);
    let mut redirected = release(7, &[serial(0, 9)]);
    redirected["to_account"] = json!("1001");
    let digest = world.propose(redirected).await["digest"].clone();
    world.approve(ATTESTERS[1], 7, &digest).await;
    let done = world.approve(ATTESTERS[2], 7, &digest).await;
    assert_eq!(done["status"], "executed");
}

#[tokio::test]
async fn retired_units_get_a_certificate_and_never_move_again() {
    let world = locked().await;
    let units = json!([serial(0, 9)]);
    let retire = json!({"reference": id(7), "movement": "retire", "custody_account": "9001", "units": units, "beneficiary": "Acme Ltd", "reason": "2025 emissions"});
    let digest = world.propose(retire).await["digest"].clone();
    world.approve(ATTESTERS[0], 7, &digest).await;
    let done = world.approve(ATTESTERS[1], 7, &digest).await;
    let receipt = world.verified(&done["receipt"]).await;
    assert_eq!(
        (&receipt["certificate"], &receipt["account"]),
        (&json!("RC-000003"), &Value::Null)
    );
    assert_eq!(
        (&receipt["beneficiary"], &receipt["reason"]),
        (&json!("Acme Ltd"), &json!("2025 emissions"))
    );
    assert_eq!(
        code(&world.propose(release(8, &[serial(5, 5)])).await),
        "not_in_custody"
    );
    assert_eq!(
        code(&world.lock(lock(9, &[serial(5, 5)])).await),
        "not_held"
    );
    let revive = json!({"units": units, "account": "1001", "state": "held"});
    let (status, _) = world.post(ADMIN, "/v1/admin/units", revive).await;
    assert_eq!(
        status,
        StatusCode::CONFLICT,
        "not even the registry revives them"
    );
}

#[tokio::test]
async fn an_unlock_restores_the_block_as_it_was() {
    let world = World::start().await;
    let before = world.stored(&serial(0, 424)).await;
    world.lock(lock(1, &[serial(100, 199)])).await;
    let reference = format!("unlock:{}", id(1));
    let mut unlock = release(1, &[serial(100, 199)]);
    unlock["reference"] = json!(reference);
    unlock["movement"] = json!("unlock");
    unlock["to_account"] = json!("1001");
    let digest = world.propose(unlock).await["digest"].clone();
    let approvals = json!({"approvals": [{"reference": reference, "digest": digest}]});
    for key in &ATTESTERS[..2] {
        world.ok(key, "/v1/approvals", approvals.clone()).await;
    }
    assert_eq!(world.query(&reference).await["movement"], "unlock");
    assert_eq!(
        world.stored(&serial(0, 424)).await,
        before,
        "neighbours are merged again"
    );
}

#[tokio::test]
async fn a_registry_can_take_locked_units_away_and_it_shows() {
    let world = locked().await;
    let cancel = json!({"units": [serial(20, 29)], "account": "9001", "state": "cancelled", "reason": "reversal"});
    world.ok(ADMIN, "/v1/admin/units", cancel).await;
    let (_, movements) = world.get(RELAYER, "/v1/movements?after=2").await;
    let receipt = world.verified(&movements["movements"][0]["receipt"]).await;
    assert_eq!(
        (&receipt["movement"], &receipt["reference"]),
        (&json!("cancel"), &json!("registry:3"))
    );
    assert_eq!(
        code(&world.propose(release(7, &[serial(10, 30)])).await),
        "not_in_custody"
    );
}
