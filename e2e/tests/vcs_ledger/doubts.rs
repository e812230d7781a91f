//! Lost answers: an unknown outcome is never a failure, and nothing is concluded while a lost request may still land.

use isthmus_core::ports::{FindError, Found, SendError};
use serde_json::json;

use crate::parties::{Relay, SETTLE_MS, lock, release};
use crate::world::ADMIN;

fn fault(operation: &str, fault: &str) -> serde_json::Value {
    json!([{"operation": operation, "fault": fault, "times": 1}])
}

#[tokio::test]
async fn an_answer_lost_after_the_lock_is_found_and_the_lock_not_repeated() {
    let relay = Relay::start().await;
    relay.faults(fault("lock", "timeout_after_applying")).await;
    let operation = lock(1, 0, 9);
    let draft = relay.draft(&operation).await;
    let sent = relay.send(&draft).await;
    assert!(matches!(sent, Err(SendError::Unknown(_))), "{sent:?}");
    assert!(matches!(
        relay.find(&operation, &[&draft]).await,
        Ok(Found::Final(_))
    ));
    assert_eq!(relay.sequence().await, 1);
}

#[tokio::test]
async fn a_request_lost_before_it_was_carried_out_is_absent_once_it_cannot_land_any_more() {
    let relay = Relay::start().await;
    let operation = lock(1, 0, 9);
    let draft = relay.draft(&operation).await;
    for lost in ["timeout_before", "error_5xx"] {
        relay.faults(fault("lock", lost)).await;
        let sent = relay.send(&draft).await;
        assert!(
            matches!(sent, Err(SendError::Unknown(_))),
            "{lost}: {sent:?}"
        );
        let found = relay.find(&operation, &[&draft]).await.unwrap();
        assert!(
            matches!(found, Found::Unsettled { .. }),
            "{lost}: it may still land: {found:?}"
        );
        relay.clock.advance(SETTLE_MS);
        assert_eq!(
            relay.find(&operation, &[&draft]).await.unwrap(),
            Found::Absent,
            "{lost}"
        );
    }
    relay.send(&draft).await.unwrap();
    assert!(matches!(
        relay.find(&operation, &[&draft]).await,
        Ok(Found::Final(_))
    ));
}

#[tokio::test]
async fn a_refusal_counts_only_if_no_earlier_send_may_still_land() {
    let relay = Relay::start().await;
    let draft = relay.draft(&lock(1, 0, 9)).await;
    relay.faults(fault("lock", "timeout_before")).await;
    assert!(matches!(
        relay.send(&draft).await,
        Err(SendError::Unknown(_))
    ));
    let close = json!({"account": "1001", "status": "closed"});
    relay.world.ok(ADMIN, "/v1/admin/accounts", close).await;
    let refused = relay.send(&draft).await;
    assert!(matches!(refused, Err(SendError::Unknown(_))), "{refused:?}");
    relay.clock.advance(SETTLE_MS);
    let refused = relay.send(&draft).await;
    assert!(
        matches!(&refused, Err(SendError::Refused(r)) if r.code == "account_closed"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn after_a_crash_of_ours_every_stored_draft_is_in_doubt_for_a_while() {
    let mut relay = Relay::start().await;
    let operation = lock(1, 0, 9);
    let draft = relay.draft(&operation).await;
    relay.reconnect().await;
    let found = relay.find(&operation, &[&draft]).await.unwrap();
    assert!(
        matches!(found, Found::Unsettled { .. }),
        "an earlier process may have sent it just before it died: {found:?}"
    );
    let fresh = lock(2, 10, 19);
    let fresh_draft = relay.draft(&fresh).await;
    assert_eq!(
        relay.find(&fresh, &[&fresh_draft]).await.unwrap(),
        Found::Absent,
        "made by this process"
    );
    relay.clock.advance(SETTLE_MS);
    assert_eq!(
        relay.find(&operation, &[&draft]).await.unwrap(),
        Found::Absent
    );
}

#[tokio::test]
async fn a_registry_that_answers_from_the_past_makes_no_second_lock() {
    let relay = Relay::start().await;
    let operation = lock(1, 0, 9);
    let draft = relay.draft(&operation).await;
    relay.send(&draft).await.unwrap();
    relay
        .faults(json!([{"operation": "query", "fault": "stale_read", "ms": 600_000, "times": 1}]))
        .await;
    let found = relay.find(&operation, &[&draft]).await.unwrap();
    assert!(
        matches!(found, Found::Unsettled { .. }),
        "it took the lock, so its no may be an answer from the past: {found:?}"
    );
    relay.clock.advance(SETTLE_MS);
    relay.send(&draft).await.unwrap();
    assert!(matches!(
        relay.find(&operation, &[&draft]).await,
        Ok(Found::Final(_))
    ));
    assert_eq!(relay.sequence().await, 1);
}

#[tokio::test]
async fn a_dead_registry_is_unreached_and_a_slow_question_unavailable() {
    let mut relay = Relay::start().await;
    let operation = lock(1, 0, 9);
    let draft = relay.draft(&operation).await;
    relay.faults(fault("query", "timeout_before")).await;
    let found = relay.find(&operation, &[&draft]).await;
    assert!(matches!(found, Err(FindError::Unavailable(_))), "{found:?}");
    relay.world.kill();
    let sent = relay.send(&draft).await;
    assert!(matches!(sent, Err(SendError::Unreached(_))), "{sent:?}");
    let found = relay.find(&operation, &[&draft]).await;
    assert!(matches!(found, Err(FindError::Unavailable(_))), "{found:?}");
}

#[tokio::test]
async fn a_lost_proposal_is_found_by_its_content_and_another_one_is_not_taken_for_it() {
    let relay = Relay::start().await;
    relay.done(&lock(1, 0, 19)).await;
    relay
        .faults(fault("propose", "timeout_after_applying"))
        .await;
    let operation = release(7, "1002", 0, 9);
    let draft = relay.draft(&operation).await;
    assert!(matches!(
        relay.send(&draft).await,
        Err(SendError::Unknown(_))
    ));
    assert!(matches!(
        relay.find(&operation, &[&draft]).await,
        Ok(Found::Unsettled { .. })
    ));
    let other = release(7, "1001", 0, 9);
    let found = relay.find(&other, &[]).await;
    assert!(
        matches!(&found, Err(FindError::Unavailable(why)) if why.to_string().contains("another proposal")),
        "{found:?}"
    );
}
