//! Who may call, how much at once, and idempotency keys.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::world::{ADMIN, HOLDER, RELAYER, World, id, lock, serial};

#[tokio::test]
async fn without_a_key_there_is_only_the_information() {
    let world = World::start().await;
    let response = world
        .http
        .get(format!("{}/v1/info", world.url))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    for key in ["", "wrong"] {
        let (status, answer) = world.get(key, "/v1/accounts/1001").await;
        assert_eq!(
            (status, &answer["error"]["field"]),
            (StatusCode::UNAUTHORIZED, &json!("X-Api-Key"))
        );
    }
    let (status, _) = world.post(HOLDER, "/v1/locks", json!({"locks": []})).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let (status, _) = world.post(RELAYER, "/v1/admin/faults", json!([])).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn lists_and_bodies_have_limits() {
    let world = World::start().await;
    let references: Vec<_> = (0..501).map(id).collect();
    let (status, answer) = world
        .post(
            RELAYER,
            "/v1/operations/query",
            json!({"references": references}),
        )
        .await;
    assert_eq!(
        (status, &answer["error"]["code"]),
        (StatusCode::PAYLOAD_TOO_LARGE, &json!("too_many"))
    );
    let at_limit = json!({"references": references[..500]});
    let answer = world.ok(RELAYER, "/v1/operations/query", at_limit).await;
    assert_eq!(answer["results"].as_array().unwrap().len(), 500);
    let locks: Vec<_> = (0..501).map(|n| lock(n, &[serial(0, 0)])).collect();
    let (status, _) = world
        .post(RELAYER, "/v1/locks", json!({"locks": locks}))
        .await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    let (status, _) = world
        .post(HOLDER, "/v1/blocks/search", json!({"limit": 501}))
        .await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    let large = json!({"references": ["x".repeat(4 << 20)]});
    let (status, answer) = world.post(RELAYER, "/v1/operations/query", large).await;
    assert_eq!(
        (status, &answer["error"]["code"]),
        (StatusCode::PAYLOAD_TOO_LARGE, &json!("too_large"))
    );
}

#[tokio::test]
async fn what_is_not_in_the_protocol_is_refused_by_name() {
    let world = World::start().await;
    let mut odd = lock(1, &[serial(0, 0)]);
    odd["force"] = json!(true);
    let (status, answer) = world
        .post(RELAYER, "/v1/locks", json!({"locks": [odd]}))
        .await;
    assert_eq!(
        (status, &answer["error"]["code"]),
        (StatusCode::BAD_REQUEST, &json!("malformed_request"))
    );
    assert!(
        answer["error"]["message"]
            .as_str()
            .unwrap()
            .contains("force"),
        "{answer}"
    );
    let (status, _) = world.get(RELAYER, "/v1/nonsense").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, _) = world.get(RELAYER, "/v1/accounts/1999").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

async fn keyed(world: &World, key: &str, body: &Value) -> (StatusCode, Value) {
    let request = world
        .request(RELAYER, "/v1/locks", body)
        .header("Idempotency-Key", key);
    let response = request.send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

#[tokio::test]
async fn an_idempotency_key_gives_the_first_answer_also_after_a_crash() {
    let world = World::start().await;
    let close = |status: &str| json!({"account": "1001", "status": status});
    world.ok(ADMIN, "/v1/admin/accounts", close("closed")).await;
    let body = json!({"locks": [lock(1, &[serial(0, 9)])]});
    let (_, first) = keyed(&world, "k1", &body).await;
    assert_eq!(first["results"][0]["refusal"]["code"], "account_closed");
    world.ok(ADMIN, "/v1/admin/accounts", close("open")).await;
    let world = world.restart().await;
    assert_eq!(
        keyed(&world, "k1", &body).await,
        (StatusCode::OK, first),
        "though it would be executed now"
    );
    let other = json!({"locks": [lock(2, &[serial(0, 9)])]});
    let (status, answer) = keyed(&world, "k1", &other).await;
    assert_eq!(
        (status, &answer["error"]["code"]),
        (
            StatusCode::UNPROCESSABLE_ENTITY,
            &json!("idempotency_mismatch")
        )
    );
    let (_, executed) = keyed(&world, "k2", &body).await;
    assert_eq!(executed["results"][0]["status"], "executed");
}
