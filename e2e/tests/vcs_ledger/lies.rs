//! A registry whose answers are changed on the way: what is not proved is not believed, what is not understood is unknown.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use isthmus_core::ports::{Cursor, Draft, FindError, Found, Ledger, SendError};
use isthmus_vcs::{Duty, VcsConfig, VcsLedger};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::parties::{Relay, config, connect, find, lock};
use crate::world::{RELAYER, id, serial};

/// What becomes of the answer to a call: path, request and answer, changed in place.
type Lie = fn(&str, &Value, &mut (StatusCode, Value));

#[derive(Clone)]
struct Between {
    url: String,
    http: reqwest::Client,
    lie: Lie,
}

async fn forward(
    State(between): State<Arc<Between>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    let request = between
        .http
        .request(method, format!("{}{uri}", between.url))
        .body(body.clone());
    let key = headers.get("x-api-key").unwrap().clone();
    let answer = request.header("x-api-key", key).send().await.unwrap();
    let mut answered = (answer.status(), answer.json().await.unwrap());
    let request = serde_json::from_slice(&body).unwrap_or(Value::Null);
    (between.lie)(uri.path(), &request, &mut answered);
    (answered.0, answered.1.to_string())
}

/// A relayer that sees `relay`'s registry through `lie`. The set keeps the go-between alive.
async fn through(relay: &Relay, lie: Lie) -> (VcsLedger, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let between = Between {
        url: relay.world.url.clone(),
        http: relay.world.http.clone(),
        lie,
    };
    let router = Router::new()
        .fallback(forward)
        .with_state(Arc::new(between));
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
    let config = VcsConfig {
        url,
        ..config(&relay.world).await
    };
    (
        connect(&config, RELAYER, Duty::Relayer, &relay.clock)
            .await
            .unwrap(),
        tasks,
    )
}

fn first_receipt(answer: &mut Value) -> &mut Value {
    &mut answer["results"][0]["receipt"]
}

#[tokio::test]
async fn a_receipt_that_the_registry_did_not_sign_for_this_is_a_contradiction() {
    let relay = Relay::start().await;
    relay.done(&lock(1, 0, 9)).await;
    relay.done(&lock(2, 10, 19)).await;
    let lies: [Lie; 3] = [
        // Another signature.
        |path, _, (_, answer)| {
            if path.ends_with("query") {
                let receipt = first_receipt(answer).as_str().unwrap().to_owned();
                let (signed, signature) = receipt.rsplit_once('.').unwrap();
                let turned: String = signature.chars().rev().collect();
                *first_receipt(answer) = json!(format!("{signed}.{turned}"));
            }
        },
        // A true receipt of another lock.
        |path, _, (_, answer)| {
            if path.ends_with("query") && answer["results"].as_array().unwrap().len() == 2 {
                *first_receipt(answer) = answer["results"][1]["receipt"].clone();
            }
        },
        // No receipt at all.
        |path, _, (_, answer)| {
            if path.ends_with("query") {
                *first_receipt(answer) = json!("executed, believe me");
            }
        },
    ];
    for lie in lies {
        let (ledger, _tasks) = through(&relay, lie).await;
        let attempts =
            [lock(1, 0, 9), lock(2, 10, 19)].map(|operation| isthmus_core::ports::Attempt {
                operation,
                drafts: vec![],
            });
        let found = ledger.find(&attempts).await;
        assert!(
            matches!(found[0], Err(FindError::Contradiction(_))),
            "{found:?}"
        );
        assert!(
            matches!(found[1], Ok(Found::Final(_))),
            "only what was changed: {found:?}"
        );
    }
}

#[tokio::test]
async fn a_lock_of_other_units_under_our_reference_is_a_contradiction() {
    let relay = Relay::start().await;
    relay.done(&lock(1, 0, 9)).await;
    for other in [lock(1, 0, 8), lock(1, 0, 10)] {
        let found = relay.find(&other, &[]).await;
        assert!(
            matches!(&found, Err(FindError::Contradiction(c)) if c.detail.contains("units")),
            "{found:?}"
        );
    }
}

#[tokio::test]
async fn answers_that_are_missing_misplaced_or_unreadable_leave_the_outcome_unknown() {
    let relay = Relay::start().await;
    let lies: [Lie; 4] = [
        |path, _, (_, answer)| {
            if path == "/v1/locks" {
                answer["results"].as_array_mut().unwrap().reverse();
            }
        },
        |path, _, (_, answer)| {
            if path == "/v1/locks" {
                answer["results"].as_array_mut().unwrap().pop();
            }
        },
        |path, _, (_, answer)| {
            if path == "/v1/locks" {
                *answer = json!("<html>");
            }
        },
        |path, _, (status, _)| {
            if path == "/v1/locks" {
                *status = StatusCode::BAD_GATEWAY;
            }
        },
    ];
    for (number, lie) in (0..).zip(lies) {
        let (ledger, _tasks) = through(&relay, lie).await;
        let operations = [
            lock(2 * number, 20 * number, 20 * number),
            lock(2 * number + 1, 20 * number + 1, 20 * number + 1),
        ];
        let drafts: Vec<Draft> = ledger
            .prepare(&operations)
            .await
            .into_iter()
            .map(Result::unwrap)
            .collect();
        for sent in ledger.send(&drafts).await {
            assert!(
                matches!(sent, Err(SendError::Unknown(_))),
                "lie {number}: {sent:?}"
            );
        }
        for (operation, draft) in operations.iter().zip(&drafts) {
            assert!(
                matches!(
                    find(&ledger, operation, &[draft]).await,
                    Ok(Found::Final(_))
                ),
                "both had been carried out"
            );
        }
    }
}

#[tokio::test]
async fn a_rejected_credential_refuses_nothing_and_one_bad_entry_does_not_stop_the_others() {
    let relay = Relay::start().await;
    let forbidden: Lie = |path, _, answer| {
        if path == "/v1/locks" {
            *answer = (
                StatusCode::FORBIDDEN,
                json!({"error": {"code": "not_authorised", "field": "role", "value": "x", "message": "no"}}),
            );
        }
    };
    let (ledger, _tasks) = through(&relay, forbidden).await;
    let draft = ledger
        .prepare(&[lock(100, 100, 100)])
        .await
        .pop()
        .unwrap()
        .unwrap();
    let sent = ledger.send(&[draft]).await.pop().unwrap();
    assert!(
        matches!(sent, Err(SendError::Unreached(_))),
        "a holder's request must not die of our credential: {sent:?}"
    );

    let picky: Lie = |path, request, answer| {
        let bad = json!(id(2));
        let locks = request["locks"].as_array();
        if path == "/v1/locks"
            && locks.is_some_and(|locks| locks.iter().any(|lock| lock["reference"] == bad))
        {
            *answer = (
                StatusCode::BAD_REQUEST,
                json!({"error": {"code": "malformed_request", "field": "body", "value": "", "message": "no"}}),
            );
        }
    };
    let (ledger, _tasks) = through(&relay, picky).await;
    let operations: Vec<_> = (0..5).map(|number| lock(number, number, number)).collect();
    let drafts: Vec<Draft> = ledger
        .prepare(&operations)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    for (number, sent) in ledger.send(&drafts).await.into_iter().enumerate() {
        let refused = matches!(&sent, Err(SendError::Refused(refusal)) if refusal.code == "malformed_request");
        assert_eq!(
            (refused, sent.is_ok()),
            (number == 2, number != 2),
            "{number}: {sent:?}"
        );
    }
}

#[tokio::test]
async fn a_missing_movement_is_a_contradiction_and_foreign_reserves_do_not_count() {
    let relay = Relay::start().await;
    for number in 0..3 {
        relay.done(&lock(number, number, number)).await;
    }
    let lie: Lie = |path, request, (_, answer)| match path {
        "/v1/movements" => {
            let movements = answer["movements"].as_array_mut().unwrap();
            movements.retain(|movement| movement["sequence"] != 2);
        }
        "/v1/blocks/search" if !request["asset_class"].is_null() => {
            answer["blocks"][0]["class"]["project"] = json!("1341");
        }
        _ => {}
    };
    let (ledger, _tasks) = through(&relay, lie).await;
    let start = Cursor {
        height: 0,
        block: None,
        last_number: 0,
    };
    let observed = ledger.observe(&start, 100).await;
    assert!(
        matches!(&observed, Err(FindError::Contradiction(c)) if c.detail.contains("movement 2")),
        "{observed:?}"
    );
    let pool = crate::reading::pool(&relay).await;
    let page = isthmus_core::ports::Page {
        offset: 0,
        limit: 10,
    };
    assert!(relay.ledger.reserves(&pool, page).await.is_ok());
    let reserves = ledger.reserves(&pool, page).await;
    assert!(
        matches!(reserves, Err(FindError::Unavailable(_))),
        "{reserves:?}"
    );
}

/// At a busy registry something moves between any two pages.
#[tokio::test]
async fn blocks_are_read_in_smaller_parts_rather_than_page_by_page() {
    static MOVED: AtomicU64 = AtomicU64::new(0);
    let relay = Relay::start().await;
    for number in 0..4 {
        relay
            .done(&lock(number, number * 10, number * 10 + 9))
            .await;
    }
    let busy: Lie = |path, _, (_, answer)| match path {
        "/v1/info" => answer["max_list"] = 3.into(),
        "/v1/blocks/search" => answer["sequence"] = MOVED.fetch_add(1, Ordering::Relaxed).into(),
        _ => {}
    };
    let (ledger, _between) = through(&relay, busy).await;
    // The first three share units with four blocks: more than an answer holds.
    let asked = [serial(0, 4), serial(5, 14), serial(15, 34), serial(35, 39)];
    let blocks = ledger.blocks(&asked).await.unwrap();
    let seen: Vec<_> = blocks.iter().map(|block| block.serial.clone()).collect();
    let each_once = [serial(0, 9), serial(10, 19), serial(20, 29), serial(30, 39)];
    assert_eq!(seen, each_once);
}
