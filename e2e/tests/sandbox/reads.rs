//! Searching and following movements, page by page.

use serde_json::json;

use crate::world::{HOLDER, World, id, lock, serial};

#[tokio::test]
async fn pages_of_a_search_make_up_the_whole() {
    let world = World::start().await;
    let whole = world.ok(HOLDER, "/v1/blocks/search", json!({})).await;
    let mut paged = Vec::new();
    for offset in (0..).step_by(7) {
        let page = world
            .ok(
                HOLDER,
                "/v1/blocks/search",
                json!({"offset": offset, "limit": 7}),
            )
            .await;
        assert_eq!(
            (&page["total"], &page["quantity_t"]),
            (&whole["total"], &whole["quantity_t"])
        );
        let blocks = page["blocks"].as_array().unwrap().clone();
        if blocks.is_empty() {
            break;
        }
        paged.extend(blocks);
    }
    assert_eq!(json!(paged), whole["blocks"]);
    assert_eq!(json!(paged.len()), whole["total"]);
    let sum: u64 = paged
        .iter()
        .map(|block| block["quantity_t"].as_u64().unwrap())
        .sum();
    assert_eq!(json!(sum), whole["quantity_t"]);
}

#[tokio::test]
async fn filters_narrow_by_account_state_class_and_serials() {
    let world = World::start().await;
    world.lock(lock(1, &[serial(10, 19)])).await;
    let search = async |body| world.ok(HOLDER, "/v1/blocks/search", body).await;
    let custody = search(json!({"account": "9001", "state": "locked"})).await;
    assert_eq!(
        (&custody["total"], &custody["quantity_t"]),
        (&json!(1), &json!(10))
    );
    assert_eq!(custody["blocks"][0]["serial"], serial(10, 19));
    let profile = custody["blocks"][0]["class"].clone();
    let class: isthmus_core::asset_class::AssetClass = serde_json::from_value(profile).unwrap();
    assert_eq!(class.labels, ["CCB-No Distinction"]);
    let of_class = search(json!({"asset_class": class.id()})).await;
    assert_eq!(of_class["quantity_t"], 425);
    let touching = search(json!({"serials": [serial(0, 10), serial(10, 12)]})).await;
    assert_eq!(touching["total"], 2, "each block once");
    let held = search(json!({"serials": [serial(0, 10)], "state": "held"})).await;
    assert_eq!(held["quantity_t"], 10);
    let retired = search(json!({"state": "retired"})).await;
    assert_eq!(
        retired["blocks"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|b| b["account"] != "9100")
            .count(),
        0
    );
}

#[tokio::test]
async fn movements_are_followed_in_order_from_any_point() {
    let world = World::start().await;
    for number in 0..5 {
        world.lock(lock(number, &[serial(number, number)])).await;
    }
    let (_, page) = world.get(HOLDER, "/v1/movements?after=1&limit=3").await;
    assert_eq!(page["sequence"], 5);
    let movements = page["movements"].as_array().unwrap();
    for (movement, sequence) in movements.iter().zip(2u64..) {
        let receipt = world.verified(&movement["receipt"]).await;
        assert_eq!(
            (&movement["sequence"], &receipt["sequence"]),
            (&json!(sequence), &json!(sequence))
        );
        assert_eq!(receipt["reference"], json!(id(sequence - 1)));
    }
    assert_eq!(movements.len(), 3);
    let (_, end) = world.get(HOLDER, "/v1/movements?after=5").await;
    assert_eq!(end["movements"], json!([]));
    let (_, stats) = world.get(crate::world::ADMIN, "/v1/admin/stats").await;
    assert_eq!(
        (&stats["syncs"], &stats["requests"]["lock"]),
        (&json!(5), &json!(5))
    );
}
