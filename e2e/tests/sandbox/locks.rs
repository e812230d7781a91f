//! Locks: what moves, what the receipt says, and every reason to refuse.

use serde_json::{Value, json};

use crate::world::{ADMIN, RELAYER, World, code, id, lock, mandate, serial};

#[tokio::test]
async fn a_lock_moves_exactly_its_units_and_its_receipt_says_so() {
    let world = World::start().await;
    let units = [serial(100, 149), serial(150, 199), serial(0, 0)];
    let answer = world.lock(lock(1, &units)).await;
    assert_eq!(
        (&answer["status"], &answer["movement"]),
        (&json!("executed"), &json!("lock"))
    );
    assert_eq!(answer["mandate"], json!(mandate(id(1))));
    let mut receipt = world.verified(&answer["receipt"]).await;
    assert!(receipt["at_ms"].take().as_u64().unwrap() > 1_700_000_000_000);
    let expected = json!({
        "account": "1001", "at_ms": null, "beneficiary": null, "certificate": null, "custody_account": "9001",
        "mandate": mandate(id(1)), "movement": "lock", "quantity_t": 101, "reason": null, "reference": id(1),
        "registry": "vcs:sandbox", "sequence": 1, "units": [serial(100, 199), serial(0, 0)], "v": 1,
    });
    assert_eq!(receipt, expected);
    let place = |account: &str, state: &str, tonnes| (account.to_owned(), state.to_owned(), tonnes);
    assert_eq!(
        world.stored(&serial(0, 424)).await,
        [
            place("9001", "locked", 1),
            place("1001", "held", 99),
            place("9001", "locked", 50),
            place("9001", "locked", 50),
            place("1001", "held", 225),
        ]
    );
    assert_eq!(world.query(&id(1).to_string()).await, answer);
}

#[tokio::test]
async fn units_are_locked_once_whatever_the_cut() {
    let world = World::start().await;
    world.lock(lock(1, &[serial(100, 199)])).await;
    for units in [
        serial(100, 199),
        serial(150, 160),
        serial(0, 424),
        serial(199, 199),
        serial(50, 100),
    ] {
        let answer = world.lock(lock(2, &[units])).await;
        assert_eq!(code(&answer), "not_held");
        assert_eq!(
            answer["refusal"]["value"], "locked",
            "the value names the state"
        );
    }
    assert_eq!(
        world.query(&id(2).to_string()).await["status"],
        "absent",
        "a refused lock leaves nothing behind"
    );
    let next = world.lock(lock(2, &[serial(200, 200)])).await;
    assert_eq!(
        next["status"], "executed",
        "the reference of a refused lock is free"
    );
}

#[tokio::test]
async fn a_repeated_lock_gets_the_first_receipt_and_another_one_under_its_reference_is_refused() {
    let world = World::start().await;
    let first = world.lock(lock(1, &[serial(0, 9)])).await;
    assert_eq!(world.lock(lock(1, &[serial(0, 9)])).await, first);
    assert_eq!(
        code(&world.lock(lock(1, &[serial(10, 19)])).await),
        "reference_used"
    );
    let both = json!({"locks": [lock(2, &[serial(20, 29)]), lock(2, &[serial(20, 29)])]});
    let both = world.ok(RELAYER, "/v1/locks", both).await;
    assert_eq!(both["results"][0], both["results"][1]);
    let (_, movements) = world.get(RELAYER, "/v1/movements").await;
    assert_eq!(movements["sequence"], 2);
}

#[tokio::test]
async fn every_wrong_lock_is_refused_with_its_field_and_value() {
    let world = World::start().await;
    let close = json!({"account": "1002", "status": "closed"});
    world.ok(ADMIN, "/v1/admin/accounts", close).await;
    let retired = "19380-941382555-941382741-VCS-VCU-1310-VER-CN-13-3005-01012022-31102022-0";
    let held_by_other = "19371-940695624-940795621-VCS-VCU-1323-VER-AR-1-1987-01012023-31122023-0";
    let other_series = serial(0, 9).replace("1507", "1508");
    let beyond = serial(420, 430);
    let typo = "19298-935996922-935996925-VCS-VCU-1491-VER-BR-1-513-01012018-31122018-O";
    let cases: [(&str, Value, &str); 15] = [
        ("account", json!("1999"), "unknown_account"),
        ("account", json!("1002"), "account_closed"),
        ("custody_account", json!("1001"), "unknown_account"),
        ("units", json!([held_by_other]), "not_owner"),
        ("units", json!([retired]), "not_held"),
        ("units", json!([other_series]), "unknown_block"),
        ("units", json!([beyond]), "unknown_block"),
        ("units", json!([serial(0, 9), serial(9, 12)]), "overlaps"),
        ("units", json!([serial(0, 9), serial(0, 9)]), "overlaps"),
        ("units", json!([typo]), "malformed_serial"),
        ("units", json!([]), "over_limit"),
        ("mandate", json!(mandate(id(2))), "mandate_invalid"),
        ("mandate", json!("AAAA"), "mandate_invalid"),
        ("mandate", json!("not base64"), "mandate_invalid"),
        ("reference", json!("lock-1"), "malformed"),
    ];
    for (field, value, expected) in cases {
        let mut wrong = lock(1, &[serial(0, 9)]);
        wrong[field] = value;
        let answer = world.lock(wrong).await;
        assert_eq!(
            (code(&answer), answer["refusal"]["field"].as_str().unwrap()),
            (expected, field),
            "{answer}"
        );
        assert!(answer["refusal"]["message"].as_str().unwrap().len() > 10);
    }
    let (_, movements) = world.get(RELAYER, "/v1/movements").await;
    assert_eq!(movements["sequence"], 0, "nothing moved");
}

#[tokio::test]
async fn one_refused_lock_of_a_list_does_not_stop_the_others() {
    let world = World::start().await;
    let locks = json!({"locks": [lock(1, &[serial(0, 9)]), lock(2, &[serial(5, 14)]), lock(3, &[serial(10, 19)])]});
    let answer = world.ok(RELAYER, "/v1/locks", locks).await;
    let statuses: Vec<_> = answer["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["status"].as_str().unwrap())
        .collect();
    assert_eq!(statuses, ["executed", "refused", "executed"]);
}
